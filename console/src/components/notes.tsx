/** What a screen says in place of, or above, its content. */
import type { ComponentChildren } from "preact";

import { ApiError } from "../api/errors";

/** An error in words, with the code and the id of the request that lead to it in the logs. */
export function ErrorNote({ error }: { error: Error | null | undefined }) {
  if (!error) return null;
  return (
    <div class="note error" role="alert">
      <p>{error.message}</p>
      {error instanceof ApiError && (error.code || error.requestId) && (
        <p class="facts">
          {error.code && <code>{error.code}</code>}
          {error.requestId && (
            <span>
              request <code>{error.requestId}</code>
            </span>
          )}
        </p>
      )}
    </div>
  );
}

interface ResultOfQuery<T> {
  data: T | undefined;
  error: Error | null;
}

/** Show what a query has; an outage keeps what was there, and the banner of the shell tells about it. */
export function Loaded<T>({ query, children }: { query: ResultOfQuery<T>; children: (data: T) => ComponentChildren }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  return query.error ? <ErrorNote error={query.error} /> : <p class="muted">Loading…</p>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
