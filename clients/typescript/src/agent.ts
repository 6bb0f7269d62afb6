/** The Agent API: tools, prompts and approvals, for one user. */
import { type AgentPaths, type Api, createApi, type RequestOptions, type Schemas, toInit } from "./api.js";
import { decideOnce } from "./decisions.js";
import { iteratePages } from "./pages.js";
import type { PromptEvent } from "./prompt_events.js";
import { followPrompt, type StreamOptions } from "./prompt_stream.js";
import { newIdempotencyKey } from "./retry.js";
import { type ConnectionOptions, type Credentials, parseBaseUrl, parseCredential, Transport } from "./transport.js";

/** A token of the identity provider, or a function that returns a valid one; it is called for each request. */
export interface TokenCredential {
  token: string | (() => string | Promise<string>);
}

/** `AGENT_API_KEY` and the user on whose behalf a backend calls. Never for apps in people's hands. */
export interface KeyCredential {
  apiKey: string;
  userId: string;
}

/** Only the user, for a stack on your own machine. */
export interface LocalCredential {
  userId: string;
}

export type AgentClientOptions = ConnectionOptions & {
  /** Where the deployment has the Agent API; `/api` by default. */
  prefix?: string;
} & (
    | (TokenCredential & { apiKey?: never; userId?: never })
    | (KeyCredential & { token?: never })
    | (LocalCredential & { token?: never; apiKey?: never })
  );

export interface PromptOptions extends StreamOptions {
  model?: Schemas["SubmitPromptBodyModel"];
  /** The conversation that the prompt goes on with. */
  conversationId?: string;
  /** Adds `delta` events: the text while the model produces it. */
  tokens?: boolean;
  /** A name of this prompt: submitted again with it, also by another process, it is followed. A new one by default. */
  idempotencyKey?: string;
}

export interface PromptFilter extends RequestOptions {
  status?: Schemas["PromptStatus"];
  conversationId?: string;
  /** How many are read at once, 1 to 100. */
  pageSize?: number;
}

export interface ApprovalFilter extends RequestOptions {
  /** How many are read at once, 1 to 100. */
  pageSize?: number;
}

export interface AgentClient {
  /** Any request of the API but streams, typed; paths are without the prefix. Resolves to the answer's content. */
  readonly api: Api<AgentPaths>;
  /**
   * Submit a prompt when the iteration begins, and iterate over its events until `completed` or `error`.
   * A connection that breaks is resumed: no event is lost or comes twice. To stop iterating leaves the prompt running.
   */
  prompt(input: string, options?: PromptOptions): AsyncGenerator<PromptEvent, void, undefined>;
  /** Iterate over the events of a prompt that there is, after `lastEventId` or from the beginning. */
  follow(promptId: string, lastEventId?: string, options?: StreamOptions): AsyncGenerator<PromptEvent, void, undefined>;
  /** Let a call that waits run. `input`, where it is given, must be the one that was shown. */
  approve(
    promptId: string,
    toolCallId: string,
    options?: RequestOptions & { input?: unknown },
  ): Promise<Schemas["Decided"]>;
  /** Do not let a call run; the model is told the reason. */
  reject(
    promptId: string,
    toolCallId: string,
    options?: RequestOptions & { reason?: string },
  ): Promise<Schemas["Decided"]>;
  /** End a prompt; one that has ended stays as it ended. */
  cancel(promptId: string, options?: RequestOptions): Promise<Schemas["Cancelled"]>;
  /** A prompt with its outputs. */
  getPrompt(promptId: string, options?: RequestOptions): Promise<Schemas["PromptPage"]>;
  /** Call a tool, and resolve to its result. It may have an effect each time, so a lost answer is an error. */
  callTool(toolId: string, input?: Record<string, unknown>, options?: RequestOptions): Promise<unknown>;
  /** The user's prompts, the newest first. */
  prompts(filter?: PromptFilter): AsyncGenerator<Schemas["ListedPrompt"], void, undefined>;
  /** The calls that wait for this user's decision. */
  approvals(filter?: ApprovalFilter): AsyncGenerator<Schemas["DecidableApproval"], void, undefined>;
}

/**
 * Make a client of the Agent API. It sends nothing yet.
 *
 * @throws TypeError if `baseUrl` or a credential cannot be one.
 */
export function createAgentClient(options: AgentClientOptions): AgentClient {
  const baseUrl = parseBaseUrl(options.baseUrl) + (options.prefix ?? "/api");
  const transport = new Transport(options, toCredentials(options));
  const api = createApi<AgentPaths>(transport, baseUrl, (request) => !request.url.endsWith("/invoke"));
  const follow: AgentClient["follow"] = (promptId, lastEventId, stream = {}) =>
    followPrompt(transport, baseUrl, { promptId, lastEventId }, stream);
  return {
    api,
    prompt(input, { model, conversationId, tokens, idempotencyKey = newIdempotencyKey(), ...stream } = {}) {
      const body = { input, model, conversationId, stream: tokens ? "tokens" : undefined };
      return followPrompt(transport, baseUrl, { submission: { body, idempotencyKey } }, stream);
    },
    follow,
    approve(promptId, toolCallId, { input, ...request } = {}) {
      const init = { params: { path: { promptId } }, body: { toolCallId, input }, ...toInit(request) };
      const send = () => api.POST("/prompts/{promptId}/approve", init);
      return decideOnce({ promptId, toolCallId, status: "approved" }, send, follow, request.signal);
    },
    reject(promptId, toolCallId, { reason, ...request } = {}) {
      const init = { params: { path: { promptId } }, body: { toolCallId, reason: reason ?? null }, ...toInit(request) };
      const send = () => api.POST("/prompts/{promptId}/reject", init);
      return decideOnce({ promptId, toolCallId, status: "rejected" }, send, follow, request.signal);
    },
    cancel: (promptId, request = {}) =>
      api.POST("/prompts/{promptId}/cancel", { params: { path: { promptId } }, ...toInit(request) }),
    getPrompt: (promptId, request = {}) =>
      api.GET("/prompts/{promptId}", { params: { path: { promptId } }, ...toInit(request) }),
    async callTool(toolId, input = {}, request = {}) {
      const body = input as Record<string, never>;
      return (await api.POST("/tools/{toolId}/invoke", { params: { path: { toolId } }, body, ...toInit(request) }))
        .result;
    },
    prompts({ signal, pageSize, ...filter } = {}) {
      return iteratePages(
        (cursor) => api.GET("/prompts", { params: { query: { ...filter, limit: pageSize, cursor } }, signal }),
        (page) => page.prompts,
      );
    },
    approvals({ signal, pageSize: limit } = {}) {
      return iteratePages(
        (cursor) => api.GET("/approvals", { params: { query: { limit, cursor } }, signal }),
        (page) => page.approvals,
      );
    },
  };
}

function toCredentials({ token, apiKey, userId }: AgentClientOptions): Credentials {
  if (typeof token === "function") {
    return async () => ({ authorization: `Bearer ${parseCredential("token", await token())}` });
  }
  if (token !== undefined) {
    const authorization = `Bearer ${parseCredential("token", token)}`;
    return () => ({ authorization });
  }
  const headers: Record<string, string> = { "x-user-id": parseCredential("userId", userId) };
  if (apiKey !== undefined) headers.authorization = `Bearer ${parseCredential("apiKey", apiKey)}`;
  return () => headers;
}
