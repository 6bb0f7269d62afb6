/** All instances; the server's pages are loaded as one scrolls. */
import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";
import { useCallback, useEffect, useState } from "preact/hooks";

import { type Column, DataTable } from "../components/data_table";
import { Field } from "../components/field";
import { formatUsd, Meter, spentOf } from "../components/money";
import { Empty, Loaded } from "../components/notes";
import { Status } from "../components/status";
import { Time } from "../components/time";
import { link, replaceQuery, useAddress } from "../routing";
import { session } from "../session";
import { useStore } from "../store";
import { FleetHistory } from "./history";
import { type FleetFilter, fleetTotals, type Instance, instanceList, registry } from "./queries";

const TYPING_MS = 250;
const NEWEST_FIRST = "created_desc";

const COLUMNS: Column<Instance>[] = [
  {
    id: "instance",
    header: "Instance",
    orders: { ascending: "id_asc", descending: "id_desc", first: "ascending" },
    cell: ({ row: { original } }) => (
      <a href={link("instances", original.instanceId)} title={original.instanceId}>
        {original.instanceId}
      </a>
    ),
  },
  {
    id: "status",
    header: "Status",
    className: "width-status",
    cell: ({ row: { original } }) => <Status value={original.deployStatus ?? "UNKNOWN"} />,
  },
  {
    id: "tools",
    header: "Tools",
    className: "width-tools narrow-hidden",
    cell: ({ row: { original } }) =>
      original.tools.length ? (
        original.tools.map((tool) => (
          <span key={tool.toolId} class="tag">
            {tool.toolId}
          </span>
        ))
      ) : (
        <span class="muted">none</span>
      ),
  },
  {
    id: "image",
    header: "Image",
    className: "narrow-hidden",
    cell: ({ row: { original } }) => <span title={original.runtimeImage ?? undefined}>{shortImage(original.runtimeImage)}</span>,
  },
  {
    id: "spend",
    header: "Spent of cap",
    className: "width-spend number narrow-hidden",
    cell: ({ row: { original } }) => <SpendOfCap spend={original.spend} />,
  },
  {
    id: "age",
    header: "Created",
    orders: { ascending: "created_asc", descending: "created_desc", first: "descending" },
    className: "width-time number",
    cell: ({ row: { original } }) => <Time value={original.createdAt} />,
  },
];

export default function FleetScreen() {
  const { query } = useAddress();
  const filter: FleetFilter = {
    status: query.get("status") ?? "",
    tool: query.get("tool") ?? "",
    search: query.get("search") ?? "",
    sort: query.get("sort") ?? "",
  };
  const change = (part: Partial<FleetFilter>) => replaceQuery({ ...filter, ...part });
  const mayWrite = useStore(session).services?.mayWrite ?? false;
  const tools = useQuery(registry());
  return (
    <>
      <div class="screen-head">
        <h1 tabIndex={-1}>Fleet</h1>
        {mayWrite && (
          <a class="button primary" href={link("create")}>
            Create instance
          </a>
        )}
      </div>
      <Totals selected={filter.status} onSelect={(status) => change({ status })} />
      <FleetHistory />
      <div class="filters" role="group" aria-label="Filters">
        <SearchField value={filter.search} onChange={(search) => change({ search })} />
        <Field label="Tool">
          {(id) => (
            <select id={id} value={filter.tool} onChange={(event) => change({ tool: event.currentTarget.value })}>
              <option value="">All</option>
              {tools.data?.map((tool) => (
                <option key={tool.id} value={tool.id}>
                  {tool.name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <InstanceTable filter={filter} onOrder={(sort) => change({ sort: sort === NEWEST_FIRST ? "" : sort })} />
    </>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = window.setTimeout(() => onChange(text.trim()), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <Field label="Search">
      {(id) => (
        <input
          id={id}
          type="search"
          placeholder="Beginning of the id"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** The number of instances by status; each is a filter. */
function Totals({ selected, onSelect }: { selected: string; onSelect: (status: string) => void }) {
  const query = useQuery(fleetTotals());
  const all = query.data?.reduce((sum, total) => sum + total.count, 0);
  return (
    <div class="totals" role="group" aria-label="Totals by status">
      <button type="button" aria-pressed={selected === ""} onClick={() => onSelect("")}>
        All <span class="count">{all?.toLocaleString() ?? "…"}</span>
      </button>
      {query.data?.map(({ status, count }) => (
        <button
          key={status}
          type="button"
          aria-pressed={selected === status}
          onClick={() => onSelect(selected === status ? "" : status)}
        >
          <Status value={status} />
          <span class="count">{count.toLocaleString()}</span>
        </button>
      ))}
    </div>
  );
}

function InstanceTable({ filter, onOrder }: { filter: FleetFilter; onOrder: (order: string) => void }) {
  const list = useInfiniteQuery(instanceList(filter));
  const { hasNextPage, isFetching, fetchNextPage } = list;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  return (
    <Loaded query={list}>
      {({ pages }) => {
        const instances = pages.flatMap((page) => page.instances);
        if (instances.length === 0) return <Empty>No instance fits.</Empty>;
        return (
          <>
            <DataTable
              label="Instances"
              columns={COLUMNS}
              rows={instances}
              rowKey={(instance) => instance.instanceId}
              order={filter.sort || NEWEST_FIRST}
              onOrder={onOrder}
              isTall
              onEnd={loadMore}
            />
            <p class="table-foot" role="status">
              <span>
                {instances.length.toLocaleString()} loaded{hasNextPage ? ", more as you scroll" : ", that is all"}
              </span>
              <button type="button" onClick={() => list.refetch()} disabled={isFetching}>
                Refresh
              </button>
            </p>
          </>
        );
      }}
    </Loaded>
  );
}

/** What the instance's key spends, as the reconciler's last listing of all keys had it. */
function SpendOfCap({ spend }: { spend: Instance["spend"] }) {
  const spent = spend && spentOf(spend);
  if (spend === null || spent === null) return <span class="muted">–</span>;
  const cap = spend.limit === null ? "no cap" : formatUsd(spend.limit);
  return (
    <span class="spend-cell" title={`As of ${new Date(spend.asOf).toLocaleString()}${spend.limitReset ? `, reset ${spend.limitReset}` : ""}`}>
      {formatUsd(spent)} / {cap}
      {spend.limit ? <Meter share={spent / spend.limit} /> : null}
    </span>
  );
}

function shortImage(image: string | null): string {
  return image?.split("/").at(-1) ?? "–";
}
