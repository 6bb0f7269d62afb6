/** The playground: conversations, new prompts, and one prompt as it runs. */
import { useQuery } from "@tanstack/preact-query";

import { link, replaceQuery, useAddress } from "../routing";
import type { ScreenProps } from "../routes";
import { Composer } from "./composer";
import { Conversations } from "./conversations";
import { PromptList } from "./prompt_list";
import { PromptView } from "./prompt_view";
import { promptDetails } from "./queries";
import "./prompts.css";

export default function PromptsScreen({ argument }: ScreenProps) {
  return argument ? <OnePrompt promptId={argument} /> : <AllPrompts />;
}

function OnePrompt({ promptId }: { promptId: string }) {
  const details = useQuery(promptDetails(promptId));
  return (
    <div class="playground">
      <div class="stack">
        <a class="crumb" href={link("prompts")}>
          ← New prompt
        </a>
        <PromptView promptId={promptId} />
      </div>
      <Conversations active={details.data?.conversationId ?? ""} />
    </div>
  );
}

function AllPrompts() {
  const { query } = useAddress();
  const status = query.get("status") ?? "";
  const conversationId = query.get("conversation") ?? "";
  return (
    <div class="playground">
      <div class="stack">
        <div class="screen-head">
          <h1 tabIndex={-1}>{conversationId ? "Conversation" : "Prompts"}</h1>
          {conversationId && (
            <a class="button" href={link("prompts")}>
              All prompts
            </a>
          )}
        </div>
        <Composer
          key={conversationId}
          label={conversationId ? "Go on with this conversation" : "New prompt"}
          conversationId={conversationId || undefined}
        />
        <PromptList
          filter={{ status, conversationId }}
          onStatus={(changed) => replaceQuery({ status: changed, conversation: conversationId })}
        />
      </div>
      <Conversations active={conversationId} />
    </div>
  );
}
