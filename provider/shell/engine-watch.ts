import { connect } from "node:net";

const PAUSE_MS = 100;

/**
 * Calls `onGone` once the engine at this address has died. A killed engine tells its plugins nothing, and they would
 * live on with their leases. It closes connections that stay silent, so only one that can't be opened again counts.
 */
export function watchEngine(address: string, onGone: () => void): void {
  const separator = address.lastIndexOf(":");
  const target = { host: address.slice(0, separator), port: Number(address.slice(separator + 1)) };
  const watch = () => {
    let opened = false;
    const socket = connect(target);
    socket.once("connect", () => {
      opened = true;
    });
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => {
      if (opened) setTimeout(watch, PAUSE_MS).unref();
      else onGone();
    });
    socket.unref();
    socket.resume();
  };
  watch();
}

/** The engine's address, the first argument of a plugin; `undefined` for a process that no engine started. */
export function engineAddress(argv: readonly string[]): string | undefined {
  return argv.slice(2).find((argument) => /^[^\s-][^\s]*:\d+$/.test(argument));
}
