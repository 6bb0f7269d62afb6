"""Asking the model: one request for one turn, streamed or not, with short retries."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import random
from typing import Literal

import httpx

from ...errors import ModelFailed
from ...providers.http import FAILURES, Wire
from ...providers.reading import Json, mapping
from ...settings.model import ModelSettings
from ..schemas import input_schema
from ..tool import AnyTool
from .failures import Ours, refused, refuses_seals, unanswered, unreadable, unwritable
from .listening import Heard, OnText, finished
from .names import WireNames, wire_safe
from .sse import events
from .turns import Item, Turn, read_turn

__all__ = ["Level", "ModelClient"]

Level = Literal["normal", "high"]

CONNECT_SECONDS = 5.0
TRIES = 3
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
"""A model that asks for a longer pause is not waited for here."""
_SEALED = "reasoning.encrypted_content"


class ModelClient:
    """An OpenAI-compatible Responses API. Opens a connection with the first request."""

    def __init__(self, settings: ModelSettings, wire: Wire | None = None) -> None:
        self._settings = settings
        self._wire = wire or Wire()
        self._http: httpx.Client | None = None
        self._unsealed: set[str] = set()

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        opened, self._http = self._http, None
        if opened is not None:
            opened.close()

    def respond(
        self,
        items: Sequence[Item],
        tools: Iterable[AnyTool] = (),
        instructions: str = "",
        level: Level = "normal",
        on_text: OnText | None = None,
    ) -> Turn:
        """The model's next turn.

        `items` is the whole history: user messages, the items of earlier turns as they were, outputs of their calls.
        With `on_text` the answer is streamed, and each piece of its text handed out as it comes; None is handed out
        where an answer broke off and begins anew, so that all pieces before it are to be forgotten.

        Tried up to 3 times where that may help, with a pause of up to 20 s that the model may ask for; no try begins
        later than `timeout` seconds after the first. Raises ModelFailed, and what was handed out is void.
        """
        offered = list(tools)
        names = WireNames(tool.id for tool in offered)
        body: dict[str, object] = {
            "model": self._settings.high if level == "high" else self._settings.normal,
            "input": [_replayed(item) for item in items],
            "store": False,
        }
        if instructions:
            body["instructions"] = instructions
        if offered:
            body["tools"] = [_function(tool, names) for tool in offered]
        heard = Heard(on_text) if on_text is not None else None
        ours = Ours(self._settings.api_key, items, instructions)
        turn = self._retried(lambda: read_turn(self._asked(body, heard, ours), names, ours), heard)
        if heard is not None and not heard.said:
            heard.piece(None, turn.text)
        return turn

    def _retried(self, once: Callable[[], Turn], heard: Heard | None) -> Turn:
        begun, tried = self._wire.clock(), 0
        while True:
            try:
                return once()
            except ModelFailed as error:
                tried += 1
                wait = FIRST_WAIT_SECONDS * 2 ** (tried - 1) * (0.5 + random())  # noqa: S311 - jitter
                wait = max(wait, error.retry_after or 0.0)
                late = self._wire.clock() - begun + wait > self._settings.timeout
                if not error.retryable or tried >= TRIES or wait > LONGEST_WAIT_SECONDS or late:
                    raise
            if heard is not None:
                heard.forget()
            self._wire.sleep(wait)

    def _asked(self, body: dict[str, object], heard: Heard | None, ours: Ours) -> Json:
        """The finished response to one request; twice where the model does not know sealed reasoning."""
        model = str(body["model"])
        while True:
            sealed = model not in self._unsealed
            extra: dict[str, object] = {"include": [_SEALED]} if sealed else {}
            if heard is not None:
                extra["stream"] = True
            answer = self._sent({**body, **extra})
            try:
                if 200 <= answer.status_code < 300:
                    return self._understood(answer, heard, ours)
                parsed = _json(b"".join(_pieces(answer)))
            finally:
                answer.close()
            if not sealed or not refuses_seals(answer.status_code, parsed):
                raise refused(answer.status_code, answer.headers, parsed, ours)
            self._unsealed.add(model)

    def _sent(self, body: dict[str, object]) -> httpx.Response:
        try:
            http = self._open()
            # ASCII: a lone surrogate in what somebody said must not be what breaks a prompt.
            content = json.dumps(body).encode()
            headers = {"Accept": "text/event-stream, application/json" if "stream" in body else "application/json"}
            request = http.build_request("POST", f"{self._settings.url.rstrip('/')}/responses", content=content,
                                         headers=headers)  # fmt: skip
        except (TypeError, ValueError, RecursionError, httpx.InvalidURL):
            raise unwritable() from None
        try:
            return http.send(request, stream=True)
        except tuple(FAILURES) as error:
            raise unanswered(error) from None

    def _understood(self, answer: httpx.Response, heard: Heard | None, ours: Ours) -> Json:
        """Whatever was asked for: not every server can stream."""
        if "event-stream" in answer.headers.get("content-type", ""):
            return finished(self._alive(events(_pieces(answer))), heard or Heard(lambda _: None), ours)
        response = mapping(_json(b"".join(_pieces(answer))))
        if not response:
            raise unreadable(f"HTTP {answer.status_code} without JSON")
        return response

    def _alive(self, told: Iterator[str]) -> Iterator[str]:
        """The events of a stream. Comments show that the connection lives, but not that the model does."""
        last = self._wire.clock()
        for data in told:
            if data:
                yield data
                last = self._wire.clock()
            elif self._wire.clock() - last > self._settings.timeout:
                raise ModelFailed("The model did not answer to the end (only comments)", retryable=True)

    def _open(self) -> httpx.Client:
        if self._http is None:
            self._http = httpx.Client(
                headers={
                    "Authorization": f"Bearer {self._settings.api_key}",
                    "Content-Type": "application/json",
                    "User-Agent": "pointsman",
                },
                timeout=httpx.Timeout(self._settings.timeout, connect=CONNECT_SECONDS),
                verify=not self._settings.url.lower().startswith("http://"),
                # As for the providers: nothing of the shell, and no redirect, may change where the key goes.
                trust_env=False,
                follow_redirects=False,
                transport=self._wire.transport,
            )
        return self._http


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes()
    except tuple(FAILURES) as error:
        raise unanswered(error) from None


def _json(content: bytes) -> object:
    """The parsed content, None where it is no JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _function(tool: AnyTool, names: WireNames) -> Item:
    """A tool as the API has it: flat, and not strict, which many schemas are not."""
    schema = {"type": "object", **input_schema(tool.input)}
    return {
        "type": "function",
        "name": names.name(tool.id),
        "description": tool.description,
        "parameters": schema,
        "strict": False,
    }


def _replayed(item: Item) -> Item:
    """An item as it came; but a name that a model made up may be one that the API itself would refuse."""
    name = item.get("name")
    if item.get("type") == "function_call" and isinstance(name, str):
        return {**item, "name": wire_safe(name)}
    return item
