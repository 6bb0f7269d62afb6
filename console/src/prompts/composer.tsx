/** A new prompt: its text, the model, and the conversation that it belongs to. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useId, useRef, useState } from "preact/hooks";

import { newIdempotencyKey } from "../api/client";
import { Field } from "../components/field";
import { ErrorNote } from "../components/notes";
import { link, navigate } from "../routing";
import { submitPrompt } from "./open_streams";
import type { Submission } from "./prompt_stream";
import { conversationList, createConversation } from "./queries";

const NEW = "new";
const NONE = "";

interface Props {
  /** The conversation to go on with; without one the user chooses. */
  conversationId?: string;
  label: string;
}

export function Composer({ conversationId, label }: Props) {
  const [input, setInput] = useState("");
  const [model, setModel] = useState<Submission["model"]>("normal");
  const [chosen, setChosen] = useState(NEW);
  const submission = useSubmission();
  const conversations = useInfiniteQuery({ ...conversationList(), enabled: conversationId === undefined });
  const listed = conversations.data?.pages.flatMap((page) => page ?? []) ?? [];
  const hasConversations = conversations.data?.pages[0] !== null;
  const headingId = useId();
  const send = (event: Event) => {
    event.preventDefault();
    void submission.send(input, model, conversationId ?? (hasConversations ? chosen : NONE));
  };
  const sendByKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && input.trim()) send(event);
  };
  return (
    <form class="card composer" aria-labelledby={headingId} onSubmit={send}>
      <h2 id={headingId}>{label}</h2>
      <Field label="Prompt" hint="Ctrl+Enter sends it">
        {(id) => (
          <textarea
            id={id}
            rows={4}
            required
            value={input}
            onInput={(event) => setInput(event.currentTarget.value)}
            onKeyDown={sendByKey}
          />
        )}
      </Field>
      <div class="filters">
        <Field label="Model">
          {(id) => (
            <select id={id} value={model} onChange={(event) => setModel(event.currentTarget.value as Submission["model"])}>
              <option value="normal">normal</option>
              <option value="high">high</option>
            </select>
          )}
        </Field>
        {conversationId === undefined && hasConversations && (
          <Field label="Conversation">
            {(id) => (
              <select id={id} value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
                <option value={NEW}>A new one</option>
                <option value={NONE}>None</option>
                {listed.map((conversation) => (
                  <option key={conversation.id} value={conversation.id}>
                    {conversation.title ?? conversation.id}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <button type="submit" class="primary" disabled={submission.isPending || !input.trim()}>
          {submission.isPending ? "Sending…" : "Send"}
        </button>
      </div>
      <ErrorNote error={submission.error} />
    </form>
  );
}

/** Sends a prompt and opens it. What is sent again after an error keeps its key and its conversation, so nothing is there twice. */
function useSubmission() {
  const queries = useQueryClient();
  const [isPending, setIsPending] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const attempt = useRef({ what: "", key: "" });
  const created = useRef<string | null>(null);
  const send = async (input: string, model: Submission["model"], conversation: string) => {
    setIsPending(true);
    setError(null);
    try {
      const what = JSON.stringify([input, model, conversation]);
      if (attempt.current.what !== what) attempt.current = { what, key: newIdempotencyKey() };
      if (conversation === NEW) created.current ??= await createConversation();
      const conversationId = (conversation === NEW ? created.current : conversation) || undefined;
      const promptId = await submitPrompt({ input, model, conversationId }, attempt.current.key);
      void queries.invalidateQueries({ queryKey: ["prompts"] });
      void queries.invalidateQueries({ queryKey: ["conversations"] });
      navigate(link("prompts", promptId));
    } catch (caught) {
      setError(caught instanceof Error ? caught : new Error(String(caught)));
      setIsPending(false);
    }
  };
  return { isPending, error, send };
}
