import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { Dialogue } from "./dialogue.ts";

/** What the switch keeps of a user: a salted hash, whether it may log in, a word about it, and whether it may configure. */
export interface User {
  hash: string;
  enabled: boolean;
  description: string;
  privileged: boolean;
}

/**
 * A switch with a command line over TCP, as many have one: `login:`, `Password:` without an echo, `enable`, `configure
 * terminal` for one at a time, and changes that come into force together by `commit`. It writes down what is typed, as such
 * devices do, but no answer to a password's prompt, and it counts the logins that it refuses.
 */
export class Switch {
  readonly users = new Map<string, User>();
  readonly log: string[] = [];
  /** Who has the configuration open. */
  configuredBy: Dialogue | undefined;
  readonly #refused = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param port 0: any that is free */
  static async start(port = 0): Promise<Switch> {
    const device = new Switch();
    await new Promise<void>((listening, failed) => {
      device.#server.once("error", failed);
      device.#server.listen(port, "127.0.0.1", listening);
    });
    return device;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** A user with this password, or one whose password is another from now on. */
  give(name: string, password: string, more: Partial<User> = {}): void {
    const user = { enabled: true, description: "", privileged: false, ...this.users.get(name), ...more };
    this.users.set(name, { ...user, hash: newHash(password) });
  }

  /** A login. A refused one is counted, whatever the name. */
  admits(name: string, password: string): boolean {
    const user = this.users.get(name);
    const admitted = user !== undefined && user.enabled && isMadeOf(user.hash, password);
    if (!admitted) this.#refused.set(name, this.refusedLogins(name) + 1);
    this.log.push(`login of ${name} ${admitted ? "accepted" : "refused"}`);
    return admitted;
  }

  /** How many logins it has refused under this name. */
  refusedLogins(name: string): number {
    return this.#refused.get(name) ?? 0;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const dialogue = new Dialogue(this, (text) => socket.write(text));
    socket.setEncoding("utf8");
    socket.setNoDelay(true);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.configuredBy === dialogue) this.configuredBy = undefined;
    });
    let typed = "";
    socket.on("data", (chunk: string) => {
      const lines = (typed + chunk).split("\n");
      typed = lines.pop() ?? "";
      for (const line of lines) if (!dialogue.take(line.replace(/\r$/, ""))) socket.end();
    });
    dialogue.begin();
  }
}

/** `salt$hash` */
function newHash(password: string, salt = randomBytes(8).toString("hex")): string {
  return `${salt}$${createHash("sha256").update(`${salt}${password}`).digest("hex")}`;
}

/** Whether a kept hash was made of this password. */
export function isMadeOf(hash: string, password: string): boolean {
  return newHash(password, hash.split("$")[0]) === hash;
}
