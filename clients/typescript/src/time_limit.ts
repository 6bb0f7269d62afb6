/** A time limit of what is under way, joined with the caller's own signal. */

export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #stop = () => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** No limit runs before `start`. */
  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted) this.#stop();
    outer?.addEventListener("abort", this.#stop, { once: true });
  }

  /** Aborted by the limit, by the outer signal, and by `end`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Let the limit be so many milliseconds from now on. */
  start(ms: number): void {
    this.pause();
    this.#timer = setTimeout(() => this.#controller.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
  }

  /** Stop counting. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Stop counting, and abort what is still under way. */
  end(): void {
    this.pause();
    this.#outer?.removeEventListener("abort", this.#stop);
    this.#controller.abort();
  }
}
