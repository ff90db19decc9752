import { connect, createServer, type Server, type Socket } from "node:net";

/** Where the proxy cuts both ends: with the word that changes something still in its hand, or when its answer comes back. */
export type Cut = "before-commit" | "after-commit" | "never";

/** A TCP proxy on loopback that loses a connection at a chosen message. Only for connections without TLS. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #word: string;
  cut: Cut = "never";

  private constructor(target: { host: string; port: number }, word: string) {
    this.#word = word;
    this.#server = createServer((client) => this.#join(client, connect(target)));
  }

  /** @param word what the message has in it that changes something: PostgreSQL's, unless it is said */
  static async start(target: { host: string; port: number }, word = "COMMIT"): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, word);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): Promise<unknown> {
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    let committing = false;
    const lose = () => [client, server].forEach((socket) => socket.destroy());
    for (const socket of [client, server]) socket.on("error", lose).on("close", lose);
    client.on("data", (chunk) => {
      committing = chunk.includes(this.#word);
      if (committing && this.cut === "before-commit") lose();
      else server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (committing && this.cut === "after-commit") lose();
      else client.write(chunk);
    });
  }
}
