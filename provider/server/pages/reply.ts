import type { FastifyReply } from "fastify";
import type { Html } from "../html/html.js";

/** Only from this server, and nothing inline; no frame, and no form that leads elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What every answer to a browser carries. `no-store` comes from the server for all its answers. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
  "x-robots-tag": "noindex, nofollow",
};

/** Answers with a page. */
export function sendPage(reply: FastifyReply, status: number, page: Html): FastifyReply {
  return reply
    .status(status)
    .headers(PAGE_HEADERS)
    .header("vary", "accept-language, cookie")
    .type("text/html; charset=utf-8")
    .send(page.toString());
}

/** After a form: the browser fetches another page, which can be loaded again without sending the form twice. */
export function sendOn(reply: FastifyReply, path: string): FastifyReply {
  return reply.headers(PAGE_HEADERS).redirect(path, 303);
}

/** Hands a file over as something to keep: no browser opens it as a page of this server, whatever it is. */
export function attachmentHeaders(name: string, size: number): Record<string, string | number> {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, (found) => `%${found.charCodeAt(0).toString(16)}`);
  return {
    ...PAGE_HEADERS,
    "content-security-policy": "default-src 'none'; sandbox",
    "content-type": "application/octet-stream",
    "content-length": size,
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
  };
}
