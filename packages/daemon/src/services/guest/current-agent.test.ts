import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { socketPair } from "@banger/platform/testing/socket-pair";
import { GuestChannel } from "./channel/guest-channel.ts";
import { agentBuild, bringUpToDate } from "./current-agent.ts";
import { FakeAgent } from "./testing/guest-agent-fake.ts";

async function withAgent(work: (channel: GuestChannel, file: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "banger-agent-"));
  const agent = new FakeAgent({ build: "1+old" });
  const connect = () => {
    const [ours, theirs] = socketPair();
    agent.attach(theirs);
    return Promise.resolve(ours);
  };
  const channel = GuestChannel.open({ connect, session: randomBytes(16), build: "1+host" });
  try {
    writeFileSync(join(directory, "agent"), "2+new"); // the fake becomes what its binary says
    await work(channel, join(directory, "agent"));
  } finally {
    channel.destroy(undefined);
    rmSync(directory, { recursive: true });
  }
}

test("an agent of another build is replaced by this one's", async () => {
  await withAgent(async (channel, file) => {
    assert.equal(await bringUpToDate(channel, { file, build: "2+new" }, {}), "upgraded");
    assert.equal(channel.facts?.build?.raw(), "2+new");
    assert.equal(await bringUpToDate(channel, { file, build: "2+new" }, {}), "current");
  });
});

test("what is asked while the agent is replaced is asked of the next one", async () => {
  await withAgent(async (channel, file) => {
    const upgrading = bringUpToDate(channel, { file, build: "2+new" }, {});
    const asked = channel.request("execs", {}, {}).then(() => channel.facts?.build?.raw());
    const opened = channel.openStream({}).then(() => channel.facts?.build?.raw());
    assert.deepEqual(await Promise.all([upgrading, asked, opened]), ["upgraded", "2+new", "2+new"]);
  });
});

test("an agent that cannot be replaced is asked as before", async () => {
  await withAgent(async (channel, file) => {
    const missing = bringUpToDate(channel, { file: `${file}.gone`, build: "2+new" }, {});
    const asked = channel.request("execs", {}, {}).then(() => channel.facts?.build?.raw());
    await assert.rejects(missing, { code: "ENOENT" });
    assert.equal(await asked, "1+old");
  });
});

test("an agent of the same sources is left alone, whatever commit it was built at", async () => {
  await withAgent(async (channel, file) => {
    const build = "1+old (0123456789ab, built 2026-01-01T00:00:00Z)";
    assert.equal(await bringUpToDate(channel, { file, build }, {}), "current");
  });
});

test("an agent of this build is left alone", async () => {
  await withAgent(async (channel, file) => {
    assert.equal(await bringUpToDate(channel, { file, build: "1+old" }, {}), "current");
    assert.equal(channel.facts?.build?.raw(), "1+old");
  });
});

test("the build of a file is what it says itself", async () => {
  const exec = new FakeExec().program("agent", () => ({ stdout: "3+file\n" }));
  assert.equal(await agentBuild(exec, "/x/agent"), "3+file");
});
