/** The streams of this tab, by prompt. One lives on for a moment when a screen changes, so that a new prompt keeps its text. */
import { useEffect, useState } from "preact/hooks";

import { session } from "../session";
import { useStore } from "../store";
import { PromptStream, type StreamState, type Submission } from "./prompt_stream";

const UNUSED_MS = 3_000;

interface OpenStream {
  stream: PromptStream;
  viewers: number;
  timer?: number;
}

const streams = new Map<string, OpenStream>();

// They belong to the user who opened them.
let user = session.get().agent;
session.subscribe(() => {
  if (session.get().agent === user) return;
  user = session.get().agent;
  for (const promptId of [...streams.keys()]) close(promptId);
});

/** Submit a prompt; return its id. A screen that shows it within seconds goes on with the same stream. */
export async function submitPrompt(submission: Submission, idempotencyKey: string): Promise<string> {
  const stream = await PromptStream.submit(submission, idempotencyKey);
  const { promptId } = stream;
  const known = streams.get(promptId);
  if (known) {
    stream.close();
    return promptId;
  }
  const opened = { stream, viewers: 0 };
  streams.set(promptId, opened);
  closeUnlessUsed(promptId, opened);
  return promptId;
}

export function usePromptStream(promptId: string): StreamState {
  const [{ stream }] = useState(() => find(promptId));
  useEffect(() => {
    const opened = find(promptId);
    opened.viewers++;
    window.clearTimeout(opened.timer);
    return () => {
      opened.viewers--;
      closeUnlessUsed(promptId, opened);
    };
  }, [promptId]);
  return useStore(stream.state);
}

function find(promptId: string): OpenStream {
  let opened = streams.get(promptId);
  if (!opened || (opened.viewers === 0 && opened.stream.state.get().connection === "failed")) {
    opened = { stream: PromptStream.open(promptId), viewers: 0 };
    streams.set(promptId, opened);
  }
  return opened;
}

function closeUnlessUsed(promptId: string, opened: OpenStream): void {
  window.clearTimeout(opened.timer);
  opened.timer = window.setTimeout(() => {
    if (opened.viewers === 0 && streams.get(promptId) === opened) close(promptId);
  }, UNUSED_MS);
}

function close(promptId: string): void {
  streams.get(promptId)?.stream.close();
  streams.delete(promptId);
}
