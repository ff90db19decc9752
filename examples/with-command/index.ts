import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// `pulumi config set file …`, and for a machine also host, port, user, hostKey and reload. No secret is in it.
const config = new pulumi.Config();

const orders = new coffre.Credential("orders-app", {
  username: "orders_app",
  rotation: { everyDays: 90 },
  rotateWhenChanged: { reason: config.get("reason") ?? "none" },
});

// A name, no value: which credential, and which of its versions. It changes when the value does, so the commands that have
// it in their environment run again then, in place.
const REF = pulumi.interpolate`${orders.idRef}?version=${orders.currentVersion}`;

// Any part of a pipe that fails is a failure: what `coffre read` couldn't read must not arrive as an empty file.
const interpreter = ["/bin/bash", "-euo", "pipefail", "-c"];

// The file of a service on this machine. It is whole at any moment: the earlier value, or the new one.
const FILE = config.require("file");
new command.local.Command("orders-file", {
  interpreter,
  environment: { REF, FILE },
  create: `
    coffre read --no-newline "$REF" | install -m 600 /dev/stdin "$FILE.new"
    mv "$FILE.new" "$FILE"`,
  delete: 'rm -f "$FILE" "$FILE.new"',
  triggers: [FILE], // another place: it is delivered there, and then removed here
});

const host = config.get("host");
if (host !== undefined) deliverTo(host);

/** The same on another machine, whose service is told of it. SSH's agent has the key that both commands log in with. */
function deliverTo(host: string): void {
  const [port, user] = [config.getNumber("port") ?? 22, config.require("user")];
  const hostKey = config.require("hostKey"); // as in known_hosts, without the name: "ssh-ed25519 AAAA…"
  const ssh = `ssh -o BatchMode=yes -o "KnownHostsCommand=/bin/echo %H $HOST_KEY" -p "$PORT" "$TO"`;

  const delivered = new command.local.Command("orders-file-there", {
    interpreter,
    environment: { REF, TO: `${user}@${host}`, PORT: String(port), HOST_KEY: hostKey },
    // `read` takes whole lines only, so a pipe that was cut short leaves the file as it was.
    create: `
      coffre read "$REF" | ${ssh} '
        umask 077 && mkdir -p orders && IFS= read -r value &&
        printf %s "$value" >orders/password.new && mv orders/password.new orders/password'`,
    delete: `${ssh} 'rm -rf orders'`,
    triggers: [host, port, user],
  });
  new command.remote.Command(
    "orders-reload",
    {
      connection: { host, port, user, hostKey }, // no password and no privateKey: they would be in the state
      create: config.require("reload"), // for example "systemctl --user restart orders"
      triggers: [orders.currentVersion], // nothing to delete, so a replacement only runs it again
    },
    { dependsOn: delivered },
  );
}

export const ref = orders.ref; // coffre://prod/orders-app
export const version = orders.currentVersion;
