"""Idempotency-Key of the Services API: which requests are the same, and which responses are recorded and replayed.

Loaded only for a request with this header.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidInput
from ...lifecycle import idempotent_requests
from ...lifecycle.idempotent_requests import RecordedResponse
from ..common import IDEMPOTENCY_KEY_PATTERN, IDEMPOTENCY_KEY_RULE
from .parameters import CLAIM_EVENT_KEY

__all__ = ["serve_idempotently"]

_FINAL_ERROR_CODES = ("NOT_FOUND", "CONFLICT")
"""Error codes of responses that are recorded. With another code nothing was done, or the outcome is unknown; a
repeat of the request is then served anew."""

LambdaResponse = dict[str, Any]


def serve_idempotently(
    event: Mapping[str, Any], starts_operation: bool, serve: Callable[[dict[str, Any]], LambdaResponse]
) -> LambdaResponse:
    """Serve the first request with an idempotency key, and answer its repeats with the recorded response.

    Args:
        event: the gateway's event.
        starts_operation: whether the endpoint starts an operation, whose end repeats wait for.
        serve: serves the event, which holds the claim for `RequestClaim`.

    Raises:
        InvalidInput: the key breaks the rule for keys.
        IdempotencyKeyReused: the key came with another request.
        IdempotencyInProgress: the first request has not been answered yet.
    """
    key = str(event["headers"]["idempotency-key"])
    if not IDEMPOTENCY_KEY_PATTERN.fullmatch(key):
        raise InvalidInput(f"Idempotency-Key must be {IDEMPOTENCY_KEY_RULE}")
    claim = idempotent_requests.claim_key(key, _canonical_request(event), starts_operation=starts_operation)
    if isinstance(claim, RecordedResponse):
        return _replay_response(claim)
    response = serve({**event, CLAIM_EVENT_KEY: claim})
    candidate = RecordedResponse(int(response["statusCode"]), str(response["body"]))
    if not _is_final(candidate):
        idempotent_requests.release(claim)
        return response
    recorded = idempotent_requests.record_response(claim, candidate)
    return response if claim.is_first and recorded == candidate else _replay_response(recorded)


def _replay_response(recorded: RecordedResponse) -> LambdaResponse:
    headers = {"content-type": "application/json", "idempotent-replayed": "true"}
    return {"statusCode": recorded.status, "headers": headers, "body": recorded.body, "isBase64Encoded": False}


def _is_final(response: RecordedResponse) -> bool:
    if response.status < 400:
        return response.status != 202
    body = json.loads(response.body)
    return body["code"] in _FINAL_ERROR_CODES or (body["code"] == "OPERATION_FAILED" and "operationId" in body)


def _canonical_request(event: Mapping[str, Any]) -> bytes:
    """Encode what makes two requests the same: method, route, decoded parameters, and the meaning of the body."""
    method, route = event["requestContext"]["http"]["method"], event["routeKey"].partition(" ")[2]
    parameters: dict[str, str] = event.get("pathParameters") or {}
    return json.dumps([method, route, parameters, _canonical_body(event)], sort_keys=True).encode()


def _canonical_body(event: Mapping[str, Any]) -> str:
    text = str(event.get("body") or "")
    raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    try:
        return "json " + json.dumps(json.loads(raw), sort_keys=True)
    except (ValueError, RecursionError):
        return "raw " + raw.hex()
