"""The maintenance switch, for operators on call: it stops new prompts, creates and provisions of the whole fleet.

What runs goes on, and so do approvals, destroys and everything that only reads.
"""

import re

from ..db import maintenance
from ..db.connection import run_in_transaction, run_statement
from ..db.maintenance import MaintenanceState
from ..errors import InvalidInput
from ..timestamps import format_optional_timestamp

__all__ = ["MESSAGE_SCHEMA", "read_state", "switch"]

_MAX_MESSAGE_CHARS = 500
_MESSAGE_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]*$"
MESSAGE_SCHEMA = {"type": "string", "maxLength": _MAX_MESSAGE_CHARS, "pattern": _MESSAGE_PATTERN}
"""The JSON Schema of an operator's message."""


def read_state() -> dict[str, object]:
    """Return the present state, as `switch` does. Raises DatabaseUnavailable."""
    return _describe(run_statement(maintenance.get))


def switch(is_enabled: bool, message: str | None) -> dict[str, object]:
    """Switch it for all processes; when this returns, nothing new starts any more, or may start again.

    Args:
        is_enabled: whether it stops new work.
        message: the text of the error that clients get, or None. A disabled switch keeps none.

    Returns:
        `enabled`, `message`, `changedAt`, `changedBy` (the actor); null for what there is not.

    Raises:
        InvalidInput: the message is too long, or holds control characters or halves of surrogate pairs.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    text = message or ""
    is_storable = re.fullmatch(_MESSAGE_PATTERN, text) and not re.search("[\ud800-\udfff]", text)
    if len(text) > _MAX_MESSAGE_CHARS or not is_storable:
        raise InvalidInput(f"message must be at most {_MAX_MESSAGE_CHARS} characters, without line breaks")
    kept = text.strip() or None if is_enabled else None
    return _describe(run_in_transaction(maintenance.switch, is_enabled, kept))


def _describe(state: MaintenanceState) -> dict[str, object]:
    return {
        "enabled": state.is_enabled,
        "message": state.message,
        "changedAt": format_optional_timestamp(state.changed_at),
        "changedBy": state.changed_by,
    }
