import { connect, createServer, type Server, type Socket } from "node:net";

/** Where the proxy cuts both ends: with `COMMIT` still in its hand, or when its answer comes back. */
export type Cut = "before-commit" | "after-commit" | "never";

/** A TCP proxy on loopback that loses a connection at a chosen message. Only for connections without TLS. */
export class CuttingProxy {
  readonly #server: Server;
  cut: Cut = "never";

  private constructor(target: { host: string; port: number }) {
    this.#server = createServer((client) => this.#join(client, connect(target)));
  }

  static async start(target: { host: string; port: number }): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
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
      committing = chunk.includes("COMMIT");
      if (committing && this.cut === "before-commit") lose();
      else server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (committing && this.cut === "after-commit") lose();
      else client.write(chunk);
    });
  }
}
