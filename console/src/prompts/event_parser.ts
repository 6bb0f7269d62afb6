/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) from the pieces in which they come. */

export interface ServerEvent {
  event: string;
  data: string;
  /** Null for an event from which nobody can go on. */
  id: string | null;
}

export class EventParser {
  /** The server's wish, in milliseconds. */
  retryAfter: number | null = null;
  #rest = "";
  #event = "";
  #data: string[] = [];
  #id: string | null = null;

  /** Return the events that this piece completes. */
  push(piece: string): ServerEvent[] {
    const text = this.#rest + piece;
    // A return at the end may be the first half of a line's end.
    const lines = text.replace(/\r$/, "").split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + (text.endsWith("\r") ? "\r" : "");
    return lines.flatMap((line) => this.#readLine(line) ?? []);
  }

  #readLine(line: string): ServerEvent | null {
    if (line === "") return this.#dispatch();
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
    if (name === "id" && !value.includes("\0")) this.#id = value;
    if (name === "retry" && /^\d+$/.test(value)) this.retryAfter = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    this.#id = null;
    return isEmpty ? null : event;
  }
}
