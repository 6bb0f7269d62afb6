"""JSON-RPC 2.0 messages as MCP has them: parsing of a request's body, results and errors."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

__all__ = [
    "HEADER_MISMATCH",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "UNSUPPORTED_PROTOCOL_VERSION",
    "JsonObject",
    "Message",
    "RequestId",
    "RpcError",
    "build_error",
    "build_notification",
    "build_result",
    "encode",
    "parse_message",
]

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_PROTOCOL_VERSION = -32020, -32022

JsonObject = dict[str, object]
RequestId = str | int

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MAX_ID_CHARS = 200


class RpcError(Exception):
    """A JSON-RPC error: the client's mistake. What goes wrong in a tool is a result instead.

    Attributes:
        code: one of this module's.
        message: says what to change.
        data: JSON that the protocol asks for with this code.
    """

    def __init__(self, code: int, message: str, data: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a notification, which has no id."""

    id: RequestId | None
    method: str
    params: JsonObject

    @property
    def meta(self) -> Mapping[str, object]:
        """The parameter `_meta`; empty where it is missing or no object."""
        meta = self.params.get("_meta")
        return cast("JsonObject", meta) if isinstance(meta, dict) else {}


def parse_message(body: bytes) -> Message:
    """Parse a body as one message.

    Raises:
        RpcError: it is not JSON, a batch, a response, or no message.
    """
    try:
        raw: object = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise RpcError(PARSE_ERROR, "The body is not valid JSON") from None
    if isinstance(raw, list):
        raise RpcError(INVALID_REQUEST, "A batch is not accepted; send each message by itself")
    if not isinstance(raw, dict):
        raise RpcError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification")
    fields = cast("JsonObject", raw)
    method, params, request_id = fields.get("method"), fields.get("params", {}), fields.get("id")
    if fields.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, 'A message has "jsonrpc": "2.0" and a method')
    if "id" in fields and not _is_request_id(request_id):
        raise RpcError(INVALID_REQUEST, f"An id is a text of at most {_MAX_ID_CHARS} characters or an integer")
    if not isinstance(params, dict):
        raise RpcError(INVALID_REQUEST, "params must be an object")
    return Message(cast("RequestId | None", request_id), method, cast("JsonObject", params))


def _is_request_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_ID_CHARS
    return isinstance(value, int) and not isinstance(value, bool)


def _reject_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def build_result(request_id: RequestId | None, result: Mapping[str, object]) -> JsonObject:
    """Build the response with a result."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def build_error(request_id: RequestId | None, error: RpcError) -> JsonObject:
    """Build the response with an error; its id is null where the request's could not be read."""
    content: JsonObject = {"code": error.code, "message": error.message}
    if error.data is not None:
        content["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": content}


def build_notification(method: str, params: Mapping[str, object]) -> JsonObject:
    """Build a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def encode(message: Mapping[str, object]) -> bytes:
    """Encode a message as JSON in ASCII on one line.

    Halves of surrogate pairs, which a model or a tool may have written, are joined or replaced by U+FFFD: clients'
    parsers reject them.
    """
    text = json.dumps(message, separators=(",", ":"))
    if _SURROGATE.search(text):
        whole = json.dumps(message, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = json.dumps(json.loads(whole), separators=(",", ":"))
    return text.encode("ascii")
