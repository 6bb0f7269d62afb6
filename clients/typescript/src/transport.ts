/** Sends requests: adds credentials and an Idempotency-Key, repeats what failed for the moment, reads errors. */
import { networkError, PointsmanError, readError } from "./errors.js";
import { Backoff, isRefusedUnseen, isTemporary, newIdempotencyKey, type RetryOptions } from "./retry.js";
import { TimeLimit } from "./time_limit.js";

export interface ConnectionOptions {
  /** Where the deployment is, such as `https://fleet.example.org`. */
  baseUrl: string;
  /** When requests are repeated. */
  retry?: RetryOptions;
  /** How long one attempt of a request may take, in milliseconds; 60,000 by default. Of a stream only its beginning. */
  timeoutMs?: number;
  /** Used in place of the global `fetch`. */
  fetch?: typeof fetch;
}

/** A request before credentials are added. */
export interface RawRequest {
  method: string;
  url: string;
  headers: Headers;
  body?: string | ArrayBuffer;
}

/** The headers that identify the caller; called for each attempt, so that a token may be renewed. */
export type Credentials = () => Record<string, string> | Promise<Record<string, string>>;

export class Transport {
  readonly retry: RetryOptions;
  readonly #credentials: Credentials;
  readonly #fetch: typeof fetch;
  readonly #timeoutMs: number;

  constructor(options: ConnectionOptions, credentials: Credentials) {
    this.retry = options.retry ?? {};
    this.#credentials = credentials;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /**
   * Send a request until it succeeds, and read the whole answer.
   *
   * @param isRepeatable whether a repeat has no second effect. Otherwise only what was refused unseen is sent again.
   * @throws PointsmanError for an answer from 400 on, and for none; `signal.reason` when aborted.
   */
  async send(request: Request, isRepeatable: boolean): Promise<Response> {
    const { method, url, signal } = request;
    const raw: RawRequest = { method, url, headers: new Headers(request.headers) };
    if (method !== "GET" && method !== "HEAD") {
      if (!raw.headers.has("idempotency-key")) raw.headers.set("idempotency-key", newIdempotencyKey());
      const body = await request.arrayBuffer();
      if (body.byteLength > 0) raw.body = body;
    }
    const backoff = new Backoff(this.retry);
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await this.#sendOnce(raw, signal);
      } catch (error) {
        if (!(error instanceof PointsmanError)) throw error;
        error.attempts = attempts;
        if (!(isRepeatable ? isTemporary : isRefusedUnseen)(error)) throw error;
        await backoff.pause(error, signal);
      }
    }
  }

  /**
   * Send a request once, and return its answer as soon as that begins.
   *
   * @param limit ends the attempt, and later the reading of the answer.
   * @throws PointsmanError for an answer from 400 on, and for none; the reason of the caller's signal when aborted.
   */
  async open(request: RawRequest, limit: TimeLimit, signal?: AbortSignal): Promise<Response> {
    limit.start(this.#timeoutMs);
    const { method, url } = request;
    const headers = new Headers(request.headers);
    for (const [name, value] of Object.entries(await this.#credentials())) headers.set(name, value);
    try {
      // Credentials follow no redirect, and the APIs need no cookies.
      const init: RequestInit = { method, headers, redirect: "error", credentials: "omit", signal: limit.signal };
      if (request.body !== undefined) init.body = request.body;
      const response = await this.#fetch(url, init);
      if (response.status >= 400) throw readError(await response.text(), response.status, response.headers);
      return response;
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof PointsmanError ? error : networkError(limit.signal.aborted ? limit.signal.reason : error);
    }
  }

  async #sendOnce(request: RawRequest, signal: AbortSignal): Promise<Response> {
    const limit = new TimeLimit(signal);
    try {
      const response = await this.open(request, limit, signal);
      const { status, headers } = response;
      try {
        return new Response(status === 204 ? null : await response.arrayBuffer(), { status, headers });
      } catch (error) {
        signal.throwIfAborted();
        throw networkError(error); // The connection broke in the middle of the answer.
      }
    } finally {
      limit.end();
    }
  }
}

/**
 * Encode a part of a path. An empty one, `.` and `..` would lead to another path, which may mean another thing.
 *
 * @throws TypeError for these.
 */
export function encodeSegment(value: string): string {
  if (/^\.{0,2}$/.test(value)) throw new TypeError(`An id must not be "${value}"`);
  return encodeURIComponent(value);
}

/** Check a base URL, and return it without a slash at its end. @throws TypeError */
export function parseBaseUrl(baseUrl: string): string {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    throw new TypeError("baseUrl must be an absolute URL such as https://fleet.example.org");
  }
  // Errors of fetch would show a password in it.
  if (url.username || url.password) throw new TypeError("baseUrl must not contain credentials");
  if (!/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new TypeError("baseUrl must begin with https:// or http://, and have no query and no fragment");
  }
  return url.href.replace(/\/+$/, "");
}

/** Check a part of a credential; the error does not show it, as fetch's own would. @throws TypeError */
export function parseCredential(name: string, value: unknown): string {
  if (typeof value !== "string" || !/^[!-~]+$/.test(value)) {
    throw new TypeError(`${name} must be a text of visible ASCII characters`);
  }
  return value;
}
