import type { Brand } from "../html/brand.js";
import type { Language } from "../html/locale.js";

/** A picture beside the brand's name. */
export interface Logo {
  bytes: Uint8Array;
  mime: "image/png" | "image/svg+xml" | "image/jpeg" | "image/webp";
}

/** How a server's pages look and speak. */
export interface PageStyle {
  brand: Brand;
  logo?: Logo;
  /** For browsers that ask for none of ours. */
  language: Language;
  /** An IANA name: by whose clock times are written. */
  timeZone: string;
  /** Whether browsers reach the pages over TLS only: cookies are then never sent in clear. */
  secure: boolean;
}
