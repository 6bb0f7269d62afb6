/** Reading operations, for all screens that show some. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { every } from "../api/query_client";

export type Operation = Schemas["OperationPage"];
export type OperationSummary = Schemas["OperationSummary"];

export const OPERATION_STATUSES = ["running", "succeeded", "failed", "leaked"] as const;
export const OPERATION_KINDS = ["create", "destroy", "provision", "destroy_tool"] as const;

export interface OperationFilter {
  status: string;
  kind: string;
  instanceId: string;
}

const LIST_MS = 3_000;
const RUNNING_MS = 700;

export function operationList(filter: OperationFilter) {
  return infiniteQueryOptions({
    queryKey: ["operations", filter],
    queryFn: ({ pageParam, signal }) => readPage(filter, pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: every(LIST_MS),
  });
}

export function leakedOperations() {
  return queryOptions({
    queryKey: ["operations", "leaked"],
    queryFn: ({ signal }) => readPage({ status: "leaked", kind: "", instanceId: "" }, "", signal),
    refetchInterval: every(LIST_MS),
  });
}

/** The newest operations of an instance; read often while one runs, or `isAwaited`. */
export function operationsOfInstance(instanceId: string, isAwaited: boolean) {
  return queryOptions({
    queryKey: ["operations", "instance", instanceId],
    queryFn: async ({ signal }) => (await readPage({ status: "", kind: "", instanceId }, "", signal)).operations,
    refetchInterval: (query) => {
      const runs = query.state.data?.some((operation) => operation.status === "running");
      return every(isAwaited || runs ? RUNNING_MS : LIST_MS)(query);
    },
  });
}

export function operationDetails(operationId: string) {
  return queryOptions({
    queryKey: ["operation", operationId],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/operations/{operationId}", { params: { path: { operationId }, query: { resources: "true" } }, signal }),
      ) as Promise<Operation>,
    refetchInterval: (query) => every(query.state.data?.status === "running" ? RUNNING_MS : LIST_MS)(query),
  });
}

function readPage({ status, kind, instanceId }: OperationFilter, cursor: string, signal: AbortSignal) {
  const query = {
    ...(status && { status: status as OperationSummary["status"] }),
    ...(kind && { kind: kind as OperationSummary["kind"] }),
    ...(instanceId && { instanceId }),
    ...(cursor && { cursor }),
  };
  return unwrap(api.GET("/operations", { params: { query }, signal }));
}
