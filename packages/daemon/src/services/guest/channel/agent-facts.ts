/** What the agent says about itself in HELLO, checked: the only place where that is judged. */
import type { AgentHello } from "@banger/contract/guest/hello";
import type { GuestText } from "@banger/contract/guest-text";
import { protocolBroken } from "./guest-error.ts";

export type AgentFacts = {
  /** `VERSION+SOURCES (COMMIT, built TIME)`, as it says; older agents say `VERSION+COMMIT` */
  readonly build: GuestText | undefined;
  readonly capabilities: ReadonlySet<string>;
  /** hexadecimal; another one means that the machine began anew */
  readonly boot: string;
  readonly role: "pid1" | "beside-init" | undefined;
};

const CAPABILITY = /^[a-z][a-z0-9-]{0,31}$/;
const MAX_STREAM = 0xffff_fffe;
const BOOT_BYTES = 16;

/** Throws GUEST_PROTOCOL. */
export function judgeHello(hello: AgentHello): { facts: AgentFacts; resumed: boolean; nextStream: number } {
  const { boot, nextStream = 2, resumed = 0, role } = hello;
  if (boot?.length !== BOOT_BYTES) throw protocolBroken("its HELLO has no boot of 16 bytes");
  if (nextStream < 2 || nextStream > MAX_STREAM || nextStream % 2 !== 0) {
    throw protocolBroken(`its HELLO offers stream ${nextStream}`);
  }
  const raw = role?.raw();
  const facts: AgentFacts = {
    build: hello.build,
    capabilities: new Set(hello.capability.map((one) => one.raw()).filter((one) => CAPABILITY.test(one))),
    boot: Buffer.from(boot).toString("hex"),
    role: raw === "pid1" || raw === "beside-init" ? raw : undefined,
  };
  return { facts, resumed: resumed === 1, nextStream };
}
