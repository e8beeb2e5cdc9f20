/* The officers' console with JavaScript: one live stream for all tabs, keys, feedback at once, sound and notices.
   Every page works without it. Sentences stand in the page (petugas_base.html), none here.

   What any page may listen to, on `document`:
     wajah:change      a case changed            detail: {number, seq}
     wajah:present     colleagues at a case changed  detail: {number}
     wajah:everything  something was missed: look at all
     wajah:connection  detail: {state}           "ok", "lost", "ended" (signed out)
     wajah:refresh     the two first, bundled: fetch what is shown anew
   What any page may give: data-key="r" with data-says="…" on whatever the key shall press or focus; data-item on what
   j and k walk through. */
"use strict";
(() => {
  const SILENT = 50000; // milliseconds without a heartbeat (they come every 20 s) after which the line is dead
  const byId = (id) => document.getElementById(id);
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`wajah:${name}`, { detail }));
  const strip = byId("sambungan");
  const words = strip.dataset;

  function say(sentence) {
    byId("ucapan").textContent = sentence;
  }

  // --- one stream for each browser: the tab that holds the lock has it, the others hear from it. A tab that holds a
  // lock is not frozen, and its end gives the lock to the next tab, whose new stream says first that all must be seen.

  const channel = "BroadcastChannel" in window ? new BroadcastChannel("wajah-petugas") : null;
  let leading = false;
  let state = null;

  function connected(now) {
    if (now === state) return;
    state = now;
    clearTimeout(connected.timer);
    connected.timer = setTimeout(show, now === "lost" ? 3000 : 0); // a server that restarts is no news
    tell("connection", { state });
  }

  function show() {
    strip.hidden = state === "ok";
    if (state === "lost") strip.textContent = words.lost;
    if (state === "ended") {
      const link = document.createElement("a");
      [link.href, link.textContent] = ["/petugas/masuk", words.enter];
      strip.replaceChildren(words.ended, " ", link);
    }
  }

  function hear(news) {
    if (news.state) {
      const joined = state === null && !leading;
      connected(news.state);
      if (joined) tell("everything");
    }
    if (news.change) tell("change", news.change);
    if (news.present) tell("present", news.present);
    if (news.everything) tell("everything");
  }

  function spread(news) {
    hear(news);
    channel?.postMessage(news);
  }

  function lead() {
    leading = true;
    let source, watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(open, SILENT);
    };
    const on = (name, told) => source.addEventListener(name, (event) => {
      alive();
      told(event);
    });
    function open() {
      source?.close();
      source = new EventSource(words.stream);
      alive();
      on("open", () => spread({ state: "ok" }));
      on("alive", () => {});
      on("look", () => spread({ everything: true }));
      on("case", (event) => spread({ change: JSON.parse(event.data) }));
      on("present", (event) => spread({ present: JSON.parse(event.data) }));
      source.addEventListener("error", async () => {
        spread({ state: "lost" });
        if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
        clearTimeout(watch);
        if (await signedOut()) spread({ state: "ended" });
        else watch = setTimeout(open, 5000);
      });
    }
    addEventListener("offline", () => spread({ state: "lost" }));
    addEventListener("online", open);
    open();
    return new Promise(() => {}); // until this page goes
  }

  async function signedOut() {
    try {
      return (await fetch("/api/v1/officer/session")).status === 401;
    } catch {
      return false;
    }
  }

  if (channel) {
    channel.onmessage = ({ data }) => {
      if (data.ask) {
        if (leading && state) channel.postMessage({ state });
      } else hear(data);
    };
    channel.postMessage({ ask: true });
  }
  if (words.stream) { // who may see no case has none
    if (channel && navigator.locks) navigator.locks.request("wajah-petugas", lead);
    else lead();
  }

  // --- fetch anew: a burst is one fetch, and a tab that nobody sees waits until it is seen

  let timer, since, stale = false;

  function soon() {
    since ??= Date.now();
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(0, Math.min(250, since + 2000 - Date.now())));
  }

  function refresh() {
    since = undefined;
    stale = document.hidden && !leading;
    if (!stale) tell("refresh");
  }

  document.addEventListener("wajah:change", soon);
  document.addEventListener("wajah:everything", soon);
  document.addEventListener("visibilitychange", () => {
    if (stale && !document.hidden) soon();
  });
  setInterval(() => document.hidden || soon(), 60000); // "menunggu 2 jam" grows older
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status === 401) spread({ state: "ended" });
  });

  // --- feedback at once: what was pressed says that it works, and cannot be pressed twice

  const busy = new Map();

  function begin(form, button) {
    if (!button || busy.has(form)) return;
    busy.set(form, [button, [...button.childNodes]]);
    button.setAttribute("aria-disabled", "true");
    button.textContent = words.saving;
    say(words.saving);
  }

  function finish(form) {
    const [button, was] = busy.get(form) ?? [];
    busy.delete(form);
    button?.removeAttribute("aria-disabled");
    button?.replaceChildren(...was);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (busy.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    begin(form, event.submitter ?? form.querySelector("button[type=submit]"));
  }, true);
  document.addEventListener("htmx:afterRequest", ({ target }) => finish(target));
  addEventListener("pageshow", () => [...busy.keys()].forEach(finish)); // back, from the browser's memory

  // --- keys

  const help = byId("bantuan");
  const keysOff = byId("tanpa-pintasan");
  let begun = "";

  const kept = (name) => localStorage.getItem(`wajah:${name}`) === "1";
  const keep = (name, on) => localStorage.setItem(`wajah:${name}`, on ? "1" : "0");
  const typing = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  function walk(step) {
    const items = [...document.querySelectorAll("[data-item]")];
    if (!items.length) return false;
    const at = items.indexOf(document.activeElement.closest?.("[data-item]"));
    const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(Math.max(at + step, 0), items.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function press(key) {
    const element = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (!element) return false;
    if (element.matches("input:not([type=checkbox]), textarea, select")) element.focus();
    else element.click();
    return true;
  }

  function explain() {
    const list = byId("pintasan");
    list.querySelectorAll("[data-added]").forEach((row) => row.remove());
    for (const element of document.querySelectorAll("[data-key]")) {
      const [row, key, what] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      row.dataset.added = "";
      const kbd = document.createElement("kbd");
      kbd.textContent = element.dataset.key;
      key.append(kbd);
      what.textContent = element.dataset.says || element.textContent.trim();
      row.append(key, what);
      list.append(row);
    }
    help.showModal();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event.target) && !event.isComposing) event.target.blur(); // keys work again
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (kept("tanpa-pintasan") || typing(event.target) || document.querySelector("dialog[open]")) return;
    const key = begun ? `${begun} ${event.key}` : event.key;
    begun = "";
    const inList = document.activeElement.matches?.("[data-item]");
    let done = true;
    if (key === "?") explain();
    else if (key === "j" || (key === "ArrowDown" && inList)) done = walk(1);
    else if (key === "k" || (key === "ArrowUp" && inList)) done = walk(-1);
    else if (!press(key)) {
      done = [...document.querySelectorAll("[data-key]")].some((one) => one.dataset.key.startsWith(`${key} `));
      if (done) begun = key;
    }
    if (done) event.preventDefault();
  });
  byId("buka-bantuan").addEventListener("click", explain);

  const mine = byId("menu-saya");
  document.addEventListener("click", ({ target }) => {
    if (!mine.contains(target) || target.closest("button[type=button]")) mine.open = false;
  });
  mine.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !mine.open) return;
    mine.open = false;
    mine.querySelector("summary").focus();
  });
  keysOff.checked = kept("tanpa-pintasan");
  keysOff.addEventListener("change", () => keep("tanpa-pintasan", keysOff.checked));

  // --- sound and notices, when the officer wants them; numbers only, no word of anybody

  const notices = byId("pemberitahuan");
  const sound = byId("bunyi");
  const notice = byId("notis");
  let audio;

  function beep() {
    audio ??= new AudioContext();
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.15, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.35);
  }

  function notify(number) {
    const shown = new Notification(words.message.replace("{number}", number), { tag: `wajah-${number}`, renotify: true });
    shown.onclick = () => {
      focus();
      location.assign(`/petugas/kasus/${number}`);
    };
  }

  function compare() {
    const now = JSON.parse(byId("belum-dibaca")?.dataset.unread ?? "null");
    if (!now) return;
    const told = localStorage.getItem("wajah:belum-dibaca");
    localStorage.setItem("wajah:belum-dibaca", JSON.stringify(now));
    if (!told || !leading) return; // the first page of a browser has no news; one tab speaks for all
    const before = JSON.parse(told);
    const more = Object.keys(now).filter((number) => now[number] > (before[number] ?? 0));
    const elsewhere = more.filter((number) => document.hidden || !location.pathname.endsWith(`/${number}`));
    if (!elsewhere.length) return;
    say(words.message.replace("{number}", elsewhere[0]));
    if (kept("bunyi")) beep();
    if (kept("notis") && Notification.permission === "granted") elsewhere.forEach(notify);
  }

  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id === "lonceng") compare();
  });
  byId("buka-pemberitahuan").addEventListener("click", () => notices.showModal());
  sound.checked = kept("bunyi");
  sound.addEventListener("change", () => {
    keep("bunyi", sound.checked);
    if (sound.checked) beep(); // browsers allow a sound after a press only, and the officer hears which one
  });
  if (!("Notification" in window)) notice.disabled = true;
  notice.checked = kept("notis") && !notice.disabled && Notification.permission === "granted";
  notice.addEventListener("change", async () => {
    const allowed = !notice.checked || await Notification.requestPermission() === "granted";
    notice.checked &&= allowed;
    keep("notis", notice.checked);
    byId("notis-ditolak").hidden = allowed;
  });

  // --- the picker shows a day in the browser's order; in words nobody takes 03/04 for the other one

  const inWords = new Intl.DateTimeFormat("id-ID", {
    weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
  });
  function sayDay(field) {
    const words = document.querySelector(`[data-day-of="${field.id}"]`);
    if (words) words.textContent = field.valueAsDate ? inWords.format(field.valueAsDate) : "";
  }
  document.addEventListener("input", ({ target }) => {
    if (target.type === "date") sayDay(target);
  });
  document.querySelectorAll("input[type=date]").forEach(sayDay);

  document.querySelectorAll("[data-needs-script]").forEach((one) => { one.hidden = false; });
})();
