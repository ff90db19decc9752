import { connect, createServer, type Server, type Socket } from "node:net";

/** One piece of traffic, counted over all connections and both directions. */
export interface Piece {
  number: number;
  /** `out`: towards the server. */
  direction: "out" | "in";
}

/** What becomes of a piece. `drop`: it isn't handed on, and its connection is broken. */
export type Verdict = "pass" | "drop";

/** What a test does at a piece: before it is handed on, and after. */
export interface Watcher {
  before?(piece: Piece): Verdict;
  after?(piece: Piece): void;
}

/** Stands between Coffre and a system and counts what passes: gives the moments inside of a request. */
export class Proxy {
  readonly port: number;
  /** How many pieces have passed. */
  pieces = 0;
  watcher: Watcher = {};
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  static async start(target: { host: string; port: number }): Promise<Proxy> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    });
    const proxy = new Proxy(server, port, sockets);
    server.on("connection", (client) => proxy.#serve(client, target));
    return proxy;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket, { host, port }: { host: string; port: number }): void {
    const server = connect({ host, port, noDelay: true });
    const both = [client, server];
    const breakOff = () => both.forEach((socket) => socket.destroy());
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // "close" follows
      socket.on("close", () => {
        this.#sockets.delete(socket);
        breakOff();
      });
    }
    client.on("data", (data) => this.#pass(data, "out", server, breakOff));
    server.on("data", (data) => this.#pass(data, "in", client, breakOff));
  }

  #pass(data: Buffer, direction: Piece["direction"], to: Socket, breakOff: () => void): void {
    const piece = { number: ++this.pieces, direction };
    if (this.watcher.before?.(piece) === "drop") {
      breakOff();
      return;
    }
    to.write(data, () => this.watcher.after?.(piece));
  }
}
