import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";

// Who makes machines here: `pulumi config set maker http://…`. It answers a POST with the machine's id, address, port and
// public host key. In a cloud this is the provider's own resource, and the rest of the program stays as it is.
const maker = new pulumi.Config().require("maker");

class Machine extends pulumi.dynamic.Resource {
  declare readonly address: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly hostKey: pulumi.Output<string>;

  constructor(name: string, userData: pulumi.Input<string>, opts: pulumi.CustomResourceOptions = {}) {
    const provider: pulumi.dynamic.ResourceProvider = {
      async create(inputs: { url: string; userData: string }) {
        const response = await fetch(inputs.url, { method: "POST", body: inputs.userData });
        const made = (await response.json()) as { id: string; address: string; port: number; hostKey: string };
        return { id: made.id, outs: { ...inputs, ...made } };
      },
    };
    const outputs = { address: undefined, port: undefined, hostKey: undefined };
    super(provider, name, { url: maker, userData, ...outputs }, { ...opts, additionalSecretOutputs: ["userData"] });
  }
}

const machines = new coffre.Category("Machines", {
  passwordPolicy: { minLength: 20, require: ["upper", "lower", "digit"] },
});

// The password that the machine is born with. Only its hash leaves the vault.
const boot = new coffre.Credential("web-1-first-boot", { categoryId: machines.id, username: "deploy" });

const userData = pulumi.interpolate`#cloud-config
users:
  - name: deploy
    lock_passwd: false
    passwd: ${boot.passwordHash({ scheme: "sha512crypt" })}
chpasswd: { expire: true }
`;
// A later version of the boot password is no reason to make the machine anew.
const machine = new Machine("web-1", userData, { ignoreChanges: ["userData"] });

// Logs in once with the first password, replaces it, proves that it is refused and that the new one works.
const deploy = new coffre.Credential("web-1-deploy", {
  categoryId: machines.id,
  username: "deploy",
  target: coffre.linux({
    host: machine.address,
    port: machine.port,
    hostKey: machine.hostKey,
    initialRef: boot.idRef,
    identity: machine.id, // a machine that is made anew has its first password again
    waitFor: { timeoutSeconds: 600 },
  }),
  rotation: { everyDays: 90 },
});

export const ref = deploy.ref;
export const version = deploy.currentVersion;
