"""Prompts over HTTP in tests: begun with a script of the simulated model, followed event by event, cut off, decided."""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from local.simulator.client import SimulatorClient
from local.stack import Stack
from tests.local.support import Running
from tests.prompts.bench import TIME
from tests.prompts.readers import Message, by_grammar
from tests.workflow.helpers import until

LAST = ("prompt.completed", "error")
STREAM = "PromptStreamFunction"
_numbers = itertools.count(1)


def fresh_text(about: str = "Question") -> str:
    return f"{about} {os.getpid()}-{next(_numbers)}."


def user(stack_url: str, name: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """The Agent API for somebody."""
    return httpx.Client(
        base_url=f"{stack_url}/api", headers={"X-User-Id": name}, timeout=60, verify=False, transport=transport
    )


class Stream:
    """One connection that a prompt is followed on; all that has come on it is `raw`."""

    def __init__(self, client: httpx.Client, request: httpx.Request) -> None:
        self.answer = client.send(request, stream=True)
        if self.answer.status_code != 200:
            self.answer.read()
            self.answer.close()
            raise AssertionError(f"{self.answer.status_code} {self.answer.text}")
        self.raw = bytearray()
        self.messages: list[Message] = []
        """The whole ones so far; pieces of the model's text, which have no id, are not among them."""
        self.broken = False
        self._chunks = self.answer.iter_raw()
        self._taken = 0

    @property
    def prompt_id(self) -> str:
        return self.messages[0].data["promptId"]

    @property
    def over(self) -> bool:
        """Whether the prompt has ended; its stream may end before."""
        return bool(self.messages) and self.messages[-1].event in LAST

    def next(self) -> Message | None:
        """The next event, waited for; None where the stream ends or breaks instead."""
        self.until(lambda: len(self.messages) > self._taken)
        if len(self.messages) == self._taken:
            return None
        self._taken += 1
        return self.messages[self._taken - 1]

    def to(self, event: str) -> Message:
        """The next event of this name."""
        while message := self.next():
            if message.event == event:
                return message
        raise AssertionError(f"the stream has ended without {event}: {self.raw!r}")

    def to_the_end(self) -> list[Message]:
        """All events, once the stream has ended by itself."""
        self.until(lambda: False)
        self.close()
        assert not self.broken, self.raw
        by_grammar(self.raw)
        return self.messages

    def until(self, seen: Callable[[], bool]) -> None:
        """Read until then, or to the end."""
        while not seen():
            try:
                piece = next(self._chunks, None)
            except (httpx.RemoteProtocolError, httpx.ReadError):
                self.broken = True
                return
            if piece is None:
                return
            self.raw += piece
            if b"\n\n" in self.raw[-len(piece) - 1 :]:
                self.messages = [message for message in by_grammar(self.raw, whole=False) if message.id]

    def close(self) -> None:
        """Cut the connection, if it still is."""
        self.answer.close()


def asked(client: httpx.Client, text: str, key: str | None = None, **body: Any) -> Stream:
    """POST /prompt."""
    headers = {"Idempotency-Key": key} if key else {}
    return Stream(client, client.build_request("POST", "/prompt", json={"input": text, **body}, headers=headers))


def followed(client: httpx.Client, prompt_id: str, after: str | int | None = None) -> Stream:
    """GET /prompts/{id}/stream."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    return Stream(client, client.build_request("GET", f"/prompts/{prompt_id}/stream", headers=headers))


def begun(client: httpx.Client, simulator: SimulatorClient, *turns: dict[str, Any], **body: Any) -> Stream:
    """A prompt to which the model says this."""
    text = fresh_text()
    simulator.script_model(*turns, match=text)
    return asked(client, text, **body)


def played(client: httpx.Client, simulator: SimulatorClient, *turns: dict[str, Any], **body: Any) -> list[Message]:
    """The same, to its end."""
    return begun(client, simulator, *turns, **body).to_the_end()


def destruction(call_id: str = "call_1", instance: str = "nobody") -> dict[str, Any]:
    """A turn that asks for what needs an approval, and does nothing to anybody when it is approved."""
    calls = [{"name": "instances.destroy", "call_id": call_id, "arguments": {"instanceId": instance}}]
    return {"calls": calls, "usage": None}


def said(text: str) -> dict[str, Any]:
    return {"text": text, "usage": None}


def decide(client: httpx.Client, prompt_id: str, what: str = "approve", **body: Any) -> httpx.Response:
    body.setdefault("toolCallId", "call_1")
    return client.post(f"/prompts/{prompt_id}/{what}", json=body)


def granted(client: httpx.Client, prompt_id: str, what: str = "approve", **body: Any) -> None:
    answer = decide(client, prompt_id, what, **body)
    assert answer.status_code == 200, answer.text


def normalised(raw: bytes | bytearray) -> str:
    """A stream without what differs from run to run: times, the prompt's id, comments."""
    text = re.sub(r"^:.*\n\n?", "", raw.decode(), flags=re.M)
    return TIME.sub("T", re.sub("prompt-[0-9a-f]{32}", "P", text))


def page(client: httpx.Client, prompt_id: str) -> dict[str, Any]:
    answer = client.get(f"/prompts/{prompt_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def until_status(client: httpx.Client, prompt_id: str, *statuses: str) -> str:
    def look() -> str | None:
        status = page(client, prompt_id)["status"]
        return status if status in statuses else None

    return until(look, 30)


def streaming(stack: Stack | Running) -> dict[str, int]:
    """The processes that have a stream open now, by their requests' ids."""
    workers = stack.status()["functions"][STREAM]["workers"]
    return {worker["requestId"]: worker["pid"] for worker in workers if worker["requestId"]}


@contextmanager
def newly_streaming(stack: Stack | Running) -> Iterator[Callable[[], int | None]]:
    """Tells which process has the stream that is opened in this block, if it still has; others may still be open."""
    before = streaming(stack)

    def which() -> int | None:
        return next((pid for request_id, pid in streaming(stack).items() if request_id not in before), None)

    yield which
