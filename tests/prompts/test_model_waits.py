"""How long a prompt waits for its model, and what ends the wait, whatever the model sends or does not send."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from pointsman.agent.loop import model_turn, runner
from pointsman.agent.loop.ownership import OwnedPrompt
from pointsman.agent.loop.runner import NextStep, advance_prompt
from pointsman.prompts import termination
from tests.harness.hostile_model import drip_headers, drip_stream, hang, message_item, silent_stream
from tests.harness.hostile_server import DRIPS, Answer, send_body, serve_hostile
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.engine_processes import start_advance

SLOW: dict[str, Answer] = {
    **DRIPS,
    "interim responses": drip_headers,
    "silence": hang,
    "silence after the head": silent_stream,
    "comments": drip_stream(b": still there\n\n"),
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "effects_bump",
    "arguments": '{"name": "a"}',
}


def respond_with(*items: dict[str, object]) -> Answer:
    """Return an answer that is a response with these items."""
    return send_body(json.dumps({"status": "completed", "output": items}).encode())


@pytest.fixture
def serve_model(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., list[threading.Event]]]:
    """Serve these answers in turn in place of the model, the last one again; returns an event for each request."""
    servers: list[AbstractContextManager[str]] = []

    def serve(*answers: Answer) -> list[threading.Event]:
        rest, requested = list(answers), [threading.Event() for _ in answers]

        def answer(connection: socket.socket) -> None:
            number = len(answers) - len(rest)
            present = rest.pop(0) if len(rest) > 1 else rest[0]
            requested[number].set()
            present(connection)

        servers.append(serve_hostile(answer))
        url = servers[-1].__enter__()
        monkeypatch.setenv("MODEL_BASE_URL", f"{url}/v1")
        engine.environment["MODEL_BASE_URL"] = f"{url}/v1"
        return requested

    yield serve
    model_turn._get_model_client().close()
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.slow
@pytest.mark.limit("model-call-of-an-ended-prompt")
@pytest.mark.parametrize("kind", SLOW)
def test_a_cancelled_prompt_ends_its_model_call(
    engine: EngineHarness, serve_model: Callable[..., list[threading.Event]], kind: str
) -> None:
    (requested,) = serve_model(SLOW[kind])
    prompt_id = engine.submit()
    process = start_advance(engine.environment, prompt_id, 0)
    assert requested.wait(30)
    process.join(3)
    assert process.exitcode is None, "it waits as long as nothing happens"
    termination.cancel(engine.user_id, prompt_id)
    process.join(30)
    assert process.exitcode == 0, "the model's timeout is 120 s"
    assert engine.last_event(prompt_id) == ("error", {"message": "The prompt was cancelled"})


def test_a_prompt_that_another_attempt_has_claimed_ends_its_model_call(
    engine: EngineHarness, serve_model: Callable[..., list[threading.Event]]
) -> None:
    (requested,) = serve_model(hang)
    prompt_id = engine.submit()
    process = start_advance(engine.environment, prompt_id, 0)
    assert requested.wait(30)
    assert OwnedPrompt.claim(prompt_id, 0)
    process.join(30)
    assert process.exitcode == 0
    assert engine.status(prompt_id) == "running"


@pytest.fixture
def advance_shortly(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], NextStep]:
    """Advances a prompt in a function whose time leaves each turn a second, and a turn is started all the same."""
    monkeypatch.setattr(runner, "_MIN_TURN_SECONDS", 1.0)
    monkeypatch.setattr(runner, "_TURN_RESERVE_SECONDS", -1000.0)
    return lambda prompt_id: advance_prompt(engine.agent, prompt_id, 0, time.monotonic())


@pytest.mark.limit("model-turn")
def test_a_turn_ends_before_its_function(
    engine: EngineHarness, serve_model: Callable[..., object], advance_shortly: Callable[[str], NextStep]
) -> None:
    serve_model(silent_stream)
    prompt_id = engine.submit()
    assert advance_shortly(prompt_id)["next"] == "done"
    assert engine.last_event(prompt_id) == (
        "error",
        {"message": "The model did not finish its answer within 1 seconds"},
    )


@pytest.mark.limit("model-turn")
def test_a_turn_that_began_late_in_its_function_gets_a_whole_one(
    engine: EngineHarness, serve_model: Callable[..., object], advance_shortly: Callable[[str], NextStep]
) -> None:
    serve_model(respond_with(CALL), silent_stream, respond_with(message_item("Done.")))
    prompt_id = engine.submit()
    assert advance_shortly(prompt_id)["next"] == "again"
    assert engine.status(prompt_id) == "running"
    assert engine.advance(prompt_id)["next"] == "done"
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", ["a"])


@pytest.mark.limit("prompt-seconds")
def test_a_turn_ends_with_the_time_of_its_prompt(engine: EngineHarness, serve_model: Callable[..., object]) -> None:
    serve_model(silent_stream)
    prompt_id = engine.submit()
    engine.db.execute(
        "UPDATE prompts SET deadline = clock_timestamp() + interval '2 seconds' WHERE id = %s", (prompt_id,)
    )
    started_at = time.monotonic()
    assert engine.advance(prompt_id)["next"] == "done"
    assert time.monotonic() - started_at < 60
    message = "The prompt did not come to an end within 3600 seconds of work"
    assert engine.last_event(prompt_id) == ("error", {"message": message})
