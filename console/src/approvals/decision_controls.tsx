/** Approve, or reject with a reason. A rejection asks for its reason in place. */
import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError } from "../api/errors";
import { Field } from "../components/field";
import { ErrorNote } from "../components/notes";
import { type Decision, decide, MAX_REASON_CHARS, type WaitingCall } from "./decisions";

interface Props {
  call: WaitingCall;
  /** What is decided about, for screen readers. */
  name: string;
  onDecided: (decision: Decision) => void;
  /** Called when the API says that the call does not wait any more. */
  onGone?: () => void;
}

export function DecisionControls({ call, name, onDecided, onGone }: Props) {
  const [isRejecting, setIsRejecting] = useState(false);
  const [sent, setSent] = useState<Decision | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const rejectButton = useRef<HTMLButtonElement>(null);
  const send = async (decision: Decision, reason = "") => {
    if (sent !== null) return;
    setSent(decision);
    setError(null);
    try {
      await decide(call, decision, reason);
      onDecided(decision);
    } catch (caught) {
      setSent(null);
      setError(caught instanceof Error ? caught : new Error(String(caught)));
      if (caught instanceof ApiError && caught.status === 404) onGone?.();
    }
  };
  const stopRejecting = () => {
    setIsRejecting(false);
    rejectButton.current?.focus();
  };
  return (
    <div class="decision">
      <div class="actions">
        <button
          type="button"
          class="primary"
          data-action="approve"
          aria-label={`Approve ${name}`}
          aria-disabled={sent !== null}
          onClick={() => send("approved")}
        >
          {sent === "approved" ? "Approving…" : "Approve"}
        </button>
        <button
          type="button"
          class="danger"
          data-action="reject"
          aria-label={`Reject ${name}…`}
          aria-expanded={isRejecting}
          ref={rejectButton}
          aria-disabled={sent !== null}
          onClick={() => setIsRejecting(!isRejecting)}
        >
          Reject…
        </button>
      </div>
      {isRejecting && (
        <RejectionForm isSending={sent !== null} onReject={(reason) => send("rejected", reason)} onCancel={stopRejecting} />
      )}
      <ErrorNote error={error} />
    </div>
  );
}

interface RejectionProps {
  isSending: boolean;
  onReject: (reason: string) => void;
  onCancel: () => void;
}

function RejectionForm({ isSending, onReject, onCancel }: RejectionProps) {
  const [reason, setReason] = useState("");
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    onReject(reason);
  };
  return (
    <form class="rejection" ref={form} onSubmit={submit} onKeyDown={(event) => event.key === "Escape" && onCancel()}>
      <Field label="Reason" hint="The model reads it; it may be empty">
        {(id) => (
          <input
            id={id}
            autoComplete="off"
            maxLength={MAX_REASON_CHARS}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        )}
      </Field>
      <div class="actions">
        <button type="submit" class="danger" aria-disabled={isSending}>
          {isSending ? "Rejecting…" : "Reject"}
        </button>
        <button type="button" onClick={onCancel}>
          Do not reject
        </button>
      </div>
    </form>
  );
}
