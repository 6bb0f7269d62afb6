/** A transcript on the page. Whatever a model or a tool has said is text and nothing else. */
import type { ComponentChildren } from "preact";

import { formatJson } from "../api/exact_json";
import { FoldedText } from "../components/folded_text";
import { formatDuration } from "../components/time";
import { CallStatus } from "./prompt_status";
import type { CallItem, FileItem, TranscriptItem } from "./transcript";

interface Props {
  items: TranscriptItem[];
  /** What belongs to a call that waits: the buttons that decide. */
  renderDecision?: (call: CallItem) => ComponentChildren;
  /** What follows the items. */
  children?: ComponentChildren;
}

export function TranscriptView({ items, renderDecision, children }: Props) {
  return (
    <ol class="transcript" aria-label="Transcript">
      {items.map((item) => (
        <li key={item.key}>
          {item.kind === "text" && <p class="said">{item.text}</p>}
          {item.kind === "file" && <FileCard item={item} />}
          {item.kind === "call" && <CallCard call={item} renderDecision={renderDecision} />}
        </li>
      ))}
      {children}
    </ol>
  );
}

function FileCard({ item: { file } }: { item: FileItem }) {
  return (
    <div class="file-output">
      <span class="tag">file</span>
      <code>{file.path}</code>
      {file.mimeType && <span class="muted">{file.mimeType}</span>}
      {file.description && <span>{file.description}</span>}
    </div>
  );
}

function CallCard({ call, renderDecision }: { call: CallItem } & Pick<Props, "renderDecision">) {
  const { tool, state, input, question, decision, output, error, start, end } = call;
  // Of a call that never ran, the decision says all that its error does.
  const hasRun = state !== "rejected" && state !== "expired";
  return (
    <article class={`call ${state}`} aria-label={`Call of ${tool}`}>
      <header>
        <h3 class="mono">{tool}</h3>
        <CallStatus state={state} />
        {start && end && hasRun && (
          <span class="muted number">{formatDuration(Date.parse(end) - Date.parse(start))}</span>
        )}
      </header>
      {question && <p class="question">{question}</p>}
      {input !== undefined && <FoldedText label="Input" text={formatJson(input)} isOpen={state === "waiting"} />}
      {state === "waiting" && renderDecision?.(call)}
      {decision && (
        <p class="muted">
          {DECISIONS[state] ?? "Approved"}
          {decision.by && ` by ${decision.by}`}
          {decision.reason && `: ${decision.reason}`}
        </p>
      )}
      {output !== undefined && <FoldedText label="Result" text={formatJson(output)} />}
      {error && (hasRun || !decision) && <p class="call-error">{error}</p>}
    </article>
  );
}

const DECISIONS: Partial<Record<CallItem["state"], string>> = { rejected: "Rejected", expired: "Nobody decided in time" };
