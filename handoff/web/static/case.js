/* One case, alive: new messages come in by themselves, what is typed is kept, colleagues are seen. The page works
   without it. Sentences stand in the page (petugas_case.html); stream and keys are console.js's. */
"use strict";
(() => {
  const talk = document.getElementById("percakapan-kasus");
  if (!talk) return; // no words for this role
  const byId = (id) => document.getElementById(id);
  const { number, token } = talk.dataset;
  const says = talk.dataset;
  const base = `/petugas/kasus/${number}`;
  const list = byId("pesan-pesan");
  const BOXES = ["reply", "note", "propose", "ask"];
  const PING = 20000, TYPED = 8000, KEEP = 1000, AGAIN = 5000;

  const box = (kind) => byId(`pesan-${kind}`);
  const announce = (sentence) => { byId("ucapan").textContent = sentence; };
  const form = (fields) => new URLSearchParams({ tanda: token, ...fields });

  function notice(sentence) {
    const told = document.createElement("div");
    told.className = "notice bad";
    told.setAttribute("role", "alert");
    told.textContent = sentence;
    byId("kabar-kasus").replaceChildren(told);
  }

  // --- what is new: messages are added at the end, nothing that is typed, focused or scrolled moves

  let fetching = false, again = false;

  async function refresh() {
    if (document.hidden) { // nobody reads it, so nothing may count as read
      again = true;
      return;
    }
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    again = false;
    try {
      const response = await fetch(`${base}/segar?setelah=${list.dataset.last}`);
      if (!response.ok || response.redirected) return;
      merge(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      // the strip says that the line is lost; the stream tells when to look again
    } finally {
      fetching = false;
      if (again) refresh();
    }
  }

  function still(change) { // what the officer works in stays where it is on the screen
    const held = document.activeElement?.closest("#tindakan, #katalog");
    const top = held?.getBoundingClientRect().top;
    change();
    if (!held?.isConnected) return;
    scrollBy(0, held.getBoundingClientRect().top - top);
    if (!held.contains(document.activeElement)) held.focus({ preventScroll: true }); // its button went: Tab goes on from here
  }

  function merge(fresh) {
    const came = fresh.getElementById("baru");
    still(() => {
      for (const id of ["keadaan", "riwayat", "jendela"]) byId(id).replaceWith(fresh.getElementById(id));
      moves(byId("pindah"), fresh.getElementById("pindah"));
      if (talk.dataset.later) return; // an old page of a long talk
      for (const one of [...came.children]) {
        if (byId(one.id)) continue;
        one.classList.add("fresh");
        list.append(one);
        htmx.process(one);
      }
      actions(fresh.getElementById("tindakan"));
    });
    if (talk.dataset.later) {
      if (came.children.length) announce(says.more);
      return;
    }
    list.dataset.last = came.dataset.last;
    const newest = list.querySelector("li.fresh:last-of-type");
    if (came.dataset.later) again = true; // more than one page of messages
    if (newest && newest.dataset.seq === came.dataset.last && !newest.dataset.told) {
      newest.dataset.told = "1";
      const who = ["citizen", "bot", "officer", "note"].find((one) => newest.classList.contains(one));
      if (who) announce(says[`from${who[0].toUpperCase()}${who.slice(1)}`]);
    }
  }

  function moves(old, now) { // what somebody has opened or writes in stays until it is sent or put away
    if (!old || !now || old.querySelector("details[open] :focus")) return;
    if ([...old.querySelectorAll("textarea, input[type=text], input[type=date]")].some((one) => one.value)) return;
    const opened = [...old.querySelectorAll("details[open] > summary")].map((one) => one.textContent);
    old.replaceWith(now);
    for (const one of now.querySelectorAll("summary")) if (opened.includes(one.textContent)) one.parentElement.open = true;
  }

  function actions(now) { // a box with words is never taken away, only its button
    const here = byId("tindakan");
    here.hidden = now.hidden && !BOXES.some((kind) => box(kind)?.value.trim());
    for (const next of [...now.querySelectorAll(".do")]) {
      const old = byId(next.id);
      const [had, has] = [old.querySelector("form"), next.querySelector("form")];
      if (!had && has) {
        old.replaceChildren(...next.childNodes);
        htmx.process(old);
      } else if (had && !has && !old.querySelector("textarea")?.value.trim()) old.replaceChildren();
      else if (had) old.querySelector("button").disabled = !has;
    }
  }

  document.addEventListener("wajah:change", ({ detail }) => detail.number === number && refresh());
  document.addEventListener("wajah:everything", refresh);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && again) refresh();
  });

  // --- sending

  const mine = (element) => element.closest?.("form[data-box], .unmask form");

  document.addEventListener("submit", (event) => { // after console.js, which has set the button aside
    const button = mine(event.target) && event.target.querySelector("button[type=submit]");
    if (button && event.target.dataset.box) {
      clearTimeout(keeping);
      button.textContent = says.sending;
      announce(says.sending);
    }
  });
  document.addEventListener("htmx:beforeSwap", ({ detail, target }) => {
    if (detail.xhr.status < 400 || !mine(detail.requestConfig.elt)) return;
    if (detail.xhr.getResponseHeader("Wajah-Kabar")) {
      detail.shouldSwap = true; // the refusal in words
      return;
    }
    notice(says.unsent);
    if (detail.xhr.status === 403 && target) refresh();
  });
  for (const failed of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failed, ({ target }) => mine(target) && notice(says.unsent));
  }
  document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
    const sent = target.matches?.("form[data-box]") && target;
    if (detail.successful && target.matches?.(".unmask form")) { // shown now, so nothing is left to ask or to refuse
      target.closest(".unmask").remove();
      byId("kabar-kasus").replaceChildren();
      refresh();
    }
    if (!sent) return;
    if (detail.successful) {
      const written = sent.querySelector("textarea");
      if (written && written.value === detail.requestConfig.parameters.pesan) written.value = "";
      if (sent.elements.sebab) sent.elements.sebab.value = ""; // the next proposal's cause is chosen anew
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      sent.elements.kiriman.value = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
      kept = written ? read() : kept;
      told("");
    }
    refresh();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    const sending = event.target.closest("form[data-box]");
    if (!sending) return;
    event.preventDefault();
    sending.requestSubmit(sending.querySelector("button[type=submit]:not(:disabled)"));
  });
  document.addEventListener("click", (event) => { // open and focus in one step: the next key is a letter already
    const opening = event.target.closest("#tindakan summary")?.parentElement;
    if (!opening || opening.open) return;
    event.preventDefault();
    opening.open = true;
    opening.querySelector("textarea")?.focus();
  });

  // --- the draft

  let kept, keeping, saving;
  const read = () => JSON.stringify(Object.fromEntries(BOXES.map((kind) => [kind, box(kind)?.value ?? ""])));
  kept = read();
  BOXES.forEach((kind) => box(kind)?.setSelectionRange(box(kind).value.length, box(kind).value.length)); // go on there

  function told(sentence) {
    const line = byId("draf");
    line.hidden = !sentence;
    line.textContent = sentence;
  }

  async function keep() {
    clearTimeout(keeping);
    const now = read();
    if (now === kept) return;
    saving?.abort();
    saving = new AbortController();
    try {
      const response = await fetch(`${base}/draf`, {
        method: "PUT", body: form(JSON.parse(now)), signal: saving.signal, keepalive: now.length < 50000,
      });
      if (!response.ok || response.redirected) throw new Error("not kept");
      kept = now;
      told(says.draftKept);
    } catch (error) {
      if (error.name === "AbortError") return;
      told(says.draftUnkept);
      keeping = setTimeout(keep, AGAIN);
    }
  }

  document.addEventListener("input", ({ target }) => {
    if (!target.matches("form[data-box] textarea")) return;
    typed = Date.now();
    if (!typing) ping();
    clearTimeout(keeping);
    keeping = setTimeout(keep, KEEP);
  });

  // --- who else is here

  let typed = 0, typing = false, pinging;

  async function ping() {
    clearTimeout(pinging);
    typing = Date.now() - typed < TYPED;
    pinging = setTimeout(ping, typing ? TYPED : PING);
    if (document.hidden) return;
    try {
      const response = await fetch(`${base}/hadir`, { method: "POST", body: form(typing ? { mengetik: "1" } : {}) });
      if (!response.ok || response.redirected) return;
      const there = new DOMParser().parseFromString(await response.text(), "text/html").body;
      const here = byId("hadir");
      if (here.textContent.trim() !== there.textContent.trim()) here.replaceChildren(...there.childNodes);
    } catch {
      // the next ping tells
    }
  }

  addEventListener("pagehide", () => {
    keep();
    navigator.sendBeacon(`${base}/hadir`, form({ pergi: "1" }));
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? keep() : ping()));
  document.addEventListener("wajah:present", ({ detail }) => detail.number === number && ping());
  ping();

  // --- how long a reply still reaches WhatsApp: the server said what is left, and goes on deciding

  const SPOKEN = [3600, 900, 300]; // seconds left at which it is said aloud
  let ends, counted, before = Infinity;

  function left(seconds, words) {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    if (hours) return `${hours} ${words.hours} ${minutes} ${words.minutes}`;
    return minutes ? `${minutes} ${words.minutes}` : `${Math.ceil(seconds)} ${words.seconds}`;
  }

  function count() {
    const here = byId("jendela");
    if (counted !== here) { // new from the server
      counted = here;
      ends = performance.now() + Number(here.dataset.left) * 1000;
    }
    const shown = here.querySelector("[data-countdown]");
    if (!shown || here.hidden) return;
    const rest = Math.max(0, (ends - performance.now()) / 1000);
    const said = left(rest, here.dataset);
    if (SPOKEN.some((mark) => rest <= mark && before > mark) && before !== Infinity) announce(here.dataset.soon.replace("{left}", said));
    before = rest;
    if (rest > 0) {
      const sentence = here.dataset.say.replace("{left}", said);
      if (shown.textContent !== sentence) shown.textContent = sentence;
      return;
    }
    const over = document.createElement("p");
    over.textContent = here.dataset.over;
    here.replaceChildren(over);
    announce(here.dataset.over);
    refresh();
  }

  setInterval(count, 1000);
  count();

  // --- from the catalogue into the reply, at the cursor

  document.querySelectorAll("[data-insert]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-insert]");
    const reply = button && box("reply");
    if (!reply) return;
    const text = button.closest("[data-part]").querySelector(".said").textContent;
    const before = reply.value.slice(0, reply.selectionStart);
    const after = reply.value.slice(reply.selectionEnd);
    const [above, below] = [before && !/\s$/.test(before), after && !/^\s/.test(after)].map((tight) => (tight ? "\n" : ""));
    reply.setRangeText(above + text + below, reply.selectionStart, reply.selectionEnd, "end");
    reply.focus();
    reply.dispatchEvent(new Event("input", { bubbles: true }));
    announce(says.inserted);
  });
  addEventListener("hashchange", unfold);
  function unfold() {
    const entry = location.hash.startsWith("#katalog-") && byId(location.hash.slice(1));
    if (entry) entry.open = true;
  }
  unfold();
})();
