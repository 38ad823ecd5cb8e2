/** Keys on their way to a command, in which one sequence means something to us. Its beginning is held until it is clear. */
import { Transform } from "node:stream";

/** `pressed` is called once the whole sequence was typed, which does not go on; nothing that follows does. */
export function withoutDetachKeys(keys: Buffer, pressed: () => void): Transform {
  let matched = 0;
  let left = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed: number[] = [];
      for (const byte of chunk) {
        if (left) break;
        if (byte !== keys[matched]) {
          // What was held is the command's after all; the byte may begin the sequence anew.
          passed.push(...keys.subarray(0, matched));
          matched = 0;
        }
        if (byte === keys[matched]) matched += 1;
        else passed.push(byte);
        left = matched === keys.length;
      }
      if (passed.length > 0) this.push(Buffer.from(passed));
      if (left) pressed();
      done();
    },
    flush(done) {
      done(null, left ? null : keys.subarray(0, matched));
    },
  });
}
