/** Every verb and event of the agent protocol (docs/protocol/agent.md §4) as data. EXEC and UPGRADE are frozen for ever. */
import { decodeFields, encodeFields, type FieldsIn, type FieldsOut, type FieldTable } from "./fields.ts";

export type Verb = { readonly type: number; readonly request: FieldTable; readonly answer: FieldTable };

const STREAM = { tag: 2, kind: "u64", required: true } as const;
const WINDOW = { tag: 3, kind: "u64", required: true } as const;
const PORT = {
  tag: 3,
  kind: "struct",
  list: true,
  fields: {
    port: { tag: 1, kind: "u64", required: true },
    address: { tag: 2, kind: "text" },
    pid: { tag: 3, kind: "u64" },
    process: { tag: 4, kind: "text" },
  },
} as const;
const EXEC_ID = { tag: 1, kind: "text", required: true } as const;
const TAR_ANSWER = { entries: { tag: 3, kind: "u64" }, bytes: { tag: 4, kind: "u64" } } as const;

/** flags of EXEC */
export const EXEC_FLAG = { tty: 1, stdin: 2, emptyEnvironment: 4 } as const;
/** flags of WRITE */
export const WRITE_FLAG = { create: 1, truncate: 2, exclusive: 4, whole: 8 } as const;
/** flags of TAR_OUT and TAR_IN */
export const TAR_FLAG = { followNamed: 1, keepOwners: 1, makeDirectory: 2 } as const;
export const POWER_MODE = { init: 0, now: 1, reboot: 2 } as const;
/** who gets a signal */
export const SIGNAL_SCOPE = { foreground: 0, everything: 1 } as const;

export const guestVerbs = {
  configure: {
    type: 0x01,
    request: {
      hostname: { tag: 1, kind: "text" },
      /** 32 hexadecimal digits */
      machineId: { tag: 2, kind: "text" },
      /** `ns` since 1970 */
      clock: { tag: 3, kind: "u64n" },
      entropy: { tag: 4, kind: "bytes" },
      address: {
        tag: 5,
        kind: "struct",
        list: true,
        fields: {
          mac: { tag: 1, kind: "text" },
          cidr: { tag: 2, kind: "text" },
          gateway: { tag: 3, kind: "text" },
        },
      },
      route: {
        tag: 6,
        kind: "struct",
        list: true,
        fields: { cidr: { tag: 1, kind: "text" }, via: { tag: 2, kind: "text" } },
      },
      resolver: { tag: 7, kind: "text", list: true },
      searchDomain: { tag: 8, kind: "text", list: true },
      authorizedKey: { tag: 9, kind: "text", list: true },
      hostKey: {
        tag: 10,
        kind: "struct",
        list: true,
        fields: {
          file: { tag: 1, kind: "text" },
          private: { tag: 2, kind: "text" },
          public: { tag: 3, kind: "text" },
        },
      },
      /** `K=V` */
      environment: { tag: 11, kind: "text", list: true },
      /** 1 after a restore or fork */
      thaw: { tag: 12, kind: "u64" },
    },
    answer: { applied: { tag: 3, kind: "text", list: true } },
  },
  exec: {
    type: 0x02,
    request: {
      id: EXEC_ID,
      stream: STREAM,
      window: WINDOW,
      argument: { tag: 4, kind: "text", list: true },
      /** `K=V` */
      environment: { tag: 5, kind: "text", list: true },
      cwd: { tag: 6, kind: "text" },
      user: { tag: 7, kind: "text" },
      flags: { tag: 8, kind: "u64" },
      rows: { tag: 9, kind: "u64" },
      columns: { tag: 10, kind: "u64" },
    },
    answer: {
      pid: { tag: 3, kind: "u64" },
      joined: { tag: 4, kind: "u64" },
      stream: { tag: 5, kind: "u64" },
      /** offset of the first unacknowledged byte of `stdout`, of `stderr` */
      stdoutFrom: { tag: 6, kind: "u64" },
      stderrFrom: { tag: 7, kind: "u64" },
    },
  },
  signal: {
    type: 0x03,
    request: {
      id: EXEC_ID,
      signal: { tag: 2, kind: "u64", required: true },
      scope: { tag: 3, kind: "u64" },
    },
    answer: {},
  },
  resize: {
    type: 0x04,
    request: {
      id: EXEC_ID,
      rows: { tag: 2, kind: "u64", required: true },
      columns: { tag: 3, kind: "u64", required: true },
    },
    answer: {},
  },
  release: { type: 0x05, request: { id: EXEC_ID }, answer: {} },
  execs: {
    type: 0x06,
    request: {},
    answer: {
      exec: {
        tag: 3,
        kind: "struct",
        list: true,
        fields: {
          id: EXEC_ID,
          stream: STREAM,
          pid: { tag: 3, kind: "u64" },
          ended: { tag: 4, kind: "u64" },
          status: { tag: 5, kind: "u64" },
          signal: { tag: 6, kind: "u64" },
          /** `ns` since 1970 */
          started: { tag: 7, kind: "u64n" },
        },
      },
    },
  },
  stat: {
    type: 0x10,
    request: { path: { tag: 1, kind: "text", required: true }, follow: { tag: 2, kind: "u64" } },
    answer: {
      mode: { tag: 3, kind: "u64", required: true },
      size: { tag: 4, kind: "u64", required: true },
      uid: { tag: 5, kind: "u64", required: true },
      gid: { tag: 6, kind: "u64", required: true },
      /** `ns` since 1970 */
      mtime: { tag: 7, kind: "u64n", required: true },
      target: { tag: 8, kind: "text" },
      device: { tag: 9, kind: "u64n" },
    },
  },
  read: {
    type: 0x11,
    request: {
      path: { tag: 1, kind: "text", required: true },
      stream: STREAM,
      window: WINDOW,
      from: { tag: 4, kind: "u64" },
      count: { tag: 5, kind: "u64" },
    },
    answer: {},
  },
  write: {
    type: 0x12,
    request: {
      path: { tag: 1, kind: "text", required: true },
      stream: STREAM,
      mode: { tag: 3, kind: "u64" },
      uid: { tag: 4, kind: "u64" },
      gid: { tag: 5, kind: "u64" },
      flags: { tag: 6, kind: "u64" },
    },
    answer: { bytes: { tag: 3, kind: "u64" } },
  },
  tarOut: {
    type: 0x13,
    request: {
      directory: { tag: 1, kind: "text", required: true },
      member: { tag: 2, kind: "text", list: true },
      stream: { tag: 3, kind: "u64", required: true },
      window: { tag: 4, kind: "u64", required: true },
      flags: { tag: 5, kind: "u64" },
    },
    answer: TAR_ANSWER,
  },
  tarIn: {
    type: 0x14,
    request: {
      directory: { tag: 1, kind: "text", required: true },
      stream: STREAM,
      flags: { tag: 3, kind: "u64" },
    },
    answer: TAR_ANSWER,
  },
  forward: {
    type: 0x20,
    request: {
      port: { tag: 1, kind: "u64", required: true },
      stream: STREAM,
      window: WINDOW,
      address: { tag: 4, kind: "text" },
    },
    answer: {},
  },
  stats: {
    type: 0x30,
    request: {},
    answer: {
      /** `ms` */
      uptime: { tag: 3, kind: "u64", required: true },
      /** × 100 */
      load1: { tag: 4, kind: "u64", required: true },
      load5: { tag: 5, kind: "u64", required: true },
      load15: { tag: 6, kind: "u64", required: true },
      /** bytes */
      memoryTotal: { tag: 7, kind: "u64", required: true },
      memoryAvailable: { tag: 8, kind: "u64", required: true },
      /** `ms` since boot, of all processors together */
      cpuBusy: { tag: 9, kind: "u64", required: true },
      cpuTotal: { tag: 10, kind: "u64", required: true },
      disk: {
        tag: 11,
        kind: "struct",
        list: true,
        fields: {
          mount: { tag: 1, kind: "text", required: true },
          /** bytes */
          size: { tag: 2, kind: "u64", required: true },
          free: { tag: 3, kind: "u64", required: true },
          inodes: { tag: 4, kind: "u64", required: true },
          inodesFree: { tag: 5, kind: "u64", required: true },
        },
      },
      processes: { tag: 12, kind: "u64", required: true },
    },
  },
  sync: { type: 0x31, request: {}, answer: {} },
  poweroff: { type: 0x32, request: { mode: { tag: 1, kind: "u64", required: true } }, answer: {} },
  grow: {
    type: 0x33,
    request: { mount: { tag: 1, kind: "text", required: true } },
    answer: { bytes: { tag: 3, kind: "u64", required: true } },
  },
  ports: { type: 0x34, request: { watch: { tag: 1, kind: "u64" } }, answer: { port: PORT } },
  upgrade: {
    type: 0x40,
    request: { stream: { tag: 1, kind: "u64", required: true }, size: { tag: 2, kind: "u64", required: true } },
    answer: {},
  },
  cancel: { type: 0x41, request: { request: { tag: 1, kind: "u64", required: true } }, answer: {} },
} as const satisfies Record<string, Verb>;

export const guestEvents = {
  exited: {
    type: 0x100,
    fields: { id: EXEC_ID, status: { tag: 2, kind: "u64" }, signal: { tag: 3, kind: "u64" } },
  },
  ports: { type: 0x101, fields: { port: PORT } },
  init: { type: 0x102, fields: { state: { tag: 1, kind: "text", required: true } } },
} as const satisfies Record<string, { type: number; fields: FieldTable }>;

export type GuestVerb = keyof typeof guestVerbs;
export type GuestEvent = keyof typeof guestEvents;
export type RequestFields<V extends GuestVerb> = FieldsIn<(typeof guestVerbs)[V]["request"]>;
export type AnswerFields<V extends GuestVerb> = FieldsOut<(typeof guestVerbs)[V]["answer"]>;
export type EventFields<E extends GuestEvent> = FieldsOut<(typeof guestEvents)[E]["fields"]>;

/** the first two fields of every answer; errno is Linux's, absent or 0 for success */
export const answerHead = {
  errno: { tag: 1, kind: "u64" },
  text: { tag: 2, kind: "text" },
} as const satisfies FieldTable;
export type AnswerHead = FieldsOut<typeof answerHead>;

export type Answer<V extends GuestVerb> =
  | { readonly ok: true; readonly fields: AnswerFields<V> }
  | { readonly ok: false; readonly errno: number; readonly text: AnswerHead["text"] };

/** Throws MalformedError. */
export function decodeAnswer<V extends GuestVerb>(verb: V, body: Uint8Array): Answer<V> {
  const { errno = 0, text } = decodeFields(answerHead, body);
  if (errno !== 0) return { ok: false, errno, text };
  return { ok: true, fields: decodeFields<(typeof guestVerbs)[V]["answer"]>(guestVerbs[verb].answer, body) };
}

export function encodeRequest<V extends GuestVerb>(verb: V, fields: RequestFields<V>): Uint8Array {
  return encodeFields<(typeof guestVerbs)[V]["request"]>(guestVerbs[verb].request, fields);
}
