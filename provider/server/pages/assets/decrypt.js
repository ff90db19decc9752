// Opens files that were encrypted end to end: the key stands behind the # of the page's address, which no browser sends.
import { Decrypter, identityToRecipient } from "age-encryption";

const LARGE_BYTES = 256 * 1024 * 1024; // more isn't kept in memory, where the browser can write to a file of the disk
const panel = document.getElementById("key-panel");
const field = document.getElementById("key");
const wrong = document.getElementById("wrong-key");
const words = panel.dataset;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

/** What is under way with one file, or went wrong, below its button. */
function stateOf(form) {
  const state = document.createElement("p");
  state.hidden = true;
  form.after(state);
  return (kind, text) => {
    state.className = `notice ${kind}`;
    state.setAttribute("role", kind === "bad" ? "alert" : "status");
    state.textContent = text;
    state.hidden = false;
  };
}

/** The key of this transfer, from the address or as it was typed; `undefined` for another one. */
async function readKey() {
  for (const key of [location.hash.slice(1), field.value.trim()]) {
    const recipient = await identityToRecipient(key).catch(() => undefined); // no key at all
    if (recipient === words.recipient) return key;
  }
  return undefined;
}

/** Hands a file over as a download of the browser's. */
async function save(name, content, handle) {
  if (handle) return content.pipeTo(await handle.createWritable()); // gives it up if the content fails
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await new Response(content).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Tells how many bytes have come. */
function counting(tell) {
  let done = 0;
  return new TransformStream({
    transform(chunk, controller) {
      done += chunk.length;
      tell(done);
      controller.enqueue(chunk);
    },
  });
}

async function open({ action, dataset }, say) {
  const { name, size } = dataset;
  const key = await readKey();
  panel.hidden = key !== undefined;
  wrong.hidden = key !== undefined;
  if (!key) return field.focus();
  // Asked for at once: a browser shows its question only right after a click.
  const isLarge = Number(size) > LARGE_BYTES && "showSaveFilePicker" in window;
  const handle = isLarge ? await window.showSaveFilePicker({ suggestedName: name }) : undefined;
  const answer = await fetch(action, { method: "POST", credentials: "same-origin" });
  if (!answer.ok) return location.reload(); // the page says what has become of the transfer
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  const percent = (done) => Math.floor((done / Number(size)) * 100);
  const progress = counting((done) => say("plain", fill(words.running, { name, percent: percent(done) })));
  await save(name, await decrypter.decrypt(answer.body.pipeThrough(progress)), handle);
  say("good", fill(words.done, { name }));
}

for (const form of document.querySelectorAll("form[data-sealed]")) {
  const say = stateOf(form);
  const button = form.querySelector("button");
  button.textContent = words.label;
  button.setAttribute("aria-label", fill(words.labelOf, form.dataset));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await open(form, say);
    } catch (error) {
      // Who closes the browser's question wants nothing.
      if (error.name !== "AbortError") say("bad", fill(words.failed, form.dataset));
    }
    button.disabled = false;
  });
}
panel.hidden = (await readKey()) !== undefined;
document.documentElement.dataset.ready = "yes";
