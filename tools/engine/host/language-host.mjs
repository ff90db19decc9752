// The language host for `runtime: nodejs`, for engines that were built from the Go module proxy, which serves none.
// It answers the engine's LanguageRuntime service and runs programs with the SDK's own `cmd/run`. What it leaves out of
// the official one: package generation, debuggers, tracing, package managers other than npm (docs/engine.md).
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";

const ALREADY_REPORTED = 32; // exit code of `cmd/run` after it has told the user what went wrong
const GRACE_MS = 3_000; // for children after SIGINT; the engine itself waits 5 s for its plugins
const MESSAGE_BYTES = 400 * 1024 * 1024; // the engine's own limit for one message

const fromProject = createRequire(join(process.cwd(), "package.json"));
const fromSdk = createRequire(fromProject.resolve("@pulumi/pulumi/package.json"));
const grpc = fromSdk("@grpc/grpc-js");
const { LanguageRuntimeService } = fromSdk("./proto/language_grpc_pb");
const messages = fromSdk("./proto/language_pb");
const { PluginInfo } = fromSdk("./proto/plugin_pb");
const { Empty } = fromSdk("google-protobuf/google/protobuf/empty_pb");

const children = new Set();
let engineAddress;
let stopping = false;

/** Starts a child that ends with this host, and answers how it ended. */
function start(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  void child.ended.then(() => children.delete(child));
  return child;
}

function interruptChildren() {
  for (const child of children) child.kill("SIGINT");
}

/** Ends the children, kindly first, and then this process. */
async function stop() {
  if (stopping) return;
  stopping = true;
  interruptChildren();
  const grace = setTimeout(() => children.forEach((child) => child.kill("SIGKILL")), GRACE_MS);
  await Promise.all([...children].map((child) => child.ended));
  clearTimeout(grace);
  process.exit(0);
}

/**
 * Stops when the engine is gone. A killed engine tells nobody: without this, host and program would live on for ever.
 * The engine closes a connection that stays silent, so only one that can't be opened again means that it died.
 */
function watchEngine(address) {
  if (!address || engineAddress === address) return;
  engineAddress = address;
  const separator = address.lastIndexOf(":");
  const target = { host: address.slice(0, separator), port: Number(address.slice(separator + 1)) };
  const watch = () => {
    if (engineAddress !== address) return;
    const socket = connect(target);
    let opened = false;
    socket.once("connect", () => (opened = true));
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => (opened ? setTimeout(watch, 100) : void stop()));
    socket.resume();
  };
  watch();
}

/** The program's own resolution, which may differ from the host's where `main` names another folder. */
const sdkScript = (directory, name) =>
  createRequire(join(directory, "package.json")).resolve(`@pulumi/pulumi/cmd/${name}`);

const runtimeOptions = (info) => info?.getOptions()?.toJavaScript() ?? {};

function runArguments(request, directory, info) {
  const flags = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    "root-directory": info?.getRootDirectory(),
    pwd: directory,
    parallel: request.getParallel() || undefined,
  };
  const set = Object.entries(flags).filter(([, value]) => value !== undefined && value !== "");
  const entry = info?.getEntryPoint() || request.getProgram() || ".";
  const dryRun = request.getDryrun() ? ["--dry-run"] : [];
  return [...set.map(([key, value]) => `--${key}=${value}`), ...dryRun, entry, ...request.getArgsList()];
}

function runEnvironment(request, options) {
  const config = {};
  for (const [key, value] of request.getConfigMap().entries()) config[key.replace(":", ":config:")] = value;
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(
      request.getConfigsecretkeysList().map((key) => key.replace(":", ":config:")),
    ),
  };
  if (options.typescript !== false) env.PULUMI_NODEJS_TYPESCRIPT = "true";
  if (options.tsconfig) env.PULUMI_NODEJS_TSCONFIG_PATH = options.tsconfig;
  return env;
}

async function runProgram(request) {
  const info = request.getInfo();
  const directory = info?.getProgramDirectory() || request.getPwd();
  const options = runtimeOptions(info);
  const nodeArguments = String(options.nodeargs ?? "")
    .split(/\s+/)
    .filter(Boolean);
  const child = start(
    process.execPath,
    [...nodeArguments, sdkScript(directory, "run"), ...runArguments(request, directory, info)],
    { cwd: directory, env: runEnvironment(request, options), stdio: ["ignore", "inherit", "inherit"] },
  );
  const { code, signal, error } = await child.ended;
  const response = new messages.RunResponse();
  if (code === ALREADY_REPORTED || child.cancelled) response.setBail(true);
  else if (error) response.setError(`the program could not be started: ${error.message}`);
  else if (signal) response.setError(`the program was ended by ${signal}`);
  else if (code !== 0) response.setError(`the program exited with code ${code}`);
  return response;
}

/** Sends a child's output as messages of one type, until it ends. */
async function stream(call, child, Response) {
  const send = (set) => (chunk) => {
    const response = new Response();
    response[set](chunk);
    call.write(response);
  };
  child.stdout.on("data", send("setStdout"));
  child.stderr.on("data", send("setStderr"));
  call.once("cancelled", () => {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
  });
  return child.ended;
}

async function runPlugin(call) {
  const request = call.request;
  const directory = request.getInfo()?.getProgramDirectory() || request.getProgram();
  const env = Object.fromEntries(request.getEnvList().map((line) => line.split(/=(.*)/s, 2)));
  const args = [sdkScript(directory, "run-plugin"), directory, ...request.getArgsList()];
  const child = start(process.execPath, args, { cwd: request.getPwd(), env, stdio: ["ignore", "pipe", "pipe"] });
  const { code, error } = await stream(call, child, messages.RunPluginResponse);
  if (error) return call.emit("error", { code: grpc.status.INTERNAL, details: error.message });
  const last = new messages.RunPluginResponse();
  last.setExitcode(code ?? 1);
  call.write(last);
  call.end();
}

async function installDependencies(call) {
  const directory = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  if (!existsSync(join(directory, "package.json"))) return call.end();
  const child = start("npm", ["install"], { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  const { code, error } = await stream(call, child, messages.InstallDependenciesResponse);
  if (code === 0) return call.end();
  const details = `npm install in ${directory} failed: ${error ? error.message : `exit code ${code}`}`;
  call.emit("error", { code: grpc.status.INTERNAL, details });
}

function programDependencies(request) {
  const directory = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const read = (path) => JSON.parse(readFileSync(path, "utf8"));
  const manifest = join(directory, "package.json");
  const response = new messages.GetProgramDependenciesResponse();
  if (!existsSync(manifest)) return response;
  const { dependencies = {}, devDependencies = {} } = read(manifest);
  for (const [name, wanted] of Object.entries({ ...devDependencies, ...dependencies })) {
    const installed = createRequire(manifest)
      .resolve.paths(name)
      .map((folder) => join(folder, name, "package.json"))
      .find(existsSync);
    const dependency = new messages.DependencyInfo();
    dependency.setName(name);
    dependency.setVersion(installed ? read(installed).version : wanted);
    response.addDependencies(dependency);
  }
  return response;
}

/** A unary method from a function of the request. */
const answer = (handle) => (call, callback) =>
  Promise.resolve()
    .then(() => handle(call.request))
    .then((response) => callback(null, response))
    .catch((error) => callback({ code: grpc.status.INTERNAL, details: error.message }));

const server = new grpc.Server({
  "grpc.max_receive_message_length": MESSAGE_BYTES,
  "grpc.max_send_message_length": MESSAGE_BYTES,
});
server.addService(LanguageRuntimeService, {
  handshake: answer((request) => {
    watchEngine(request.getEngineAddress());
    return new messages.LanguageHandshakeResponse();
  }),
  getPluginInfo: answer(() => {
    const info = new PluginInfo();
    info.setVersion(fromSdk("./package.json").version);
    return info;
  }),
  about: answer(() => {
    const response = new messages.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    return response;
  }),
  getRequiredPackages: answer(() => new messages.GetRequiredPackagesResponse()),
  getRequiredPlugins: answer(() => new messages.GetRequiredPluginsResponse()),
  runtimeOptionsPrompts: answer(() => new messages.RuntimeOptionsResponse()),
  getProgramDependencies: answer(programDependencies),
  installDependencies,
  run: answer(runProgram),
  runPlugin,
  cancel: answer(() => {
    for (const child of children) child.cancelled = true;
    interruptChildren();
    return new Empty();
  }),
});

process.on("SIGINT", stop);
process.on("SIGTERM", stop);
watchEngine(process.argv.at(-1));
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
