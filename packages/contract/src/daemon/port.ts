/** Ports of machines: what listens in them, and what of it the host's own ports lead to. */
import * as z from "zod";
import { Ref, VmId } from "../ids.ts";
import { VmName } from "../names.ts";
import { refFailures } from "./failures.ts";
import type { Methods } from "./method.ts";

const Port = z.int().min(1).max(65_535);

/** One port of the host that leads to one of a machine, TCP. */
export const PublishedPort = z.strictObject({
  /** where the host listens */
  address: z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1"),
  host: Port,
  guest: Port,
});
export type PublishedPort = z.infer<typeof PublishedPort>;

export const PublishedPorts = z.array(PublishedPort).max(64);

/** A port of the host that was published; which port of the machine it leads to need not be said. */
export const TakenPort = z.strictObject({ ...PublishedPort.shape, guest: Port.optional() });
export type TakenPort = z.infer<typeof TakenPort>;

export const PortView = z.object({
  port: z.number(),
  /** what it listens on in the guest; a guest said so, made printable */
  address: z.string(),
  pid: z.number().nullable(),
  /** a guest said so, made printable */
  process: z.string(),
  /** `http` when it answered as such just now, `tcp` when it accepted a connection, `none` when it took none */
  protocol: z.enum(["http", "tcp", "none"]),
  /** leads to it from a browser; only when it answered HTTP */
  url: z.string().nullable(),
});
export type PortView = z.infer<typeof PortView>;

export const PortList = z.object({
  machine: z.object({ id: VmId, name: VmName }),
  ports: z.array(PortView),
  published: z.array(z.object({ ...PublishedPort.shape, address: z.string(), listening: z.boolean() })),
});
export type PortList = z.infer<typeof PortList>;

const one = z.strictObject({ ref: Ref });
const some = z.strictObject({ ref: Ref, ports: PublishedPorts.min(1) });
const published = z.object({ published: PortList.shape.published });
const taken = ["PORT_TAKEN", "PORT_UNUSABLE"] as const;

export const portMethods = {
  /** Each port is tried before it is told. Published ports of a machine that does not run are told, too. */
  "port.list": {
    params: one,
    result: PortList,
    errors: [...refFailures, "VMM_DIED", "GUEST_SILENT", "GUEST_REFUSED", "GUEST_PROTOCOL"],
    effect: "read",
  },
  /** Kept with the machine: the ports are listened on whenever it runs. */
  "port.publish": { params: some, result: published, errors: [...refFailures, ...taken, "DISK_FULL"], effect: "write" },
  "port.unpublish": {
    params: z.strictObject({ ref: Ref, ports: z.array(TakenPort).min(1).max(64) }),
    result: published,
    errors: [...refFailures, "PORT_NOT_FOUND", "DISK_FULL"],
    effect: "write",
  },
  /** Listens until the call is cancelled or its connection ends; progress tells when it does. */
  "port.forward": {
    params: some,
    result: z.object({}),
    errors: [...refFailures, ...taken, "VM_NOT_RUNNING", "VM_PAUSED"],
    effect: "write",
  },
} as const satisfies Methods;
