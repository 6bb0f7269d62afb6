/** Statuses of prompts and of their calls, as words in their colours. */
import { Status } from "../components/status";
import type { PromptStatus as PromptStatusValue } from "./queries";
import type { CallState } from "./transcript";

type Tone = Parameters<typeof Status>[0]["tone"];

const PROMPT_TONES: Record<PromptStatusValue, Tone> = {
  running: "busy",
  waiting: "warn",
  completed: "good",
  failed: "bad",
  cancelled: "idle",
};

const CALL_STATES: Record<CallState, { label: string; tone: Tone }> = {
  waiting: { label: "waits for approval", tone: "warn" },
  approved: { label: "approved", tone: "good" },
  rejected: { label: "rejected", tone: "idle" },
  expired: { label: "expired", tone: "idle" },
  running: { label: "running", tone: "busy" },
  done: { label: "done", tone: "good" },
  failed: { label: "failed", tone: "bad" },
  dropped: { label: "not finished", tone: "idle" },
};

export function PromptStatus({ status }: { status: PromptStatusValue }) {
  return <Status value={status} tone={PROMPT_TONES[status]} />;
}

export function CallStatus({ state }: { state: CallState }) {
  const { label, tone } = CALL_STATES[state];
  return <Status value={label} tone={tone} />;
}
