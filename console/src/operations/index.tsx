/** All operations, the leaked ones first: what they left behind still costs money. */
import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";

import { Field } from "../components/field";
import { Empty, Loaded } from "../components/notes";
import { replaceQuery, useAddress } from "../routing";
import type { ScreenProps } from "../routes";
import { OperationDetails } from "./details";
import { KIND_NAMES, OperationTable } from "./operation_table";
import { leakedOperations, OPERATION_KINDS, OPERATION_STATUSES, operationList } from "./queries";

export default function OperationsScreen({ argument }: ScreenProps) {
  return argument ? <OperationDetails operationId={argument} /> : <OperationList />;
}

function OperationList() {
  const { query: address } = useAddress();
  const filter = {
    status: address.get("status") ?? "",
    kind: address.get("kind") ?? "",
    instanceId: address.get("instance") ?? "",
  };
  const change = (part: Partial<typeof filter>) => {
    const { status, kind, instanceId } = { ...filter, ...part };
    replaceQuery({ status, kind, instance: instanceId });
  };
  const leaked = useQuery(leakedOperations());
  const list = useInfiniteQuery(operationList(filter));
  return (
    <>
      <div class="screen-head">
        <h1 tabIndex={-1}>Operations</h1>
      </div>
      {leaked.data && leaked.data.operations.length > 0 && (
        <section class="card alarm" aria-labelledby="leaked">
          <h2 id="leaked">
            Leaked: {leaked.data.operations.length}
            {leaked.data.nextCursor && " or more"}
          </h2>
          <p class="muted">Something of these could not be undone, and still costs money. Open one to retry it.</p>
          <OperationTable label="Leaked operations" operations={leaked.data.operations} />
        </section>
      )}
      <div class="filters" role="group" aria-label="Filters">
        <Field label="Status">
          {(id) => (
            <select id={id} value={filter.status} onChange={(event) => change({ status: event.currentTarget.value })}>
              <option value="">All</option>
              {OPERATION_STATUSES.map((status) => (
                <option key={status} value={status}>
                  {status}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Kind">
          {(id) => (
            <select id={id} value={filter.kind} onChange={(event) => change({ kind: event.currentTarget.value })}>
              <option value="">All</option>
              {OPERATION_KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {KIND_NAMES[kind]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Instance">
          {(id) => (
            <input
              id={id}
              type="search"
              placeholder="Its whole id"
              value={filter.instanceId}
              onChange={(event) => change({ instanceId: event.currentTarget.value.trim() })}
            />
          )}
        </Field>
      </div>
      <Loaded query={list}>
        {({ pages }) => {
          const operations = pages.flatMap((page) => page.operations);
          if (operations.length === 0) return <Empty>No operation fits.</Empty>;
          return (
            <>
              <OperationTable label="Operations" operations={operations} />
              <p class="table-foot">
                <span>{operations.length} shown, the newest first</span>
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
    </>
  );
}
