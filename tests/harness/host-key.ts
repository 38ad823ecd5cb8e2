/** An SSH host key as a host makes it for a machine, in the forms in which sshd wants it. */
import { createHash, generateKeyPairSync } from "node:crypto";

export type HostKey = {
  readonly file: string;
  readonly private: string;
  readonly public: string;
  /** as ssh-keygen -l prints it */
  readonly fingerprint: string;
};

const TYPE = "ssh-ed25519";
const BLOCK_BYTES = 8;

export function makeHostKey(): HostKey {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [secret, point] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const blob = Buffer.concat([field(TYPE), field(point)]);
  const check = Buffer.alloc(8); // two equal numbers, by which a passphrase would be checked
  const secrets = Buffer.concat([check, blob, field(Buffer.concat([secret, point])), field("")]);
  const padding = Buffer.from(Array.from({ length: -secrets.length & (BLOCK_BYTES - 1) }, (_, n) => n + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const key = Buffer.concat([
    ...[Buffer.from("openssh-key-v1\0"), field("none"), field("none"), field(""), one, field(blob)],
    field(Buffer.concat([secrets, padding])),
  ]);
  const lines = key.toString("base64").match(/.{1,70}/g) ?? [];
  const digest = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return {
    file: "ssh_host_ed25519_key",
    private: ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n"),
    public: `${TYPE} ${blob.toString("base64")}\n`,
    fingerprint: `SHA256:${digest}`,
  };
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
