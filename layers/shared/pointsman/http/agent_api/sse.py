"""Encoding of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
from collections.abc import Mapping

__all__ = ["HEARTBEAT_FRAME", "RECALLED_FRAME", "RETRY_FRAME", "TIME_LIMIT_FRAME", "encode_event"]

RETRY_FRAME = b"retry: 1000\n\n"
"""The client's reconnection time, in milliseconds."""

HEARTBEAT_FRAME = b":\n\n"
"""A comment, which clients ignore; sent while no event comes, so that no proxy closes the connection."""

TIME_LIMIT_FRAME = b": this stream's time is over; come back with Last-Event-ID\n\n"

RECALLED_FRAME = b": this stream has made room for another stream of yours; come back with Last-Event-ID\n\n"


def encode_event(event: str, data: Mapping[str, object], event_id: object) -> bytes:
    """Encode one event; `event_id` is None for an event that a client cannot resume from.

    JSON is written in ASCII: some clients also break lines at U+2028 and U+0085, which are allowed in JSON strings.
    """
    lines = [f"event: {event}", f"data: {json.dumps(data, separators=(',', ':'))}"]
    if event_id is not None:
        lines.append(f"id: {event_id}")
    return ("\n".join(lines) + "\n\n").encode("ascii")
