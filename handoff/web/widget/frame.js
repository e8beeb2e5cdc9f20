// The frame around the talk: the parts, what the reader sees of them, and what they are asked.

const ACCEPT = "image/*,application/pdf,audio/*,video/mp4,video/webm";

class Frame extends HTMLElement {
  unread = 0;

  /** A constructed sheet needs no leave of the page's CSP; older browsers get a link to the same style. */
  dress(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch {
      root.append(make("link", { rel: "stylesheet", href: new URL("static/widget.css", BASE).href }));
    }
  }

  header() {
    const mark = WORDS.is_example ? make("span", { className: "mark" }, SAY.example) : null;
    const close = make("button", { className: "bare", type: "button", onclick: () => this.open(false) }, SAY.close);
    return make("header", {}, make("h2", {}, fill(SAY.title, WORDS), " ", mark), this.inline ? null : close);
  }

  form() {
    this.box = make("textarea", { id: "box", rows: 1, dir: "auto", placeholder: SAY.label,
      value: this.memory.kept.draft || "", oninput: () => this.typed() });
    this.box.addEventListener("keydown", (event) => {
      const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
      if (!sends || !matchMedia("(pointer: fine)").matches) return; // on a telephone Enter is a new line
      event.preventDefault();
      this.write();
    });
    return make("form", { className: "row", onsubmit: (event) => { event.preventDefault(); this.write(); } },
      make("label", { className: "unseen", htmlFor: "box" }, SAY.label), this.box,
      make("button", { className: "first", type: "submit" }, SAY.send));
  }

  tools() {
    const tool = (title, onclick) => make("button", { className: "bare", type: "button", onclick }, title);
    this.picker = make("input", { type: "file", accept: ACCEPT, hidden: true, onchange: () => this.picked() });
    return make("div", { className: "tools" }, this.picker,
      tool(SAY.file, () => this.picker.click()),
      tool(SAY.location, () => (navigator.geolocation && isSecureContext ? this.askLocation() : this.typePlace())),
      tool(SAY.my_data, () => this.ask(SAY.ask_data, SAY.forget, () => this.forget(),
        [SAY.see_data, () => this.line.begun && this.tap("data:see")],
        [SAY.withdraw, () => this.consent(false)], [SAY.no])));
  }

  // --- what the reader sees of it ---------------------------------------------------------------------------------

  get inline() { return this.hasAttribute("inline"); }

  /** Open or close the chat on a foreign page; where it is part of the page it is always open. */
  open(open) {
    if (this.inline) return;
    this.show(open);
    (open ? this.box : this.launcher).focus();
  }

  show(open) {
    open = open || this.inline;
    this.panel.hidden = !open;
    this.launcher.hidden = open;
    this.launcher.setAttribute("aria-expanded", open);
    this.toggleAttribute("open", open);
    this.fit();
    this.seen();
  }

  typed() {
    this.memory.keep({ draft: this.box.value, key: null });
    this.fit();
  }

  /** Let the box grow with what is written. */
  fit() {
    this.box.style.height = "";
    if (this.box.value) this.box.style.height = `${this.box.scrollHeight + 2}px`;
  }

  /** Somebody else's word was shown. */
  heard(seq) {
    if (this.state.textContent === SAY.stored) this.tell("");
    if (seq > (this.memory.kept.read || 0)) this.unread += 1;
    this.seen();
    this.case(this.now);
  }

  /** Count what came while the reader could not see it, where they will look first. */
  seen() {
    if (!document.hidden && !this.panel.hidden && this.talk.last) {
      this.unread = 0;
      if (this.memory.kept.read !== this.talk.last) this.memory.keep({ read: this.talk.last });
    }
    const { unread } = this;
    const count = unread ? make("span", { className: "count" }, unread, make("span", { className: "unseen" }, SAY.unread)) : "";
    this.launcher.replaceChildren(SAY.launcher, " ", count);
    if (this.inline && BASE.startsWith(location.origin)) {
      document.title = document.title.replace(/^(\(\d+\) )?/, unread ? `(${unread}) ` : "");
    }
  }

  tell(sentence, bad = false) {
    this.state.textContent = sentence;
    this.state.hidden = !sentence;
    this.state.classList.toggle("bad", bad);
  }

  /** Ask before doing; the question stays until it is done or called off. `others`: [title, what it does]. */
  ask(question, yes, act, ...others) {
    if (!others.length) others = [[SAY.no]];
    const asker = this.shadowRoot.activeElement;
    const close = () => {
      if (!yesButton.isConnected) return; // something else is asked by now
      this.question.hidden = true;
      if (this.shadowRoot.activeElement !== this.box) (asker || this.box).focus(); // nobody is torn from writing
    };
    const agree = async () => {
      this.question.focus();
      yesButton.hidden = true; // under way: asked once
      if (await act()) close();
      yesButton.hidden = false;
    };
    const button = (className, onclick, title) => make("button", { type: "button", className, onclick }, title);
    const yesButton = button("first", agree, yes);
    this.question.replaceChildren(make("p", { id: "question" }, question),
      make("div", {}, yesButton, ...others.map(([title, does]) => button("", () => { close(); does?.(); }, title))));
    this.question.hidden = false;
    yesButton.focus();
  }
}
