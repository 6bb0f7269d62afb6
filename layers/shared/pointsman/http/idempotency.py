"""The header Idempotency-Key: which endpoints take it, what makes requests the same, which answers are final.

Loaded only for a request that has one.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidInput
from ..lifecycle import idempotency
from ..lifecycle.claim import held
from ..lifecycle.idempotency import Recorded
from .basics import KEY_FORM

__all__ = ["once"]

_DECIDED = ("NOT_FOUND", "CONFLICT")
"""Codes of refusals that stand. All others say that nothing was done and may be tried again, or that something failed
whose outcome is unknown."""

Answer = dict[str, Any]


def once(event: Mapping[str, Any], starts: bool, serve: Callable[[], Answer]) -> Answer:
    """What `serve` answers to the first request with this key, for all of them.

    `starts` tells that the endpoint begins an operation. Raises InvalidInput for a key that cannot be, KeyReused,
    StillInProgress.
    """
    key = str(event["headers"]["idempotency-key"])
    if not KEY_FORM.fullmatch(key):
        raise InvalidInput("Idempotency-Key must be 1 to 255 visible ASCII characters")
    found = idempotency.claim(key, _request(event), starts=starts)
    if isinstance(found, Recorded):
        return _replayed(found)
    with held(found):
        answer = serve()
    given = Recorded(int(answer["statusCode"]), str(answer["body"]))
    if not _final(given):
        idempotency.release(found)
        return answer
    recorded = idempotency.record(found, given)
    return answer if found.first and recorded == given else _replayed(recorded)


def _replayed(recorded: Recorded) -> Answer:
    headers = {"content-type": "application/json", "idempotent-replayed": "true"}
    return {"statusCode": recorded.status, "headers": headers, "body": recorded.body, "isBase64Encoded": False}


def _final(answer: Recorded) -> bool:
    if answer.status < 400:
        return answer.status != 202
    body = json.loads(answer.body)
    return body["code"] in _DECIDED or (body["code"] == "OPERATION_FAILED" and "operationId" in body)


def _request(event: Mapping[str, Any]) -> bytes:
    """What makes two requests the same: the method, the route, what the parameters mean, and what the body says."""
    method, route = event["requestContext"]["http"]["method"], event["routeKey"].partition(" ")[2]
    parameters: dict[str, str] = event.get("pathParameters") or {}
    return json.dumps([method, route, parameters, _body(event)], sort_keys=True).encode()


def _body(event: Mapping[str, Any]) -> str:
    text = str(event.get("body") or "")
    raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    try:
        return "json " + json.dumps(json.loads(raw), sort_keys=True)
    except (ValueError, RecursionError):
        return "raw " + raw.hex()
