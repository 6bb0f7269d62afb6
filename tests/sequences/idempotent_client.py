"""A client that sends idempotency keys and checks that the API honours them."""

import threading
import uuid

import httpx

from .invariants import parse_response

Request = tuple[str, str, object]


class IdempotentClient:
    """Sends requests, and remembers each success under a key with its request."""

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self._prefix = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._successes: dict[str, list[tuple[Request, object]]] = {}

    def request(self, method: str, path: str, body: object, key: int | None = None) -> None:
        """Send a request; the response must be one that the contract allows."""
        response = self._send((method, path, body), None if key is None else f"{self._prefix}-{key}")
        response_body = parse_response(response)
        if key is not None and response.status_code == 200:
            with self._lock:
                self._successes.setdefault(f"{self._prefix}-{key}", []).append(((method, path, body), response_body))

    def find_key_violations(self) -> list[str]:
        """Find keys under which two different requests succeeded, or that do not replay the recorded response."""
        violations: list[str] = []
        for key, successes in self._successes.items():
            request, body = successes[0]
            violations += [f"{key}: {request} and {other}" for other in successes[1:] if other != (request, body)]
            replay = self._send(request, key)
            if (replay.status_code, replay.json()) != (200, body) or "idempotent-replayed" not in replay.headers:
                violations.append(f"{key}: {request} gave {body}, and now {replay.status_code} {replay.text}")
        return violations

    def _send(self, request: Request, key: str | None) -> httpx.Response:
        method, path, body = request
        headers = {"Idempotency-Key": key} if key else {}
        return self._api.request(method, path, json=body, headers=headers)
