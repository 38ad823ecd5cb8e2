/**
 * Names in an archive, as lists of components. A name that an honest archive never holds ends the copy; a link that would lead
 * out of what was copied is left out. Bytes, not text: nothing is decoded.
 */
import { sanitize } from "@banger/contract/guest-text";
import { unsafe } from "./tar-decode.ts";

export type Names = readonly Buffer[];

const SLASH = 0x2f;
/** as deep as the guest's agent packs, and a descriptor for each */
const MAX_DEPTH = 400;
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 16_384;

/** Components of a path; `.` and doubled slashes say nothing. Throws ARCHIVE_UNSAFE for what leads up or begins at the root. */
export function namesOf(path: Buffer): Names {
  if (path[0] === SLASH) throw unsafe(`it names ${shown(path)}, which is absolute`);
  if (path.length > MAX_PATH_BYTES) throw unsafe(`it has a name of ${path.length} bytes`);
  const names = components(path);
  if (names.some(isUp)) throw unsafe(`it names ${shown(path)}, which leads up`);
  if (names.length > MAX_DEPTH) throw unsafe(`it names something ${names.length} directories deep`);
  if (names.some((name) => name.length > MAX_NAME_BYTES)) throw unsafe(`a name has more than ${MAX_NAME_BYTES} bytes`);
  return names;
}

/**
 * Whether a link in a directory `depth` levels beneath the top stays beneath it. Steps up may only come first: behind a name
 * that is itself a link `..` leads elsewhere than it reads.
 */
export function staysBeneath(target: Buffer, depth: number): boolean {
  if (target.length === 0 || target[0] === SLASH) return false;
  const names = components(target);
  const ups = names.findIndex((name) => !isUp(name));
  if (ups === -1) return names.length <= depth;
  return ups <= depth && !names.slice(ups).some(isUp);
}

/** For messages. A name that is no text is shown with its bytes replaced. */
export function shown(path: Buffer): string {
  return JSON.stringify(sanitize(path.toString("utf8"), { max: 200 }));
}

export function joined(names: Names): Buffer {
  return Buffer.concat(names.flatMap((name, index) => (index === 0 ? [name] : [Buffer.from("/"), name])));
}

export function beginsWith(names: Names, start: Names): boolean {
  return start.every((name, index) => names[index]?.equals(name));
}

function components(path: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let from = 0; from <= path.length; ) {
    const slash = path.indexOf(SLASH, from);
    const end = slash === -1 ? path.length : slash;
    const name = path.subarray(from, end);
    if (name.length > 0 && !name.equals(HERE)) found.push(name);
    from = end + 1;
  }
  return found;
}

const HERE = Buffer.from(".");
const UP = Buffer.from("..");

function isUp(name: Buffer): boolean {
  return name.equals(UP);
}
