/**
 * Files of the fake daemon's machines: a directory of the host that stands for the guest's root, and GNU tar in place of the
 * agent. An archive can be replaced by any bytes, as a hostile guest would.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { AppError } from "@banger/contract/errors";
import type { Handlers } from "@banger/platform/rpc/methods";

type FilesArea = Pick<Handlers<DaemonMethods>, Extract<keyof DaemonMethods, `files.${string}`>>;

const MODES = 0o7777;

export class FilesFake implements AsyncDisposable {
  /** what every archive out of a machine is, instead of a true one */
  archive: Buffer | undefined;
  /** whether it stands still behind that, and never ends */
  stalls = false;
  /** what writes fail with, after they have taken all */
  failure: AppError | undefined;
  #root: string | undefined;

  /** what a machine sees as / */
  get root(): string {
    this.#root ??= mkdtempSync(join(tmpdir(), "banger-guest-"));
    return this.#root;
  }

  handlers(check: (ref: string) => void): FilesArea {
    return {
      "files.stat": async ({ ref, path }) => {
        check(ref);
        const found = await stat(this.root + path, { bigint: true }).catch(() => {
          throw new AppError("GUEST_FILE_NOT_FOUND", `${ref}:${path} can not be looked at: ENOENT`);
        });
        const kind = found.isDirectory() ? "directory" : found.isFile() ? "file" : "other";
        return { kind, mode: Number(found.mode) & MODES, size: Number(found.size), mtimeNs: String(found.mtimeNs) };
      },
      "files.get": ({ ref, directory, members }, { upgrade }) => {
        check(ref);
        upgrade((mux) => this.#get(mux.stream(0), [directory, ...(members.length > 0 ? members : ["."])]));
        return {};
      },
      "files.put": ({ ref, directory }, { upgrade }) => {
        check(ref);
        const argv = ["-C", this.root + directory, "-xf", "-", "--no-same-owner", "--delay-directory-restore"];
        upgrade((mux) => this.#take(mux.stream(0), (content) => intoTar(content, argv)));
        return {};
      },
      "files.read": ({ ref, path }, { upgrade }) => {
        check(ref);
        upgrade((mux) => pipeline(createReadStream(this.root + path), mux.stream(0)));
        return {};
      },
      "files.write": ({ ref, path }, { upgrade }) => {
        check(ref);
        upgrade((mux) =>
          this.#take(mux.stream(0), (content) => pipeline(content, createWriteStream(this.root + path))),
        );
        return {};
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true });
  }

  async #get(content: Duplex, [directory = "/", ...members]: string[]): Promise<void> {
    if (this.archive) {
      content.write(this.archive);
      if (this.stalls) await once(content, "close");
      content.end();
      return;
    }
    for (const member of members) {
      await stat(join(this.root, directory, member)).catch(() => {
        throw new AppError("GUEST_FILE_NOT_FOUND", `${join(directory, member)} can not be read: ENOENT`);
      });
    }
    const tar = spawn("tar", ["-C", this.root + directory, "--format=pax", "-cf", "-", ...members]);
    const closed = once(tar, "close");
    await pipeline(tar.stdout, content);
    await closed;
  }

  async #take(content: Duplex, into: (content: Duplex) => Promise<void>): Promise<void> {
    await into(content);
    if (this.failure) throw this.failure;
    content.end(JSON.stringify({ entries: 1, bytes: 1 }));
  }
}

async function intoTar(content: Duplex, argv: readonly string[]): Promise<void> {
  const tar: ChildProcess = spawn("tar", argv, { stdio: ["pipe", "ignore", "ignore"] });
  const closed = once(tar, "close");
  if (tar.stdin) await pipeline(content, tar.stdin);
  const [status] = (await closed) as [number | null];
  if (status !== 0) throw new AppError("GUEST_REFUSED", `tar ended with ${String(status)}`);
}
