import { CoffreError } from "../core/errors.js";
import type { Boxes } from "./port.js";

/** The error of everything about drop-boxes, files and mail in a vault whose `capabilities.dropBoxes` is false. */
export function noDropBoxes(): CoffreError {
  return new CoffreError("NOT_SUPPORTED", "This vault keeps no drop-boxes", {
    hint: "A vault in a file, or behind `coffre serve`, does.",
  });
}

/** The drop-boxes of a vault that has none: every method of theirs is NOT_SUPPORTED. */
export function noBoxes(): Boxes {
  const refuse = (): Promise<never> => Promise.reject(noDropBoxes());
  const refuseList = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) });
  return {
    createBox: refuse,
    readBox: refuse,
    updateBox: refuse,
    archiveBox: refuse,
    deleteBox: refuse,
    findBox: refuse,
    listBoxes: refuseList,
    findOwnedBox: refuse,
    openDeposit: refuse,
    readDeposit: refuse,
    submitDeposit: refuse,
    deleteDeposit: refuse,
    listDeposits: refuseList,
    tidy: refuse,
    transfers: {
      create: refuse,
      read: refuse,
      update: refuse,
      send: refuse,
      archive: refuse,
      list: refuseList,
      findOwned: refuse,
    },
    files: {
      create: refuse,
      readFile: refuse,
      append: refuse,
      finish: refuse,
      abort: refuse,
      judge: refuse,
      read: refuse,
      deleteFile: refuse,
    },
  };
}
