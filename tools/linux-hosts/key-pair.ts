import ssh2 from "ssh2";

/** A key pair for SSH: `private` in OpenSSH's form, `public` as a line of `authorized_keys`. */
export interface KeyPair {
  private: string;
  public: string;
}

/** A new ed25519 pair. The library writes one in some hundred so that it can't read it itself; those are thrown away. */
export function newKeyPair(): KeyPair {
  for (let tries = 0; tries < 20; tries++) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return { private: pair.private, public: pair.public };
  }
  throw new Error("No key pair could be made.");
}

/** The public half of a private key, as `known_hosts` and `authorized_keys` have it: `ssh-ed25519 AAAA…`. @throws Error if it is none */
export function publicLineOf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}
