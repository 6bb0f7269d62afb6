/** A change that was asked for: on its way, done, or refused. */
import { queryClient } from "../api/query_client";
import { ErrorNote } from "../components/notes";

export interface Change {
  /** What was asked for, as the beginning of a sentence: `Destroy of agent-7`. */
  what: string;
  state: "sent" | "done" | "going on" | "failed";
  error?: Error;
}

/**
 * Send a change and follow its answer. The answer may take as long as the work, so nobody waits for it.
 *
 * @param send - returns the answer; one of an operation that goes on has the status `running`.
 */
export function follow(what: string, send: () => Promise<unknown>, onChange: (change: Change) => void): void {
  onChange({ what, state: "sent" });
  send()
    .then((answer) => onChange({ what, state: isGoingOn(answer) ? "going on" : "done" }))
    .catch((error: unknown) => {
      onChange({ what, state: "failed", error: error instanceof Error ? error : new Error(String(error)) });
    })
    .finally(() => queryClient.invalidateQueries());
}

export function ChangeNote({ change }: { change: Change | null }) {
  if (!change) return null;
  if (change.error) return <ErrorNote error={change.error} />;
  const words = { sent: "was sent and runs", done: "is done", "going on": "goes on", failed: "failed" }[change.state];
  return (
    <p class={`note ${change.state === "done" ? "success" : ""}`} role="status">
      {change.what} {words}.
    </p>
  );
}

function isGoingOn(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "status" in answer && answer.status === "running";
}
