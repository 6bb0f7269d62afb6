/** When a request is repeated, and how long to wait before. */
import { PointsmanError } from "./errors.js";

export interface RetryOptions {
  /** How often a request is sent at most, and how often in a row a stream may break without news; 6 by default. */
  attempts?: number;
  /** The first pause in milliseconds, which doubles each time; 500 by default. */
  minDelayMs?: number;
  /** The longest pause in milliseconds; an answer that asks for more is an error at once. 30,000 by default. */
  maxDelayMs?: number;
}

/** Counts the failures in a row, and waits after each. */
export class Backoff {
  #failures = 0;
  readonly #attempts: number;
  readonly #minDelayMs: number;
  readonly #maxDelayMs: number;

  constructor({ attempts = 6, minDelayMs = 500, maxDelayMs = 30_000 }: RetryOptions = {}) {
    this.#attempts = attempts;
    this.#minDelayMs = minDelayMs;
    this.#maxDelayMs = maxDelayMs;
  }

  /** Note a success: the next failure is the first one again. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Wait before the next attempt: as long as the API asks, else longer each time; with jitter, so that clients that
   * failed together come back apart.
   *
   * @throws the failure, if it was the last attempt or the API asks for a longer pause; `signal.reason` when aborted.
   */
  async pause(failure: PointsmanError, signal?: AbortSignal): Promise<void> {
    this.#failures += 1;
    const asked = failure.retryAfterMs;
    if (this.#failures >= this.#attempts || (asked !== null && asked > this.#maxDelayMs)) throw failure;
    const doubled = Math.min(this.#minDelayMs * 2 ** (this.#failures - 1), this.#maxDelayMs);
    const jitter = (Math.random() * doubled) / 2;
    await sleep(asked === null ? doubled / 2 + jitter : asked + jitter, signal);
  }
}

/** Whether the same request may succeed later, and can be sent again without harm if its effect happens once. */
export function isTemporary({ status, code }: PointsmanError): boolean {
  return (
    status === 429 ||
    [502, 503, 504].includes(status) ||
    code === "UNREACHABLE" ||
    code === "STREAM_ENDED" ||
    code === "HTTP_500" || // A gateway's: the function behind it is throttled or has died.
    code === "IDEMPOTENCY_IN_PROGRESS"
  );
}

/** Whether certainly nothing has happened, so that even a request with an effect each time may be sent again. */
export function isRefusedUnseen({ status }: PointsmanError): boolean {
  return status === 429;
}

/** Wait so many milliseconds. @throws `signal.reason` when aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A new value for the header Idempotency-Key. Unlike `randomUUID` it needs no secure context. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
