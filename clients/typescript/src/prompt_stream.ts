/** A prompt's events as one sequence, whatever happens to the connections that they come by. */
import { badResponse, networkError, PointsmanError } from "./errors.js";
import { EventStreamParser, type ServerSentEvent } from "./event_stream.js";
import { isFinal, type PromptEvent, toPromptEvent } from "./prompt_events.js";
import { Backoff, isTemporary } from "./retry.js";
import { TimeLimit } from "./time_limit.js";
import { encodeSegment, type RawRequest, type Transport } from "./transport.js";

export interface StreamOptions {
  /** Ends the iteration with the signal's reason. The prompt goes on; `cancel` stops it. */
  signal?: AbortSignal;
  /** Adds the events `call` and `decided`. */
  callEvents?: boolean;
  /** After so many milliseconds of silence a connection counts as lost; 60,000 by default. The API's are 15 s long. */
  idleTimeoutMs?: number;
}

/** Where a sequence begins: with a new prompt, or with one that there is. */
export type StreamStart =
  { submission: { body: object; idempotencyKey: string } } | { promptId: string; lastEventId: string | undefined };

const DEFAULT_IDLE_MS = 60_000;

/**
 * Follow a prompt to its end. A connection that breaks, or that the API ends in time, is replaced by one that begins
 * after the last event; one that broke before the first event by the same submission, whose key begins no second one.
 *
 * @param baseUrl the Agent API's, with its prefix.
 * @throws PointsmanError when the API refuses, or when too many connections in a row have brought nothing.
 */
export async function* followPrompt(
  transport: Transport,
  baseUrl: string,
  start: StreamStart,
  { signal, callEvents = false, idleTimeoutMs = DEFAULT_IDLE_MS }: StreamOptions,
): AsyncGenerator<PromptEvent, void, undefined> {
  let promptId = "promptId" in start ? start.promptId : undefined;
  let lastEventId = "promptId" in start ? start.lastEventId : undefined;
  let hasPartialText = false;
  let isTextStale = false;
  const backoff = new Backoff(transport.retry);

  function buildRequest(): RawRequest {
    const query = callEvents ? "?events=all" : "";
    const headers = new Headers({ accept: "text/event-stream" });
    if (promptId === undefined && "submission" in start) {
      const { body, idempotencyKey } = start.submission;
      headers.set("content-type", "application/json");
      headers.set("idempotency-key", idempotencyKey);
      return { method: "POST", url: `${baseUrl}/prompt${query}`, headers, body: JSON.stringify(body) };
    }
    if (lastEventId !== undefined) headers.set("last-event-id", lastEventId);
    return { method: "GET", url: `${baseUrl}/prompts/${encodeSegment(promptId ?? "")}/stream${query}`, headers };
  }

  for (;;) {
    const limit = new TimeLimit(signal);
    let failure: PointsmanError;
    try {
      const response = await transport.open(buildRequest(), limit, signal);
      if (response.status === 204) return; // The prompt has ended with the last event.
      for await (const message of readMessages(response, limit, idleTimeoutMs, signal)) {
        signal?.throwIfAborted();
        backoff.reset();
        if (message === null) continue;
        lastEventId = message.id ?? lastEventId;
        const event = toPromptEvent(message, promptId);
        if (event === null) continue;
        promptId = event.promptId;
        if (event.type !== "delta") {
          hasPartialText = isTextStale = false;
        } else {
          // The API sends the pieces of a text from its beginning or not at all. So this one begins another text than
          // the pieces that came by an earlier connection.
          if (isTextStale && !event.data.reset) yield { ...event, data: { promptId, text: "", reset: true } };
          isTextStale = false;
          hasPartialText = true;
        }
        yield event;
        if (isFinal(event)) return;
      }
      failure = new PointsmanError("The stream ended before the prompt did", 0, "STREAM_ENDED");
    } catch (error) {
      if (!(error instanceof PointsmanError) || !isTemporary(error)) throw error;
      failure = error;
    } finally {
      limit.end();
    }
    isTextStale = hasPartialText;
    await backoff.pause(failure, signal);
  }
}

/**
 * Read a response's events as they come; null stands for comments.
 *
 * @throws PointsmanError `UNREACHABLE` when the connection breaks.
 */
async function* readMessages(
  response: Response,
  limit: TimeLimit,
  idleTimeoutMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ServerSentEvent | null, void, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  for (;;) {
    let events: ServerSentEvent[];
    try {
      // Not while the caller works on an event: what comes meanwhile is read afterwards.
      limit.start(idleTimeoutMs);
      const { done, value } = await reader.read();
      limit.pause();
      if (done) return;
      events = parser.push(decoder.decode(value, { stream: true }));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RangeError) throw badResponse(error.message);
      throw networkError(limit.signal.aborted ? limit.signal.reason : error);
    }
    yield* events;
    if (parser.hasComment) yield null;
    parser.hasComment = false;
  }
}
