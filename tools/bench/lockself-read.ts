import { Agent } from "undici";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import { type LockselfPlace, openLockselfVault } from "../../provider/vault/lockself/lockself-vault.js";
import { LOCKSELF_ROUTES } from "../../provider/vault/lockself/routes.js";
import { makeTokens, ServedVault } from "../served/served-vault.ts";
import { onFreshVault, vaultPlace } from "./fresh-vault.ts";
import { eachAtOnce } from "./pool.ts";
import { interleaved, median, timed } from "./statistics.ts";

const ENTRIES = 1_000;
/** As many as the client sends at once. */
const AT_ONCE = 4;
const ROUNDS = 3;

/** Medians of reading all entries once, milliseconds; and how many requests the client sent for it. */
export interface LockselfRead {
  oursMs: number;
  bareMs: number;
  ourRequests: number;
}

/**
 * Every password of a vault in LockSelf, as `coffre serve` speaks it in a process of its own: through a client that was opened
 * for it and so knows nothing yet, against bare requests for the entries that people see alone, whose ids are known before.
 */
export async function measureLockselfRead(): Promise<LockselfRead> {
  return onFreshVault(async (_vault, _reopen, folder) => {
    const place = vaultPlace(folder);
    const [text = ""] = await makeTokens(place, [{ user: "bench", role: "administrator", label: "bench" }]);
    const server = await ServedVault.start(place);
    try {
      const token = new Secret(text);
      const there: LockselfPlace = {
        http: { origin: server.origin, routes: LOCKSELF_ROUTES, tokens: () => ({ auth: token, ls: token }) },
        api: { settleMs: 0 }, // the server shows at once what was made
        space: ["Coffre"],
      };
      await createLockselfVault({ ...there, name: "bench", clock: systemClock });
      const ids = await makeEntries(there);
      return await compare(there, ids, token);
    } finally {
      await server.stop();
    }
  });
}

async function makeEntries(there: LockselfPlace): Promise<string[]> {
  const vault = openLockselfVault({ ...there, actor: "bench", clock: systemClock });
  try {
    const made = await vault.createCredentials(
      Array.from({ length: ENTRIES }, (_, index) => ({
        name: `entry-${index}`,
        categoryId: null,
        initial: { value: new Secret(valueOf(index)), causes: ["bench"] },
      })),
    );
    return made.map(({ id }) => id);
  } finally {
    await vault.close();
  }
}

async function compare(there: LockselfPlace, ids: readonly string[], token: Secret): Promise<LockselfRead> {
  const bare = new BareClient(there.http.origin, token);
  try {
    const numbers = await bare.list();
    if (numbers.length !== ENTRIES) throw new Error(`${numbers.length} entries are listed`);
    let ourRequests = 0;
    const ours = () =>
      timed(async () => {
        ourRequests = await readAll(there, ids);
      });
    const floor = () => timed(() => eachAtOnce(numbers, AT_ONCE, (number) => bare.read(number)));
    await floor(); // warm
    const times = await interleaved(ROUNDS, { floor, ours });
    return { oursMs: median(times.ours), bareMs: median(times.floor), ourRequests };
  } finally {
    await bare.close();
  }
}

/** @returns how many requests it took */
async function readAll(there: LockselfPlace, ids: readonly string[]): Promise<number> {
  const vault = openLockselfVault({ ...there, actor: "bench", clock: systemClock });
  try {
    const answers = await vault.readMany(ids.map((id) => ({ id })));
    const isRight = answers.every((one, index) => !(one instanceof Error) && one.value.reveal() === valueOf(index));
    if (!isRight || answers.length !== ids.length) throw new Error("another value was read");
    return vault.requests;
  } finally {
    await vault.close();
  }
}

const valueOf = (index: number) => `value of ${index}`;

/** What a script of a few lines would send. */
class BareClient {
  readonly #agent = new Agent({ connections: AT_ONCE });
  readonly #origin: string;
  readonly #headers: Record<string, string>;

  constructor(origin: string, token: Secret) {
    this.#origin = origin;
    this.#headers = { "x-auth-token": token.reveal(), "x-ls-token": token.reveal() };
  }

  /** Ids of the entries that people see. */
  async list(): Promise<number[]> {
    const { items } = (await this.#get("/api-key/credentials?limit=10000")) as {
      items: { id: number; name: string }[];
    };
    return items.filter(({ name }) => /^entry-\d+$/.test(name)).map(({ id }) => id);
  }

  async read(id: number): Promise<void> {
    const { password } = (await this.#get(`/api-key/credentials/${id}/decrypt`)) as { password?: unknown };
    if (typeof password !== "string") throw new Error("nothing was read");
  }

  async #get(path: string): Promise<unknown> {
    const { statusCode, body } = await this.#agent.request({
      origin: this.#origin,
      path,
      method: "GET",
      headers: this.#headers,
    });
    if (statusCode !== 200) throw new Error(`${path.split("?")[0]} answered ${statusCode}`);
    return body.json();
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}
