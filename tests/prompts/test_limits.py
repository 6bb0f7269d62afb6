"""What a prompt may use; each limit says that it was reached."""

import pytest

from pointsman.errors import InvalidToolInput
from pointsman.prompts import beginning
from tests.prompts.agent_of_tests import call
from tests.prompts.bench import Bench


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
def test_input_that_cannot_be(bench: Bench, text: str, message: str) -> None:
    with pytest.raises(InvalidToolInput) as caught:
        beginning.begin(bench.user, text)
    assert caught.value.issues == [{"path": ["input"], "message": message}]
    assert bench.db.execute("SELECT FROM prompts WHERE user_id = %s", (bench.user,)).rowcount == 0


def test_steps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_STEPS", "3")
    bench.simulator.script_model({"calls": [{"name": "effects.keep"}]}, match="For ever", repeat=True)
    prompt_id = bench.run(text="For ever")
    assert bench.last(prompt_id) == ("error", {"message": "The prompt did not come to an end within 3 steps"})
    assert [result["calls"] for result in bench.results(prompt_id)] == [1, 2, 3]
    assert len(bench.asked()) == 3


def test_time_of_work(bench: Bench) -> None:
    prompt_id = bench.begin({"text": "Never said."})
    bench.db.execute("UPDATE prompts SET deadline = clock_timestamp() WHERE id = %s", (prompt_id,))
    bench.advance(prompt_id)
    message = "The prompt did not come to an end within 3600 seconds of work"
    assert bench.last(prompt_id) == ("error", {"message": message})


@pytest.mark.parametrize("end", ["decided", "expired"])
def test_time_of_waiting_for_a_person_is_no_work(bench: Bench, end: str) -> None:
    prompt_id = bench.begin({"calls": [call("effects.ask", name="a")]}, {"text": "Done."})
    bench.advance(prompt_id)
    # As if the approval had been asked for two hours ago, a minute before the time was up.
    bench.db.execute(
        "UPDATE prompts SET updated_at = updated_at - interval '2 hours',"
        " deadline = clock_timestamp() - interval '119 minutes' WHERE id = %s",
        (prompt_id,),
    )
    if end == "decided":
        bench.decide(prompt_id)
    else:
        bench.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    bench.advance(prompt_id)
    assert bench.last(prompt_id)[0] == "prompt.completed"


def test_result_that_is_too_big_is_told_to_the_model(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "2000")
    prompt_id = bench.run(
        {"calls": [call("effects.big", "call_1", size=5000)]}, {"calls": [call("effects.big", "call_2", size=10)]},
        {"text": "Done."},
    )  # fmt: skip
    first, second = bench.results(prompt_id)
    assert first.startswith("It has run, but what it returned is 5")
    assert second == {"text": "x" * 10}
    assert bench.last(prompt_id)[0] == "prompt.completed"


def test_text_that_is_too_big_ends_the_prompt(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "500")
    prompt_id = bench.run({"text": "x" * 600})
    assert bench.last(prompt_id) == ("error", {"message": "The prompt's outputs are over the limit of 500 bytes"})
    assert len(bench.told(prompt_id)) == 2


def test_prompt_whose_time_in_the_function_is_up_goes_on_in_the_next(bench: Bench) -> None:
    import time

    from pointsman.agent.loop.advancing import advance

    prompt_id = bench.begin({"calls": [call("effects.bump", name="a")]}, {"text": "Done."})
    said = [advance(bench.agent, prompt_id, 0, time.monotonic())["next"] for _ in range(3)]
    assert said == ["again", "again", "done"]
    assert (bench.last(prompt_id)[0], bench.effects()) == ("prompt.completed", ["a"])
