import { html, type Html } from "../../html/html.js";
import type { Locale } from "../../html/locale.js";
import { transferWords } from "./words.js";

/** What a file that is encrypted end to end is called once it is opened. */
export function openedName(name: string): string {
  return name.replace(/\.age$/, "");
}

/**
 * What the page says of files that are encrypted end to end: that they are, the question for the key where the address has none, what
 * its script says as it works, and how it goes without that script.
 */
export function sealedNotes(recipient: string, { language }: Locale): Html {
  const words = transferWords(language).sealed;
  return html`<p>${words.what}</p>
    <noscript><div class="notice plain">${words.withoutScript}</div></noscript>
    <div
      id="key-panel"
      hidden
      data-recipient="${recipient}"
      data-label="${words.open}"
      data-label-of="${words.openOf("{name}")}"
      data-running="${words.running("{name}", "{percent}")}"
      data-done="${words.done("{name}")}"
      data-failed="${words.failed("{name}")}"
    >
      <p id="wrong-key" class="notice bad" role="alert" hidden>${words.wrongKey}</p>
      <label for="key">${words.key}</label>
      <p class="help" id="key-help">${words.keyHelp}</p>
      <input
        id="key"
        type="text"
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        aria-describedby="key-help"
      />
    </div>`;
}

/** How the files are opened without the page's script, for whoever has none or trusts none. */
export function byHandNotes({ language }: Locale): Html {
  const words = transferWords(language).sealed;
  // No name of a file in it: whoever sends it chose that, and this is a line for a shell.
  return html`<section>
    <h2>${words.byHand}</h2>
    <p>${words.byHandText}</p>
    <pre><code>age --decrypt --identity key.txt --output FILE FILE.age</code></pre>
    <p class="help">${words.trust}</p>
  </section>`;
}
