/** Requests to both APIs, with their types from the OpenAPI document and the session's credentials. */
import createClient, { type Middleware } from "openapi-fetch";

import { type AgentCredential, dropCredential, session } from "../session";
import { createStore } from "../store";
import { ApiError, readError } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The failure because of which nothing can be shown at present; null while the APIs answer. */
export const outage = createStore<ApiError | null>(null);

/** Where the Agent API is: a deployment may choose another prefix than the document's. */
export const AGENT_PREFIX = document.documentElement.dataset.apiPrefix ?? "/api";
const DOCUMENT_PREFIX = "/api";

/** Paths whose answers do not say whether the database is there. */
const WITHOUT_DATABASE = new Set(["/healthz", "/registry"]);

const credentials: Middleware = {
  async onRequest({ request, schemaPath }) {
    const { services, agent } = session.get();
    if (!isAgentPath(schemaPath)) {
      if (services && !request.headers.has("authorization")) {
        request.headers.set("authorization", `Bearer ${services.key}`);
      }
      return request;
    }
    const headers = agent ? agentHeaders(agent) : {};
    for (const [name, value] of Object.entries(headers)) {
      if (!request.headers.has(name)) request.headers.set(name, value);
    }
    return AGENT_PREFIX === DOCUMENT_PREFIX ? request : withPrefix(request);
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(credentials);

/** The same request to where this deployment has the Agent API. A body is read first: browsers take over no stream of one. */
async function withPrefix(request: Request): Promise<Request> {
  const { method, headers, signal } = request;
  const url = new URL(request.url);
  url.pathname = AGENT_PREFIX + url.pathname.slice(DOCUMENT_PREFIX.length);
  const body = method === "GET" ? undefined : await request.blob();
  return new Request(url, { method, headers, signal, body });
}

/** The headers of a request to the Agent API, for what is sent without `api`: a stream. */
export function agentHeaders({ bearer, userId }: AgentCredential): Record<string, string> {
  return {
    ...(bearer && { authorization: `Bearer ${bearer}` }),
    ...(userId && { "x-user-id": userId }),
  };
}

/**
 * Return what a request of `api` answered.
 *
 * @throws ApiError for an answer from 400 on, and for none.
 */
export async function unwrap<T>(pending: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer;
  try {
    answer = await pending;
  } catch (error) {
    throw asFailure(error);
  }
  if (answer.response.ok) {
    noteAnswer(answer.response);
    return answer.data as T;
  }
  throw noteFailure(answer.error, answer.response);
}

/**
 * Send a request to the Agent API whose answer is a stream, which `api` does not read.
 *
 * @param path below the prefix, with its query.
 * @throws ApiError for an answer from 400 on, and for none.
 */
export async function fetchStream(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
  const { agent } = session.get();
  const headers = { ...(agent && agentHeaders(agent)), accept: "text/event-stream", ...init.headers };
  let response;
  try {
    response = await fetch(AGENT_PREFIX + path, { ...init, headers, cache: "no-store" });
  } catch (error) {
    throw asFailure(error);
  }
  if (response.ok) {
    noteAnswer(response);
    return response;
  }
  throw noteFailure(await response.json().catch(() => null), response);
}

/** What a request that got no answer fails with. Who stopped it by themselves gets that error again. */
function asFailure(error: unknown): Error {
  if (error instanceof DOMException && error.name === "AbortError") return error;
  return noteOutage(new ApiError("The API cannot be reached", 0, "UNREACHABLE"));
}

function noteAnswer(response: Response): void {
  if (!WITHOUT_DATABASE.has(new URL(response.url).pathname)) outage.set(null);
}

/** The error that an answer tells, after what follows from it for the whole page. */
function noteFailure(body: unknown, response: Response): ApiError {
  const error = readError(body, response);
  if (error.status === 401) {
    const which = isAgentPath(new URL(response.url).pathname) ? "agent" : "services";
    dropCredential(which, `The ${which === "agent" ? "Agent credential" : "Services key"} is not accepted any more.`);
  }
  return noteOutage(error);
}

/** A new value for the header Idempotency-Key. Unlike `randomUUID` it needs no secure context. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function isAgentPath(path: string): boolean {
  return [DOCUMENT_PREFIX, AGENT_PREFIX].some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

function noteOutage(error: ApiError): ApiError {
  if (error.isOutage) outage.set(error);
  return error;
}
