/**
 * What a program in a machine has switched on in our terminal: another screen, the mouse, an invisible cursor. One that is
 * left running can not switch it off again, so we do.
 */
import { Transform } from "node:stream";

/** modes that change how a terminal is used afterwards, with how they are when nobody has touched them */
const DEFAULTS: Readonly<Record<string, boolean>> = {
  ...{ "1": false, "25": true, "47": false, "1047": false, "1049": false, "2004": false },
  ...{
    "9": false,
    "1000": false,
    "1002": false,
    "1003": false,
    "1004": false,
    "1005": false,
    "1006": false,
    "1015": false,
  },
};
const ESCAPE = "\x1b";
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals are told by
const SWITCH = /\x1b\[\?([0-9;]+)([hl])/g;
const LONGEST = 64;

export class ScreenModes {
  readonly #changed = new Set<string>();
  #tail = "";

  /** Looks at what passes, and changes none of it. */
  watch(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.see(chunk);
        done(null, chunk);
      },
    });
  }

  see(chunk: Buffer): void {
    if (this.#tail === "" && !chunk.includes(ESCAPE)) return;
    const text = this.#tail + chunk.toString("latin1");
    for (const [, modes = "", how] of text.matchAll(SWITCH)) {
      for (const mode of modes.split(";")) this.#switched(mode, how === "h");
    }
    // A sequence may be cut by the end of the chunk.
    const last = text.lastIndexOf(ESCAPE);
    this.#tail = last === -1 || text.length - last > LONGEST ? "" : text.slice(last);
  }

  #switched(mode: string, on: boolean): void {
    const usual = DEFAULTS[mode];
    if (usual === undefined) return;
    if (on === usual) this.#changed.delete(mode);
    else this.#changed.add(mode);
  }

  /** What puts the terminal back; empty when nothing has to be. */
  undo(): string {
    const back = [...this.#changed].map((mode) => `${ESCAPE}[?${mode}${DEFAULTS[mode] ? "h" : "l"}`);
    return back.length > 0 ? `${back.join("")}${ESCAPE}[0m` : "";
  }
}
