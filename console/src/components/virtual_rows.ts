/** TanStack Virtual for Preact: which of many rows of one height are in view. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

interface RowsInView {
  first: number;
  /** Not included. */
  end: number;
  /** Pixels of the rows before and after those in view. */
  before: number;
  after: number;
}

export function useVirtualRows(count: number, frame: RefObject<HTMLDivElement>, rowHeight: number): RowsInView {
  const [, rerender] = useReducer((version: number) => version + 1, 0);
  const options = {
    count,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => rerender(undefined as never),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLTableRowElement>(options));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  const items = virtualizer.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  if (!first || !last) return { first: 0, end: Math.min(count, 40), before: 0, after: 0 };
  return { first: first.index, end: last.index + 1, before: first.start, after: virtualizer.getTotalSize() - last.end };
}
