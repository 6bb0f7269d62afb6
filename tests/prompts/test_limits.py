"""A prompt's limits; each error names its limit."""

import time

import pytest

from pointsman.agent.loop.runner import advance_prompt
from pointsman.errors import InvalidToolInput
from tests.prompts.engine_harness import EngineHarness, submit_prompt
from tests.prompts.sample_agent import tool_call


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "It must not be empty"),
        (" \n", "It must not be empty"),
        ("a\0b", "It may hold any text but NUL and halves of surrogate pairs"),
        ("a\ud800b", "It may hold any text but NUL and halves of surrogate pairs"),
        ("ä" * 50_001, "It must not be over 100000 bytes"),
    ],
)
def test_invalid_input_is_rejected(engine: EngineHarness, text: str, message: str) -> None:
    with pytest.raises(InvalidToolInput) as caught:
        submit_prompt(engine.user_id, text)
    assert caught.value.issues == [{"path": ["input"], "message": message}]
    assert engine.db.execute("SELECT FROM prompts WHERE user_id = %s", (engine.user_id,)).rowcount == 0


def test_number_of_steps_is_limited(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_STEPS", "3")
    engine.simulator.script_model({"calls": [{"name": "effects.keep"}]}, match="For ever", repeat=True)
    prompt_id = engine.submit_and_advance(text="For ever")
    assert engine.last_event(prompt_id) == ("error", {"message": "The prompt did not come to an end within 3 steps"})
    assert [result["calls"] for result in engine.tool_results(prompt_id)] == [1, 2, 3]
    assert len(engine.model_requests()) == 3


def test_working_time_is_limited(engine: EngineHarness) -> None:
    prompt_id = engine.submit({"text": "Never said."})
    engine.db.execute("UPDATE prompts SET deadline = clock_timestamp() WHERE id = %s", (prompt_id,))
    engine.advance(prompt_id)
    message = "The prompt did not come to an end within 3600 seconds of work"
    assert engine.last_event(prompt_id) == ("error", {"message": message})


@pytest.mark.parametrize("end", ["decided", "expired"])
def test_waiting_for_an_approval_is_not_working_time(engine: EngineHarness, end: str) -> None:
    prompt_id = engine.submit({"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."})
    engine.advance(prompt_id)
    # As if the approval had been requested two hours ago, a minute before the deadline.
    engine.db.execute(
        "UPDATE prompts SET updated_at = updated_at - interval '2 hours',"
        " deadline = clock_timestamp() - interval '119 minutes' WHERE id = %s",
        (prompt_id,),
    )
    if end == "decided":
        engine.decide(prompt_id)
    else:
        engine.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    engine.advance(prompt_id)
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


def test_oversized_tool_result_is_an_error_for_the_model(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "2000")
    prompt_id = engine.submit_and_advance(
        {"calls": [tool_call("effects.big", "call_1", size=5000)]},
        {"calls": [tool_call("effects.big", "call_2", size=10)]},
        {"text": "Done."},
    )
    first, second = engine.tool_results(prompt_id)
    assert first.startswith("It has run, but what it returned is 5")
    assert second == {"text": "x" * 10}
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


def test_oversized_text_ends_the_prompt(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "500")
    prompt_id = engine.submit_and_advance({"text": "x" * 600})
    assert engine.last_event(prompt_id) == (
        "error",
        {"message": "The prompt's outputs are over the limit of 500 bytes"},
    )
    assert len(engine.events(prompt_id)) == 2


def test_prompt_continues_in_the_next_invocation_after_its_deadline(engine: EngineHarness) -> None:
    prompt_id = engine.submit({"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."})
    steps = [advance_prompt(engine.agent, prompt_id, 0, time.monotonic())["next"] for _ in range(3)]
    assert steps == ["again", "again", "done"]
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", ["a"])
