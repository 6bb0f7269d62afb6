/** What still costs money although nobody uses it: what operations left behind, and what nothing here knows. */
import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";

import { Field } from "../components/field";
import { Empty, Loaded } from "../components/notes";
import { Status } from "../components/status";
import { Time } from "../components/time";
import { KIND_NAMES } from "../operations/operation_table";
import { leakedOperations, type OperationSummary } from "../operations/queries";
import { link, replaceQuery, useAddress } from "../routing";
import { DECISIONS, type Orphan, type OrphanFilter, orphanList, PROVIDERS } from "./queries";

export default function OrphansScreen() {
  const { query } = useAddress();
  const filter = { provider: query.get("provider") ?? "", decision: query.get("decision") ?? "" };
  return (
    <>
      <div class="screen-head">
        <h1 tabIndex={-1}>Leaks and orphans</h1>
      </div>
      <Leaks />
      <section class="card" aria-labelledby="orphans">
        <h2 id="orphans">Orphans</h2>
        <p class="muted">Resources with this fleet's names at a provider that nothing here knows, and what the reconciler decided.</p>
        <Filters filter={filter} />
        <Orphans filter={filter} />
      </section>
    </>
  );
}

function Leaks() {
  const query = useQuery(leakedOperations());
  return (
    <section class={`card ${query.data?.operations.length ? "alarm" : ""}`} aria-labelledby="leaks">
      <h2 id="leaks">Leaked operations</h2>
      <Loaded query={query}>
        {({ operations, nextCursor }) =>
          operations.length === 0 ? (
            <Empty>No operation has left anything behind.</Empty>
          ) : (
            <>
              <p class="muted">The reconciler tries again by itself, at growing intervals. Open one to retry it now, or to abandon it.</p>
              <ul class="lines">
                {operations.map((operation) => (
                  <Leak key={operation.operationId} operation={operation} />
                ))}
              </ul>
              {nextCursor && <a href={link("operations", "", { status: "leaked" })}>There are more</a>}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Leak({ operation }: { operation: OperationSummary }) {
  const { error } = operation;
  const left = Array.isArray(error?.left) ? error.left.map(String) : [];
  return (
    <li>
      <a href={link("operations", operation.operationId)}>
        {KIND_NAMES[operation.kind]} {operation.instanceId}
      </a>
      <span>
        left:{" "}
        {left.length > 0
          ? left.map((name) => (
              <span key={name} class="tag mono">
                {name}
              </span>
            ))
          : "not known"}
      </span>
      <span class="end">
        last tried <Time value={operation.updatedAt} />
      </span>
      {typeof error?.message === "string" && <p class="reason">{error.message}</p>}
    </li>
  );
}

function Filters({ filter }: { filter: OrphanFilter }) {
  const change = (part: Partial<OrphanFilter>) => replaceQuery({ ...filter, ...part });
  return (
    <div class="filters" role="group" aria-label="Filters">
      <Field label="Provider">
        {(id) => (
          <select id={id} value={filter.provider} onChange={(event) => change({ provider: event.currentTarget.value })}>
            <option value="">All</option>
            {PROVIDERS.map((provider) => (
              <option key={provider} value={provider}>
                {provider}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Decision">
        {(id) => (
          <select id={id} value={filter.decision} onChange={(event) => change({ decision: event.currentTarget.value })}>
            <option value="">All</option>
            {DECISIONS.map((decision) => (
              <option key={decision} value={decision}>
                {decision}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
}

function Orphans({ filter }: { filter: OrphanFilter }) {
  const list = useInfiniteQuery(orphanList(filter));
  return (
    <Loaded query={list}>
      {({ pages }) => {
        const orphans = pages.flatMap((page) => page.orphans);
        if (orphans.length === 0) return <Empty>{filter.provider || filter.decision ? "No orphan fits." : "There is no orphan."}</Empty>;
        return (
          <>
            <ul class="lines" aria-label="Orphans">
              {orphans.map((orphan) => (
                <OrphanLine key={orphan.id} orphan={orphan} />
              ))}
            </ul>
            <p class="table-foot">
              <span>{orphans.length} shown, what was seen last first</span>
              {list.hasNextPage && (
                <button type="button" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                  {list.isFetchingNextPage ? "Loading…" : "Show older"}
                </button>
              )}
            </p>
          </>
        );
      }}
    </Loaded>
  );
}

function OrphanLine({ orphan }: { orphan: Orphan }) {
  return (
    <li>
      <Status value={orphan.decision} tone={orphan.decision === "failed" ? "bad" : undefined} />
      <span>
        {orphan.provider} {orphan.kind === "tool" ? "" : orphan.kind} <strong>{orphan.name || "without a name"}</strong>
      </span>
      <code class="muted">{orphan.resourceId}</code>
      <span class="end">
        first seen <Time value={orphan.firstSeen} />, {orphan.sightings === 1 ? "once" : `${orphan.sightings} times`}
      </span>
      <p class="reason">
        {orphan.reason} · decided <Time value={orphan.decidedAt} />
      </p>
    </li>
  );
}
