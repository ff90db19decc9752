import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { FastifyInstance, FastifyReply } from "fastify";
import { CoffreError } from "../../core/errors.js";
import { inkOn } from "../html/brand.js";
import { type ModuleGraph, readModuleGraph } from "./modules.js";
import { PAGE_HEADERS } from "./reply.js";
import type { PageStyle } from "./style.js";

const PATH = "/pages/";
const MODULES = `${PATH}modules/`;
const CSS = "text/css; charset=utf-8";
const JAVASCRIPT = "text/javascript; charset=utf-8";

interface Asset {
  type: string;
  bytes: Uint8Array;
}

const own = (name: string) => readFileSync(new URL(`assets/${name}`, import.meta.url));

/** Files that all servers have alike, each read once. */
const SHARED = {
  "pages.css": (): Asset => ({ type: CSS, bytes: own("pages.css") }),
  "upload.js": (): Asset => ({ type: JAVASCRIPT, bytes: own("upload.js") }),
  "idle.js": (): Asset => ({ type: JAVASCRIPT, bytes: own("idle.js") }),
  "fragment.js": (): Asset => ({ type: JAVASCRIPT, bytes: own("fragment.js") }),
  "tus.js": (): Asset => ({
    type: JAVASCRIPT,
    bytes: readFileSync(createRequire(import.meta.url).resolve("tus-js-client/dist/tus.min.js")),
  }),
};
const read = new Map<string, Asset>();

type SharedName = keyof typeof SHARED;
type StyleName = "brand.css" | "logo";

function shared(name: SharedName): Asset {
  const asset = read.get(name) ?? SHARED[name]();
  read.set(name, asset);
  return asset;
}

function styled(name: StyleName, { brand, logo }: PageStyle): Asset {
  if (name === "logo") return { type: logo?.mime ?? "image/png", bytes: logo?.bytes ?? new Uint8Array() };
  const css = `:root { --brand: ${brand.colour}; --on-brand: ${inkOn(brand.colour)}; }\n`;
  return { type: CSS, bytes: Buffer.from(css) };
}

/** The address of a file that pages use. What it holds is part of it, so that browsers may keep it. */
export function assetUrl(name: SharedName): string;
export function assetUrl(name: StyleName, style: PageStyle): string;
export function assetUrl(name: SharedName | StyleName, style?: PageStyle): string {
  const { bytes } = style ? styled(name as StyleName, style) : shared(name as SharedName);
  return `${PATH}${name}?${hash("sha256", bytes).slice(0, 16)}`;
}

/** The script that opens what was encrypted end to end, with the libraries behind it: read when it is first asked for. */
let decrypting: ModuleGraph | undefined;
function decryptModules(): ModuleGraph {
  return (decrypting ??= readModuleGraph(new URL("assets/decrypt.js", import.meta.url), MODULES));
}

/** The address of `decrypt.js`, which browsers load as a module. */
export function decryptUrl(): string {
  return decryptModules().entry;
}

/** Serves the files that pages use: to everybody, since the page that asks for a code needs them. */
export function addAssets(app: FastifyInstance, style: PageStyle): void {
  // After the server's own hook, which says no-store of everything.
  app.addHook("onSend", async (_request, reply) => {
    if (reply.statusCode === 200) reply.header("cache-control", "public, max-age=31536000, immutable");
  });
  const send = (reply: FastifyReply, { type, bytes }: Asset) =>
    reply
      .headers(PAGE_HEADERS)
      .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // a logo may be SVG
      .type(type)
      .send(Buffer.from(bytes));
  for (const name of Object.keys(SHARED) as SharedName[]) {
    app.get(`${PATH}${name}`, async (_request, reply) => send(reply, shared(name)));
  }
  app.get(`${PATH}brand.css`, async (_request, reply) => send(reply, styled("brand.css", style)));
  app.get(`${MODULES}:digest/:name`, async (request, reply) => {
    const text = decryptModules().files.get(request.url);
    if (text !== undefined) return send(reply, { type: JAVASCRIPT, bytes: Buffer.from(text) });
    throw new CoffreError("NOT_FOUND", "There is no such script");
  });
  if (style.logo) app.get(`${PATH}logo`, async (_request, reply) => send(reply, styled("logo", style)));
}
