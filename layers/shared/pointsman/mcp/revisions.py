"""What the revisions of MCP want of a request: those that begin with a handshake, and the one without sessions.

In revision 2026-07-28 every request says in `_meta` which revision it is of and what its client can do, and repeats
in headers what a gateway may route by. In the earlier ones only `initialize` says it, so nothing is known later.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from .messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    JsonObject,
    Message,
    RpcError,
)

__all__ = ["HANDSHAKE_REVISIONS", "STATELESS_REVISION", "Request", "get_error_status", "read_request"]

STATELESS_REVISION = "2026-07-28"
HANDSHAKE_REVISIONS = ("2025-11-25", "2025-06-18")
"""The newest first."""

_VERSION_HEADER, _METHOD_HEADER, _NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
_DISCOVER = "server/discover"

_BASE64_VALUE = re.compile(r"=\?base64\?(.*)\?=")


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request.

    Attributes:
        message: the JSON-RPC message.
        is_stateless: whether it is of the revision without sessions.
        can_ask: whether its client shows a person a form (elicitation).
        progress_token: goes with each notification of progress; None if the client wants none.
    """

    message: Message
    is_stateless: bool
    can_ask: bool
    progress_token: str | int | None = field(repr=False)


def read_request(message: Message, headers: Mapping[str, Sequence[str]]) -> Request:
    """Check a message against its headers.

    Args:
        message: a request or a notification.
        headers: all values of each header, by its name in lower case.

    Raises:
        RpcError: they contradict each other, or are of a revision that is not spoken here.
    """
    for name in (_VERSION_HEADER, _METHOD_HEADER, _NAME_HEADER):
        if len(headers.get(name, ())) > 1:
            raise RpcError(HEADER_MISMATCH, f"The header {name} stands there more than once")
    token = message.meta.get("progressToken")
    progress_token = token if isinstance(token, str | int) and not isinstance(token, bool) else None
    version = _get_header(headers, _VERSION_HEADER)
    if message.method == "initialize":
        return Request(message, is_stateless=False, can_ask=False, progress_token=progress_token)
    if version is not None and version not in (STATELESS_REVISION, *HANDSHAKE_REVISIONS):
        raise _unsupported(version)
    if version in HANDSHAKE_REVISIONS or not (version or _VERSION_KEY in message.meta or message.method == _DISCOVER):
        return Request(message, is_stateless=False, can_ask=False, progress_token=progress_token)
    if message.id is None:
        return Request(message, is_stateless=True, can_ask=False, progress_token=None)
    capabilities = _read_envelope(message)
    _require_equal_headers(message, headers)
    return Request(message, is_stateless=True, can_ask=_can_ask(capabilities), progress_token=progress_token)


def get_error_status(error: RpcError, *, is_stateless: bool) -> int:
    """Return the HTTP status of an error. The revisions with a handshake answer a request that can be read with 200."""
    if error.code == METHOD_NOT_FOUND:
        return 404 if is_stateless else 200
    return 200 if error.code == INVALID_PARAMS and not is_stateless else 400


def _read_envelope(message: Message) -> JsonObject:
    """Return the client's capabilities."""
    missing = [key for key in (_VERSION_KEY, _CAPABILITIES_KEY) if key not in message.meta]
    if missing:
        raise RpcError(INVALID_PARAMS, f"params._meta needs {' and '.join(missing)}")
    capabilities = message.meta[_CAPABILITIES_KEY]
    if not isinstance(message.meta[_VERSION_KEY], str) or not isinstance(capabilities, dict):
        raise RpcError(INVALID_PARAMS, f"In params._meta {_VERSION_KEY} is a text, {_CAPABILITIES_KEY} an object")
    return cast("JsonObject", capabilities)


def _require_equal_headers(message: Message, headers: Mapping[str, Sequence[str]]) -> None:
    version = str(message.meta[_VERSION_KEY])
    if _get_header(headers, _VERSION_HEADER) != version:
        raise RpcError(HEADER_MISMATCH, f"The header {_VERSION_HEADER} is not what params._meta says")
    if _get_header(headers, _METHOD_HEADER) != message.method:
        raise RpcError(HEADER_MISMATCH, f"The header {_METHOD_HEADER} is not the method")
    name = message.params.get("name")
    if (
        message.method == "tools/call"
        and name is not None
        and _decode_header(_get_header(headers, _NAME_HEADER)) != name
    ):
        raise RpcError(HEADER_MISMATCH, f"The header {_NAME_HEADER} is not the tool's name")
    if version != STATELESS_REVISION:
        raise _unsupported(version)


def _unsupported(version: str) -> RpcError:
    supported = [STATELESS_REVISION, *HANDSHAKE_REVISIONS]
    data: JsonObject = {"supported": supported, "requested": version[:64]}
    return RpcError(UNSUPPORTED_PROTOCOL_VERSION, f"Supported revisions are {', '.join(supported)}", data)


def _can_ask(capabilities: JsonObject) -> bool:
    """Whether the client shows forms. An elicitation that names no mode means forms."""
    elicitation = capabilities.get("elicitation")
    return isinstance(elicitation, dict) and (not elicitation or "form" in elicitation)


def _get_header(headers: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = headers.get(name)
    return values[0] if values else None


def _decode_header(value: str | None) -> str | None:
    """Decode a value that stands in base64 because a header cannot hold it as it is. None if it is not decodable."""
    match = _BASE64_VALUE.fullmatch(value or "")
    if match is None:
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
