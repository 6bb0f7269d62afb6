/** The events of a prompt, with their types. */
import type { Schemas } from "./api.js";
import { badResponse, isObject } from "./errors.js";
import type { ServerSentEvent } from "./event_stream.js";

interface StoredEvent<Type extends string, Data> {
  type: Type;
  /** The event's place in the prompt's log, for `follow`. */
  id: string;
  promptId: string;
  data: Data;
}

/** A piece of the text that the model is producing. The whole text comes as `output` all the same. */
export interface DeltaEvent {
  type: "delta";
  promptId: string;
  /** With `reset` all pieces since the last other event are to be forgotten. */
  data: Schemas["Delta"];
}

/** One event of a prompt. `completed` and `error` are the last; `call` and `decided` come with `callEvents` only. */
export type PromptEvent =
  | StoredEvent<"created", Schemas["PromptCreated"]>
  | StoredEvent<"output", Schemas["TextOutput"] | Schemas["ToolOutput"] | Schemas["FileOutput"]>
  | StoredEvent<"approval", Schemas["ApprovalAsked"]>
  | StoredEvent<"call", Schemas["CallStarted"]>
  | StoredEvent<"decided", Schemas["ApprovalDecided"]>
  | StoredEvent<"completed", Schemas["PromptCompleted"]>
  | StoredEvent<"error", Schemas["Failed"]>
  | DeltaEvent;

const TYPES: Record<string, PromptEvent["type"]> = {
  "prompt.created": "created",
  "prompt.output": "output",
  "prompt.approval": "approval",
  "prompt.call": "call",
  "prompt.decided": "decided",
  "prompt.delta": "delta",
  "prompt.completed": "completed",
  error: "error",
};

/** Whether nothing comes after this event. */
export function isFinal({ type }: PromptEvent): boolean {
  return type === "completed" || type === "error";
}

/**
 * Make a typed event of what the stream says; null for one that this version does not know.
 *
 * @throws PointsmanError `BAD_RESPONSE` for what is no event of a prompt.
 */
export function toPromptEvent(
  { event, data: text, id }: ServerSentEvent,
  promptId: string | undefined,
): PromptEvent | null {
  const type = TYPES[event];
  if (type === undefined) return null;
  const data = parseJson(text);
  const known = promptId ?? (isObject(data) ? data.promptId : undefined);
  if (!isObject(data) || typeof known !== "string" || (id === undefined && type !== "delta")) {
    throw badResponse(`The stream's event ${event} cannot be read`);
  }
  return { type, promptId: known, data, ...(type !== "delta" && { id }) } as unknown as PromptEvent;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
