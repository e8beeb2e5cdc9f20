// What is shown of the conversation: messages, who speaks, what an answer rests on, the card of a case.

const TITLE_LENGTH = 20; // of a topic, in the catalogue
const PASSING = new Set(["topic", "aspect", "confirm", "not_yet", "other", "rate", "reopen"]); // asked again when needed
const OF_CASE = new Set(["confirm", "not_yet", "withdraw", "bot_again", "other", "unhelpful_reply", "complain"]);
const QUIET = new Set(["complain"]); // there for who looks for it
const FEW = 3; // buttons that may stand under an answer; of more, those that lead to a person, and out of confusion, stay
const NEWEST = ".dispute, .person, .step, .withdraw", OLDER = ".dispute";

const link = (path, title) => make("a", { href: new URL(path, BASE).href, target: "_blank", rel: "noopener" }, title);
const caseLink = (url, title = SAY.case_link) => (/^https?:/.test(url) ? link(url, title) : null);

class Talk {
  /** `does` carries out what the reader asks for: `write(text)`, `tap(payload, seq)`, `download(file)`; it is told of
   *  each word of somebody else by `answered(seq)`. */
  constructor(does) {
    this.does = does;
    this.log = make("div", { className: "log", role: "log", tabIndex: 0, "aria-label": SAY.log, "aria-live": "polite" });
    this.status = make("span", { "aria-live": "polite" });
    this.number = make("b");
    this.facts = make("div");
    this.strip = make("details", { className: "case" }, make("summary", {}, this.number, this.status), this.facts);
    this.begin();
  }

  /** Nothing said yet: who is here, and a few words to begin with. */
  begin() {
    this.last = 0;              // the number of the newest message shown
    this.strip.hidden = true;
    this.opened = false;        // whether a message told of a case
    const starter = (text) => make("button", { type: "button", onclick: () => this.does.write(text) }, text);
    this.starters = make("div", { className: "starters" }, ...SAY.starters.map(starter));
    this.log.replaceChildren(make("div", { className: "intro" },
      ...SAY.intro.split("\n").map((text) => make("p", {}, text)),
      make("p", {}, link("privasi", SAY.privacy)), this.starters));
  }

  /** Who does not agree still learns what there is to know, and where to go. Called without: no longer. */
  refused(yes) {
    this.log.querySelector(".refused")?.remove();
    if (!yes) return;
    const told = make("div", { className: "body refused" }, ...SAY.refused.split("\n").map((text) => make("p", {}, text)),
      make("ul", {}, ...WORDS.visit.map((line) => make("li", {}, line))), link("layanan", SAY.catalogue));
    this.log.append(told);
    this.log.scrollTop = told.offsetTop;
  }

  /** The case as it stands now, above the talk; what is in the talk is what was said at the time. */
  case({ number, status, officer, url, reply_due: due, respond_by: reply, resolve_by: end }) {
    const open = status !== "closed", says = `${WORDS.status[status]} · ${officer.name}`;
    const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value)];
    this.number.textContent = fill(SAY.case, { number });
    if (this.status.textContent !== says) this.status.textContent = says;
    this.facts.replaceChildren(make("dl", {},
      ...fact(SAY.officer, `${officer.name}, ${officer.title}, ${officer.unit}`),
      ...(open && due ? fact(WORDS.respond_by, promised(reply)) : []),
      ...(open ? fact(WORDS.resolve_by, promised(end)) : [])), caseLink(url));
    this.strip.hidden = false;
    if (!open) this.remove(".of-case");
  }

  /** Show a message, if it is newer than what is shown. */
  add(message) {
    if (message.seq <= this.last) return;
    this.last = message.seq;
    const mine = message.author === "citizen";
    if (mine) this.passed();
    this.starters.remove();
    this.opened ||= message.case;
    const item = make("div", { className: `message ${message.author}` }, this.who(message),
      make("div", { className: message.case ? "body card" : "body" }, ...this.said(message), this.choices(message)));
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    this.log.append(item);
    if (mine || scrollHeight - scrollTop - clientHeight < 200) this.log.scrollTop = item.offsetTop - 12;
    if (mine && !this.past) this.log.scrollIntoView({ block: "nearest" }); // with the answer's beginning
    if (!mine) this.does.answered(message.seq);
  }

  /** What comes now is the past: it is not read out. */
  quiet(yes) { this.log.setAttribute("aria-live", (this.past = yes) ? "off" : "polite"); }

  who({ author, officer, created_at }) {
    const name = officer ? `${officer.name}, ${officer.title}` : WORDS.author[author];
    return make("p", { className: "who" }, make("b", {}, name), " ", make("time", { dateTime: created_at }, told(created_at)), author === "citizen" ? ` · ${SAY.sent}` : "");
  }

  said(message) {
    const text = (...parts) => make("div", { className: "text", dir: "auto" }, ...parts);
    if (message.answer) return this.answer(message, text);
    if (message.case) return this.card(message, text);
    const { location, attachments } = message;
    const ours = message.author === "system"; // what stands in our words is no stranger's
    return [text(...message.text.split(/(http\S+)/).map((part) => (ours && caseLink(part, part)) || part), location ? ` ${location.latitude}, ${location.longitude}` : null),
      ...attachments.map((file) => this.file(file))];
  }

  /** A bot's answer: its title, its text, and what it rests on. */
  answer({ text: all, answer }, text) {
    const said = all.split("\n"), foot = said[said.length - 1];
    const says = answer.sources.every((source) => foot.includes(source)); // the text ends with its sources itself
    const date = fill(SAY.reviewed, { date: longDate(...answer.reviewed.split("-").map(Number)) });
    const note = says ? said.pop() : `${SAY.source}: ${answer.sources.join("; ")} · ${date}`;
    const title = said[0].length <= TITLE_LENGTH ? said.shift() : null;
    const id = `about${this.last}`; // tells the buttons of one answer from those of another
    return [title && make("b", { id }, title), text(...lined(said.join("\n"))),
      make("p", { className: "note", id: title ? "" : id }, note)];
  }

  /** What was said of a case. */
  card({ text: said, case: { number, url } }, text) {
    return [make("h3", {}, fill(SAY.case, { number })), text(...lined(said)), caseLink(url)];
  }

  file(file) {
    return make("button", { type: "button", className: "bare", dir: "auto", onclick: () => this.does.download(file) },
      `${file.name} (${sized(file.size)})`);
  }

  /** The message's buttons. Some go once the talk has gone on, those of a case once it is closed. */
  choices({ buttons, seq, answer }) {
    if (!buttons.length) return null;
    const button = ({ title, payload }) => {
      const [kind] = payload.split(":");
      const className = `${kind} ${PASSING.has(kind) ? "passing" : ""} ${OF_CASE.has(kind) ? "of-case" : ""} ${QUIET.has(kind) ? "bare" : ""}`;
      const about = answer ? { "aria-describedby": `about${seq}` } : {};
      return make("button", { type: "button", className, onclick: () => this.does.tap(payload, seq), ...about }, title);
    };
    const className = answer ? "buttons of-answer" : "buttons"; // read out with the message, and not when put away
    const row = make("div", { className, "aria-live": "off" }, ...buttons.map(button));
    if (answer && buttons.length > FEW) this.fold(row, NEWEST);
    return row;
  }

  /** Keep the buttons that match, and put the others behind one that opens them. */
  fold(row, kept) {
    const folded = [...row.querySelectorAll("button")].filter((button) => !button.matches(kept));
    row.querySelector("details")?.remove();
    if (!folded.length) return;
    row.prepend(make("details", {}, make("summary", {}, SAY.more), make("div", {}, ...folded)));
    row.append(...row.querySelectorAll(":scope > .step, :scope > .person")); // beside each other on the narrowest screen
  }

  /** The reader went on: what was offered for that moment goes, and under an older answer little stays in the way. */
  passed() {
    this.remove(".passing");
    this.log.querySelectorAll(".of-answer").forEach((row) => this.fold(row, OLDER));
  }

  remove(buttons) { this.log.querySelectorAll(buttons).forEach((button) => button.remove()); }
}
