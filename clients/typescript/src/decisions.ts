/** Decisions about calls, whose answer may be lost although they were recorded. */
import type { AgentClient } from "./agent.js";
import type { Schemas } from "./api.js";
import { PointsmanError } from "./errors.js";
import { TimeLimit } from "./time_limit.js";

const LOOK_UP_MS = 10_000;

/**
 * Send a decision. A second one about the same call is 404, and so is a repeat of one whose answer was lost: then the
 * prompt's events say how the call was decided.
 */
export async function decideOnce(
  decided: Schemas["Decided"],
  send: () => Promise<Schemas["Decided"]>,
  follow: AgentClient["follow"],
  signal: AbortSignal | undefined,
): Promise<Schemas["Decided"]> {
  try {
    return await send();
  } catch (error) {
    const mayBeRecorded = error instanceof PointsmanError && error.code === "PROMPT_NOT_FOUND" && error.attempts > 1;
    if (mayBeRecorded && (await isRecorded(decided, follow, signal))) return decided;
    throw error;
  }
}

async function isRecorded(
  { promptId, toolCallId, status }: Schemas["Decided"],
  follow: AgentClient["follow"],
  outer: AbortSignal | undefined,
): Promise<boolean> {
  const limit = new TimeLimit(outer);
  limit.start(LOOK_UP_MS);
  try {
    for await (const event of follow(promptId, undefined, { signal: limit.signal, callEvents: true })) {
      if (event.type === "decided" && event.data.toolCallId === toolCallId) return event.data.decision === status;
    }
  } catch {
    outer?.throwIfAborted(); // Otherwise the first error says more.
  } finally {
    limit.end();
  }
  return false;
}
