/** A key of our own and signatures by it, in the OpenPGP format (RFC 4880, EdDSA), so that tests need no gpg. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";

const EDDSA = 22;
const SHA512 = 10;
const ED25519_OID = Buffer.from("2b06010401da470f01", "hex");
const TYPE = { document: 0x00, certification: 0x13 } as const;

export class FakePgpKey {
  readonly #private;
  readonly #body: Buffer;
  readonly #fingerprint: Buffer;
  readonly #createdAt: Buffer;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.#private = privateKey;
    this.#createdAt = be32(Math.floor(Date.now() / 1000) - 60);
    const point = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const oid = Buffer.concat([Buffer.from([ED25519_OID.length]), ED25519_OID]);
    const encoded = mpi(Buffer.concat([Buffer.from([0x40]), point]));
    this.#body = Buffer.concat([Buffer.from([4]), this.#createdAt, Buffer.from([EDDSA]), oid, encoded]);
    this.#fingerprint = createHash("sha1").update(this.#hashed()).digest();
  }

  /** A keyring file with this key alone. */
  keyring(): Buffer {
    const uid = Buffer.from("test");
    const subject = Buffer.concat([this.#hashed(), Buffer.from([0xb4]), be32(uid.length), uid]);
    return Buffer.concat([packet(6, this.#body), packet(13, uid), this.#signature(TYPE.certification, subject)]);
  }

  /** A detached signature, armored. */
  sign(document: Buffer): string {
    const signature = this.#signature(TYPE.document, document).toString("base64");
    return `-----BEGIN PGP SIGNATURE-----\n\n${signature.replace(/.{64}/g, "$&\n")}\n-----END PGP SIGNATURE-----\n`;
  }

  #signature(type: number, subject: Buffer): Buffer {
    const fingerprint = Buffer.concat([Buffer.from([4]), this.#fingerprint]);
    const hashed = Buffer.concat([
      subpacket(2, this.#createdAt),
      subpacket(33, fingerprint),
      ...(type === TYPE.certification ? [subpacket(27, Buffer.from([0x03]))] : []),
    ]);
    const head = Buffer.concat([Buffer.from([4, type, EDDSA, SHA512]), be16(hashed.length), hashed]);
    const trailer = Buffer.concat([Buffer.from([4, 0xff]), be32(head.length)]);
    const digest = createHash("sha512").update(subject).update(head).update(trailer).digest();
    const unhashed = subpacket(16, this.#fingerprint.subarray(-8));
    const made = sign(null, digest, this.#private);
    const numbers = [mpi(made.subarray(0, 32)), mpi(made.subarray(32))];
    return packet(2, Buffer.concat([head, be16(unhashed.length), unhashed, digest.subarray(0, 2), ...numbers]));
  }

  #hashed(): Buffer {
    return Buffer.concat([Buffer.from([0x99]), be16(this.#body.length), this.#body]);
  }
}

function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), be32(body.length), body]);
}

function subpacket(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length + 1, type]), body]);
}

/** A number with its length in bits before it and no leading zeros. */
function mpi(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const body = bytes.subarray(first);
  return Buffer.concat([be16(body.length * 8 - (Math.clz32(body[0] ?? 0) - 24)), body]);
}

function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
