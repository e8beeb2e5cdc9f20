// Talking to the server: the Chat API, one request at a time, and the stream.

const CALL_MS = 30000;
const FILE_MS = 300000;
const SILENT_MS = 45000; // the server's heartbeat comes every 20 s
const FIRST_MS = 10000;  // a stream that has said nothing by then is held back by something on the way

/** A refusal with the server's sentence, or (status 0) no answer at all. `passing`: trying again may help. */
class Refusal extends Error {
  constructor(status, sentence = "", seconds = 0) {
    super(sentence);
    this.status = status;
    this.seconds = seconds;
    this.passing = status === 0 || status === 429 || status >= 500;
    this.gone = status === 401 || status === 404;
  }
}

/** `promise`, or a refusal when it takes longer. */
function limited(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Refusal(0)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Line {
  constructor(memory) { this.memory = memory; }

  get begun() { return Boolean(this.memory.kept.id); }

  /** One request; the response when it succeeded. Throws `Refusal`. */
  async call(path, { body, headers, signal, ms = CALL_MS } = {}) {
    const stop = new AbortController();
    signal?.addEventListener("abort", () => stop.abort());
    let response;
    try {
      response = await limited(ms, fetch(new URL(path, BASE), {
        method: body === undefined ? "GET" : "POST", body, signal: stop.signal, cache: "no-store",
        credentials: "omit", headers: { Accept: "application/json", ...headers },
      }));
    } catch {
      stop.abort();
      throw new Refusal(0);
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new Refusal(response.status, told.error?.message, Number(response.headers.get("Retry-After")) || 0);
  }

  /** A request within the conversation. */
  ask(path, options = {}) {
    const { id, token } = this.memory.kept;
    const headers = { ...options.headers, Authorization: `Bearer ${token}` };
    return this.call(`api/v1/conversations/${id}/${path}`, { ...options, headers });
  }

  async begin() {
    const begun = await (await this.call("api/v1/conversations", { body: "" })).json();
    this.memory.keep({ id: begun.conversation_id, token: begun.token });
  }

  async send(content, key) {
    if (!this.begun) await this.begin();
    const file = content instanceof FormData;
    const headers = { "Idempotency-Key": key, ...(file ? {} : { "Content-Type": "application/json" }) };
    const body = file ? content : JSON.stringify(content);
    return (await this.ask("messages", { body, headers, ms: file ? FILE_MS : CALL_MS })).json();
  }

  async after(seq) { return (await (await this.ask(`messages?after=${seq}`)).json()).messages; }

  /** The messages as they come, until the stream ends or falls silent. `alive` is called when it works. */
  async *stream(seq, alive, signal) {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(seq) };
    const response = await this.ask("events", { headers, signal });
    if (!response.body) throw new Refusal(0);
    const reader = response.body.getReader(), decoder = new TextDecoder();
    let rest = "", patience = FIRST_MS;
    try {
      for (;;) {
        const { done, value } = await limited(patience, reader.read());
        if (done) return;
        alive();
        patience = SILENT_MS;
        const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
          if (data.length) yield JSON.parse(data.join("\n"));
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}
