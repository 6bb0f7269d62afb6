/** Deciding about a call that waits, on whichever screen. */
import { api, unwrap } from "../api/client";

export interface WaitingCall {
  promptId: string;
  toolCallId: string;
}

export type Decision = "approved" | "rejected";

/** The longest reason of a rejection that the API takes. */
export const MAX_REASON_CHARS = 2_000;

/**
 * Approve or reject a call. The input is not sent along: a call's input never changes once it is shown, and JSON of a browser
 * may write the same number in another way.
 *
 * @throws ApiError 404 if it does not wait any more: somebody else was faster, it has expired, or its prompt has ended.
 */
export async function decide({ promptId, toolCallId }: WaitingCall, decision: Decision, reason = ""): Promise<void> {
  const params = { path: { promptId } };
  if (decision === "approved") {
    await unwrap(api.POST("/api/prompts/{promptId}/approve", { params, body: { toolCallId } as never }));
  } else {
    const body = { toolCallId, reason: reason.trim() || null };
    await unwrap(api.POST("/api/prompts/{promptId}/reject", { params, body }));
  }
}
