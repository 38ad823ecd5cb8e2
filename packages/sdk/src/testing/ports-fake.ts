/** The ports of the fake daemon's machines: the same ones in each, and a record of what is published. */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { PortView, PublishedPort } from "@banger/contract/daemon/port";
import type { VmView } from "@banger/contract/daemon/vm";
import type { AppError } from "@banger/contract/errors";
import type { Handlers } from "@banger/platform/rpc/methods";
import { raceAbort } from "@banger/platform/time/deadline";

type PortHandlers = Pick<Handlers<DaemonMethods>, Extract<keyof DaemonMethods, `port.${string}`>>;

export class PortsFake {
  /** what listens in every machine */
  views: PortView[] = [];
  /** by the machine's id */
  readonly published = new Map<string, readonly PublishedPort[]>();
  /** what the next forward fails with */
  failure: AppError | undefined;
  /** aborted forwards */
  forwardsEnded = 0;

  handlers(find: (ref: string) => VmView): PortHandlers {
    const of = (id: string) => this.published.get(id) ?? [];
    const view = (id: string) => of(id).map((port) => ({ ...port, listening: true }));
    return {
      "port.list": ({ ref }) => {
        const { id, name } = find(ref);
        return { machine: { id, name }, ports: this.views, published: view(id) };
      },
      "port.publish": ({ ref, ports }) => {
        const { id } = find(ref);
        this.published.set(id, [...of(id), ...ports]);
        return { published: view(id) };
      },
      "port.unpublish": ({ ref, ports }) => {
        const { id } = find(ref);
        const rest = of(id).filter(({ host }) => !ports.some((port) => port.host === host));
        this.published.set(id, rest);
        return { published: view(id) };
      },
      "port.forward": async ({ ref }, { signal, progress }) => {
        find(ref);
        if (this.failure) throw this.failure;
        progress({ listening: true });
        await raceAbort(new Promise(() => undefined), signal).finally(() => {
          this.forwardsEnded += 1;
        });
        return {};
      },
    };
  }
}
