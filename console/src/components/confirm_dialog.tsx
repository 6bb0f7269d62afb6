/** A question before something is changed, which says what will happen. The browser keeps the focus inside and gives it back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { Field } from "./field";
import { ErrorNote } from "./notes";

interface Props {
  title: string;
  /** What will happen, and controls that belong to it. */
  children: ComponentChildren;
  confirmLabel: string;
  isDangerous?: boolean;
  /** A text that has to be typed, for what cannot be undone. */
  textToType?: string;
  /** Returns once the request was accepted or is on its way; an error keeps the dialog open and shows. */
  onConfirm: () => Promise<void> | void;
  onClose: () => void;
}

export function ConfirmDialog({ title, children, confirmLabel, isDangerous, textToType, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const [typed, setTyped] = useState("");
  const [isPending, setIsPending] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setIsPending(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (caught) {
      setError(caught instanceof Error ? caught : new Error(String(caught)));
      setIsPending(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={titleId}>{title}</h2>
        {children}
        {textToType && (
          <Field label={`Type ${textToType} to confirm`}>
            {(id) => (
              <input id={id} autoComplete="off" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
            )}
          </Field>
        )}
        <ErrorNote error={error} />
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={isDangerous ? "danger" : "primary"}
            disabled={isPending || (textToType !== undefined && typed !== textToType)}
          >
            {isPending ? "Sending…" : confirmLabel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
