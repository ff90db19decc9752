/** What can go wrong while the engine is being found or made. Each code has one message and one test. */
export type EngineErrorCode =
  | "ENGINE_NOT_FOUND" // COFFRE_ENGINE names nothing that runs, or nothing is installed and installing was not asked for
  | "ENGINE_TOO_OLD" // COFFRE_ENGINE names a version below the minimum
  | "UNSUPPORTED_PLATFORM" // no release archive and no tested build for this system
  | "CHECKSUM" // a downloaded archive is not what its release says it is
  | "DOWNLOAD_FAILED" // the release could be reached but not be fetched or unpacked
  | "NO_GO" // the engine must be built, and there is no Go
  | "GO_TOO_OLD" // the engine must be built, and Go is older than go.mod asks for
  | "NO_NETWORK" // neither the release nor the Go module proxy can be reached
  | "BUILD_FAILED" // Go ran and failed, or built something that doesn't answer as the wanted version
  | "BUSY"; // another setup has held the lock for longer than any build takes

/** A failure to provide the engine: `message` says what is wrong, `hint` what a person can do about it. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  readonly hint: string;

  constructor(code: EngineErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}

/** Whether a system call failed with this code. By shape, not by class: Jest runs tests in a realm of their own. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}
