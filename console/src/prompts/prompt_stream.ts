/** A prompt's events, followed over as many connections as it takes: none is lost, and none comes twice. */
import { fetchStream } from "../api/client";
import { ApiError } from "../api/errors";
import { createStore } from "../store";
import { EventParser, type ServerEvent } from "./event_parser";

export interface StoredEvent extends ServerEvent {
  id: string;
}

export interface Submission {
  input: string;
  model: "normal" | "high";
  conversationId?: string;
}

export interface StreamState {
  events: readonly StoredEvent[];
  /** The beginning of the text that the model is writing. */
  draft: string;
  connection: "connecting" | "open" | "interrupted" | "ended" | "failed";
  /** Why it is interrupted or has failed; null where the server ended a stream as it does from time to time. */
  error: Error | null;
}

const FINAL_EVENTS = new Set(["prompt.completed", "error"]);

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
const LONGEST_WISH_MS = 60_000;
/** The server sends a byte every 15 s; a connection without any is dead, whatever the browser believes. */
const SILENT_MS = 45_000;

/** Statuses after which the same request may succeed. 0 is no answer. */
const PASSING = new Set([0, 429, 500, 502, 503, 504]);

class SilentConnection extends Error {}

export class PromptStream {
  readonly state = createStore<StreamState>({ events: [], draft: "", connection: "connecting", error: null });
  #promptId: string;
  #seen = new Set<string>();
  #isDraftOld = false;
  #failures = 0;
  #pause = FIRST_PAUSE_MS;
  #closing = new AbortController();

  private constructor(promptId: string) {
    this.#promptId = promptId;
  }

  get promptId(): string {
    return this.#promptId;
  }

  /** Follow a prompt that exists, from its first event on. */
  static open(promptId: string): PromptStream {
    const stream = new PromptStream(promptId);
    void stream.#run(() => stream.#reconnect());
    return stream;
  }

  /**
   * Submit a prompt; return its stream once it has an id.
   *
   * @throws ApiError where it was refused, or nobody knows whether it was. The same key makes a repeat safe.
   */
  static async submit(submission: Submission, idempotencyKey: string): Promise<PromptStream> {
    const stream = new PromptStream("");
    const response = await fetchStream("/prompt?events=all", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
      body: JSON.stringify({ ...submission, stream: "tokens" }),
      signal: stream.#closing.signal,
    });
    return new Promise((resolve, reject) => {
      const stop = stream.state.subscribe(() => {
        const { promptId } = stream;
        const { connection, error } = stream.state.get();
        if (promptId) resolve(stream);
        else if (connection === "interrupted" || connection === "failed") {
          stream.close();
          reject(error ?? new ApiError("The answer ended before it began", 0, "UNREACHABLE"));
        } else return;
        stop();
      });
      void stream.#run(async () => response);
    });
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(connect: () => Promise<Response>): Promise<void> {
    let isFirst = true;
    while (!this.#closing.signal.aborted) {
      let error: Error | null = null;
      try {
        const response = await (isFirst ? connect() : this.#reconnect());
        await this.#read(response);
        // 204: there is nothing after the last event that is here.
        if (this.#hasEnded || response.status === 204) return this.#change({ connection: "ended", error: null });
      } catch (caught) {
        if (this.#closing.signal.aborted) return;
        error = caught instanceof Error ? caught : new Error(String(caught));
        if (error instanceof ApiError && !PASSING.has(error.status)) return this.#change({ connection: "failed", error });
      }
      isFirst = false;
      this.#change({ connection: "interrupted", error: error instanceof ApiError ? error : null });
      await this.#wait(error);
    }
  }

  get #hasEnded(): boolean {
    const last = this.state.get().events.at(-1);
    return last !== undefined && FINAL_EVENTS.has(last.event);
  }

  #reconnect(): Promise<Response> {
    const last = this.state.get().events.at(-1);
    return fetchStream(`/prompts/${encodeURIComponent(this.#promptId)}/stream?events=all`, {
      headers: last ? { "last-event-id": last.id } : {},
      signal: this.#closing.signal,
    });
  }

  /** Read one response to its end. */
  async #read(response: Response): Promise<void> {
    if (!response.body) return;
    this.#isDraftOld = true;
    this.#change({ connection: "open", error: null });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    try {
      for (;;) {
        const { done, value } = await withinSilence(reader.read());
        if (done) return;
        this.#take(parser.push(decoder.decode(value, { stream: true })));
        this.#pause = parser.retryAfter ?? this.#pause;
        if (this.#hasEnded) return;
      }
    } finally {
      void reader.cancel().catch(() => {});
    }
  }

  #take(received: ServerEvent[]): void {
    if (received.length === 0) return;
    const events = [...this.state.get().events];
    let { draft } = this.state.get();
    for (const event of received) {
      if (event.id !== null) {
        if (this.#seen.has(event.id)) continue;
        this.#seen.add(event.id);
        this.#failures = 0;
        if (event.event === "prompt.created") this.#promptId ||= JSON.parse(event.data).promptId;
        events.push(event as StoredEvent);
        draft = "";
      } else if (event.event === "prompt.delta") {
        // What an earlier connection brought is no beginning of what this one brings.
        const { text, reset } = JSON.parse(event.data);
        draft = (reset || this.#isDraftOld ? "" : draft) + text;
      }
      this.#isDraftOld = false;
    }
    this.#change({ events, draft });
  }

  #change(part: Partial<StreamState>): void {
    this.state.set({ ...this.state.get(), ...part });
  }

  /** A stream that the server has ended is opened again soon; one that fails, less and less often. */
  async #wait(error: Error | null): Promise<void> {
    const wished = error instanceof ApiError && error.retryAfter ? error.retryAfter * 1_000 : 0;
    const pause = error ? Math.min(this.#pause * 2 ** this.#failures++, LONGEST_PAUSE_MS) : this.#pause;
    const { signal } = this.#closing;
    await new Promise<void>((resolve) => {
      const timer = window.setTimeout(resolve, Math.max(pause, Math.min(wished, LONGEST_WISH_MS)));
      signal.addEventListener("abort", () => {
        window.clearTimeout(timer);
        resolve();
      });
    });
  }
}

async function withinSilence<T>(pending: Promise<T>): Promise<T> {
  let timer: number | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => reject(new SilentConnection("Nothing comes any more")), SILENT_MS);
  });
  try {
    return await Promise.race([pending, silence]);
  } finally {
    window.clearTimeout(timer);
  }
}
