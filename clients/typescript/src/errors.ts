/** Errors of both APIs, of the network and of operations, in one class. None holds a credential or a request's body. */

/** What is wrong with one part of a request; `path` leads to it. */
export interface Issue {
  path: (string | number)[];
  message: string;
}

export interface ErrorFields {
  requestId?: string | null;
  issues?: Issue[];
  details?: Record<string, unknown>;
  retryAfterMs?: number | null;
  cause?: unknown;
}

/** A request that did not succeed. */
export class PointsmanError extends Error {
  override readonly name: string = "PointsmanError";
  /** Names the request in the server's log; null where no answer came. */
  readonly requestId: string | null;
  /** What is wrong with the request, where the API says it part by part. */
  readonly issues: Issue[];
  /** Everything else that the API says about the error. */
  readonly details: Record<string, unknown>;
  /** How long the API asks to wait before a repeat, in milliseconds; null where it does not say. */
  readonly retryAfterMs: number | null;
  /** How often the request was sent. */
  attempts = 1;

  constructor(
    message: string,
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /**
     * The API's code, `HTTP_<status>` for a gateway's answer without one, or one of the client's own: `UNREACHABLE`,
     * `STREAM_ENDED`, `BAD_RESPONSE`, `WAIT_TIMEOUT`.
     */
    readonly code: string,
    fields: ErrorFields = {},
  ) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.requestId = fields.requestId ?? null;
    this.issues = fields.issues ?? [];
    this.details = fields.details ?? {};
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }
}

/** An operation that has ended without success. */
export class OperationFailed extends PointsmanError {
  override readonly name = "OperationFailed";

  constructor(
    message: string,
    status: number,
    code: string,
    readonly operationId: string,
    /** `failed`: everything was undone. `leaked`: something is left, which `details` names. */
    readonly operationStatus: "failed" | "leaked",
    fields: ErrorFields = {},
  ) {
    super(message, status, code, fields);
  }
}

/** Make the error of an answer with a status from 400 on, of either API or of a gateway before it. */
export function readError(text: string, status: number, headers: Headers): PointsmanError {
  const body = parseObject(text);
  const fields: ErrorFields = { requestId: readRequestId(headers), retryAfterMs: readRetryAfter(headers) };
  if (isObject(body.error)) {
    const { code, message, details } = body.error;
    if (Array.isArray(details)) fields.issues = details.filter(isIssue);
    else if (isObject(details)) fields.details = details;
    return new PointsmanError(asText(message) || `HTTP ${status}`, status, asText(code) || `HTTP_${status}`, fields);
  }
  const { error, message: gatewayMessage, code: named, requestId, ...details } = body;
  const message = asText(error) || asText(gatewayMessage) || `HTTP ${status}`;
  const code = asText(named) || `HTTP_${status}`;
  Object.assign(fields, { details, requestId: asText(requestId) || fields.requestId });
  const { operationId, status: ended } = details;
  if (typeof operationId === "string" && (ended === "failed" || ended === "leaked")) {
    return new OperationFailed(message, status, code, operationId, ended, fields);
  }
  return new PointsmanError(message, status, code, fields);
}

/** Make the error of a request that got no answer, or only a part of one. */
export function networkError(cause: unknown): PointsmanError {
  return new PointsmanError(`The API cannot be reached: ${describe(cause)}`, 0, "UNREACHABLE", { cause });
}

/** Make the error of an answer that is not what the API answers, but a proxy's, say. */
export function badResponse(message: string): PointsmanError {
  return new PointsmanError(message, 200, "BAD_RESPONSE");
}

/** The server's name of a request; null where it gives none. */
export function readRequestId(headers: Headers): string | null {
  return headers.get("x-request-id") ?? headers.get("apigw-requestid");
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Seconds or a date, as HTTP allows. */
function readRetryAfter(headers: Headers): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(ms, 0);
}

/** fetch says only that it failed; what is under it says why. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  const { cause } = error;
  const code = isObject(cause) ? cause.code : undefined;
  return typeof code === "string" ? code : error.message;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // CloudFront's own errors are HTML.
  }
}

function isIssue(value: unknown): value is Issue {
  return isObject(value) && Array.isArray(value.path) && typeof value.message === "string";
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
