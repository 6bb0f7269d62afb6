/** Errors of both APIs in one shape. */

export class ApiError extends Error {
  constructor(
    message: string,
    /** 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    readonly requestId: string | null = null,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Whether the same request may succeed a moment later, without anybody doing anything. */
  get isOutage(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504 || this.code === "DATABASE_UNAVAILABLE";
  }
}

/** The Services API answers `{error, code, requestId, …}`, the Agent API `{error: {code, message, details?}}`. */
export function readError(body: unknown, response: Response): ApiError {
  const requestId = response.headers.get("x-request-id") ?? response.headers.get("apigw-requestid");
  const fields = isObject(body) ? body : {};
  if (isObject(fields.error)) {
    const { message, code, details } = fields.error;
    return new ApiError(asText(message), response.status, asText(code), requestId, isObject(details) ? details : {});
  }
  const { error, code, requestId: named, ...details } = fields;
  const message = asText(error ?? fields.message) || `The API answered ${response.status}`;
  return new ApiError(message, response.status, asText(code), asText(named) || requestId, details);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
