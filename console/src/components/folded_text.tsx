/** A text in its own lines, as JSON is; a long one is folded unless it must be seen. */
const FOLDED_FROM_CHARS = 1_000;

export function FoldedText({ label, text, isOpen }: { label: string; text: string; isOpen?: boolean }) {
  const isShort = text.length <= FOLDED_FROM_CHARS;
  return (
    <details class="folded" open={isOpen || isShort}>
      <summary>
        {label}
        {!isShort && <span class="muted"> {text.length.toLocaleString("en")} characters</span>}
      </summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}
