"""Server-sent events on the wire (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
from collections.abc import Mapping

__all__ = ["HEARTBEAT_FRAME", "RETRY_FRAME", "TIME_LIMIT_FRAME", "encode_event"]

RETRY_FRAME = b"retry: 1000\n\n"
"""How long a client waits before it comes back, in milliseconds."""

HEARTBEAT_FRAME = b":\n\n"
TIME_LIMIT_FRAME = b": this stream's time is over; come back with Last-Event-ID\n\n"


def encode_event(event: str, data: Mapping[str, object], event_id: int | None) -> bytes:
    """One event. Its data is ASCII, as some readers break lines at characters that JSON leaves as they are."""
    lines = [f"event: {event}", f"data: {json.dumps(data, separators=(',', ':'))}"]
    if event_id is not None:
        lines.append(f"id: {event_id}")
    return ("\n".join(lines) + "\n\n").encode("ascii")
