/** Keys on their way to a command, in which one sequence means something to us. Its beginning is held until it is clear. */
import { Transform } from "node:stream";

/** Ends behind the whole sequence, which does not go on; `pressed` is called when all before it has been read. */
export function withoutDetachKeys(keys: Buffer, pressed: () => void): Transform {
  let held: number[] = [];
  let left = false;
  const mayBecome = () => held.every((byte, index) => byte === keys[index]);
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed: number[] = [];
      for (const byte of left ? [] : chunk) {
        held.push(byte);
        while (!mayBecome()) passed.push(...held.splice(0, 1));
        left = held.length === keys.length;
        if (left) break;
      }
      if (passed.length > 0) this.push(Buffer.from(passed));
      if (held.length === keys.length) {
        held = [];
        this.push(null);
      }
      done();
    },
    flush(done) {
      if (left) done();
      else done(null, Buffer.from(held));
    },
  });
  return stream.once("end", () => {
    if (left) pressed();
  });
}
