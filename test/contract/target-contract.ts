import { createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { TargetDriver, TargetLogin, TargetSession, TargetSpec } from "../../provider/target/port.js";

/** What a real system behind a driver must let the suite do, by means of its own and not the driver's. */
export interface TargetHarness {
  readonly driver: TargetDriver;
  /** A description of the system, changed through `admin`; `create`: missing accounts are created. */
  description(options?: { create?: boolean }): Record<string, unknown>;
  /** The same description, but at another port. */
  elsewhere(port: number): Record<string, unknown>;
  readonly admin: TargetLogin;
  /** Creates an account, without a trace of the password in the system's log. */
  makeAccount(name: string, password: string): Promise<void>;
  accountExists(name: string): Promise<boolean>;
  /** Logs in with a client that isn't the driver's. */
  canLogIn(name: string, password: string): Promise<boolean>;
  /** From the system's own log. */
  refusedLogins(name: string): Promise<number>;
  /** Makes the system write the text down, as a careless statement would. */
  writeDown(text: string): Promise<void>;
  /** All that the system has written down so far. */
  log(): Promise<string>;
  /** Ends every connection of the admin, on the system's side; left out where a session keeps none. */
  cutAdmin?(): Promise<void>;
  /** Milliseconds that a call may take to find out that nobody answers. Default 300. */
  readonly quickMs?: number;
  stop(): Promise<void>;
}

/** In every password that the suite sets: the search for leaks looks for it. */
const MARKER = "CoffreMarker";
const newPassword = () => new Secret(`${MARKER}-${crypto.randomUUID()}!%&"'\\$`);

/** What every target promises, on a real system. */
export function targetContract(
  kind: string,
  start: () => Promise<TargetHarness>,
  /** False for a driver that leaves connections to programs: it keeps none, and doesn't know why one failed. */
  { connectsItself = true }: { connectsItself?: boolean } = {},
): void {
  describe(`the ${kind} target`, () => {
    let harness: TargetHarness;
    let session: TargetSession;
    let number = 0;
    beforeAll(async () => {
      harness = await start();
      session = await harness.driver.connect(specOf("any"), harness.admin);
    }, 120_000);
    afterAll(async () => {
      await session.close();
      await harness.stop();
    });

    const specOf = (name: string, options?: { create?: boolean }): TargetSpec =>
      harness.driver.parse(harness.description(options), name);
    const verify = (spec: TargetSpec, password: Secret) => harness.driver.verify(spec, password, spec.address);
    async function newAccount(): Promise<{ name: string; spec: TargetSpec; password: Secret }> {
      const name = `account_${++number}`;
      const password = newPassword();
      await harness.makeAccount(name, password.reveal());
      return { name, spec: specOf(name), password };
    }

    test("a description that was parsed is parsed to the same again", () => {
      const spec = specOf("orders_app", { create: true });
      expect(harness.driver.parse(spec.description, "orders_app")).toEqual(spec);
      expect(spec.account).toMatch(new RegExp(`^${harness.driver.kind}://orders_app@.+:\\d+$`));
    });

    test("a look finds the account, changes nothing and is no login", async () => {
      const { name, spec, password } = await newAccount();
      await expect(session.look(spec)).resolves.toEqual({ accountExists: true, notes: [] });
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
      await expect(harness.refusedLogins(name)).resolves.toBe(0);
    });

    test("what was set works, what was there before doesn't, and nothing is refused on the way", async () => {
      const { name, spec, password: old } = await newAccount();
      const password = newPassword();
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
      await expect(harness.refusedLogins(name)).resolves.toBe(0);
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
      await expect(harness.canLogIn(name, old.reveal())).resolves.toBe(false);
    });

    test("a set can be repeated with the same value", async () => {
      const { name, spec } = await newAccount();
      const password = newPassword();
      await session.set(spec, password);
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
    });

    test("a wrong password is refused, and counted once by the system", async () => {
      const { name, spec } = await newAccount();
      await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
      await expect(harness.refusedLogins(name)).resolves.toBe(1);
    });

    test("a missing account is NOT_FOUND unless it is to be created", async () => {
      await expect(session.look(specOf("missing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(session.set(specOf("missing"), newPassword())).resolves.toMatchObject({ result: "refused" });
      await expect(harness.accountExists("missing")).resolves.toBe(false);
    });

    test("an account that is to be created is created with its password", async () => {
      const spec = specOf("created", { create: true });
      await expect(session.look(spec)).resolves.toMatchObject({ accountExists: false });
      await expect(harness.accountExists("created")).resolves.toBe(false);
      const password = newPassword();
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: true });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
      await expect(session.look(spec)).resolves.toMatchObject({ accountExists: true });
      // As after a lost reply: the account is still one that Coffre made.
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: true });
    });

    test("a disabled account refuses its password until it is set again; a dropped one is gone", async () => {
      const { name, spec, password } = await newAccount();
      await session.remove(spec, "disable");
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(false);
      await session.remove(spec, "disable");
      await session.look(spec);
      await session.set(spec, password);
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
      await session.remove(spec, "drop");
      await expect(harness.accountExists(name)).resolves.toBe(false);
      await session.remove(spec, "drop");
      await session.remove(spec, "disable");
    });

    test("calls that overlap on one session all end well", async () => {
      const accounts = await Promise.all(Array.from({ length: 5 }, newAccount));
      const passwords = accounts.map(newPassword);
      const results = await Promise.all(
        accounts.map(async ({ spec }, index) => {
          await session.look(spec);
          return session.set(spec, passwords[index] ?? newPassword());
        }),
      );
      expect(results.map(({ result }) => result)).toEqual(accounts.map(() => "set"));
      for (const [index, { name }] of accounts.entries()) {
        await expect(harness.canLogIn(name, passwords[index]?.reveal() ?? "")).resolves.toBe(true);
      }
    });

    test("a refused admin is LOGIN_REFUSED, once, and the error holds no password", async () => {
      const password = newPassword();
      const before = await harness.refusedLogins(harness.admin.username);
      const attempt = harness.driver.connect(specOf("any"), { ...harness.admin, password });
      const error: unknown = await attempt.catch((problem: unknown) => problem);
      expect(error).toMatchObject({ code: "LOGIN_REFUSED" });
      expect(everythingIn(error)).not.toContain(MARKER);
      await expect(harness.refusedLogins(harness.admin.username)).resolves.toBe(before + 1);
    });

    describe("when the system isn't there", () => {
      let mute: Server;
      beforeAll(async () => {
        mute = createServer((socket) => socket.on("error", () => {}).resume());
        await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      });
      afterAll(() => new Promise((resolve) => mute.close(resolve)));

      const portOf = (server: Server) => {
        const address = server.address();
        return typeof address === "object" && address !== null ? address.port : 0;
      };
      const quick = (spec: TargetSpec): TargetSpec => {
        const { quickMs = 300 } = harness;
        return { ...spec, limits: { connectMs: quickMs, setMs: quickMs, verifyMs: quickMs } };
      };
      const specAt = (port: number) => quick(harness.driver.parse(harness.elsewhere(port), "any"));

      test("a closed port is UNREACHABLE, in a way that waiting can help", async () => {
        const gone = createServer();
        await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
        const spec = specAt(portOf(gone));
        await new Promise((resolve) => gone.close(resolve));
        await expect(harness.driver.connect(spec, harness.admin)).rejects.toMatchObject({
          code: "UNREACHABLE",
          details: connectsItself ? { refusedConnect: true } : {},
        });
        await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "unreachable" });
      });

      test("one that takes the connection and says nothing is UNREACHABLE when its time is over", async () => {
        const spec = specAt(portOf(mute));
        const startedAt = performance.now();
        const error: unknown = await harness.driver.connect(spec, harness.admin).catch((problem: unknown) => problem);
        expect(error).toMatchObject({ code: "UNREACHABLE" });
        expect(error).not.toMatchObject({ details: { refusedConnect: true } });
        await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "unreachable" });
        expect(performance.now() - startedAt).toBeLessThan(2 * spec.limits.connectMs + 1_500);
      });

      test("a call that is interrupted ends at once, as INTERRUPTED", async () => {
        const spec = harness.driver.parse(harness.elsewhere(portOf(mute)), "any");
        const later = new AbortController();
        setTimeout(() => later.abort(), 50);
        const startedAt = performance.now();
        const interrupted = { code: "INTERRUPTED" };
        await expect(harness.driver.connect(spec, harness.admin, AbortSignal.abort())).rejects.toMatchObject(
          interrupted,
        );
        await expect(harness.driver.connect(spec, harness.admin, later.signal)).rejects.toMatchObject(interrupted);
        const verified = harness.driver.verify(spec, newPassword(), spec.address, later.signal);
        await expect(verified).rejects.toMatchObject(interrupted);
        expect(performance.now() - startedAt).toBeLessThan(1_000);
      });

      const testCut = connectsItself ? test : test.skip;
      testCut("a session whose connection was cut says so, changes nothing and brings nobody down", async () => {
        const { name, spec, password } = await newAccount();
        const cut = await harness.driver.connect(spec, harness.admin);
        expect(cut.usable).toBe(true);
        await harness.cutAdmin?.();
        await until(() => !cut.usable);
        await expect(cut.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
        await expect(cut.look(spec)).rejects.toMatchObject({ code: "UNREACHABLE" });
        await cut.close();
        await cut.close();
        await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
        session = await harness.driver.connect(spec, harness.admin);
      });
    });

    test("no password is in what the system wrote down, by the search that finds a planted one", async () => {
      await harness.writeDown(`${MARKER}Planted`);
      const lines = (await harness.log()).split("\n").filter((line) => line.includes(MARKER));
      expect(lines).toEqual([expect.stringContaining(`${MARKER}Planted`)]);
    });
  });
}

/** Waits for what comes soon but not at once. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await condition()) return;
    await delay(10);
  }
  throw new Error("It didn't come about within two seconds.");
}

/** All text that an error and its causes hold. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)));
  return [JSON.stringify(error), ...own, everythingIn(error.cause)].join("\n");
}
