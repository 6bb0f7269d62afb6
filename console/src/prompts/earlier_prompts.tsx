/** What a conversation holds before the prompt that is open. Each prompt is read when it is unfolded. */
import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";

import { Loaded } from "../components/notes";
import { link } from "../routing";
import { PromptStatus } from "./prompt_status";
import { type ListedPrompt, type Prompt, promptDetails, promptList } from "./queries";
import { buildTranscriptOfOutputs } from "./transcript";
import { TranscriptView } from "./transcript_view";

interface Props {
  conversationId: string;
  before: Prompt;
}

export function EarlierPrompts({ conversationId, before }: Props) {
  const list = useInfiniteQuery(promptList({ status: "", conversationId }));
  const all = list.data?.pages.flatMap((page) => page.prompts) ?? [];
  const earlier = all.filter(({ id, createdAt }) => id !== before.id && createdAt <= before.createdAt).reverse();
  if (earlier.length === 0) return null;
  return (
    <section class="card" aria-label="Earlier in this conversation">
      {list.hasNextPage && (
        <button type="button" class="quiet" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          Show older
        </button>
      )}
      {earlier.map((prompt) => (
        <EarlierPrompt key={prompt.id} prompt={prompt} />
      ))}
    </section>
  );
}

function EarlierPrompt({ prompt }: { prompt: ListedPrompt }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="earlier" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        <span class="title">{prompt.title}</span>
        <PromptStatus status={prompt.status} />
      </summary>
      {isOpen && <Answer promptId={prompt.id} />}
    </details>
  );
}

function Answer({ promptId }: { promptId: string }) {
  const query = useQuery(promptDetails(promptId));
  return (
    <Loaded query={query}>
      {({ input, outputs, omittedOutputs, error }) => (
        <div class="conversation">
          <p class="asked">{input}</p>
          <TranscriptView items={buildTranscriptOfOutputs(outputs)} />
          {error && <p class="note error">{error}</p>}
          <a href={link("prompts", promptId)}>
            {omittedOutputs ? `Open it; it has ${omittedOutputs} more outputs` : "Open this prompt"}
          </a>
        </div>
      )}
    </Loaded>
  );
}
