/** Makes what a guest wrote safe for a terminal, as a stream: characters that act are shown as numbers, lines are kept. */
import { Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { sanitize } from "@banger/contract/guest-text";

export function printableLines(): Transform {
  const decoder = new StringDecoder("utf8");
  let held = "";
  const show = (text: string) => {
    const whole = held + text;
    // A console ends its lines with CR LF; whether a CR at the very end belongs to one is seen with what follows.
    held = whole.endsWith("\r") ? "\r" : "";
    const lines = whole.slice(0, whole.length - held.length).replaceAll("\r\n", "\n");
    return sanitize(lines, { lines: true, max: Number.POSITIVE_INFINITY });
  };
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, show(decoder.write(chunk))),
    flush(done) {
      const rest = held + decoder.end();
      done(null, sanitize(rest, { lines: true, max: Number.POSITIVE_INFINITY }));
    },
  });
}
