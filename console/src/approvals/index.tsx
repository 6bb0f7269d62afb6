/** The inbox: every call that waits for the user, what it would do, and how long it waits. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { FoldedText } from "../components/folded_text";
import { Empty, Loaded } from "../components/notes";
import { link } from "../routing";
import "../prompts/prompts.css";
import { DecisionControls } from "./decision_controls";
import type { Decision } from "./decisions";
import { useCardKeys } from "./keyboard";
import { type Outcome, useOutcomes } from "./outcomes";
import { type Approval, approvalList } from "./queries";
import { TimeLeft } from "./time_left";

export default function ApprovalsScreen() {
  const query = useInfiniteQuery(approvalList());
  const listed = useMemo(() => query.data?.pages.flatMap((page) => page.approvals), [query.data]);
  const { outcomes, isDecidedHere, note } = useOutcomes(listed);
  const list = useRef<HTMLUListElement>(null);
  useCardKeys(list);
  return (
    <>
      <div class="screen-head">
        <h1 tabIndex={-1}>Approvals</h1>
        <Keys />
      </div>
      <Loaded query={query}>
        {() => {
          const waiting = (listed ?? []).filter(({ key }) => !isDecidedHere(key));
          if (waiting.length === 0) return <Empty>Nothing waits for you.</Empty>;
          return (
            <ul class="approvals" aria-label="Waiting approvals" ref={list}>
              {waiting.map((approval) => (
                <li key={approval.key}>
                  <ApprovalCard approval={approval} onDecided={note} />
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
      {query.hasNextPage && (
        <button type="button" disabled={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
          {query.isFetchingNextPage ? "Loading…" : "Show more"}
        </button>
      )}
      <Outcomes outcomes={outcomes} />
    </>
  );
}

function Keys() {
  return (
    <p class="muted keys">
      <kbd>J</kbd> <kbd>K</kbd> or <kbd>↓</kbd> <kbd>↑</kbd> move, <kbd>A</kbd> then <kbd>Enter</kbd> approves, <kbd>R</kbd> rejects
      with a reason
    </p>
  );
}

interface CardProps {
  approval: Approval;
  onDecided: (approval: Approval, decision: Decision) => void;
}

function ApprovalCard({ approval, onDecided }: CardProps) {
  const queries = useQueryClient();
  const refresh = () => void queries.invalidateQueries({ queryKey: ["approvals"] });
  const card = useRef<HTMLElement>(null);
  useFocusOfNeighbour(card);
  const { promptId, toolCallId, toolName, reason, requestedBy, approver, expiresAt, inputText } = approval;
  const isOwn = approver === "self";
  return (
    <article class="card approval" data-card tabIndex={-1} aria-label={`${toolName}: ${reason}`} ref={card}>
      <header class="facts">
        <h2 class="mono">{toolName}</h2>
        <TimeLeft until={expiresAt} />
      </header>
      <p class="question">{reason}</p>
      <FoldedText label="Input" text={inputText} isOpen />
      <p class="facts">
        <span>
          asked by <strong>{requestedBy}</strong>
          {isOwn && " (you)"}
        </span>
        {isOwn && <a href={link("prompts", promptId)}>open the prompt</a>}
        <span class="muted mono">{promptId}</span>
      </p>
      <DecisionControls
        call={{ promptId, toolCallId }}
        name={toolName}
        onDecided={(decision) => {
          onDecided(approval, decision);
          refresh();
        }}
        onGone={refresh}
      />
    </article>
  );
}

/** When a card with the focus goes, the next one gets it, so that who decides by keyboard goes on. */
function useFocusOfNeighbour(card: { current: HTMLElement | null }): void {
  useEffect(() => {
    const item = card.current?.parentElement;
    return () => {
      if (!item?.contains(document.activeElement)) return;
      const neighbour = item.nextElementSibling ?? item.previousElementSibling;
      neighbour?.querySelector<HTMLElement>("[data-card]")?.focus();
    };
  }, [card]);
}

function Outcomes({ outcomes }: { outcomes: Outcome[] }) {
  return (
    <section class={outcomes.length > 0 ? "card" : ""} aria-label="Decided" role="log">
      {outcomes.length > 0 && (
        <ul class="lines">
          {outcomes.map(({ approval, text }) => (
            <li key={approval.key}>
              <span class="mono">{approval.toolName}</span>
              <span>{approval.reason}</span>
              <strong>{text}</strong>
              {approval.approver === "self" && <a href={link("prompts", approval.promptId)}>prompt</a>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
