/** Errors of both APIs in one shape. */

export class ApiError extends Error {
  constructor(
    message: string,
    /** 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    readonly requestId: string | null = null,
    readonly details: Record<string, unknown> = {},
    /** Seconds after which the same request may succeed, where the answer says so. */
    readonly retryAfter: number | null = null,
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
  const { status, headers } = response;
  const requestId = headers.get("x-request-id") ?? headers.get("apigw-requestid");
  const retryAfter = Number(headers.get("retry-after")) || null;
  const fields = isObject(body) ? body : {};
  if (isObject(fields.error)) {
    const { message, code, details } = fields.error;
    const said = [asText(message), ...describeIssues(details)].join(": ");
    return new ApiError(said, status, asText(code), requestId, isObject(details) ? details : {}, retryAfter);
  }
  const { error, code, requestId: named, ...details } = fields;
  const message = asText(error ?? fields.message) || `The API answered ${status}`;
  return new ApiError(message, status, asText(code), asText(named) || requestId, details, retryAfter);
}

/** What is wrong with a request and where, of the Agent API's VALIDATION_ERROR. */
function describeIssues(details: unknown): string[] {
  if (!Array.isArray(details)) return [];
  const issues = details.filter(isObject).map(({ path, message }) => {
    const place = Array.isArray(path) ? path.join(".") : "";
    return place ? `${place}: ${asText(message)}` : asText(message);
  });
  return issues.length > 0 ? [issues.join("; ")] : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
