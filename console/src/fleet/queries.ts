/** Reading instances, what the accounts spend, and which tools there are. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { ApiError } from "../api/errors";
import { every } from "../api/query_client";

export type Instance = Schemas["Instance"];
export type ToolId = Schemas["ToolId"];

export interface FleetFilter {
  status: string;
  tool: string;
  search: string;
}

const PAGE_SIZE = 200;
const FEW_PAGES = 2;
const LIST_MS = 5_000;
const TOTALS_MS = 10_000;
const SPEND_MS = 60_000;

export function instanceList({ status, tool, search }: FleetFilter) {
  return infiniteQueryOptions({
    queryKey: ["instances", { status, tool, search }],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE_SIZE,
        ...(status && { status }),
        ...(tool && { tool: tool as ToolId }),
        ...(search && { search }),
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
