import { createServer, request } from "node:http";
import { once } from "node:events";

/** Hands requests on to a server as they are, and counts them: what it has seen is what the server was asked. */
export interface CountingProxy {
  /** To be asked in place of the server's. */
  origin: string;
  /** Method and path of each request since the last call, in the order in which they came. */
  take: () => string[];
  close: () => Promise<void>;
}

/** @param origin of a server on plain HTTP */
export async function startCountingProxy(origin: string): Promise<CountingProxy> {
  let seen: string[] = [];
  const proxy = createServer((asked, answered) => {
    seen.push(`${asked.method ?? ""} ${asked.url ?? ""}`);
    const { method, headers } = asked;
    const onward = request(new URL(asked.url ?? "/", origin), { method, headers }, (answer) => {
      answered.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(answered);
    });
    onward.on("error", () => answered.destroy());
    asked.pipe(onward);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, "close");
    },
  };
}
