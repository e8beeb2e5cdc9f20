/*
 * Wajah's chat: one custom element without dependencies.
 *
 *   <script src="https://office.example/widget.js" defer></script>
 *
 * adds a button to the page that opens the chat. Where the page holds <wajah-chat inline>, the chat stands there
 * instead. handoff/web/html.py puts the files of this folder into one function, in the order tools, line, talk, frame, chat,
 * after WORDS (words.yml, with the office's name) and STYLE (static/widget.css).
 *
 * What is written leaves the box only once the server has stored it; every sending has a key, so trying again never
 * doubles a message. Everything shown is text: nothing from a conversation is ever parsed as HTML.
 */

const SAY = WORDS.widget;
const SCRIPT = document.currentScript || document.querySelector('script[src*="widget.js"]');
const BASE = new URL(".", SCRIPT.src).href;
const STORE = "wajah:" + BASE;
const LABELLED = /^(\p{Lu}[\p{L} ]{2,24}:)(.*)$/u;
const SIDE = 1600; // pixels of a photo; a form photographed so can still be read
const ITEM = /^(•|\d+\.) /;

/** An element with properties, attributes and children; strings become text. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

function newKey() { // crypto.randomUUID exists on https only
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const longDate = (year, month, day) => `${day} ${WORDS.months[month - 1]} ${year}`;

/** "Senin, 23 November 2026 pukul 10.00 WIB": a promise, told in the office's own time, which its offset names. */
function promised(instant) {
  const [, year, month, day, hour, minute, zone] = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+).*([+-]\d\d):\d\d$/.exec(instant);
  const weekday = WORDS.days[(new Date(Date.UTC(+year, month - 1, +day)).getUTCDay() + 6) % 7];
  return `${weekday}, ${longDate(+year, +month, +day)} pukul ${hour}.${minute} ${WORDS.zones[+zone] || ""}`.trim();
}

/** "09.05" on the reader's clock, with the date when it was not today. */
function told(instant) {
  const at = new Date(instant);
  const two = (number) => String(number).padStart(2, "0"), time = `${two(at.getHours())}.${two(at.getMinutes())}`;
  const today = at.toDateString() === new Date().toDateString();
  return today ? time : `${longDate(at.getFullYear(), at.getMonth() + 1, at.getDate())} ${time}`;
}

/** Our own texts in lines: what stands before a colon is their label, a bullet or a number makes an item. */
function lined(text) {
  return text.split("\n").map((line) => {
    const [, label, rest] = LABELLED.exec(line) || [null, null, line];
    return make("div", { className: ITEM.test(line) ? "item" : "" }, label && make("b", {}, label), rest || (label ? "" : "\u00a0"));
  });
}

const sized = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1).replace(".", ",")} MB`);

/** A photo no larger than is needed to read it; the file itself where it is small, no photo, or not readable here. */
async function scaled(file) {
  try {
    const picture = await createImageBitmap(file), by = SIDE / Math.max(picture.width, picture.height);
    if (by >= 1) return file;
    const canvas = make("canvas", { width: picture.width * by, height: picture.height * by });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // where a picture is transparent
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
    if (small.size < file.size) return new File([small], file.name.replace(/\.\w+$/, "") + ".jpg");
  } catch { /* as it is */ }
  return file;
}

/** What was typed as an address for news: an e-mail, a WhatsApp number, or neither. */
function contactOf(text) {
  if (/^[^@\s]+@[^@\s]+\.[^@\s]{2,}$/.test(text)) return { email: text };
  return /^\+?[\d ().-]{9,20}$/.test(text) ? { whatsapp: text } : null;
}

/** The conversation and what is being written; in memory only where the browser stores nothing. */
class Memory {
  constructor() {
    this.kept = {};
    try { this.kept = JSON.parse(localStorage.getItem(STORE)) || {}; } catch { /* no storage */ }
  }

  keep(change) {
    Object.assign(this.kept, change);
    try { localStorage.setItem(STORE, JSON.stringify(this.kept)); } catch { /* no storage */ }
  }

  forget() {
    this.kept = {};
    try { localStorage.removeItem(STORE); } catch { /* no storage */ }
  }
}

/** Waiting that can be cut short. */
class Bell {
  waiting = new Set();

  wait(ms) {
    return new Promise((done) => {
      const end = () => { clearTimeout(timer); this.waiting.delete(end); done(); };
      const timer = setTimeout(end, ms);
      this.waiting.add(end);
    });
  }

  ring() { for (const end of [...this.waiting]) end(); }
}
