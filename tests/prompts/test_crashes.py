"""An advance killed at any transaction, before or after its commit: the next one continues, and nothing runs twice."""

import pytest

from tests.prompts.engine_harness import EngineHarness
from tests.prompts.engine_processes import advance_in_process, start_advance
from tests.prompts.sample_agent import tool_call

pytestmark = pytest.mark.slow

TURNS = (
    {"calls": [tool_call("effects.bump", "call_1", name="a"), tool_call("effects.bump", "call_2", name="b")]},
    {"text": "May I?", "calls": [tool_call("effects.ask", "call_3", name="c")]},
    {"text": "Done."},
)
UNKNOWN = "Outcome unknown: its process ended while the tool was running"
MAX_TRANSACTIONS = 30
"""More than a prompt takes; the test fails if it does not."""


def drive_to_end(engine: EngineHarness, prompt_id: str, part: str, kill_at: int, kill_moment: str) -> bool:
    """Act as the state machine and as the approving user; returns whether the kill has struck."""
    was_killed, is_decided = False, False
    while True:
        if was_killed or (part == "after it" and not is_decided):
            next_step: str | None = engine.advance(prompt_id)["next"]
        else:
            next_step = advance_in_process(
                engine.environment, prompt_id, engine.prompt_row(prompt_id)["restarts"], kill_at, kill_moment
            )
        if next_step is None:
            was_killed = True
        elif next_step == "wait" and part == "before the approval" and not was_killed:
            return False
        elif next_step == "wait":
            assert not is_decided
            engine.decide(prompt_id, call_id="call_3")
            is_decided = True
        else:
            assert next_step == "done"
            return was_killed


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", ["before the approval", "after it"])
def test_prompt_killed_at_any_transaction_completes_and_no_tool_runs_twice(
    engine: EngineHarness, part: str, when: str
) -> None:
    text = f"Killed {part} {when}"
    engine.simulator.script_model(*TURNS, match=text)
    kills, unknown_outcomes = 0, 0
    for kill_at in range(1, MAX_TRANSACTIONS + 1):
        engine.user_id = f"user-killed-{part}-{when}-{kill_at}"
        prompt_id = engine.submit(text=text)
        if not drive_to_end(engine, prompt_id, part, kill_at, when):
            break
        kills += 1
        events = engine.events(prompt_id)
        assert events[-1][0] == "prompt.completed", events
        assert [event for event, _ in events].count("prompt.approval") == 1
        assert engine.status(prompt_id) == "completed"
        effects, results = engine.effects(), engine.tool_results(prompt_id)
        assert len(results) == 3
        for name, result in zip("abc", results, strict=True):
            if isinstance(result, str):
                assert result.startswith(UNKNOWN), result
                assert effects.count(name) <= 1
                unknown_outcomes += 1
            else:
                assert (result["name"], effects.count(name)) == (name, 1)
    assert kills < MAX_TRANSACTIONS, "TRANSACTIONS is too small"
    assert kills > 8
    # The outcome is unknown only between the record of the start and that of the result.
    assert 0 < unknown_outcomes < kills


def test_superseded_advance_writes_nothing(engine: EngineHarness) -> None:
    """Two at once for one execution, which Step Functions should never start: the second takes over."""
    prompt_id = engine.submit({"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."})
    restarts = engine.prompt_row(prompt_id)["restarts"]
    with engine.db.transaction():
        engine.db.execute("LOCK TABLE test_effects IN SHARE MODE")
        first = start_advance(engine.environment, prompt_id, restarts)
        engine.wait_for_blocked_sessions(1)
        assert engine.advance(prompt_id)["next"] == "done"
        events = engine.events(prompt_id)
    first.join(20)
    assert first.exitcode == 0
    assert engine.events(prompt_id) == events
    assert (engine.tool_results(prompt_id)[0].startswith(UNKNOWN), engine.effects()) == (True, ["a"])
    assert events[-1][0] == "prompt.completed"
