/** One operation: its steps over time, its error, and what is left. */
import { useQuery } from "@tanstack/preact-query";

import { Loaded } from "../components/notes";
import { Status, toneOf } from "../components/status";
import { formatDuration, useNow } from "../components/time";
import { type Operation, operationDetails } from "./queries";

export function OperationTimeline({ operationId }: { operationId: string }) {
  const query = useQuery(operationDetails(operationId));
  return (
    <Loaded query={query}>
      {(operation) => (
        <div class="stack">
          <Steps operation={operation} />
          <OperationError error={operation.error} />
        </div>
      )}
    </Loaded>
  );
}

function Steps({ operation }: { operation: Operation }) {
  const now = useNow();
  const begin = Date.parse(operation.createdAt);
  const isRunning = operation.status === "running";
  const end = isRunning ? Math.max(now, begin + 1) : Math.max(Date.parse(operation.updatedAt), begin + 1);
  if (operation.steps.length === 0) return <p class="muted">No step has begun yet.</p>;
  return (
    <ol class="timeline" aria-label="Steps">
      {operation.steps.map((step) => {
        const from = Date.parse(step.startedAt);
        const to = step.endedAt ? Date.parse(step.endedAt) : end;
        const left = Math.min(99, Math.max(0, ((from - begin) / (end - begin)) * 100));
        const width = Math.min(100 - left, Math.max(0.5, ((to - from) / (end - begin)) * 100));
        return (
          <li key={`${step.name}-${step.startedAt}`}>
            <span class="mono">{step.name}</span>
            <span>
              <Status value={step.status} tone={step.status === "failed" ? "bad" : undefined} />
            </span>
            <span class="track" aria-hidden="true">
              <span
                class={`bar ${step.status === "failed" ? "bad" : toneOf(step.status)}`}
                style={{ left: `${left}%`, width: `${width}%` }}
              />
            </span>
            <span class="duration">{formatDuration(to - from)}</span>
            {step.error && <p class="step-error">{step.error}</p>}
          </li>
        );
      })}
    </ol>
  );
}

/** An operation's error: its message and code, and the names of what remains at the providers. */
export function OperationError({ error }: { error: Record<string, unknown> | undefined }) {
  if (!error) return null;
  const left = Array.isArray(error.left) ? error.left.map(String) : [];
  return (
    <div class="note error">
      <p>{String(error.message ?? "The operation failed")}</p>
      {typeof error.code === "string" && (
        <p class="facts">
          <code>{error.code}</code>
        </p>
      )}
      {left.length > 0 && (
        <>
          <p>
            <strong>Left behind:</strong>
          </p>
          <ul class="tags" aria-label="Left behind">
            {left.map((name) => (
              <li key={name} class="tag mono">
                {name}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
