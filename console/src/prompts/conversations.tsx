/** The user's conversations, beside what is open. */
import { useInfiniteQuery } from "@tanstack/preact-query";

import { Loaded } from "../components/notes";
import { Time } from "../components/time";
import { link } from "../routing";
import { conversationList } from "./queries";

export function Conversations({ active }: { active: string }) {
  const list = useInfiniteQuery(conversationList());
  // A bundle without the plugin has none.
  if (list.data?.pages[0] === null) return null;
  return (
    <nav class="card conversations" aria-labelledby="conversations">
      <h2 id="conversations">Conversations</h2>
      <Loaded query={list}>
        {({ pages }) => {
          const conversations = pages.flatMap((page) => page ?? []);
          if (conversations.length === 0) return <p class="muted">None yet. A prompt begins one.</p>;
          return (
            <ul>
              {conversations.map(({ id, title, updatedAt }) => (
                <li key={id}>
                  <a href={link("prompts", "", { conversation: id })} aria-current={id === active ? "true" : undefined}>
                    <span class="title">{title ?? "Without a prompt"}</span>
                    <span class="muted">
                      <Time value={updatedAt} />
                    </span>
                  </a>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {list.hasNextPage && (
        <button type="button" class="quiet" disabled={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          Show older
        </button>
      )}
    </nav>
  );
}
