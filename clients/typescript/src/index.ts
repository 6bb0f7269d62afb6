/** Clients of Pointsman's two APIs. */
export { createAgentClient } from "./agent.js";
export type {
  AgentClient,
  AgentClientOptions,
  ApprovalFilter,
  KeyCredential,
  LocalCredential,
  PromptFilter,
  PromptOptions,
  TokenCredential,
} from "./agent.js";
export type { AgentPaths, Api, Call, RequestOptions, Schemas, ServicesPaths, WriteOptions } from "./api.js";
export { OperationFailed, PointsmanError } from "./errors.js";
export type { Issue } from "./errors.js";
export type { SucceededOperation, WaitOptions } from "./operations.js";
export type { DeltaEvent, PromptEvent } from "./prompt_events.js";
export type { StreamOptions } from "./prompt_stream.js";
export type { RetryOptions } from "./retry.js";
export { createServicesClient } from "./services.js";
export type {
  InstanceFilter,
  OperationFilter,
  OperationOptions,
  ServicesClient,
  ServicesClientOptions,
} from "./services.js";
export type { ConnectionOptions } from "./transport.js";
