// Loads the SDK's dynamic provider from the project's folder (the working directory) or one above it. It reads its
// arguments from the same place in process.argv as when it is started by itself.
import { createRequire } from "node:module";
import { join } from "node:path";

createRequire(join(process.cwd(), "package.json"))("@pulumi/pulumi/cmd/dynamic-provider");
