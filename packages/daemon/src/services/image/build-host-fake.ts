/**
 * A host on which images can be built, without apt, namespaces or packages: the programs that a build calls, as far as
 * it can see them. It can be told to fail or to stop at any call.
 */
import { mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FakeCall, FakeExec, type FakeOutcome } from "@banger/platform/exec/exec-fake";

const EXT4_MAGIC_OFFSET = 1024 + 0x38;

export class FakeBuildHost {
  readonly exec = new FakeExec();
  /** what apt says that the packages will take */
  installed = "1 MB";
  /** version of the only package */
  version = "1.0";
  /** false: no list can be fetched */
  online = true;
  /** called with the name of each program before it runs */
  onProgram: (name: string) => void | Promise<void> = () => undefined;
  /** names of programs, in order; in a namespace that of what runs there */
  readonly programs: string[] = [];

  constructor() {
    const known = ["apt-config", "apt-get", "mmdebstrap", "mke2fs", "dumpe2fs", "debugfs", "find", "sh", "true"];
    for (const name of known) this.exec.program(name, (call) => this.#run(name, call.args, call));
    this.exec.program("setpriv", (call) => {
      const inner = call.args.slice(call.args.indexOf("banger-build") + 1);
      return this.#run(inner[0] ?? "", inner.slice(1), call);
    });
  }

  async #run(name: string, args: readonly string[], call: FakeCall): Promise<FakeOutcome> {
    const step =
      name === "apt-get"
        ? `apt-get ${args.find((arg) => /^(?:update|--print-uris|--download-only)$/.test(arg))}`
        : name;
    this.programs.push(step);
    await this.onProgram(step);
    call.options.signal?.throwIfAborted();
    if (step === "apt-get update" && !this.online) return { exitCode: 100, stderr: "E: Failed to fetch http://x\n" };
    if (step === "apt-get --print-uris") return { stdout: this.#resolved() };
    if (step === "apt-get --download-only") await this.#download(call);
    if (name === "mmdebstrap")
      return args[0] === "--version" ? { stdout: "mmdebstrap 1.3.5\n" } : await this.#tree(args);
    if (name === "mke2fs") return args[0] === "-V" ? { stderr: "mke2fs 1.47.0 (x)\n" } : await this.#fileSystem(args);
    if (name === "dumpe2fs") return { stdout: "Block count:              16\n  Free blocks: 1-15\n" };
    if (name === "find") await empty(args[0] ?? "");
    return {};
  }

  #resolved(): string {
    const file = `demo_${this.version}_amd64.deb`;
    return `After this operation, ${this.installed} of additional disk space will be used.\n'http://x/${file}' ${file} 4 \n`;
  }

  async #download({ options }: FakeCall): Promise<void> {
    const root = (options.env?.APT_CONFIG ?? "").replace(/\/apt\.conf$/, "");
    await writeFile(join(root, "archives", `demo_${this.version}_amd64.deb`), "demo");
    await writeFile(join(root, "lists", "index"), "demo");
  }

  async #tree(args: readonly string[]): Promise<FakeOutcome> {
    await mkdir(join(args.at(-2) ?? "", "root"), { recursive: true });
    return { stderr: `Setting up demo (${this.version}) ...\n` };
  }

  async #fileSystem(args: readonly string[]): Promise<FakeOutcome> {
    await using file = await open(args.at(-2) ?? "", "r+");
    await file.write(Buffer.from([0x53, 0xef]), 0, 2, EXT4_MAGIC_OFFSET);
    return {};
  }
}

async function empty(dir: string): Promise<void> {
  for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
}
