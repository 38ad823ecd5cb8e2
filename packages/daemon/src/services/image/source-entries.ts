/** Reads apt's two formats of package sources. What they mean for an image is decided elsewhere. */
export type SourceEntry = {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** option names in lower case with hyphens, as in deb822 fields */
  readonly options: Readonly<Record<string, string>>;
};

/** `deb [signed-by=/x arch=amd64] URI SUITE COMPONENT…` lines. */
export function parseOneLineSources(text: string): readonly SourceEntry[] {
  const entries: SourceEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = "", uri = "", suite = "", components = ""] = match;
    entries.push({ uris: [uri], suites: [suite], components: words(components), options: lineOptions(options) });
  }
  return entries;
}

function lineOptions(text: string): Record<string, string> {
  const options: Record<string, string> = {};
  for (const option of words(text)) {
    const [name = "", ...value] = option.split("=");
    options[name.toLowerCase()] = value.join("=").replaceAll(",", " ");
  }
  return { ...options, ...(options.arch === undefined ? {} : { architectures: options.arch }) };
}

/** Stanzas of `Field: value`, folded lines and comments. */
export function parseDeb822Sources(text: string): readonly SourceEntry[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const stanzas = lines.join("\n").split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = stanzaFields(stanza);
    const { types = "", uris = "", suites = "", components = "", enabled = "yes", ...options } = fields;
    if (!words(types).includes("deb") || /^(?:no|false|0|off|without|disable)$/i.test(enabled)) return [];
    return [{ uris: words(uris), suites: words(suites), components: words(components), options }];
  });
}

function stanzaFields(stanza: string): Record<string, string> {
  const fields: Record<string, string> = {};
  let field: string | undefined;
  for (const line of stanza.split("\n")) {
    const match = /^([!-9;-~]+):(.*)$/.exec(line);
    if (match?.[1] !== undefined) {
      field = match[1].toLowerCase();
      fields[field] = (match[2] ?? "").trim();
    } else if (/^\s/.test(line) && field !== undefined) {
      fields[field] = `${fields[field] ?? ""}\n${line.trim()}`.trim();
    }
  }
  return fields;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
