"""An advance that is killed at any transaction, before its commit or after it: the next one goes on, nothing twice."""

import pytest

from tests.prompts.agent_of_tests import call
from tests.prompts.bench import Bench
from tests.prompts.killed import advanced

pytestmark = pytest.mark.slow

TURNS = (
    {"calls": [call("effects.bump", "call_1", name="a"), call("effects.bump", "call_2", name="b")]},
    {"text": "May I?", "calls": [call("effects.ask", "call_3", name="c")]},
    {"text": "Done."},
)
UNKNOWN = "Outcome unknown: its process ended while the tool was running"
TRANSACTIONS = 30
"""More than it takes; a test says so if it does not."""


def to_the_end(bench: Bench, prompt_id: str, part: str, kill: int, when: str) -> bool:
    """Play the state machine's part, the approval and the person's too; whether the kill has struck."""
    struck, decided = False, False
    while True:
        if struck or (part == "after it" and not decided):
            said: str | None = bench.advance(prompt_id)["next"]
        else:
            said = advanced(bench.environment, prompt_id, bench.row(prompt_id)["restarts"], kill, when)
        if said is None:
            struck = True
        elif said == "wait" and part == "before the approval" and not struck:
            return False
        elif said == "wait":
            assert not decided
            bench.decide(prompt_id, call_id="call_3")
            decided = True
        else:
            assert said == "done"
            return struck


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", ["before the approval", "after it"])
def test_killed_at_every_transaction_it_completes_and_no_tool_runs_twice(bench: Bench, part: str, when: str) -> None:
    text = f"Killed {part} {when}"
    bench.simulator.script_model(*TURNS, match=text)
    struck, unknown = 0, 0
    for kill in range(1, TRANSACTIONS + 1):
        bench.user = f"user-killed-{part}-{when}-{kill}"
        prompt_id = bench.begin(text=text)
        if not to_the_end(bench, prompt_id, part, kill, when):
            break
        struck += 1
        told = bench.told(prompt_id)
        assert told[-1][0] == "prompt.completed", told
        assert [event for event, _ in told].count("prompt.approval") == 1
        assert bench.status(prompt_id) == "completed"
        effects, results = bench.effects(), bench.results(prompt_id)
        assert len(results) == 3
        for name, result in zip("abc", results, strict=True):
            if isinstance(result, str):
                assert result.startswith(UNKNOWN), result
                assert effects.count(name) <= 1
                unknown += 1
            else:
                assert (result["name"], effects.count(name)) == (name, 1)
    assert struck < TRANSACTIONS, "TRANSACTIONS is too small"
    assert struck > 8
    # Only between the call being written down as running and its result is its outcome unknown.
    assert 0 < unknown < struck


def test_advance_that_was_superseded_writes_nothing_any_more(bench: Bench) -> None:
    """Two at once for the same execution, which Step Functions should never do: the second takes over."""
    from tests.prompts.killed import begun

    prompt_id = bench.begin({"calls": [call("effects.bump", name="a")]}, {"text": "Done."})
    restarts = bench.row(prompt_id)["restarts"]
    with bench.db.transaction():
        bench.db.execute("LOCK TABLE test_effects IN SHARE MODE")
        first = begun(bench.environment, prompt_id, restarts)
        bench.until_locked_out(1)
        assert bench.advance(prompt_id)["next"] == "done"
        told = bench.told(prompt_id)
    first.join(20)
    assert first.exitcode == 0
    assert bench.told(prompt_id) == told
    assert (bench.results(prompt_id)[0].startswith(UNKNOWN), bench.effects()) == (True, ["a"])
    assert told[-1][0] == "prompt.completed"
