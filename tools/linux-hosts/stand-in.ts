import { timingSafeEqual } from "node:crypto";
import ssh2, { type AuthContext, type ServerChannel, type Session } from "ssh2";
import { newKeyPair } from "./key-pair.ts";

/**
 * A STAND-IN, and no machine: an SSH server in this process, with passwords in a map. It speaks SSH for real, and plays the
 * answers of the two scripts that Coffre runs there. It has no accounts, no PAM, no sudo and no OpenSSH: for machines that
 * allow no real hosts (`findWay()` says why), and for nothing that is to be proven.
 */
export class StandInHost {
  readonly isStandIn = true;
  readonly address = "127.0.0.1";
  /** The public host key as `known_hosts` has it. */
  readonly hostKey: string;
  /** Refused logins by user. */
  readonly refused = new Map<string, number>();
  readonly #passwords: Map<string, string>;
  readonly #server: ssh2.Server;

  private constructor(passwords: Readonly<Record<string, string>>) {
    this.#passwords = new Map(Object.entries(passwords));
    const key = newKeyPair();
    this.hostKey = key.public.trim();
    this.#server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
      client.on("error", () => {}); // a client that goes away
      client.on("authentication", (context) => this.#authenticate(context));
      client.on("session", (accept) => this.#serve(accept()));
    });
  }

  /** @param passwords of the accounts; whoever is logged in may change all of them, as by a sudo that asks nothing */
  static async start(passwords: Readonly<Record<string, string>>): Promise<StandInHost> {
    const host = new StandInHost(passwords);
    await new Promise<void>((listening) => host.#server.listen(0, host.address, listening));
    return host;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): Promise<void> {
    return new Promise((stopped) => this.#server.close(() => stopped()));
  }

  #authenticate(context: AuthContext): void {
    if (context.method !== "password") return context.reject(["password"]);
    if (isSame(this.#passwords.get(context.username), context.password)) return context.accept();
    this.refused.set(context.username, (this.refused.get(context.username) ?? 0) + 1);
    context.reject(["password"]);
  }

  #serve(session: Session): void {
    session.on("env", (accept) => accept?.());
    session.on("exec", (accept, _reject, { command }) => this.#play(accept(), command));
  }

  /** The scripts are known by what they do; see `provider/target/linux/facts.ts` and `set.ts`. */
  #play(channel: ServerChannel, command: string): void {
    const [, mark = ""] = /echo (coffre-[0-9a-f]+);/.exec(command) ?? [];
    const [, user = ""] = /getent passwd ([A-Za-z0-9_.-]+)/.exec(command) ?? [];
    const end = (code: number) => {
      channel.exit(code);
      channel.end();
    };
    channel.stderr.write(`${mark}\n`);
    channel.write(`${mark}\n`);
    if (command.includes("chpasswd")) {
      if (!this.#passwords.has(user) && !command.includes("useradd")) return end(41);
      channel.write("coffre-ready\n");
      let input = "";
      channel.on("data", (chunk: Buffer) => (input += chunk.toString()));
      channel.on("end", () => {
        const at = input.indexOf(":");
        this.#passwords.set(input.slice(0, at), input.slice(at + 1).replace(/\n$/, ""));
        end(0);
      });
    } else if (command.includes("getent shadow")) {
      channel.write(this.#facts(user));
      end(0);
    } else {
      channel.stderr.write("This is a stand-in: it plays looks and sets, and nothing else.\n");
      end(1);
    }
  }

  #facts(user: string): string {
    const today = Math.floor(Date.now() / 86_400_000);
    const account = this.#passwords.has(user)
      ? `passwd ${user}:x:1000:1000::/home/${user}:/bin/sh\nshadow set 106 ${String(today)}:0:99999:7:::\nruns\n`
      : "runs\n";
    return `${account}today ${String(today)}\nend\n`;
  }
}

function isSame(expected: string | undefined, given: string): boolean {
  if (expected === undefined || Buffer.byteLength(expected) !== Buffer.byteLength(given)) return false;
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}
