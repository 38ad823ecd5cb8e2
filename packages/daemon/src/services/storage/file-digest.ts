/** The checksum of a whole file, as manifests hold it. Of sparse files see sparse-content.ts. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export async function sha256OfFile(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, options)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
