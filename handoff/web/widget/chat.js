// The element: what is written and sent, and what comes.

const FILE_BYTES = 10 * 1024 * 1024;
const TRIES = 6;
const POLL_MS = 4000;

class WajahChat extends Frame {
  memory = new Memory();
  line = new Line(this.memory);
  bell = new Bell();
  talk = new Talk({
    write: (text) => { this.box.value = text; this.write(); },
    tap: (payload, seq) => this.tap(payload, seq),
    download: (file) => this.download(file),
    answered: (seq) => this.heard(seq),
  });
  going = new Set(); // the keys of what is being sent: a photo may take minutes, and meanwhile more is written
  keys = new Map();  // what was sent and may not be stored, with its key

  connectedCallback() {
    if (!this.shadowRoot) this.build();
    this.talk.quiet(this.line.begun); // until the past is shown
    this.leave = new AbortController();
    for (const event of ["online", "pageshow"]) addEventListener(event, () => this.hurry(), { signal: this.leave.signal });
    document.addEventListener("visibilitychange", () => this.seen(), { signal: this.leave.signal });
    this.live();
  }

  disconnectedCallback() {
    this.leave.abort();
    this.hurry();
  }

  // --- the parts --------------------------------------------------------------------------------------------------

  build() {
    const root = this.attachShadow({ mode: "open" });
    this.dress(root);
    this.bar = make("progress", { hidden: true, "aria-label": SAY.sending });
    this.state = make("p", { className: "state", role: "status", hidden: true });
    this.question = make("div", { className: "ask", role: "group", tabIndex: -1, "aria-labelledby": "question", hidden: true });
    this.panel = make("section", { className: this.line.begun ? "panel" : "panel new", id: "panel", "aria-label": fill(SAY.title, WORDS) },
      this.header(), this.talk.strip, this.talk.log,
      make("div", { className: "foot" }, this.state, this.bar, this.question, this.form(), this.tools()));
    this.launcher = make("button", { className: "launcher first", type: "button", "aria-controls": "panel",
      onclick: () => this.open(true) }, SAY.launcher);
    root.append(this.panel, this.launcher);
    root.addEventListener("keydown", (event) => { if (event.key === "Escape") this.open(false); });
    this.show(false);
    if (this.memory.kept.key) this.tell(SAY.unsure, true);
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  /** Send what stands in the box; it stays there until it is stored. */
  async write() {
    const text = this.box.value, kept = this.memory.kept;
    if (!text.trim() || this.box.readOnly || this.unagreed(() => this.write())) return;
    const key = (text === kept.draft && kept.key) || newKey();
    this.memory.keep({ draft: text, key });
    this.box.readOnly = true;
    if (await this.deliver({ text }, key)) {
      this.box.value = "";
      this.typed();
    }
    this.box.readOnly = false;
  }

  /** Send, and try again while that may help. True once it is stored; otherwise the reader is told what to do. What is
   *  under way already is not sent a second time. */
  async deliver(content, key) {
    if (this.going.has(key)) return false;
    this.going.add(key);
    this.tell(SAY.sending);
    try {
      const { seq } = await this.insist(content, key);
      this.tell(seq > this.talk.last ? SAY.stored : "");
      this.expect(seq);
      return true;
    } catch (refusal) {
      if (refusal.status === 403) this.memory.keep({ consent: null }); // taken back elsewhere: asked again
      this.tell((!refusal.passing && refusal.message) || SAY.unsent, true);
      return false;
    } finally {
      this.going.delete(key);
      if (content instanceof File) this.bar.hidden = true;
    }
  }

  async insist(content, key) {
    let renewed = false, come = -1, tries = 1;
    const progress = (part) => {
      if (this.dropped === key) throw new Refusal(499, SAY.dropped);
      if (part > come) { come = part; tries = 1; } // as long as it comes on, it is worth trying
      this.bar.value = part;
      this.bar.hidden = false;
    };
    for (;; tries++) {
      const { id } = this.memory.kept;
      try {
        return await this.line.send(content, key, progress);
      } catch (refusal) {
        if (refusal.gone && !renewed) {
          renewed = true;
          if (id === this.memory.kept.id) this.restart();
        } else if (refusal.passing && tries < TRIES) {
          this.tell((refusal.status === 429 && refusal.message) || SAY.retrying, true);
          await this.bell.wait(Math.max(refusal.seconds * 1000, 500 * 2 ** tries));
        } else {
          throw refusal;
        }
      }
    }
  }

  /** Deliver what `name` names; again under the same key until it is stored. */
  async once(name, content) {
    const key = this.keys.get(name) || newKey();
    this.keys.set(name, key);
    const stored = await this.deliver(content, key);
    if (stored) this.keys.delete(name);
    return stored;
  }

  async tap(payload, seq) {
    if (await this.once(`${seq} ${payload}`, { payload })) this.talk.log.focus({ preventScroll: true }); // the button may go
  }

  /** Before the first word leaves this device, its reader agrees; then what they wanted is done. */
  unagreed(then) {
    if (this.memory.kept.consent) return false;
    this.ask(SAY.consent, SAY.agree, async () => {
      if (!await this.consent(true)) return false;
      this.talk.refused(false);
      setTimeout(then);
      return true;
    }, [SAY.disagree, () => this.talk.refused(true)]);
    return true;
  }

  /** Say yes, or no longer, to how data is used; whether it is recorded. A new conversation begins with it. */
  async consent(given) {
    const version = SAY.consent_version;
    try {
      if (this.line.begun) await this.line.post("consent", { version, given });
    } catch {
      this.tell(SAY.failed, true);
      return false;
    }
    this.memory.keep({ consent: given ? version : null });
    this.tell(given ? "" : SAY.withdrawn);
    return true;
  }

  /** The case as it stands; when it is new, where else news of it should go. */
  case(now) {
    this.now = now;
    if (!now) return;
    this.talk.case(now);
    const open = now.status !== "closed";
    if (!open) this.offered?.remove();
    else if (this.talk.opened && !this.memory.kept.offered && !this.offered?.isConnected) this.offer();
  }

  /** Offer, until it is answered, to send news of the case elsewhere too. */
  offer() {
    const end = () => {
      this.memory.keep({ offered: true });
      form.remove();
      this.talk.log.focus({ preventScroll: true });
    };
    const send = async (event) => {
      event.preventDefault();
      const text = field.value.trim(), contact = contactOf(text);
      wrong.textContent = contact ? "" : SAY.bad_contact;
      field.setAttribute("aria-invalid", !contact);
      if (!contact) field.focus();
      else if (await this.once(text, { contact })) end();
    };
    const field = make("input", { id: "contact", inputMode: "email", autocomplete: "email", maxLength: 254,
      "aria-describedby": "wrong" });
    const wrong = make("p", { id: "wrong", className: "bad", role: "alert" });
    const form = make("form", { className: "ask", noValidate: true, onsubmit: send },
      make("label", { htmlFor: "contact" }, SAY.contact), field, wrong, make("div", {},
        make("button", { type: "submit", className: "first" }, SAY.save),
        make("button", { type: "button", onclick: end }, SAY.skip)));
    this.offered = form;
    this.talk.log.append(form);
  }

  /** A chosen file is sent once its reader agrees. Chosen again after a reload, it goes on where it was. */
  async picked() {
    const chosen = this.picker.files[0];
    if (!chosen || this.unagreed(() => this.picked())) return;
    const file = await scaled(chosen), sign = `${chosen.name} ${chosen.lastModified} ${file.size}`;
    this.picker.value = "";
    if (file.size > FILE_BYTES) { this.tell(SAY.too_large, true); return; }
    const { file: was } = this.memory.kept, key = was?.sign === sign ? was.key : newKey();
    this.memory.keep({ file: { sign, key } });
    this.ask(fill(SAY.ask_file, { name: file.name, size: sized(file.size) }), SAY.yes_send, async () => {
      this.dropped = "";
      const stored = await this.deliver(file, key);
      if (stored) this.memory.keep({ file: null });
      return stored;
    }, [SAY.no, () => { this.dropped = key; }]);
  }

  typePlace() {
    this.box.value += (this.box.value && "\n") + SAY.place;
    this.typed();
    this.box.focus();
  }

  askLocation() {
    if (this.unagreed(() => this.askLocation())) return;
    let send; // made once: called again after a failure, it is the same message
    this.ask(SAY.ask_location, SAY.yes_send, async () => {
      try {
        send = send || this.sender({ location: await this.locate() });
      } catch {
        this.tell(SAY.no_location, true);
        return false;
      }
      return send();
    }, [SAY.type_place, () => { this.tell(""); this.typePlace(); }], [SAY.no]);
  }

  async locate() {
    this.tell(SAY.locating);
    const place = await new Promise((found, failed) => {
      navigator.geolocation.getCurrentPosition(found, failed, { timeout: 20000 });
    });
    const { latitude, longitude, accuracy } = place.coords;
    return { latitude, longitude, accuracy };
  }

  /** What sends `content` when called; called again, it is the same message. */
  sender(content) {
    const key = newKey();
    return () => this.deliver(content, key);
  }

  /** Fetch a file of the conversation, which needs the token, and hand it to the browser. */
  async download({ id, name }) {
    try {
      const href = URL.createObjectURL(await (await this.line.ask(`files/${id}`)).blob());
      make("a", { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60000);
    } catch {
      this.tell(SAY.failed, true);
    }
  }

  /** Leave nothing of the conversation on this device. */
  forget() {
    this.restart();
    this.box.value = "";
    this.typed();
    this.memory.forget();
    this.unread = 0;
    this.seen();
    this.tell("");
    return true;
  }

  /** Begin anew: the conversation is unknown to the server, or to be forgotten. What is written stays. */
  restart() {
    this.memory.keep({ id: null, token: null, read: 0, offered: false });
    this.keys.clear();
    this.now = null;
    this.talk.begin();
    this.hurry();
  }

  // --- receiving --------------------------------------------------------------------------------------------------

  /** Follow the conversation for as long as it is this one: a stream, and asking where streams do not get through. */
  async live() {
    const { id } = this.memory.kept, { signal } = this.leave;
    if (!id || this.living?.()) return;
    const here = () => this.living === here && !signal.aborted && this.memory.kept.id === id;
    this.living = here;
    for (let dumb = 0, lost = 0; here();) { // streams in a row that said nothing; looks in a row that failed
      try {
        await this.catchUp(here);
        lost = 0;
        if (this.state.textContent === SAY.offline) this.tell("");
        dumb = dumb < 3 || dumb % 20 === 0 ? (await this.follow(here) ? 0 : dumb + 1) : dumb + 1;
      } catch (refusal) {
        if (refusal.gone) { this.restart(); this.tell(refusal.status > 404 ? refusal.message : SAY.renewed, true); }
        else if (here() && !this.going.size) this.tell(SAY.offline, true);
        lost += 1;
      }
      if (here()) await this.bell.wait(lost ? Math.min(500 * 2 ** lost, 15000) : dumb ? POLL_MS : 500);
    }
  }

  /** Everything that is not shown yet. */
  async catchUp(here) {
    const first = this.talk.last === 0;
    for (let news; here() && (news = await this.line.after(this.talk.last));) {
      for (const message of news.messages) if (here()) this.talk.add(message);
      if (here()) this.case(news.case);
      if (!news.messages.length) break;
    }
    if (first) setTimeout(() => this.talk.quiet(false), 500);
  }

  /** Show messages as the stream brings them, until it ends; whether it said anything. */
  async follow(here) {
    let spoke = false;
    this.cut = new AbortController();
    try {
      const stream = this.line.stream(this.talk.last, () => { spoke = true; }, this.cut.signal);
      for await (const news of stream) {
        if (!here()) break;
        if (news.seq) this.talk.add(news);
        else this.case(news);
      }
    } catch { /* the next look tells whether the connection is gone */ }
    return spoke;
  }

  /** Look at once: something happened that an old connection may have missed. */
  hurry() {
    this.cut?.abort();
    this.bell.ring();
  }

  /** The stored message comes by the stream; where it does not come soon, look for it. */
  expect(seq) {
    this.live();
    this.bell.ring();
    setTimeout(() => { if (this.talk.last < seq) this.hurry(); }, 2000);
  }
}

function place() {
  if (!document.querySelector("wajah-chat")) document.body.append(make("wajah-chat"));
}

if (!customElements.get("wajah-chat")) {
  customElements.define("wajah-chat", WajahChat);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", place);
  else place();
}
