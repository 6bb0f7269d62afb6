/** Every stored event of a prompt, as the API sends it. */
import { useState } from "preact/hooks";

import { formatJson, parseExactly } from "../api/exact_json";
import type { StoredEvent } from "./prompt_stream";

const EXCERPT_CHARS = 160;

export function EventLog({ events }: { events: readonly StoredEvent[] }) {
  return (
    <details class="card event-log">
      <summary>
        <h2>Event log</h2>
        <span class="muted number">
          {events.length} {events.length === 1 ? "event" : "events"}
        </span>
      </summary>
      <ol aria-label="Events">
        {events.map((event) => (
          <LogEntry key={event.id} event={event} />
        ))}
      </ol>
    </details>
  );
}

function LogEntry({ event: { id, event, data } }: { event: StoredEvent }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <li>
      <details class="folded" onToggle={(toggled) => setIsOpen(toggled.currentTarget.open)}>
        <summary>
          <code class="event-id">{id}</code>
          <code>{event}</code>
          <span class="muted excerpt">{data.slice(0, EXCERPT_CHARS)}</span>
        </summary>
        {isOpen && <pre tabIndex={0}>{indent(data)}</pre>}
      </details>
    </li>
  );
}

function indent(data: string): string {
  try {
    return formatJson(parseExactly(data));
  } catch {
    return data;
  }
}
