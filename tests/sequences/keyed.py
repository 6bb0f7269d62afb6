"""Requests with idempotency keys, and whether the keys were kept to."""

import threading
import uuid

import httpx

from .world import answered

Request = tuple[str, str, object]


class Keyed:
    """Sends requests; what succeeds under a key is remembered with its request."""

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self._prefix = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._done: dict[str, list[tuple[Request, object]]] = {}

    def request(self, method: str, path: str, body: object, key: int | None = None) -> None:
        """Send it; the answer must be one that a client can make sense of."""
        answer = self._send((method, path, body), None if key is None else f"{self._prefix}-{key}")
        told = answered(answer)
        if key is not None and answer.status_code == 200:
            with self._lock:
                self._done.setdefault(f"{self._prefix}-{key}", []).append(((method, path, body), told))

    def broken(self) -> list[str]:
        """Keys under which two different things succeeded, or that do not give the recorded answer again."""
        wrong: list[str] = []
        for key, done in self._done.items():
            request, told = done[0]
            wrong += [f"{key}: {request} and {other}" for other in done[1:] if other != (request, told)]
            again = self._send(request, key)
            if (again.status_code, again.json()) != (200, told) or "idempotent-replayed" not in again.headers:
                wrong.append(f"{key}: {request} gave {told}, and now {again.status_code} {again.text}")
        return wrong

    def _send(self, request: Request, key: str | None) -> httpx.Response:
        method, path, body = request
        headers = {"Idempotency-Key": key} if key else {}
        return self._api.request(method, path, json=body, headers=headers)
