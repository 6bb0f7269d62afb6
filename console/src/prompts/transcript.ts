/** What a prompt's events tell, in the order in which it began: texts, calls of tools, files, and how it ended. */
import type { Schemas } from "../api/client";
import { parseExactly } from "../api/exact_json";
import type { StoredEvent } from "./prompt_stream";

export type CallState = "waiting" | "approved" | "rejected" | "expired" | "running" | "done" | "failed" | "dropped";

export interface TextItem {
  kind: "text";
  key: string;
  text: string;
}

export interface FileItem {
  kind: "file";
  key: string;
  file: Schemas["FileOutput"];
}

export interface CallItem {
  kind: "call";
  key: string;
  callId: string;
  tool: string;
  state: CallState;
  input: unknown;
  /** Why a person has to decide, where one has to. */
  question?: string;
  /** The decision's reason, and who decided, where that is known. */
  decision?: { reason?: string; by?: string };
  output?: unknown;
  error?: string;
  start?: string;
  end?: string;
}

export type TranscriptItem = TextItem | FileItem | CallItem;

export interface Transcript {
  items: TranscriptItem[];
  /** How it ended; null while it has not. `error` is why it failed, or that it was cancelled. */
  end: { usage?: Schemas["Usage"]; error?: string } | null;
}

type Output = Schemas["PromptPage"]["outputs"][number];

export function buildTranscript(events: readonly StoredEvent[]): Transcript {
  const transcript: Transcript = { items: [], end: null };
  for (const event of events) addEvent(transcript, event);
  if (transcript.end) {
    for (const item of transcript.items) if (item.kind === "call" && isPending(item)) item.state = "dropped";
  }
  return transcript;
}

/** The same of a prompt's stored outputs, which do not tell what was decided. */
export function buildTranscriptOfOutputs(outputs: Output[]): TranscriptItem[] {
  const transcript: Transcript = { items: [], end: null };
  outputs.forEach((output, index) => addOutput(transcript, output, String(index)));
  return transcript.items;
}

function isPending({ state }: CallItem): boolean {
  return state === "waiting" || state === "approved" || state === "running";
}

function addEvent(transcript: Transcript, { event, data, id }: StoredEvent): void {
  switch (event) {
    case "prompt.output":
      return addOutput(transcript, parseExactly(data) as Output, id);
    case "prompt.approval": {
      const { toolCallId, toolName, input, reason } = parseExactly(data) as Schemas["ApprovalAsked"];
      Object.assign(findCall(transcript, toolCallId, toolName), { state: "waiting", input, question: reason });
      return;
    }
    case "prompt.decided": {
      const { toolCallId, decision, reason, decidedBy } = JSON.parse(data) as Schemas["ApprovalDecided"];
      Object.assign(findCall(transcript, toolCallId), { state: decision, decision: { reason, by: decidedBy } });
      return;
    }
    case "prompt.call": {
      const { toolCallId, toolName, input, start } = parseExactly(data) as Schemas["CallStarted"];
      const call = findCall(transcript, toolCallId, toolName);
      Object.assign(call, { state: "running", start, ...inputUnlessShown(call, input) });
      return;
    }
    case "prompt.completed":
      transcript.end = { usage: (JSON.parse(data) as Schemas["PromptCompleted"]).usage };
      return;
    case "error":
      transcript.end = { error: (JSON.parse(data) as Schemas["Failed"]).message };
  }
}

function addOutput(transcript: Transcript, output: Output, key: string): void {
  if (output.type === "text") {
    transcript.items.push({ kind: "text", key, text: output.content });
  } else if (output.type === "file") {
    transcript.items.push({ kind: "file", key, file: output });
  } else {
    const call = findCall(transcript, output.id, output.function);
    const { input, result, start, end } = output;
    const wasDecided = call.state === "rejected" || call.state === "expired";
    if (result.type === "success") Object.assign(call, { state: "done", output: result.output });
    else Object.assign(call, { error: result.error, ...(!wasDecided && { state: "failed" }) });
    Object.assign(call, { start: call.start ?? start, end, ...inputUnlessShown(call, input) });
  }
}

/** An approval shows an input as a person may see it, with hidden characters as escapes. It stays so. */
function inputUnlessShown(call: CallItem, input: unknown): Pick<CallItem, "input"> {
  return { input: call.question === undefined ? input : call.input };
}

function findCall(transcript: Transcript, callId: string, tool = ""): CallItem {
  const known = transcript.items.find((item) => item.kind === "call" && item.callId === callId);
  if (known) return known as CallItem;
  const call: CallItem = { kind: "call", key: `call-${callId}`, callId, tool, state: "running", input: undefined };
  transcript.items.push(call);
  return call;
}
