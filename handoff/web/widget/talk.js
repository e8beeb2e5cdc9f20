// What is shown of the conversation: messages, who speaks, what an answer rests on, the card of a case.

const TITLE_LENGTH = 20; // of a topic, in the catalogue
const PASSING = new Set(["topic", "aspect", "confirm", "not_yet", "other"]); // what they ask is asked again when needed
const OF_CASE = new Set(["confirm", "not_yet", "withdraw", "bot_again", "other"]);

class Talk {
  /** `does` carries out what the reader asks for: `write(text)`, `tap(payload, seq)`, `download(file)`; it is told of
   *  each word of somebody else by `answered()`. */
  constructor(does) {
    this.does = does;
    this.log = make("div", { className: "log", role: "log", tabIndex: 0, "aria-label": SAY.log, "aria-live": "polite" });
    this.begin();
  }

  /** Nothing said yet: who is here, and a few words to begin with. */
  begin() {
    this.last = 0;              // the number of the newest message shown
    this.statuses = new Map();  // case number -> the places that show its status
    this.known = new Set();     // what was said of a case already
    const starter = (text) => make("button", { type: "button", onclick: () => this.does.write(text) }, text);
    this.starters = make("div", { className: "starters" }, ...SAY.starters.map(starter));
    this.log.replaceChildren(make("div", { className: "intro" },
      ...SAY.intro.split("\n").map((text) => make("p", {}, text)), this.starters));
  }

  /** Show a message, if it is newer than what is shown. */
  add(message) {
    if (message.seq <= this.last) return;
    this.last = message.seq;
    const mine = message.author === "citizen";
    if (mine) this.remove(".passing");
    if (message.case?.status === "closed") this.remove(".of-case");
    this.starters.remove();
    const item = make("div", { className: `message ${message.author}` }, this.who(message),
      make("div", { className: message.case ? "body card" : "body" }, ...this.said(message), this.choices(message)));
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    this.log.append(item);
    if (mine || scrollHeight - scrollTop - clientHeight < 60) this.log.scrollTop = item.offsetTop - 12;
    if (!mine) this.does.answered();
  }

  /** What comes now is the past: it is not read out. */
  quiet(yes) { this.log.setAttribute("aria-live", yes ? "off" : "polite"); }

  who({ author, officer, created_at }) {
    const name = officer ? `${officer.name}, ${officer.title}` : WORDS.author[author];
    return make("p", { className: "who" }, make("b", {}, name), " ", make("time", { dateTime: created_at }, told(created_at)));
  }

  said(message) {
    const text = (...parts) => make("div", { className: "text", dir: "auto" }, ...parts);
    if (message.answer) return this.answer(message, text);
    if (message.case) return this.card(message, text);
    const { location, attachments } = message;
    return [text(message.text, location ? ` ${location.latitude}, ${location.longitude}` : null),
      ...attachments.map((file) => this.file(file))];
  }

  /** A bot's answer: its title, its text, and what it rests on. */
  answer({ text: all, answer }, text) {
    const said = all.split("\n"), foot = said[said.length - 1];
    const says = answer.sources.every((source) => foot.includes(source)); // the text ends with its sources itself
    const date = fill(SAY.reviewed, { date: longDate(...answer.reviewed.split("-").map(Number)) });
    const note = says ? said.pop() : `${SAY.source}: ${answer.sources.join("; ")} · ${date}`;
    const title = said[0].length <= TITLE_LENGTH ? said.shift() : null;
    return [title && make("b", {}, title), text(...lined(said.join("\n"))), make("p", { className: "note" }, note)];
  }

  /** A case: what the message says, its status, and of officer and times what was not said before. */
  card({ text: said, case: { number, status, officer, url, ...times } }, text) {
    const place = make("dd", {}, WORDS.status[status]), places = [...(this.statuses.get(number) || []), place];
    places.forEach((shown) => { shown.textContent = WORDS.status[status]; });
    this.statuses.set(number, places);
    const person = `${officer.name}, ${officer.title}`;
    const facts = [[SAY.officer, person, `${person}, ${officer.unit}`]];
    if (status !== "closed") {
      for (const name of ["respond_by", "resolve_by"]) facts.push([WORDS[name], promised(times[name]), promised(times[name])]);
    }
    const unsaid = facts.filter(([, sign]) => !said.includes(sign) && !this.known.has(`${number} ${sign}`));
    facts.forEach(([, sign]) => this.known.add(`${number} ${sign}`));
    return [make("h3", {}, fill(SAY.case, { number })), text(...lined(said)),
      make("dl", {}, make("dt", {}, SAY.status), place,
        ...unsaid.flatMap(([name, , value]) => [make("dt", {}, name), make("dd", {}, value)])),
      /^https?:/.test(url) ? make("a", { href: url, target: "_blank", rel: "noopener" }, SAY.case_link) : null];
  }

  file(file) {
    return make("button", { type: "button", className: "bare", onclick: () => this.does.download(file) },
      `${file.name} (${sized(file.size)})`);
  }

  /** The message's buttons. Some go once the talk has gone on, those of a case once it is closed. */
  choices({ buttons, seq }) {
    if (!buttons.length) return null;
    const button = ({ title, payload }) => {
      const kind = payload.split(":")[0];
      const className = `${PASSING.has(kind) ? "passing" : ""} ${OF_CASE.has(kind) ? "of-case" : ""}`;
      return make("button", { type: "button", className, onclick: () => this.does.tap(payload, seq) }, title);
    };
    return make("div", { className: "buttons" }, ...buttons.map(button));
  }

  remove(buttons) { this.log.querySelectorAll(buttons).forEach((button) => button.remove()); }
}
