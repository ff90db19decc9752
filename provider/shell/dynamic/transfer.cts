// Every state names this file: `require("coffre/dynamic/transfer")`. It stays where it is for ever.
import type { Kind } from "../front.js" with { "resolution-mode": "import" };

// A CommonJS file's exports have no type that an import here could give.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { front } = require("./front.cjs") as { front: (kind: Kind) => object };

module.exports = front("transfer");
