/** The user's prompts by status, page by page. */
import { useInfiniteQuery } from "@tanstack/preact-query";

import { type Column, DataTable } from "../components/data_table";
import { Field } from "../components/field";
import { Empty, Loaded } from "../components/notes";
import { Time } from "../components/time";
import { link } from "../routing";
import { PromptStatus } from "./prompt_status";
import { type ListedPrompt, PROMPT_STATUSES, type PromptFilter, promptList } from "./queries";

const COLUMNS: Column<ListedPrompt>[] = [
  {
    id: "title",
    header: "Prompt",
    cell: ({ row: { original } }) => (
      <a href={link("prompts", original.id)} title={original.title}>
        {original.title || original.id}
      </a>
    ),
  },
  {
    id: "status",
    header: "Status",
    className: "width-status",
    cell: ({ row: { original } }) => (
      <span title={original.error}>
        <PromptStatus status={original.status} />
      </span>
    ),
  },
  { id: "model", header: "Model", className: "width-word narrow-hidden", cell: ({ row: { original } }) => original.model },
  {
    id: "tokens",
    header: "Tokens",
    className: "width-word narrow-hidden number",
    cell: ({ row: { original } }) => original.totalTokens.toLocaleString("en"),
  },
  {
    id: "begun",
    header: "Begun",
    className: "width-time number",
    cell: ({ row: { original } }) => <Time value={original.createdAt} />,
  },
];

interface Props {
  filter: PromptFilter;
  onStatus: (status: string) => void;
}

export function PromptList({ filter, onStatus }: Props) {
  const list = useInfiniteQuery(promptList(filter));
  return (
    <>
      <div class="filters" role="group" aria-label="Filters">
        <Field label="Status">
          {(id) => (
            <select id={id} value={filter.status} onChange={(event) => onStatus(event.currentTarget.value)}>
              <option value="">All</option>
              {PROMPT_STATUSES.map((status) => (
                <option key={status} value={status}>
                  {status}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <Loaded query={list}>
        {({ pages }) => {
          const prompts = pages.flatMap((page) => page.prompts);
          if (prompts.length === 0) return <Empty>No prompt fits.</Empty>;
          return (
            <>
              <DataTable label="Prompts" columns={COLUMNS} rows={prompts} rowKey={(prompt) => prompt.id} />
              <p class="table-foot">
                <span>{prompts.length} shown, the newest first</span>
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
