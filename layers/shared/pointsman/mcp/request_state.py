"""The signed state that a client carries from a question to its answer (`requestState`).

It binds the answer to the user, the tool, the input, and the very call that the question was about, for a limited time.
That it counts once is the call's own: it waits for one decision. The client can read it, and there is no secret in it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import NamedTuple, cast

from ..db import signing_keys
from ..db.connection import run_in_transaction
from .messages import INVALID_PARAMS, RpcError

__all__ = ["Question", "digest_input", "sign", "verify"]

_PURPOSE = "mcp-request-state"
_MAX_CHARS = 4096
_REFUSED = "The requestState is not one of this user, tool and input, or it has expired; call the tool anew without it"


class Question(NamedTuple):
    """What a person was asked.

    Attributes:
        user_id: whom the question went to.
        tool: the name of the tool that the client called.
        digest: of the input that it was called with.
        prompt_id: the prompt whose call waits.
        tool_call_id: the call.
        seq: the sequence number of the last event that the client knows of.
        expires_at: seconds since 1970.
    """

    user_id: str
    tool: str
    digest: str
    prompt_id: str
    tool_call_id: str
    seq: int
    expires_at: int


def digest_input(arguments: object) -> str:
    """Hash an input, parsed JSON."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()


def sign(question: Question) -> str:
    """Return the state of a question. Raises DatabaseUnavailable."""
    payload = json.dumps(list(question), separators=(",", ":")).encode()
    return f"{_encode(payload)}.{_encode(_compute_tag(payload))}"


def verify(state: str, user_id: str, tool: str, digest: str) -> Question:
    """Return the question that a state is of.

    Raises:
        RpcError: it was not signed here, has expired, or is of another user, tool or input. Which, is not said.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    payload, tag = _split(state)
    if not hmac.compare_digest(_compute_tag(payload), tag):
        raise RpcError(INVALID_PARAMS, _REFUSED)
    question = Question(*cast("list[str]", json.loads(payload)))  # pyright: ignore[reportArgumentType]
    if (question.user_id, question.tool, question.digest) != (user_id, tool, digest):
        raise RpcError(INVALID_PARAMS, _REFUSED)
    if question.expires_at < time.time():
        raise RpcError(INVALID_PARAMS, _REFUSED)
    return question


def _split(state: str) -> tuple[bytes, bytes]:
    payload, _, tag = state.partition(".")
    try:
        if len(state) > _MAX_CHARS:
            raise ValueError("too long")
        return _decode(payload), _decode(tag)
    except (ValueError, binascii.Error):
        raise RpcError(INVALID_PARAMS, _REFUSED) from None


def _compute_tag(payload: bytes) -> bytes:
    key = run_in_transaction(signing_keys.get_or_create, _PURPOSE)
    return hmac.digest(key, payload, "sha256")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
