/** One prompt: what was asked, what comes of it as it comes, and what may be done. */
import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useMemo, useState } from "preact/hooks";

import { DecisionControls } from "../approvals/decision_controls";
import { TimeLeft } from "../approvals/time_left";
import type { Schemas } from "../api/client";
import { ErrorNote } from "../components/notes";
import { Time } from "../components/time";
import { link } from "../routing";
import { Composer } from "./composer";
import { EarlierPrompts } from "./earlier_prompts";
import { EventLog } from "./event_log";
import { usePromptStream } from "./open_streams";
import { PromptStatus } from "./prompt_status";
import type { StreamState } from "./prompt_stream";
import { cancelPrompt, isActive, type Prompt, promptDetails } from "./queries";
import { buildTranscript, type CallItem, type Transcript } from "./transcript";
import { TranscriptView } from "./transcript_view";

export function PromptView({ promptId }: { promptId: string }) {
  const queries = useQueryClient();
  const stream = usePromptStream(promptId);
  const details = useQuery(promptDetails(promptId));
  const { events } = stream;
  const transcript = useMemo(() => buildTranscript(events), [events]);
  useEffect(() => {
    // What only the prompt itself tells (its status, the time left, the usage so far) may have changed with each event.
    void queries.invalidateQueries({ queryKey: ["prompt", promptId] });
  }, [queries, promptId, events.length]);
  const prompt = details.data;
  const approval = prompt?.approval;
  const view = useMemo(
    () => (
      <TranscriptView
        items={transcript.items}
        renderDecision={(call) => <Decision promptId={promptId} call={call} approval={approval} />}
      />
    ),
    [transcript, approval, promptId],
  );
  return (
    <>
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Prompt</h1>
          <Facts promptId={promptId} prompt={prompt} transcript={transcript} />
        </div>
        {!transcript.end && prompt && isActive(prompt.status) && <CancelButton promptId={promptId} />}
      </div>
      {prompt?.conversationId && <EarlierPrompts conversationId={prompt.conversationId} before={prompt} />}
      <section class="card conversation" aria-label="This prompt">
        {prompt ? <p class="asked">{prompt.input}</p> : <Missing details={details} stream={stream} />}
        {view}
        {stream.draft && <p class="said draft">{stream.draft}</p>}
        <Ending transcript={transcript} />
        <Progress stream={stream} transcript={transcript} />
        <ErrorNote error={stream.error} />
      </section>
      {transcript.end && prompt?.conversationId && (
        <Composer label="Go on with this conversation" conversationId={prompt.conversationId} />
      )}
      <EventLog events={events} />
    </>
  );
}

/** What stands in place of the question until it is there. */
function Missing({ details, stream }: { details: { error: Error | null }; stream: StreamState }) {
  if (stream.connection === "failed") return null;
  return details.error ? <ErrorNote error={details.error} /> : <p class="muted">Loading…</p>;
}

interface FactsProps {
  promptId: string;
  prompt: Prompt | undefined;
  transcript: Transcript;
}

function Facts({ promptId, prompt, transcript }: FactsProps) {
  const usage = transcript.end?.usage ?? prompt?.usage;
  return (
    <p class="facts">
      {prompt && <PromptStatus status={prompt.status} />}
      {prompt && <span>model {prompt.model}</span>}
      {usage && <Usage usage={usage} />}
      {prompt && <Time value={prompt.createdAt} />}
      {prompt?.conversationId && <a href={link("prompts", "", { conversation: prompt.conversationId })}>its conversation</a>}
      <span class="muted mono">{promptId}</span>
    </p>
  );
}

function Usage({ usage }: { usage: Schemas["Usage"] }) {
  const format = (tokens: number) => tokens.toLocaleString("en");
  return (
    <span title={`${format(usage.inputTokens)} read, ${format(usage.outputTokens)} written`}>
      {format(usage.totalTokens)} tokens
    </span>
  );
}

interface DecisionProps {
  promptId: string;
  call: CallItem;
  approval: Schemas["PendingApproval"] | undefined;
}

function Decision({ promptId, call, approval }: DecisionProps) {
  const queries = useQueryClient();
  const refresh = () => void queries.invalidateQueries({ queryKey: ["approvals"] });
  return (
    <>
      {approval?.toolCallId === call.callId && <TimeLeft until={approval.expiresAt} />}
      <DecisionControls call={{ promptId, toolCallId: call.callId }} name={call.tool} onDecided={refresh} />
    </>
  );
}

function Ending({ transcript: { end } }: { transcript: Transcript }) {
  if (!end?.error) return null;
  return (
    <div class="note error" role="alert">
      <p>{end.error}</p>
    </div>
  );
}

/** What is going on at this moment, in words, also for screen readers. */
function Progress({ stream, transcript }: { stream: StreamState; transcript: Transcript }) {
  return (
    <p class="muted" role="status">
      {describeProgress(stream, transcript)}
    </p>
  );
}

function describeProgress({ connection, error, draft, events }: StreamState, { items, end }: Transcript): string {
  if (end) return end.error ? "" : "Completed.";
  if (connection === "failed") return "";
  if (connection === "interrupted") return error ? "Interrupted. Trying again…" : "Going on with the stream…";
  if (connection === "connecting" && events.length === 0) return "";
  const call = items.findLast((item) => item.kind === "call");
  if (call?.state === "waiting") return `Waits for a decision about ${call.tool}.`;
  if (call?.state === "running") return `${call.tool} is running…`;
  return draft ? "The model is writing…" : "The model is working; its text shows when there is some.";
}

function CancelButton({ promptId }: { promptId: string }) {
  const [isSent, setIsSent] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const send = async () => {
    setIsSent(true);
    setError(null);
    try {
      await cancelPrompt(promptId);
    } catch (caught) {
      setError(caught instanceof Error ? caught : new Error(String(caught)));
      setIsSent(false);
    }
  };
  return (
    <div>
      <button type="button" class="danger" disabled={isSent} onClick={send}>
        {isSent ? "Cancelling…" : "Cancel prompt"}
      </button>
      <ErrorNote error={error} />
    </div>
  );
}
