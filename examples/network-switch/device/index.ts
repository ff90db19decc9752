import { Switch } from "./switch.ts";

// A switch to try it on: `node device/index.ts 2323`, until Ctrl-C. Its admin has the password that its maker gave it.
const device = await Switch.start(Number(process.argv[2] ?? 2323));
device.give("netadmin", "factory-default", { privileged: true });
process.stdout.write(
  `A switch listens at 127.0.0.1, port ${String(device.port)}: log in as netadmin, password factory-default.\n`,
);
