/** A TCP port for tests that have to name one before it is listened on. */
import { once } from "node:events";
import { createServer } from "node:net";
import { AppError } from "@banger/contract/errors";

/** Free on 127.0.0.1 just now. */
export async function freePort(): Promise<number> {
  const listener = createServer();
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const bound = listener.address();
  listener.close();
  await once(listener, "close");
  if (typeof bound === "object" && bound !== null) return bound.port;
  throw new AppError("PORT_TAKEN", "no port of this host is free");
}
