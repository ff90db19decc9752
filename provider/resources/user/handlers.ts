import { handlersOf } from "../people/handlers-of.js";
import { principalKind } from "../people/principal.js";
import { UserInputs } from "./schema.js";

/** What a front needs of a user. */
export const userHandlers = handlersOf(principalKind("user", UserInputs));
