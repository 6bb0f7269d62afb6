/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), from text in any pieces. */

/** One event; `id` is undefined where the event has none of its own. */
export interface ServerSentEvent {
  event: string;
  data: string;
  id: string | undefined;
}

/** Longer than any event of the APIs, which fits into a response of Lambda. In UTF-16 units. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

export class EventStreamParser {
  /** Whether a comment has come since this was last set to false: a sign of life of a stream without news. */
  hasComment = false;
  #rest = "";
  #carriageReturn = "";
  #length = 0;
  #event = "";
  #data: string[] = [];
  #id: string | undefined;

  /**
   * Take the next piece of text, and return the events that it completes. What is incomplete at the end is no event.
   *
   * @throws RangeError if an event is too long.
   */
  push(piece: string): ServerSentEvent[] {
    // A carriage return at the end may be the first half of a line's end.
    const text = this.#carriageReturn + piece;
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    this.#carriageReturn = text.slice(end);
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      if (line !== "") this.#readLine(line);
      else this.#dispatch(events);
    }
    this.#requireLength(this.#length + this.#rest.length);
    return events;
  }

  #requireLength(length: number): void {
    if (length > MAX_EVENT_LENGTH) throw new RangeError("An event of the stream is too long");
  }

  #readLine(line: string): void {
    if (line.startsWith(":")) {
      this.hasComment = true;
      return;
    }
    this.#length += line.length;
    this.#requireLength(this.#length);
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch(events: ServerSentEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
    }
    this.#event = "";
    this.#data = [];
    this.#id = undefined;
    this.#length = 0;
  }
}
