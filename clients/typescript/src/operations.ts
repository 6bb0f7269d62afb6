/** Operations waited for, from the answer 202 to their end. */
import type { RequestOptions, Schemas } from "./api.js";
import { badResponse, OperationFailed, PointsmanError, readRequestId } from "./errors.js";
import { sleep } from "./retry.js";
import { encodeSegment, type Transport } from "./transport.js";

export interface WaitOptions extends RequestOptions {
  /** How long to wait, in milliseconds; 20 minutes by default. The operation goes on all the same. */
  waitTimeoutMs?: number;
}

interface Results {
  create: Schemas["InstanceCreated"];
  destroy: Schemas["InstanceDestroyed"];
  provision: Schemas["ToolProvisioned"];
  destroy_tool: Schemas["ResourceDestroyed"];
}

/** An operation that has succeeded, with the result of its kind. */
export type SucceededOperation = {
  [Kind in keyof Results]: Omit<Schemas["OperationPage"], "kind" | "status" | "result" | "error"> & {
    kind: Kind;
    status: "succeeded";
    result: Results[Kind];
  };
}[keyof Results];

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const DEFAULT_WAIT_MS = 20 * 60_000;

/**
 * Wait until an operation has ended.
 *
 * @throws OperationFailed if it has failed or leaked; PointsmanError `WAIT_TIMEOUT` if it still runs.
 */
export async function waitForOperation(
  transport: Transport,
  baseUrl: string,
  operationId: string,
  { signal, waitTimeoutMs = DEFAULT_WAIT_MS }: WaitOptions = {},
): Promise<SucceededOperation> {
  const until = Date.now() + waitTimeoutMs;
  const url = `${baseUrl}/operations/${encodeSegment(operationId)}`;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const response = await transport.send(new Request(url, { signal }), true);
    const page: Schemas["OperationPage"] = await response.json().catch(() => {
      throw badResponse("The answer is not JSON");
    });
    if (page.status === "succeeded") return page as SucceededOperation;
    if (page.status !== "running") throw toError(page, page.status, readRequestId(response.headers));
    if (Date.now() + pause > until) {
      throw new PointsmanError(`The operation ${operationId} still runs`, 0, "WAIT_TIMEOUT", {
        details: { operationId },
      });
    }
    await sleep(pause, signal);
  }
}

function toError(
  { operationId, error }: Schemas["OperationPage"],
  status: "failed" | "leaked",
  requestId: string | null,
): OperationFailed {
  const { message, code, ...details } = error ?? {};
  const text = typeof message === "string" ? message : `The operation has ${status}`;
  const named = typeof code === "string" ? code : "OPERATION_FAILED";
  // The status is the one that the request itself answers with if the operation fails within its answer time.
  return new OperationFailed(text, 500, named, operationId, status, { details, requestId });
}
