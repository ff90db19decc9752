/** A piece of HTML in which every inserted text was escaped. Only {@link html} makes one. */
export class Html {
  readonly #markup: string;

  private constructor(markup: string) {
    this.#markup = markup;
  }

  /** For {@link html} alone: `markup` is taken as it is. */
  static trusted(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.#markup;
  }
}

/** What may stand between the markup: text is escaped, lists are joined, what isn't there leaves nothing. */
export type Inserted = Html | string | number | undefined | false | readonly Inserted[];

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Markup with texts in it, for element content and quoted attributes: html`<a href="${url}">${name}</a>`. What is inserted
 * is escaped unless this function made it, so that a page can't forget to. It isn't made for scripts and styles, and no page
 * has any inside of it. The address of a link must be one of ours, since escaping doesn't make `javascript:` harmless.
 */
export function html(markup: TemplateStringsArray, ...inserted: readonly Inserted[]): Html {
  return Html.trusted(markup.reduce((text, part, index) => text + markupOf(inserted[index - 1]) + part));
}

function markupOf(inserted: Inserted): string {
  if (inserted === undefined || inserted === false) return "";
  if (inserted instanceof Html) return inserted.toString();
  if (typeof inserted === "object") return inserted.map(markupOf).join("");
  return String(inserted).replace(/[&<>"']/g, (character) => ESCAPED[character] ?? character);
}
