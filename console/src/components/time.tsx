/** Times relative to now, with the exact one on hover and for screen readers; and durations. */
import { useEffect } from "preact/hooks";

import { createStore, useStore } from "../store";

const now = createStore(Date.now());
let watchers = 0;
let timer: number | undefined;

/** The time in milliseconds, each second anew while somebody looks at it. */
export function useNow(): number {
  useEffect(() => {
    if (watchers++ === 0) {
      now.set(Date.now());
      timer = window.setInterval(() => now.set(Date.now()), 1_000);
    }
    return () => {
      if (--watchers === 0) window.clearInterval(timer);
    };
  }, []);
  return useStore(now);
}

export function Time({ value }: { value: string }) {
  const current = useNow();
  const exact = new Date(value);
  return (
    <time dateTime={value} title={`${exact.toLocaleString()} (${value})`}>
      {formatAgo(current - exact.getTime())}
    </time>
  );
}

function formatAgo(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.round((seconds % 3_600) / 60)} min`;
}
