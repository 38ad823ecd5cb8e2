import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import fc from "fast-check";
import { findPayload } from "./bzimage.ts";
import { fakeBzImage, fakeVmlinux, wrapPayload } from "./bzimage-fake.ts";
import { extractVmlinux } from "./vmlinux.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;

for (const compression of ["gzip", "lz4", "xz", "zstd"] as const) {
  test(`a ${compression} payload gives the ELF file that went in`, async () => {
    const vmlinux = fakeVmlinux();
    const image = await fakeBzImage(vmlinux, { compression, exec });
    assert.equal(findPayload(image).compression, compression);
    assert.ok((await extractVmlinux(image, { signal })).equals(vmlinux));
  });

  test(`a damaged ${compression} payload is KERNEL_CORRUPT, and never more than it claims`, async () => {
    const image = await fakeBzImage(fakeVmlinux(20_000), { compression, exec });
    const from = image.length - 100 - findPayload(image).data.length;
    const places = fc.array(
      fc.tuple(fc.integer({ min: from, max: image.length - 101 }), fc.integer({ min: 1, max: 255 })),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(places, async (changes) => {
        const damaged = Buffer.from(image);
        for (const [at, flip] of changes) damaged[at] = (damaged[at] ?? 0) ^ flip;
        await extractVmlinux(damaged, { signal }).then(
          (vmlinux) => assert.ok(vmlinux.length <= 512 << 20),
          (error) => assert.ok(AppError.is(error, "KERNEL_CORRUPT"), String(error)),
        );
      }),
      { numRuns: 60 },
    );
  });
}

test("what unpacks to something else than an ELF file is refused", async () => {
  const image = await fakeBzImage(Buffer.alloc(5000, "text"), { compression: "zstd", exec });
  await assert.rejects(extractVmlinux(image, { signal }), { code: "KERNEL_CORRUPT", message: /no x86-64 ELF/ });
});

test("a cancelled unpacking ends with the reason", async () => {
  const image = await fakeBzImage(fakeVmlinux(), { compression: "lz4", exec });
  const reason = new Error("enough");
  await assert.rejects(extractVmlinux(image, { signal: AbortSignal.abort(reason) }), reason);
});

test("an unknown compression is named by its first bytes", () => {
  assert.throws(() => findPayload(wrapPayload(Buffer.from("BZh91AY&SY123456"))), { message: /425a68393141/ });
});

test("any bytes either have a payload inside them or are KERNEL_CORRUPT", () => {
  const noise = fc.uint8Array({ minLength: 0, maxLength: 2000 });
  const header = fc.uint8Array({ minLength: 0x60, maxLength: 0x60 });
  fc.assert(
    fc.property(noise, header, fc.boolean(), (bytes, fields, framed) => {
      const image = framed ? Buffer.concat([wrapPayload(Buffer.from(bytes)), Buffer.from(bytes)]) : Buffer.from(bytes);
      if (framed) Buffer.from(fields).copy(image, 0x1f1);
      try {
        assert.ok(findPayload(image).data.length <= image.length);
      } catch (error) {
        assert.ok(AppError.is(error, "KERNEL_CORRUPT"), String(error));
      }
    }),
  );
});

test("header fields that point outside are refused", async () => {
  const image = await fakeBzImage(fakeVmlinux(5000), { compression: "gzip", exec });
  for (const [at, value] of [
    [0x248, 0xffffffff],
    [0x24c, 0xffffffff],
    [0x24c, 0],
    [0x248, image.length],
  ] as const) {
    const wrong = Buffer.from(image);
    wrong.writeUInt32LE(value, at);
    assert.throws(() => findPayload(wrong), { code: "KERNEL_CORRUPT" });
  }
});
