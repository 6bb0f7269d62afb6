/** The cache of what was read. Nothing is retried out of sight: what fails is read again at its next interval. */
import { QueryClient } from "@tanstack/preact-query";

import { session } from "../session";

const AFTER_ERROR_MS = 2_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: false,
      networkMode: "always",
      refetchInterval: every(false),
      staleTime: 1_000,
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

/** An interval of a query in milliseconds; shorter after an error, so that what is back shows at once. */
export function every(interval: number | false) {
  return (query: { state: { status: string } }) => (query.state.status === "error" ? AFTER_ERROR_MS : interval);
}

// Another person's data must not show for a moment.
session.subscribe(() => {
  if (session.get().services === null && session.get().agent === null) queryClient.clear();
});
