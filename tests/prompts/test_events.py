"""What those who follow a prompt are told: exactly the contract's events, in order."""

import pytest

from tests.prompts.agent_of_tests import call
from tests.prompts.bench import Bench

CREATED = ("prompt.created", {"promptId": "P"})
UNUSED = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}


def text(content: str) -> tuple[str, dict]:
    return "prompt.output", {"type": "text", "content": content, "start": "T", "end": "T"}


def tool(name: str, given: object, result: dict, call_id: str = "call_1") -> tuple[str, dict]:
    output = {"type": "tool", "id": call_id, "function": name, "input": given, "result": result}
    return "prompt.output", {**output, "start": "T", "end": "T"}


def completed(*usages: tuple[int, int]) -> tuple[str, dict]:
    given, taken = sum(one for one, _ in usages), sum(one for _, one in usages)
    return "prompt.completed", {
        "promptId": "P",
        "usage": {"inputTokens": given, "outputTokens": taken, "totalTokens": given + taken},
    }


def usage(given: int, taken: int) -> dict:
    return {"usage": {"input_tokens": given, "output_tokens": taken}}


def keys(told: list) -> list[list[str]]:
    return [list(data) for _, data in told]


def test_text(bench: Bench) -> None:
    prompt_id = bench.run({"text": "Hello.", **usage(10, 5)})
    told = bench.told(prompt_id)
    assert told == [CREATED, text("Hello."), completed((10, 5))]
    assert keys(told) == [["promptId"], ["type", "content", "start", "end"], ["promptId", "usage"]]


def test_tool(bench: Bench) -> None:
    prompt_id = bench.run(
        {"calls": [call("effects.bump", name="a")], **usage(10, 5)}, {"text": "Done.", **usage(20, 7)}
    )
    told = bench.told(prompt_id)
    assert told == [
        CREATED,
        tool("effects.bump", {"name": "a"}, {"type": "success", "output": {"name": "a", "by": 1}}),
        text("Done."),
        completed((10, 5), (20, 7)),
    ]
    assert keys(told)[1] == ["type", "id", "function", "input", "result", "start", "end"]
    assert bench.effects() == ["a"]


def test_several_tools_run_in_the_models_order_after_its_text(bench: Bench) -> None:
    calls = [call("effects.bump", f"call_{name}", name=name) for name in "cab"]
    prompt_id = bench.run({"text": "At once.", "calls": calls, "usage": None}, {"text": "Done.", "usage": None})
    outputs = [
        tool("effects.bump", {"name": name}, {"type": "success", "output": {"name": name, "by": 1}}, f"call_{name}")
        for name in "cab"
    ]
    assert bench.told(prompt_id) == [CREATED, text("At once."), *outputs, text("Done."), completed()]
    assert bench.effects() == ["c", "a", "b"]


def test_files_come_before_the_output_of_the_tool_that_made_them(bench: Bench) -> None:
    prompt_id = bench.run({"calls": [call("effects.file")], "usage": None}, {"text": "Done.", "usage": None})
    told = bench.told(prompt_id)
    assert told[1:4] == [
        ("prompt.output", {"type": "file", "path": "/report.md", "mimeType": "text/markdown",
                           "description": "The report", "start": "T", "end": "T"}),
        ("prompt.output", {"type": "file", "path": "/data.bin", "start": "T", "end": "T"}),
        tool("effects.file", {}, {"type": "success", "output": {"text": "written"}}),
    ]  # fmt: skip


APPROVAL = (
    "prompt.approval",
    {"promptId": "P", "toolCallId": "call_1", "toolName": "effects.ask", "input": {"name": "a"}, "reason": "Leaves a"},
)


def asks(bench: Bench) -> str:
    prompt_id = bench.begin({"calls": [call("effects.ask", name="a")], "usage": None}, {"text": "Done.", "usage": None})
    waits = bench.advance(prompt_id)
    assert (waits["next"], waits["waitSeconds"] > 86_000) == ("wait", True)
    assert bench.told(prompt_id) == [CREATED, APPROVAL]
    assert (bench.status(prompt_id), bench.effects()) == ("waiting", [])
    return prompt_id


def test_approval_granted(bench: Bench) -> None:
    prompt_id = asks(bench)
    assert keys(bench.told(prompt_id))[1] == ["promptId", "toolCallId", "toolName", "input", "reason"]
    bench.decide(prompt_id)
    assert bench.advance(prompt_id)["next"] == "done"
    result = {"type": "success", "output": {"name": "a", "by": 1}}
    assert bench.told(prompt_id) == [CREATED, APPROVAL, tool("effects.ask", {"name": "a"}, result), text("Done."),
                                     completed()]  # fmt: skip
    assert bench.effects() == ["a"]


def test_approval_refused_with_a_reason(bench: Bench) -> None:
    prompt_id = asks(bench)
    bench.decide(prompt_id, approve=False, reason="Not today")
    assert bench.advance(prompt_id)["next"] == "done"
    result = {"type": "error", "error": "A person rejected this call: Not today"}
    assert bench.told(prompt_id) == [CREATED, APPROVAL, tool("effects.ask", {"name": "a"}, result), text("Done."),
                                     completed()]  # fmt: skip
    assert bench.effects() == []


def test_approval_that_nobody_gives_expires_and_the_loop_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_APPROVAL_SECONDS", "0")
    prompt_id = bench.begin({"calls": [call("effects.ask", name="a")]}, {"text": "Done."})
    assert bench.advance(prompt_id) == {"next": "wait", "waitSeconds": 15}
    assert bench.advance(prompt_id)["next"] == "done"
    assert bench.results(prompt_id) == ["Not run: nobody approved this call in time"]
    assert (bench.last(prompt_id)[0], bench.effects()) == ("prompt.completed", [])


def test_call_that_needs_no_approval_with_this_input_runs_at_once(bench: Bench) -> None:
    prompt_id = bench.run({"calls": [call("effects.ask", name="a", by=100)]}, {"text": "Done."})
    assert bench.results(prompt_id) == [{"name": "a", "by": 100}]


def test_model_that_fails_ends_the_prompt_with_its_error(bench: Bench) -> None:
    error = {"status": 400, "code": "invalid_prompt", "message": "No."}
    prompt_id = bench.run({"error": error, "times": None})
    told = bench.told(prompt_id)
    assert (told[0], told[-1][0], len(told)) == (CREATED, "error", 2)
    assert list(told[-1][1]) == ["message"]
    assert "invalid_prompt" in told[-1][1]["message"]
    assert bench.status(prompt_id) == "failed"


def test_model_that_fails_for_a_moment_is_asked_again(bench: Bench) -> None:
    prompt_id = bench.run({"text": "Hello.", "error": {"status": 500}, "times": 1})
    assert bench.last(prompt_id)[0] == "prompt.completed"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (call("effects.raise"), "the disk is full"),
        (call("effects.leak"), "refused: ***"),
        (call("effects.bump", name=""), "The input of effects.bump is not valid: name: String should have at least 1"),
        (call("effects.bump"), "The input of effects.bump is not valid: name: Field required"),
        (call("no.such"), "There is no tool 'no.such'. The tools are: effects.ask, effects.big, effects.bump"),
        ({"name": "effects.bump", "arguments": "{half"}, "The arguments of effects.bump are not JSON"),
        ({"name": "effects.bump", "arguments": '{"name": "a", "by": NaN}'}, "The arguments of effects.bump are not"),
        ({"name": "effects.bump", "arguments": '{"name": "a", "by": 1e999}'}, "The arguments of effects.bump are not"),
        ({"name": "effects.bump", "arguments": "[" * 5000}, "The arguments of effects.bump are not JSON"),
        ({"name": "effects.bump", "arguments": "[1]"}, "The input of effects.bump is not valid"),
        ({"name": "effects.bump", "arguments": '{"name": "a\\u0000\\ud800"}'}, "The input of effects.bump is not"),
        (call("effects.spoil"), "It has run, but what it keeps for later calls cannot be written as JSON"),
    ],
)
def test_what_goes_wrong_with_a_call_is_told_to_the_model_and_the_loop_goes_on(bench: Bench, asked, error) -> None:
    prompt_id = bench.run({"calls": [asked]}, {"text": "Sorry."})
    (told,) = bench.results(prompt_id)
    assert told.startswith(error)
    assert "the-token-of-the-tests" not in told
    assert (bench.last(prompt_id)[0], bench.effects()) == ("prompt.completed", [])
    assert [row["item"]["type"] for row in bench.db.execute(
        "SELECT item FROM prompt_items WHERE prompt_id = %s ORDER BY seq", (prompt_id,)
    ).fetchall()] == ["message", "function_call", "function_call_output", "message"]  # fmt: skip


def test_plugin_that_cannot_prepare_ends_the_prompt(bench: Bench) -> None:
    bench.fragile.fails = True
    prompt_id = bench.run({"text": "Never said."})
    assert bench.last(prompt_id) == ("error", {"message": "The prompt could not be prepared: no instructions today"})


def test_missing_setting_of_the_model_ends_the_prompt_and_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_BASE_URL", "")
    prompt_id = bench.run({"text": "Never said."})
    assert "MODEL_BASE_URL" in bench.last(prompt_id)[1]["message"]


def test_model_is_given_the_tools_and_the_instructions(bench: Bench) -> None:
    bench.run({"text": "Hello."}, model="high")
    (asked,) = bench.asked()
    assert asked["instructions"] == "Leave traces."
    assert asked["tools"][:2] == ["effects_bump", "effects_ask"]
    assert asked["model"] == bench.environment["MODEL_HIGH"]
