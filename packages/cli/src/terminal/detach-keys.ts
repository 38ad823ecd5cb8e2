/** Keys on their way to a command, in which one sequence means something to us. Its beginning is held until it is clear. */
import { Transform } from "node:stream";

/** `pressed` is called once the whole sequence was typed, which does not go on; nothing that follows does. */
export function withoutDetachKeys(keys: Buffer, pressed: () => void): Transform {
  let held: number[] = [];
  let left = false;
  const mayBecome = () => held.every((byte, index) => byte === keys[index]);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed: number[] = [];
      for (const byte of left ? [] : chunk) {
        held.push(byte);
        while (!mayBecome()) passed.push(...held.splice(0, 1));
        left = held.length === keys.length;
        if (left) break;
      }
      if (passed.length > 0) this.push(Buffer.from(passed));
      if (left) {
        held = [];
        pressed();
      }
      done();
    },
    flush(done) {
      done(null, Buffer.from(held));
    },
  });
}
