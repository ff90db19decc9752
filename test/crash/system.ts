/** A system whose accounts a proof sets, looked at from outside of Coffre. */
export interface System {
  /** Where it listens. */
  readonly address: { host: string; port: number };
  /** What it keeps of each account's password; no entry for an account that doesn't exist. */
  verifiers(users: readonly string[]): Promise<Map<string, string | undefined>>;
  /** Whether what it keeps was made of this password, found without a login. */
  isMadeOf(verifier: string, password: string): boolean;
  /** A plain login by another client than Coffre's. */
  logsIn(user: string, password: string): Promise<boolean>;
  /** How many logins it has refused by its own log: of one account, or all that it would hold against one source. */
  refusedLogins(user: string): Promise<number>;
  /** Ends what was started for one point. */
  close(): Promise<void>;
}
