/** Requests to any path of an API, with their types from the OpenAPI document. */
import createClient, {
  type Client,
  type ClientPathsWithMethod,
  type MaybeOptionalInit,
  type MethodResponse,
} from "openapi-fetch";

import { badResponse } from "./errors.js";
import type { components, paths } from "./schema.js";
import { encodeSegment, type Transport } from "./transport.js";

export type Schemas = components["schemas"];

/** The paths of the Services API. */
export type ServicesPaths = { [Path in keyof paths as Path extends `/api/${string}` ? never : Path]: paths[Path] };

/** The paths of the Agent API, without its prefix and without streams, which have methods of their own. */
export type AgentPaths = {
  [
    Path in keyof paths as Path extends "/api/prompt" | "/api/prompts/{promptId}/stream"
      ? never
      : Path extends `/api${infer Rest}`
        ? Rest
        : never
  ]: paths[Path];
};

type Method = "get" | "post" | "put" | "delete";

/** Sends a request, and resolves to what is in its answer. Rejects with a PointsmanError. */
export type Call<Paths extends {}, M extends Method> = <
  Path extends ClientPathsWithMethod<Client<Paths>, M>,
  Init extends MaybeOptionalInit<Paths[Path], M & keyof Paths[Path]>,
>(
  path: Path,
  ...init: undefined extends Init ? [init?: Init] : [init: Init]
) => Promise<MethodResponse<Client<Paths>, M, Path>>;

/** One function for each method of HTTP. */
export interface Api<Paths extends {}> {
  GET: Call<Paths, "get">;
  POST: Call<Paths, "post">;
  PUT: Call<Paths, "put">;
  DELETE: Call<Paths, "delete">;
}

/** Options of every request. */
export interface RequestOptions {
  /** Aborts the request, and everything that it waits for. */
  signal?: AbortSignal;
}

/** Options of a request that changes something. */
export interface WriteOptions extends RequestOptions {
  /** A name of this change: sent again with it, also by another process, it happens once. A new one by default. */
  idempotencyKey?: string;
}

/** Make the functions. `isRepeatable` says which requests have no second effect when they are sent twice. */
export function createApi<Paths extends {}>(
  transport: Transport,
  baseUrl: string,
  isRepeatable: (request: Request) => boolean = () => true,
): Api<Paths> {
  const client = createClient<any>({
    baseUrl,
    fetch: (request) => transport.send(request, isRepeatable(request)),
    pathSerializer: (path, values) =>
      path.replace(/\{(\w+)\}/g, (_, name) => encodeSegment(String(values[name] ?? ""))),
  });
  const make = (method: Uppercase<Method>) => async (path: string, init?: object) => {
    try {
      return (await client[method](path as never, init as never)).data;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw badResponse("The answer is not JSON");
    }
  };
  const api = { GET: make("GET"), POST: make("POST"), PUT: make("PUT"), DELETE: make("DELETE") };
  return api as unknown as Api<Paths>;
}

/** The part of a request's options that all methods pass on. */
export function toInit({ signal, idempotencyKey }: WriteOptions): {
  signal?: AbortSignal;
  headers?: Record<string, string>;
} {
  return { signal, headers: idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey } };
}
