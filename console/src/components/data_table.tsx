/** A table of TanStack Table's columns and rows, of which only those in view are in the page. */
import { type ColumnDef, tableFeatures, useTable } from "@tanstack/preact-table";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { useVirtualRows } from "./virtual_rows";

const features = tableFeatures({});

export type Column<Row extends object> = ColumnDef<typeof features, Row> & {
  id: string;
  /** Classes of its cells: its width, and `narrow-hidden` for what a small screen leaves out. */
  className?: string;
  /** The server's names of the two orders by this column, where it can sort by it; the first is taken first. */
  orders?: Orders;
};

interface Props<Row extends object> {
  /** What the table shows, for screen readers. */
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  /** The order of the rows, as one of the columns' `orders` names it; the server sorts. */
  order?: string;
  onOrder?: (order: string) => void;
  /** Whether it has a height of its own and scrolls, for very many rows. */
  isTall?: boolean;
  /** Called when the last rows come into view. */
  onEnd?: () => void;
}

const ROW_HEIGHT = 36;
const ROWS_AHEAD = 60;

export function DataTable<Row extends object>({ label, columns, rows, rowKey, order, onOrder, isTall, onEnd }: Props<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const table = useTable({ features, columns, data: rows, getRowId: rowKey });
  const model = table.getRowModel().rows;
  const inView = useVirtualRows(model.length, frame, ROW_HEIGHT);
  const { first, end, before, after } = isTall ? inView : { first: 0, end: model.length, before: 0, after: 0 };
  const isNearEnd = end + ROWS_AHEAD >= model.length;
  useEffect(() => {
    if (isNearEnd) onEnd?.();
  }, [isNearEnd, model.length, onEnd]);
  const columnOf = (id: string) => columns.find((column) => column.id === id);
  const classOf = (id: string) => columnOf(id)?.className;
  return (
    <div ref={frame} class={`table-frame ${isTall ? "tall" : ""}`} role="region" aria-label={label} tabIndex={0}>
      <table aria-rowcount={isTall ? model.length + 1 : undefined}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={isTall ? 1 : undefined}>
              {group.headers.map((header) => (
                <th
                  key={header.id}
                  scope="col"
                  class={classOf(header.column.id)}
                  aria-sort={directionOf(columnOf(header.column.id)?.orders, order)}
                >
                  <SortButton orders={columnOf(header.column.id)?.orders} order={order} onOrder={onOrder}>
                    <table.FlexRender header={header} />
                  </SortButton>
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {before > 0 && <Spacer height={before} />}
          {model.slice(first, end).map((row, index) => (
            <tr key={row.id} aria-rowindex={isTall ? first + index + 2 : undefined}>
              {row.getAllCells().map((cell) => (
                <td key={cell.id} class={classOf(cell.column.id)}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
          {after > 0 && <Spacer height={after} />}
        </tbody>
      </table>
    </div>
  );
}

type Orders = { ascending: string; descending: string; first: "ascending" | "descending" };

function directionOf(orders: Orders | undefined, order: string | undefined): "ascending" | "descending" | undefined {
  if (!orders || !order) return undefined;
  return order === orders.ascending ? "ascending" : order === orders.descending ? "descending" : undefined;
}

interface SortProps {
  orders: Orders | undefined;
  order: string | undefined;
  onOrder: ((order: string) => void) | undefined;
  children: ComponentChildren;
}

/** The heading of a column, as a button where the rows can be sorted by it; its arrow is in the style sheet. */
function SortButton({ orders, order, onOrder, children }: SortProps) {
  if (!orders || !onOrder) return <>{children}</>;
  const current = directionOf(orders, order);
  const next = current === undefined ? orders.first : current === "ascending" ? "descending" : "ascending";
  return (
    <button type="button" class={`sort ${current ?? ""}`} onClick={() => onOrder(orders[next])}>
      {children}
    </button>
  );
}

/** The room of the rows that are out of view. One cell: more would give a small screen back the columns that it leaves out. */
function Spacer({ height }: { height: number }) {
  return (
    <tr class="spacer" aria-hidden="true">
      <td style={{ height }} />
    </tr>
  );
}
