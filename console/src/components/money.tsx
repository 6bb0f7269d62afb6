/** Amounts in USD, and what is spent of a cap. */

export function formatUsd(amount: number | null): string {
  return amount === null ? "?" : amount.toLocaleString("en-US", { style: "currency", currency: "USD" });
}

interface Amounts {
  limit: number | null;
  limitRemaining: number | null;
  usage: number | null;
}

/** What is spent of the cap: where the cap is reset from time to time, only what was spent since then counts. */
export function spentOf({ limit, limitRemaining, usage }: Amounts): number | null {
  return limit !== null && limitRemaining !== null ? limit - limitRemaining : usage;
}

export function Meter({ share }: { share: number }) {
  return (
    <span class={`meter ${share >= 0.9 ? "bad" : ""}`} aria-hidden="true">
      <span style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
    </span>
  );
}
