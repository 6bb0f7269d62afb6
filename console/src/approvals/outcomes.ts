/** What has become of an approval that is not in the list any more. */
import { useEffect, useRef, useState } from "preact/hooks";

import type { Schemas } from "../api/client";
import { PromptStream } from "../prompts/prompt_stream";
import type { Decision } from "./decisions";
import type { Approval } from "./queries";

export interface Outcome {
  approval: Approval;
  text: string;
}

const KEPT = 10;
const SEARCH_MS = 5_000;

/**
 * Follow the list, and say what became of what disappears from it.
 *
 * @returns the newest outcomes, whether an approval was decided here, and a function that notes such a decision.
 */
export function useOutcomes(listed: Approval[] | undefined) {
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const decidedHere = useRef(new Set<string>());
  const seen = useRef(new Map<string, Approval>());
  const add = (outcome: Outcome) =>
    setOutcomes((others) => [outcome, ...others.filter(({ approval }) => approval.key !== outcome.approval.key)].slice(0, KEPT));
  useEffect(() => {
    if (!listed) return;
    const present = new Set(listed.map(({ key }) => key));
    for (const [key, approval] of seen.current) {
      if (present.has(key)) continue;
      seen.current.delete(key);
      if (decidedHere.current.has(key)) continue;
      // The list may have been read before the answer to a decision of this page was.
      void describeOutcome(approval).then((text) => decidedHere.current.has(key) || add({ approval, text }));
    }
    for (const approval of listed) seen.current.set(approval.key, approval);
  }, [listed]);
  const note = (approval: Approval, decision: Decision) => {
    decidedHere.current.add(approval.key);
    add({ approval, text: decision === "approved" ? "You approved it." : "You rejected it." });
  };
  return { outcomes, isDecidedHere: (key: string) => decidedHere.current.has(key), note };
}

async function describeOutcome(approval: Approval): Promise<string> {
  const fallback = Date.parse(approval.expiresAt) <= Date.now() ? EXPIRED : "Somebody else decided it, or its prompt has ended.";
  // Nobody can look into the prompt of somebody else.
  return approval.approver === "self" ? ((await readOutcome(approval)) ?? fallback) : fallback;
}

const EXPIRED = "It has expired: nobody decided in time.";

/** Read from the prompt's events how it was decided; null if they do not tell within seconds. */
function readOutcome({ promptId, toolCallId, requestedBy }: Approval): Promise<string | null> {
  const stream = PromptStream.open(promptId);
  return new Promise((resolve) => {
    const finish = (text: string | null) => {
      stop();
      window.clearTimeout(timer);
      stream.close();
      resolve(text);
    };
    const timer = window.setTimeout(() => finish(null), SEARCH_MS);
    const stop = stream.state.subscribe(() => {
      const { events, connection } = stream.state.get();
      const decided = events
        .filter(({ event }) => event === "prompt.decided")
        .map(({ data }) => JSON.parse(data) as Schemas["ApprovalDecided"])
        .find((data) => data.toolCallId === toolCallId);
      const end = events.find(({ event }) => event === "error" || event === "prompt.completed");
      if (decided) finish(describeDecision(decided, requestedBy));
      else if (end) finish(end.event === "error" ? `Its prompt has ended: ${JSON.parse(end.data).message}` : null);
      else if (connection === "failed") finish(null);
    });
  });
}

function describeDecision({ decision, reason, decidedBy }: Schemas["ApprovalDecided"], user: string): string {
  if (decision === "expired") return EXPIRED;
  const by = !decidedBy ? "" : decidedBy === user ? " by you, elsewhere" : ` by ${decidedBy}`;
  return `It was ${decision}${by}${reason ? `: ${reason}` : "."}`;
}
