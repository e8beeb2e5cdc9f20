// The case's page with a script: its parts follow what happens, what is being typed survives, photos shrink.
// Without it everything on the page works as well; nothing here sends a message.
"use strict";

const FILE_BYTES = 10 * 1024 * 1024;
const SIDE = 1600;      // pixels of a photo's longer side: letters on a paper stay readable
const PAUSES = [2000, 5000, 15000, 30000];

const page = document.getElementById("kasus");
const form = document.querySelector("form[data-draft]");
const box = document.getElementById("pesan");

// --- what is being typed ------------------------------------------------------------------------------------------

const drafts = {
  key: (number) => `kasus:${number}`,
  get: (number) => { try { return sessionStorage.getItem(drafts.key(number)) || ""; } catch { return ""; } },
  put: (number, text) => {
    try {
      if (text) sessionStorage.setItem(drafts.key(number), text);
      else sessionStorage.removeItem(drafts.key(number));
    } catch { /* a browser that keeps nothing: the page still works */ }
  },
};

if (form && box) {
  const number = form.dataset.draft;
  if (document.getElementById("terkirim")) drafts.put(number, "");
  else if (!box.value) box.value = drafts.get(number);
  box.addEventListener("input", () => drafts.put(number, box.value));
  form.addEventListener("submit", sending);
  document.getElementById("berkas").addEventListener("change", (event) => shrink(event.target));
  const send = form.querySelector("button[type=submit]");
  const title = send.textContent;
  addEventListener("pageshow", () => { send.textContent = title; });
}

for (const forget of document.querySelectorAll("form[data-forget]")) {
  forget.addEventListener("submit", () => drafts.put(forget.dataset.forget, ""));
}

/** The browser sends the form itself; only what surely fails is held back, with the reason. */
function sending(event) {
  const [file] = document.getElementById("berkas").files;
  const why = !navigator.onLine ? form.dataset.offline : file && file.size > FILE_BYTES ? form.dataset.large : "";
  const told = form.querySelector("[role=alert]");
  told.textContent = why;
  told.hidden = !why;
  if (why) event.preventDefault();
  else form.querySelector("button[type=submit]").textContent = form.dataset.sending;
}

/** A photo of a telephone has megabytes that nobody needs to read a letter. Whatever cannot be drawn goes as it is. */
async function shrink(input) {
  const [file] = input.files;
  if (!file || !/^image\/(jpeg|png|webp)$/.test(file.type) || file.size < 400 * 1024) return;
  try {
    const drawn = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SIDE / Math.max(drawn.width, drawn.height));
    const canvas = Object.assign(document.createElement("canvas"),
      { width: Math.round(drawn.width * scale), height: Math.round(drawn.height * scale) });
    canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (!small || small.size >= file.size || input.files[0] !== file) return;
    const chosen = new DataTransfer();
    chosen.items.add(new File([small], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }));
    input.files = chosen.files;
  } catch { /* an old browser sends the photo as it is */ }
}

// --- what happens meanwhile ---------------------------------------------------------------------------------------

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const seen = () => document.visibilityState === "visible";
const shown = () => new Promise((done) => {
  if (seen()) done();
  else document.addEventListener("visibilitychange", function look() {
    if (seen()) { document.removeEventListener("visibilitychange", look); done(); }
  });
});

/** Ask for news while the page is looked at; an office that cannot be reached is asked less and less often. */
async function follow() {
  let failed = 0;
  for (;;) {
    await shown();
    const asking = new AbortController();
    const hidden = () => { if (!seen()) asking.abort(); };
    document.addEventListener("visibilitychange", hidden);
    try {
      const { path, version, from } = page.dataset;
      const told = await fetch(`${path}/kabar?versi=${version}&dari=${from}`, { signal: asking.signal });
      if (told.status === 200) await renew(asking.signal);
      else if (told.status !== 204) throw new Error(String(told.status));
      failed = 0;
    } catch {
      if (seen()) await wait(PAUSES[Math.min(failed++, PAUSES.length - 1)]);
    }
    document.removeEventListener("visibilitychange", hidden);
  }
}

/** The parts of the page as they are now. The form is not among them: what is typed and chosen stays. */
async function renew(signal) {
  const { path, from } = page.dataset;
  const answer = await fetch(from === "0" ? path : `${path}?dari=${from}`, { headers: { Accept: "text/html" }, signal });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const whole = fresh.getElementById("kasus");
  if (!answer.ok || !whole) throw new Error("not the case");
  if (whole.querySelector("#terhapus") && !page.querySelector("#terhapus")) { location.reload(); return; } // erased
  const before = page.querySelectorAll(".talk .officer").length;
  for (const part of page.querySelectorAll("[data-part]")) replace(part, whole.querySelector(`#${part.id}`));
  page.dataset.version = whole.dataset.version;
  const told = document.getElementById("baru");
  told.textContent = page.querySelectorAll(".talk .officer").length > before ? told.dataset.officer : told.dataset.news;
}

function replace(part, fresh) {
  if (!fresh || part.innerHTML === fresh.innerHTML) return;
  const focused = part.contains(document.activeElement);
  const unfolded = part.querySelector("details[open]");
  part.replaceChildren(...fresh.childNodes);
  if (unfolded) part.querySelector("details")?.setAttribute("open", "");
  if (focused) part.focus();
}

if (page) follow();
