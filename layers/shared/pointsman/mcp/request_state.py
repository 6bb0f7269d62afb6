"""The signed state that a client carries from a question to its answer (`requestState`).

Its signature binds the answer to the user, the tool, the input, and the very call that the question was about, for a
limited time. That it counts once is the call's own: it waits for one decision. The client can read the state, which
names the call and no more.
"""

import base64
import binascii
import hmac
import json
import time
from typing import NamedTuple, cast

from ..db import signing_keys
from ..db.connection import run_in_transaction
from .messages import INVALID_PARAMS, RpcError

__all__ = ["Asked", "Question", "sign", "verify"]

_PURPOSE = "mcp-request-state"
_MAX_CHARS = 4096
_REFUSED = "The requestState is not one of this user, tool and input, or it has expired; call the tool anew without it"


class Asked(NamedTuple):
    """The request that a question answers, and that has to come again with the state."""

    user_id: str
    tool: str
    arguments: object


class Question(NamedTuple):
    """What a person was asked about.

    Attributes:
        prompt_id: the prompt whose call waits.
        tool_call_id: the call.
        seq: the sequence number of the last event that the client knows of.
        expires_at: seconds since 1970.
    """

    prompt_id: str
    tool_call_id: str
    seq: int
    expires_at: int


def sign(question: Question, asked: Asked) -> str:
    """Return the state of a question. Raises DatabaseUnavailable."""
    payload = json.dumps(list(question), separators=(",", ":")).encode()
    return f"{_encode(payload)}.{_encode(_compute_tag(payload, asked))}"


def verify(state: str, asked: Asked) -> Question:
    """Return the question that a state is of.

    Raises:
        RpcError: it was not signed here for this user, tool and input, or it has expired. Which, is not said.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    payload, tag = _split(state)
    if not hmac.compare_digest(_compute_tag(payload, asked), tag):
        raise RpcError(INVALID_PARAMS, _REFUSED)
    prompt_id, tool_call_id, seq, expires_at = cast("tuple[str, str, int, int]", tuple(json.loads(payload)))
    if expires_at < time.time():
        raise RpcError(INVALID_PARAMS, _REFUSED)
    return Question(prompt_id, tool_call_id, seq, expires_at)


def _split(state: str) -> tuple[bytes, bytes]:
    payload, _, tag = state.partition(".")
    try:
        if len(state) > _MAX_CHARS:
            raise ValueError("too long")
        return _decode(payload), _decode(tag)
    except (ValueError, binascii.Error):
        raise RpcError(INVALID_PARAMS, _REFUSED) from None


def _compute_tag(payload: bytes, asked: Asked) -> bytes:
    key = run_in_transaction(signing_keys.get_or_create, _PURPOSE)
    bound = json.dumps([payload.decode("latin-1"), *asked], sort_keys=True)
    return hmac.digest(key, bound.encode(), "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
