import autocannon from "autocannon";

/** What the load is, as JSON in the first argument. */
export interface Load {
  url: string;
  seconds: number;
  connections: number;
  tokens: string[];
  bodies: string[];
}

/** What came of it, as one line of JSON. */
export interface Loaded {
  perSecond: number;
  p99Ms: number;
  failed: number;
}

// A process of its own, so that it can be kept on another core than the server. What is asked for comes on stdin: a token is
// no argument.
if (process.argv[1] === import.meta.filename) {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const { url, seconds, connections, tokens, bodies } = JSON.parse(Buffer.concat(chunks).toString()) as Load; // of served-reads.ts
  const result = await autocannon({
    url,
    duration: seconds,
    connections,
    requests: bodies.map((body, index) => ({
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${tokens[index % tokens.length] ?? ""}`,
      },
      body,
    })),
  });
  const loaded: Loaded = {
    perSecond: result.requests.average,
    p99Ms: result.latency.p99,
    failed: result.non2xx + result.errors + result.timeouts,
  };
  process.stdout.write(`${JSON.stringify(loaded)}\n`);
}
