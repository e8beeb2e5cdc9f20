// Talking to the server: the Chat API, one request at a time, and the stream.

const CALL_MS = 30000;
const PIECE = 65536;     // of a file: little is lost when the line drops
const SILENT_MS = 45000; // the server's heartbeat comes every 20 s
const FIRST_MS = 10000;  // a stream that has said nothing by then is held back by something on the way

/** A refusal with the server's sentence, or (status 0) no answer at all. `passing`: trying again may help. */
class Refusal extends Error {
  constructor(status, sentence = "", seconds = 0) {
    super(sentence);
    this.status = status;
    this.seconds = seconds;
    this.passing = status === 0 || status === 429 || status >= 500;
    this.gone = [401, 404, 410].includes(status);
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
  async call(path, { body, headers, signal, method = body === undefined ? "GET" : "POST" } = {}) {
    const stop = new AbortController();
    signal?.addEventListener("abort", () => stop.abort());
    let response;
    try {
      response = await limited(CALL_MS, fetch(new URL(path, BASE), {
        method, body, signal: stop.signal, cache: "no-store",
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

  /** A conversation of its own; for two that wait, the same. */
  begin() {
    this.beginning ||= this.start().finally(() => { this.beginning = null; });
    return this.beginning;
  }

  async start() {
    const { consent } = this.memory.kept;
    const begun = await (await this.call("api/v1/conversations", { body: JSON.stringify({ consent }) })).json();
    this.memory.keep({ id: begun.conversation_id, token: begun.token });
  }

  async post(path, content, key) {
    const headers = { "Idempotency-Key": key, "Content-Type": "application/json" };
    return (await this.ask(path, { body: JSON.stringify(content), headers })).json();
  }

  /** Send a message, or a file; of a file, `progress` is told as what part it has come. */
  async send(content, key, progress) {
    if (!this.begun) await this.begin();
    return this.post("messages", content instanceof File ? { upload: await this.bring(content, key, progress) } : content, key);
  }

  /** Bring a file in pieces, from where the server has it on; its id there. */
  async bring(file, key, progress) {
    let { upload_id: id, received } = await this.post("uploads", { name: file.name.slice(-120), size: file.size }, key);
    while (progress(received / file.size), received < file.size) {
      try {
        const body = file.slice(received, received + PIECE), headers = { "Upload-Offset": received };
        ({ received } = await (await this.ask(`uploads/${id}`, { method: "PATCH", body, headers })).json());
      } catch (refusal) {
        if ([404, 409].includes(refusal.status)) throw new Refusal(0); // begun anew, or further than we know: ask again
        throw refusal;
      }
    }
    return id;
  }

  /** {messages after the number, the case as it stands}. */
  async after(seq) { return (await this.ask(`messages?after=${seq}`)).json(); }

  /** Messages, and cases that changed, as they come, until the stream ends or falls silent. `alive` is called when it works. */
  async *stream(seq, alive, signal) {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(seq) };
    const response = await this.ask("events?cases=1", { headers, signal });
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
