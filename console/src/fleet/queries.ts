/** Reading instances, what the accounts spend, and which tools there are. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { ApiError } from "../api/errors";
import { every } from "../api/query_client";
import type { paths } from "../api/schema";

export type Instance = Schemas["ListedInstance"];
export type ToolId = Schemas["ToolId"];

type Sort = NonNullable<NonNullable<paths["/instances"]["get"]["parameters"]["query"]>["sort"]>;

export interface FleetFilter {
  status: string;
  tool: string;
  search: string;
  /** Empty for the newest first. */
  sort: string;
}

const PAGE_SIZE = 200;
const FEW_PAGES = 2;
const LIST_MS = 5_000;
const TOTALS_MS = 10_000;
const SPEND_MS = 60_000;
const HISTORY_MS = 60_000;
const HISTORY_POINTS = 200;

export function instanceList({ status, tool, search, sort }: FleetFilter) {
  return infiniteQueryOptions({
    queryKey: ["instances", { status, tool, search, sort }],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE_SIZE,
        ...(status && { status }),
        ...(tool && { tool: tool as ToolId }),
        ...(search && { search }),
        ...(sort && { sort: sort as Sort }),
        ...(pageParam && { cursor: pageParam }),
      };
      return unwrap(api.GET("/instances", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    // Each refresh reads all pages that are there, so many of them are read again on demand only.
    refetchInterval: (query) => every((query.state.data?.pages.length ?? 0) <= FEW_PAGES && LIST_MS)(query),
  });
}

export function fleetTotals() {
  return queryOptions({
    queryKey: ["instances", "totals"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/instances", { params: { query: { limit: 1, totals: "true" } }, signal }))).totals ?? [],
    refetchInterval: every(TOTALS_MS),
  });
}

/** The totals by status of the last days, a bounded number of points whatever their time is. */
export function fleetHistory(days: number) {
  return queryOptions({
    queryKey: ["fleet-history", days],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - days * 86_400_000).toISOString();
      return unwrap(api.GET("/fleet/history", { params: { query: { from, points: HISTORY_POINTS } }, signal }));
    },
    // Another time replaces what is shown when it is there.
    placeholderData: keepPreviousData,
    refetchInterval: every(HISTORY_MS),
  });
}

export function instanceDetails(instanceId: string) {
  return queryOptions({
    queryKey: ["instance", instanceId],
    queryFn: async ({ signal }) => {
      try {
        return await unwrap(api.GET("/instances/{instanceId}", { params: { path: { instanceId } }, signal }));
      } catch (error) {
        // What does not exist is an answer too: it is shown, and asked again like the others.
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: every(2_000),
  });
}

/** What the OpenRouter account and its keys spend; null where it cannot be read, which is no fault of the fleet's. */
export function spend() {
  return queryOptions({
    queryKey: ["spend"],
    queryFn: async ({ signal }) => {
      try {
        return await unwrap(api.GET("/dashboard/credits", { signal }));
      } catch (error) {
        if (error instanceof ApiError && error.status >= 500) return null;
        throw error;
      }
    },
    refetchInterval: every(SPEND_MS),
    staleTime: SPEND_MS / 2,
  });
}

export function registry() {
  return queryOptions({
    queryKey: ["registry"],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/registry", { signal }))).tools,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
