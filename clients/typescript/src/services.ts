/** The Services API: instances, their tools, and operations. */
import {
  type Api,
  createApi,
  type RequestOptions,
  type Schemas,
  type ServicesPaths,
  toInit,
  type WriteOptions,
} from "./api.js";
import { isObject } from "./errors.js";
import { type SucceededOperation, waitForOperation, type WaitOptions } from "./operations.js";
import { iteratePages } from "./pages.js";
import { type ConnectionOptions, parseBaseUrl, parseCredential, Transport } from "./transport.js";

export interface ServicesClientOptions extends ConnectionOptions {
  /** `SERVICES_API_KEY`, or `SERVICES_READ_API_KEY` for what only reads. */
  apiKey: string;
}

/** Options of a change that an operation carries out; the change is waited for. */
export type OperationOptions = WriteOptions & WaitOptions;

export interface InstanceFilter extends RequestOptions {
  status?: string;
  tool?: Schemas["ToolId"];
  /** What the id begins with. */
  search?: string;
  /** How many are read at once, 1 to 200. */
  pageSize?: number;
}

export interface OperationFilter extends RequestOptions {
  status?: Schemas["ListOperationsStatus"];
  kind?: Schemas["ListOperationsKind"];
  instanceId?: string;
  /** How many are read at once, 1 to 200. */
  pageSize?: number;
}

export interface ServicesClient {
  /** Any request of the API, typed; resolves to the answer's content. */
  readonly api: Api<ServicesPaths>;
  /** Create an instance, and wait until it exists. */
  createInstance(body: Schemas["CreateInstance"], options?: OperationOptions): Promise<Schemas["InstanceCreated"]>;
  /** Destroy an instance with everything of it. `confirm` destroys although this caller has destroyed many of late. */
  destroyInstance(
    instanceId: string,
    options?: OperationOptions & { confirm?: boolean },
  ): Promise<Schemas["InstanceDestroyed"]>;
  /** Add a tool's resource to an instance. */
  provisionResource(
    instanceId: string,
    toolId: Schemas["ToolId"],
    body?: Schemas["Provision"],
    options?: OperationOptions,
  ): Promise<Schemas["ToolProvisioned"]>;
  /** Delete a tool's resource. */
  destroyResource(
    instanceId: string,
    toolId: Schemas["ToolId"],
    resourceId: string,
    options?: OperationOptions,
  ): Promise<Schemas["ResourceDestroyed"]>;
  /** Wait until an operation has ended; resolves to it, with its result. Rejects with OperationFailed. */
  waitForOperation(operationId: string, options?: WaitOptions): Promise<SucceededOperation>;
  /** All instances, the newest first. */
  instances(filter?: InstanceFilter): AsyncGenerator<Schemas["ListedInstance"], void, undefined>;
  /** All operations, the newest first. */
  operations(filter?: OperationFilter): AsyncGenerator<Schemas["OperationSummary"], void, undefined>;
}

/**
 * Make a client of the Services API. It sends nothing yet. The key is for servers: never give it to a page or an app.
 *
 * @throws TypeError if `baseUrl` or `apiKey` cannot be one.
 */
export function createServicesClient({ apiKey, ...options }: ServicesClientOptions): ServicesClient {
  const baseUrl = parseBaseUrl(options.baseUrl);
  const authorization = `Bearer ${parseCredential("apiKey", apiKey)}`;
  const transport = new Transport(options, () => ({ authorization }));
  const api = createApi<ServicesPaths>(transport, baseUrl);
  const wait: ServicesClient["waitForOperation"] = (id, options) => waitForOperation(transport, baseUrl, id, options);

  async function finish<T extends object>(answer: T | Schemas["Started"], options: WaitOptions): Promise<T> {
    if (!isStarted(answer)) return answer;
    return (await wait(answer.operationId, options)).result as unknown as T;
  }

  return {
    api,
    async createInstance(body, options = {}) {
      return finish(await api.POST("/create-instance", { body, ...toInit(options) }), options);
    },
    async destroyInstance(instanceId, { confirm = false, ...options } = {}) {
      const header = confirm ? { "Confirm-Destroy": encodeURIComponent(instanceId) } : {};
      const params = { path: { instanceId }, header };
      return finish(await api.DELETE("/destroy/{instanceId}", { params, ...toInit(options) }), options);
    },
    async provisionResource(instanceId, toolId, body = {}, options = {}) {
      const init = { params: { path: { instanceId, toolId } }, body, ...toInit(options) };
      return finish(await api.POST("/provision/{instanceId}/{toolId}", init), options);
    },
    async destroyResource(instanceId, toolId, resourceId, options = {}) {
      const init = { params: { path: { instanceId, toolId, resourceId } }, ...toInit(options) };
      return finish(await api.DELETE("/destroy/{instanceId}/{toolId}/{resourceId}", init), options);
    },
    waitForOperation: wait,
    instances({ signal, pageSize, ...filter } = {}) {
      return iteratePages(
        (cursor) => api.GET("/instances", { params: { query: { ...filter, limit: pageSize, cursor } }, signal }),
        (page) => page.instances,
      );
    },
    operations({ signal, pageSize, ...filter } = {}) {
      return iteratePages(
        (cursor) => api.GET("/operations", { params: { query: { ...filter, limit: pageSize, cursor } }, signal }),
        (page) => page.operations,
      );
    },
  };
}

function isStarted(answer: object): answer is Schemas["Started"] {
  return isObject(answer) && answer.status === "running" && typeof answer.operationId === "string";
}
