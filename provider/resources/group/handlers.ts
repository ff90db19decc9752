import { handlersOf } from "../people/handlers-of.js";
import { principalKind } from "../people/principal.js";
import { GroupInputs } from "./schema.js";

/** What a front needs of a group. */
export const groupHandlers = handlersOf(principalKind("group", GroupInputs));
