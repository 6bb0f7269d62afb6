/** Reading prompts and conversations. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { ApiError } from "../api/errors";
import { every } from "../api/query_client";

export type Prompt = Schemas["PromptPage"];
export type ListedPrompt = Schemas["ListedPrompt"];
export type PromptStatus = Schemas["PromptStatus"];

export interface Conversation {
  id: string;
  title?: string;
  createdAt: string;
  updatedAt: string;
}

export interface PromptFilter {
  status: string;
  conversationId: string;
}

export const PROMPT_STATUSES: PromptStatus[] = ["running", "waiting", "completed", "failed", "cancelled"];

const LIST_MS = 5_000;
const ACTIVE_MS = 3_000;
const CONVERSATIONS_A_PAGE = 20;

export function isActive(status: PromptStatus): boolean {
  return status === "running" || status === "waiting";
}

export function promptList({ status, conversationId }: PromptFilter) {
  return infiniteQueryOptions({
    queryKey: ["prompts", { status, conversationId }],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        ...(status && { status: status as PromptStatus }),
        ...(conversationId && { conversationId }),
        ...(pageParam && { cursor: pageParam }),
      };
      return unwrap(api.GET("/api/prompts", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: every(LIST_MS),
  });
}

export function promptDetails(promptId: string) {
  return queryOptions({
    queryKey: ["prompt", promptId],
    queryFn: ({ signal }) => unwrap(api.GET("/api/prompts/{promptId}", { params: { path: { promptId } }, signal })),
    refetchInterval: (query) => {
      const { data, error } = query.state;
      if (error instanceof ApiError && error.status === 404) return false;
      const status = data?.status;
      return every(status && !isActive(status) ? false : ACTIVE_MS)(query);
    },
  });
}

/** The user's conversations, the one that was used last first; null where the bundle has none. */
export function conversationList() {
  return infiniteQueryOptions({
    queryKey: ["conversations"],
    queryFn: async ({ pageParam, signal }) => {
      try {
        const input = { limit: CONVERSATIONS_A_PAGE, offset: pageParam };
        return (await callTool<{ conversations: Conversation[] }>("conversation.list", input, signal)).conversations;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    initialPageParam: 0,
    getNextPageParam: (page, pages) =>
      page?.length === CONVERSATIONS_A_PAGE ? pages.length * CONVERSATIONS_A_PAGE : undefined,
    refetchInterval: every(LIST_MS),
  });
}

export async function createConversation(): Promise<string> {
  return (await callTool<Conversation>("conversation.create", {})).id;
}

export function cancelPrompt(promptId: string) {
  return unwrap(api.POST("/api/prompts/{promptId}/cancel", { params: { path: { promptId } } }));
}

async function callTool<T>(toolId: string, input: object, signal?: AbortSignal): Promise<T> {
  const params = { path: { toolId } };
  const { result } = await unwrap(
    api.POST("/api/tools/{toolId}/invoke", { params, body: input as Record<string, never>, signal }),
  );
  return result as T;
}
