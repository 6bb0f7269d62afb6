/** One operation, with what may be done about a leaked one. */
import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { api, newIdempotencyKey, unwrap } from "../api/client";
import { ConfirmDialog } from "../components/confirm_dialog";
import { Empty, Loaded } from "../components/notes";
import { Status } from "../components/status";
import { formatDuration, Time, useNow } from "../components/time";
import { link } from "../routing";
import { session } from "../session";
import { useStore } from "../store";
import { KIND_NAMES, OperationStatus } from "./operation_table";
import { type Operation, operationDetails } from "./queries";
import { OperationTimeline } from "./timeline";

export function OperationDetails({ operationId }: { operationId: string }) {
  const query = useQuery(operationDetails(operationId));
  return (
    <>
      <a class="crumb" href={link("operations")}>
        ← Operations
      </a>
      <Loaded query={query}>{(operation) => <Details operation={operation} />}</Loaded>
    </>
  );
}

function Details({ operation }: { operation: Operation }) {
  const mayWrite = useStore(session).services?.mayWrite ?? false;
  return (
    <>
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>
            {KIND_NAMES[operation.kind]} {operation.instanceId}
          </h1>
          <p class="facts">
            <OperationStatus operation={operation} />
            <span class="muted mono">{operation.operationId}</span>
          </p>
        </div>
        {mayWrite && operation.status === "leaked" && <LeakedActions operation={operation} />}
      </div>
      <section class="card" aria-labelledby="steps">
        <h2 id="steps">Steps</h2>
        <OperationTimeline operationId={operation.operationId} />
      </section>
      <Resources resources={operation.resources} />
      <section class="card" aria-labelledby="facts">
        <h2 id="facts">Details</h2>
        <dl class="facts-list">
          <dt>Instance</dt>
          <dd>
            <a href={link("instances", operation.instanceId)}>{operation.instanceId}</a>
          </dd>
          <dt>Begun</dt>
          <dd>
            <Time value={operation.createdAt} />
          </dd>
          <dt>{operation.status === "running" ? "Runs for" : "Took"}</dt>
          <dd>
            <Duration operation={operation} />
          </dd>
          {operation.result && (
            <>
              <dt>Result</dt>
              <dd class="mono">{JSON.stringify(operation.result)}</dd>
            </>
          )}
        </dl>
      </section>
    </>
  );
}

/** What was asked of the providers, and what has become of it. */
function Resources({ resources = [] }: { resources: Operation["resources"] }) {
  return (
    <section class="card" aria-labelledby="resources">
      <h2 id="resources">At the providers</h2>
      {resources.length === 0 && <Empty>It has asked no provider for anything yet.</Empty>}
      <ul class="lines">
        {resources.map((resource) => (
          <li key={`${resource.provider} ${resource.kind} ${resource.resourceId}`}>
            <span>
              {resource.provider} {resource.kind === "tool" ? "" : resource.kind}
            </span>
            <Status value={resource.state} />
            {resource.resourceId && <code class="muted">{resource.resourceId}</code>}
            <span class="end">
              <Time value={resource.attemptedAt} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Duration({ operation }: { operation: Operation }) {
  const now = useNow();
  const end = operation.status === "running" ? now : Date.parse(operation.updatedAt);
  return <>{formatDuration(end - Date.parse(operation.createdAt))}</>;
}

function LeakedActions({ operation }: { operation: Operation }) {
  const [asked, setAsked] = useState<"retry" | "abandon" | null>(null);
  const queries = useQueryClient();
  const { operationId } = operation;
  const left = Array.isArray(operation.error?.left) ? operation.error.left.map(String).join(", ") : "what is left";
  const send = async (path: "/operations/{operationId}/retry" | "/operations/{operationId}/abandon") => {
    const header = { "Idempotency-Key": newIdempotencyKey() };
    try {
      await unwrap<unknown>(api.POST(path, { params: { path: { operationId }, header } }));
    } finally {
      await queries.invalidateQueries();
    }
  };
  return (
    <div class="actions">
      <button type="button" onClick={() => setAsked("retry")}>
        Retry…
      </button>
      <button type="button" class="danger" onClick={() => setAsked("abandon")}>
        Abandon…
      </button>
      {asked === "retry" && (
        <ConfirmDialog
          title="Retry this operation"
          confirmLabel="Retry"
          onConfirm={() => send("/operations/{operationId}/retry")}
          onClose={() => setAsked(null)}
        >
          <p>Tries again to delete {left}. Nothing else of the instance is touched.</p>
        </ConfirmDialog>
      )}
      {asked === "abandon" && (
        <ConfirmDialog
          title="Abandon what is left"
          confirmLabel="Abandon"
          isDangerous
          textToType={operation.instanceId}
          onConfirm={() => send("/operations/{operationId}/abandon")}
          onClose={() => setAsked(null)}
        >
          <p>
            Nobody tries to delete {left} any more. It stays at its provider, and costs money until you delete it there by hand.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
