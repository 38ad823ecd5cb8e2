/** Reads apt's two formats of package sources. Pure; what the entries mean is decided elsewhere. */
export type SourceEntry = {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** the words of each other field, by its name in lower case; a line's `arch` is here as `architectures` */
  readonly options: ReadonlyMap<string, readonly string[]>;
};
type Fields = ReadonlyMap<string, readonly string[]>;

/** `deb [signed-by=/x arch=amd64] URI SUITE COMPONENT…` lines. */
export function parseOneLineSources(text: string): readonly SourceEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    return [{ uris: [uri], suites: [suite], components: words(components), options: lineOptions(options) }];
  });
}

/** `name+=` and `name-=` change a default that is good enough here: only `name=` counts. */
function lineOptions(text: string): Fields {
  const options = new Map<string, readonly string[]>();
  for (const [, key = "", value = ""] of text.matchAll(/(?:^|\s)([\w-]*\w)=(\S*)/g)) {
    const name = key.toLowerCase();
    options.set(name === "arch" ? "architectures" : name, value.split(","));
  }
  return options;
}

/** Stanzas of `Field: value`, with folded lines; comments may stand anywhere. */
export function parseDeb822Sources(text: string): readonly SourceEntry[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const stanzas = lines.join("\n").split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = new Map<string, readonly string[]>();
    for (const [, key = "", value = ""] of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t]+.*)*)/gm)) {
      fields.set(key.toLowerCase(), words(value));
    }
    const of = (name: string) => fields.get(name) ?? [];
    if (!of("types").includes("deb") || saysNo(fields, "enabled")) return [];
    return [{ uris: of("uris"), suites: of("suites"), components: of("components"), options: fields }];
  });
}

/** In the words that apt itself takes for it. */
export function saysNo(fields: Fields, name: string): boolean {
  return /^(?:no|false|0|off|without|disable)$/i.test(fields.get(name)?.[0] ?? "");
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
