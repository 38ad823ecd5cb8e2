/** HTTP by name against a plain forward to the same server in the same machine, in turns. */
import { type Bench, type Measurement, type Row, Series } from "../measurement.ts";
import { get, openServer, type Way } from "./http-server.ts";

const IMAGE = "minimal";
const BODY_BYTES = 50e6;
const SMALL_BYTES = 100;
const REQUESTS_EACH = 20;
const SHARE = 0.7;
const TIMES = 2;
const MS = 1_000;

export const http: Measurement = {
  name: "http",
  async measure(bench: Bench): Promise<readonly Row[]> {
    const { product } = bench;
    await product.prepare(IMAGE);
    const { id } = await product.create({ image: IMAGE });
    const server = await openServer(bench, id);
    const rows = await inTurns(bench, server);
    await server[Symbol.asyncDispose]();
    await product.delete(id);
    return rows;
  },
};

async function inTurns(bench: Bench, { plain, named }: { plain: Way; named: Way }): Promise<readonly Row[]> {
  const rate = (ms: number) => BODY_BYTES / 1e6 / (ms / MS);
  const [plainSmall, namedSmall, plainLarge, namedLarge] = [new Series(), new Series(), new Series(), new Series()];
  for (const way of [plain, named]) await get(way, SMALL_BYTES);
  for (let done = 0; done < bench.runs; done++) {
    bench.say(`http: ${done + 1} of ${bench.runs}`);
    for (let each = 0; each < REQUESTS_EACH; each++) {
      await plainSmall.add(() => get(plain, SMALL_BYTES));
      await namedSmall.add(() => get(named, SMALL_BYTES));
    }
    await plainLarge.add(async () => rate(await get(plain, BODY_BYTES)));
    await namedLarge.add(async () => rate(await get(named, BODY_BYTES)));
  }
  const small = `GET of ${SMALL_BYTES} bytes on a connection that is there: sent -> read`;
  const large = "GET of 50 MB on a connection that is there: sent -> read";
  return [
    { name: "forward: request", unit: "ms", values: plainSmall.values, ...told(plainSmall, small) },
    {
      ...{ name: "http by name: request", unit: "ms", values: namedSmall.values, ...told(namedSmall, small) },
      target: { text: `forward's x ${TIMES}`, limit: plainSmall.p50 * TIMES, is: "at most", of: "p50" },
    },
    { name: "forward: body", unit: "MB/s", values: plainLarge.values, ...told(plainLarge, large) },
    {
      ...{ name: "http by name: body", unit: "MB/s", values: namedLarge.values, ...told(namedLarge, large) },
      target: { text: `forward's x ${SHARE}`, limit: plainLarge.p50 * SHARE, is: "at least", of: "p50" },
    },
  ];
}

function told({ failures }: Series, boundary: string): Pick<Row, "failures" | "boundary"> {
  return { failures, boundary };
}
