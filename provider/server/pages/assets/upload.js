// Uploads with progress, by tus, where the page's form would send everything at once. Without this script the form does.
(() => {
  const form = document.getElementById("upload");
  const input = document.getElementById("files");
  const drop = document.getElementById("drop");
  const running = document.getElementById("running");
  const spoken = document.getElementById("spoken");
  if (!form || !input || !drop || !running || !spoken || !window.tus?.isSupported) return;

  const CHUNK_BYTES = 8 * 1024 * 1024; // each ends well within the server's patience on a slow line
  const AT_ONCE = 3;
  const PAUSES_MS = [0, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000];
  const words = spoken.dataset;
  const token = form.elements.namedItem("token").value;
  const waiting = [];
  let active = 0;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const say = (text) => (spoken.textContent = text);

  /** One line of the list, as long as its upload runs. */
  function addLine(name) {
    const line = document.createElement("li");
    line.className = "file";
    const [title, size, bar, state, button] = ["span", "span", "progress", "span", "button"].map((tag) =>
      line.appendChild(document.createElement(tag)),
    );
    title.className = "name";
    title.appendChild(document.createElement("bdi")).textContent = name;
    size.className = "size";
    state.className = "digest";
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    button.type = "button";
    button.className = "quiet";
    running.appendChild(line);
    running.hidden = false;
    return { line, size, bar, state, button };
  }

  function removeLine(line) {
    line.remove();
    running.hidden = running.children.length === 0;
  }

  /** What the server has of the deposit, as its own page shows it. */
  async function refresh() {
    const answer = await fetch(location.pathname, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["collected", "hand-in"]) {
      const [here, there] = [document.getElementById(id), page.getElementById(id)];
      if (!here || !there) return location.reload(); // signed out, or the box is closed by now
      if (id === "collected") here.replaceChildren(...there.childNodes);
      else here.hidden = there.hidden; // a note that is being written stays
    }
    document.dispatchEvent(new Event("coffre-answered"));
  }

  function start(file) {
    const name = file.name;
    const shown = addLine(name);
    let lastTenth = 0;
    const ended = () => {
      active -= 1;
      next();
    };
    const failed = (reason, isFinal) => {
      const text = fill(words.failed, { name, reason });
      shown.state.textContent = reason;
      shown.state.classList.add("problem");
      shown.bar.hidden = true;
      shown.size.textContent = "";
      say(text);
      // The same content would be refused again.
      shown.button.textContent = isFinal ? words.remove : words.retry;
      shown.button.setAttribute("aria-label", isFinal ? `${words.remove} ${name}` : `${words.retry}: ${name}`);
      shown.button.onclick = () => {
        removeLine(shown.line);
        if (!isFinal) add([file]);
        input.focus();
      };
      ended();
    };
    const upload = new window.tus.Upload(file, {
      endpoint: words.uploads,
      chunkSize: CHUNK_BYTES,
      retryDelays: PAUSES_MS,
      metadata: { filename: name },
      headers: { "x-form-token": token },
      removeFingerprintOnSuccess: true,
      onShouldRetry(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        const again = status === 0 || status === 408 || status === 409 || status === 423 || status >= 500;
        if (again) shown.state.textContent = words.interrupted;
        return again;
      },
      onProgress(sent, total) {
        const percent = total === 0 ? 100 : Math.floor((100 * sent) / total);
        shown.bar.value = percent / 100;
        shown.size.textContent = fill(words.percent, { percent: String(percent) });
        shown.state.textContent = "";
        // A screen reader needn't hear each step.
        if (Math.floor(percent / 25) > lastTenth) {
          lastTenth = Math.floor(percent / 25);
          say(fill(words.progress, { name, percent: String(percent) }));
        }
      },
      onChunkComplete: () => document.dispatchEvent(new Event("coffre-answered")),
      onSuccess() {
        removeLine(shown.line);
        say(fill(words.done, { name }));
        void refresh();
        ended();
      },
      onError(error) {
        const response = error.originalResponse;
        const status = response?.getStatus() ?? 0;
        const text = status === 401 ? words.signedOut : status >= 400 ? response.getBody().trim() : words.interrupted;
        // What the server refused for good is begun anew the next time.
        if (status === 413 || status === 415) void upload.abort(true).catch(() => undefined);
        failed(text.startsWith("<") ? words.signedOut : text, status === 415);
      },
    });
    shown.button.textContent = words.cancel;
    shown.button.setAttribute("aria-label", `${words.cancel}: ${name}`);
    shown.button.onclick = () => {
      void upload.abort(true).finally(refresh);
      removeLine(shown.line);
      input.focus();
      ended();
    };
    // The same file (by name, size and time of change) in the same browser goes on where it was.
    upload.findPreviousUploads().then((previous) => {
      if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  }

  function next() {
    while (active < AT_ONCE && waiting.length > 0) {
      active += 1;
      start(waiting.shift());
    }
  }

  function add(files) {
    waiting.push(...files);
    next();
  }

  document.getElementById("send").hidden = true;
  drop.querySelector(".or").hidden = false;
  drop.classList.add("scripted"); // our words in place of those of the browser, which are in its own language
  input.required = false;
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
  // Beside the field a browser would open the file in place of the page.
  for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());
  window.addEventListener("beforeunload", (event) => {
    if (active > 0) event.preventDefault();
  });
})();
