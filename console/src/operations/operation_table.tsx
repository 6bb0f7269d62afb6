/** Operations as a table. */
import { type Column, DataTable } from "../components/data_table";
import { Status } from "../components/status";
import { Time } from "../components/time";
import { link } from "../routing";
import type { OperationSummary } from "./queries";

export const KIND_NAMES: Record<OperationSummary["kind"], string> = {
  create: "Create",
  destroy: "Destroy",
  provision: "Provision",
  destroy_tool: "Destroy tool",
};

const COLUMNS: Column<OperationSummary>[] = [
  {
    id: "kind",
    header: "Operation",
    className: "width-short",
    cell: ({ row: { original } }) => <a href={link("operations", original.operationId)}>{KIND_NAMES[original.kind]}</a>,
  },
  {
    id: "instance",
    header: "Instance",
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
    cell: ({ row: { original } }) => <OperationStatus operation={original} />,
  },
  {
    id: "problem",
    header: "Problem",
    className: "narrow-hidden",
    cell: ({ row: { original } }) => {
      const message = original.error?.message;
      return typeof message === "string" ? <span title={message}>{message}</span> : <span class="muted">–</span>;
    },
  },
  {
    id: "asked",
    header: "Asked by",
    className: "width-short narrow-hidden",
    cell: ({ row: { original } }) => (original.askedBy ? original.askedBy.id : <span class="muted">–</span>),
  },
  {
    id: "begun",
    header: "Begun",
    className: "width-time number",
    cell: ({ row: { original } }) => <Time value={original.createdAt} />,
  },
];

const WITHOUT_INSTANCE = COLUMNS.filter((column) => column.id !== "instance");

interface Props {
  label: string;
  operations: OperationSummary[];
  /** Whether all are of one instance, whose id the screen shows anyway. */
  isOfOneInstance?: boolean;
}

export function OperationTable({ label, operations, isOfOneInstance }: Props) {
  return (
    <DataTable
      label={label}
      columns={isOfOneInstance ? WITHOUT_INSTANCE : COLUMNS}
      rows={operations}
      rowKey={(operation) => operation.operationId}
    />
  );
}

export function OperationStatus({ operation }: { operation: Pick<OperationSummary, "status"> & { isUndoing?: boolean } }) {
  return operation.status === "running" && operation.isUndoing ? (
    <Status value="undoing" tone="warn" />
  ) : (
    <Status value={operation.status} />
  );
}
