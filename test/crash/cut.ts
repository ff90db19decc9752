import { CoffreError } from "../../provider/core/errors.js";
import type { TargetDriver, TargetSession } from "../../provider/target/port.js";
import type { RotationStep, Vault } from "../../provider/vault/port.js";
import { type Around, intercept } from "../fixtures/intercept.ts";
import type { Cut } from "./job.ts";

/** Counts the requests of one run, to vault and target alike, and cuts it off at one of them. */
export class RequestCounter {
  /** Every request so far. */
  readonly requests: string[] = [];
  readonly #cut: Cut | undefined;

  constructor(cut: Cut | undefined) {
    this.#cut = cut;
  }

  /** The vault with each of its requests counted. */
  vault(vault: Vault): Vault {
    return intercept(vault, this.#around("vault"));
  }

  /** The driver, and the sessions that it opens, with each request counted. */
  driver(driver: TargetDriver): TargetDriver {
    const count = this.#around("target");
    return intercept(driver, (call, proceed) =>
      count(call, async () => {
        const answer = await proceed();
        // Of a driver's methods only this one answers a session.
        return call.method === "connect" ? intercept(answer as TargetSession, count) : answer;
      }),
    );
  }

  #around(whose: string): Around {
    return async ({ method, args }, proceed) => {
      const number = this.requests.push([`${whose}.${method}`, ...stepsOf(method, args)].join(" "));
      const how = number === this.#cut?.number ? this.#cut.how : undefined;
      if (how === "kill-before") killSelf();
      const answer = await proceed();
      if (how === "kill-after") killSelf();
      if (how !== "lose-reply") return answer;
      // What the driver would answer, by its port: these two don't throw.
      if (method === "set") return { result: "in-doubt", reason: "the reply was lost" };
      if (method === "verify") return { proof: "unanswered", reason: "the reply was lost" };
      const details = method === "connect" ? { unanswered: true } : {};
      throw new CoffreError("UNREACHABLE", "The reply was lost", { details });
    };
  }
}

/** As `kill -9` from outside does: nothing of this process runs any more when this returns. */
function killSelf(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;); // until the signal has arrived
}

function stepsOf(method: string, args: readonly unknown[]): string[] {
  // The port's `record(lease, steps)`, `acquireAsSeen(seen, request, steps)` and `recordReadBack(lease, read, steps)`.
  const at = { record: 1, acquireAsSeen: 2, recordReadBack: 2 }[method];
  return at === undefined ? [] : (args[at] as RotationStep[]).map(({ step }) => step);
}
