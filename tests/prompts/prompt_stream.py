"""Prompts over HTTP: submitted with scripted model turns, streamed, disconnected, decided."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import connect
from tests.harness.ids import unique_id
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.prompts.engine_harness import TIMESTAMP
from tests.prompts.sse_readers import Message, parse_strictly

FINAL_EVENTS = ("prompt.completed", "error")
STREAM_FUNCTION = "PromptStreamFunction"


def unique_text(prefix: str = "Question") -> str:
    return unique_id(f"{prefix} ") + "."


class PromptStream:
    """One connection to a prompt's stream; `raw` is all that it has received."""

    def __init__(self, client: httpx.Client, request: httpx.Request) -> None:
        self.response = client.send(request, stream=True)
        if self.response.status_code != 200:
            self.response.read()
            self.response.close()
            raise AssertionError(f"{self.response.status_code} {self.response.text}")
        self.raw = bytearray()
        self.messages: list[Message] = []
        """The complete ones so far, without text deltas, which have no id."""
        self.is_broken = False
        self._chunks = self.response.iter_raw()
        self._returned = 0

    @property
    def prompt_id(self) -> str:
        return self.messages[0].data["promptId"]

    @property
    def has_ended(self) -> bool:
        """Whether the prompt has ended; its stream may end before."""
        return bool(self.messages) and self.messages[-1].event in FINAL_EVENTS

    def next_event(self) -> Message | None:
        """Wait for the next event; None where the stream ends or breaks first."""
        self.read_until(lambda: len(self.messages) > self._returned)
        if len(self.messages) == self._returned:
            return None
        self._returned += 1
        return self.messages[self._returned - 1]

    def read_until_event(self, *names: str) -> Message:
        """Read on to the next event with one of these names."""
        while message := self.next_event():
            if message.event in names:
                return message
        raise AssertionError(f"the stream has ended without {' or '.join(names)}: {self.raw!r}")

    def read_to_end(self) -> list[Message]:
        """Read until the server ends the stream; returns all events."""
        self.read_until(lambda: False)
        self.close()
        assert not self.is_broken, self.raw
        parse_strictly(self.raw)
        return self.messages

    def read_until(self, condition: Callable[[], bool]) -> None:
        """Read until the condition holds, or to the end."""
        while not condition():
            try:
                chunk = next(self._chunks, None)
            except (httpx.RemoteProtocolError, httpx.ReadError):
                self.is_broken = True
                return
            if chunk is None:
                return
            self.raw += chunk
            if b"\n\n" in self.raw[-len(chunk) - 1 :]:
                self.messages = [message for message in parse_strictly(self.raw, is_complete=False) if message.id]

    def close(self) -> None:
        """Close the connection, if it is open."""
        self.response.close()


def post_prompt(client: httpx.Client, text: str, key: str | None = None, **body: Any) -> PromptStream:
    """POST /prompt."""
    headers = {"Idempotency-Key": key} if key else {}
    return PromptStream(client, client.build_request("POST", "/prompt", json={"input": text, **body}, headers=headers))


def open_stream(client: httpx.Client, prompt_id: str, last_event_id: str | int | None = None) -> PromptStream:
    """GET /prompts/{id}/stream."""
    headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    return PromptStream(client, client.build_request("GET", f"/prompts/{prompt_id}/stream", headers=headers))


def start_prompt(client: httpx.Client, simulator: SimulatorClient, *turns: dict[str, Any], **body: Any) -> PromptStream:
    """Submit a prompt with scripted model turns, and open its stream."""
    text = unique_text()
    simulator.script_model(*turns, match=text)
    return post_prompt(client, text, **body)


def run_prompt(client: httpx.Client, simulator: SimulatorClient, *turns: dict[str, Any], **body: Any) -> list[Message]:
    """Submit a prompt with scripted model turns, and read its stream to the end."""
    return start_prompt(client, simulator, *turns, **body).read_to_end()


def destroy_turn(call_id: str = "call_1", instance_id: str = "nobody") -> dict[str, Any]:
    """A turn with a call that needs an approval and, once approved, destroys nothing."""
    calls = [{"name": "instances.destroy", "call_id": call_id, "arguments": {"instanceId": instance_id}}]
    return {"calls": calls, "usage": None}


def text_turn(text: str) -> dict[str, Any]:
    return {"text": text, "usage": None}


def decide(client: httpx.Client, prompt_id: str, action: str = "approve", **body: Any) -> httpx.Response:
    body.setdefault("toolCallId", "call_1")
    return client.post(f"/prompts/{prompt_id}/{action}", json=body)


def decide_successfully(client: httpx.Client, prompt_id: str, action: str = "approve", **body: Any) -> None:
    response = decide(client, prompt_id, action, **body)
    assert response.status_code == 200, response.text


def lengthen_output(running: RunnerProcess, prompt_id: str, length: int) -> None:
    """Make the text of a prompt's stored output so long; no new prompt may have more than 3.5 MB."""
    with connect(running.database_url) as db:
        db.execute(
            "UPDATE prompt_events SET data = (data::jsonb || jsonb_build_object('content', repeat('x', %s)))::json"
            " WHERE prompt_id = %s AND event = 'prompt.output'",
            (length, prompt_id),
        )


def normalize_stream(raw: bytes | bytearray) -> str:
    """Remove what differs between runs from a stream: times, the prompt's id, comments."""
    text = re.sub(r"^:.*\n\n?", "", raw.decode(), flags=re.MULTILINE)
    return TIMESTAMP.sub("T", re.sub("prompt-[0-9a-f]{32}", "P", text))


def get_prompt(client: httpx.Client, prompt_id: str) -> dict[str, Any]:
    response = client.get(f"/prompts/{prompt_id}")
    assert response.status_code == 200, response.text
    return response.json()


def wait_for_status(client: httpx.Client, prompt_id: str, *statuses: str) -> str:
    def status_if_wanted() -> str | None:
        status = get_prompt(client, prompt_id)["status"]
        return status if status in statuses else None

    return wait_until(status_if_wanted, 30)


def streaming_workers(stack: Stack | RunnerProcess) -> dict[str, int]:
    """Return the pids of processes with an open stream, by request id."""
    workers = stack.status()["functions"][STREAM_FUNCTION]["workers"]
    return {worker["requestId"]: worker["pid"] for worker in workers if worker["requestId"]}


@contextmanager
def watch_new_stream(stack: Stack | RunnerProcess) -> Iterator[Callable[[], int | None]]:
    """Yield a function that returns the pid which serves the stream opened in this block, or None."""
    earlier = streaming_workers(stack)

    def find_pid() -> int | None:
        return next((pid for request_id, pid in streaming_workers(stack).items() if request_id not in earlier), None)

    yield find_pid
