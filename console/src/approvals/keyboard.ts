/** Moving through a list of cards and acting on one, by single keys. */
import { type RefObject } from "preact";
import { useEffect } from "preact/hooks";

const STEPS: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
const ACTIONS: Record<string, string> = { a: "approve", r: "reject" };

/**
 * Listen while the screen is shown. A card has the attribute `data-card`, a button of it `data-action`.
 *
 * The key for an approval moves the focus to its button and does not press it: a key that was hit by mistake approves nothing.
 */
export function useCardKeys(list: RefObject<HTMLElement>): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
      const cards = [...(list.current?.querySelectorAll<HTMLElement>("[data-card]") ?? [])];
      const current = cards.findIndex((card) => card.contains(document.activeElement));
      const step = STEPS[event.key];
      const action = ACTIONS[event.key.toLowerCase()];
      if (cards.length === 0 || (step === undefined && action === undefined)) return;
      event.preventDefault();
      if (step !== undefined) {
        const next = current < 0 ? 0 : Math.min(Math.max(current + step, 0), cards.length - 1);
        cards[next]?.focus();
        cards[next]?.scrollIntoView({ block: "nearest" });
        return;
      }
      const button = cards[Math.max(current, 0)]?.querySelector<HTMLButtonElement>(`[data-action="${action}"]`);
      button?.focus();
      if (action === "reject") button?.click();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [list]);
}

/** Whether a key belongs to what has the focus: a field, a text that scrolls, a dialog. */
function isTaken({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  return (
    target.closest("input, textarea, select, [contenteditable], dialog") !== null ||
    (key.startsWith("Arrow") && target.closest("pre") !== null)
  );
}
