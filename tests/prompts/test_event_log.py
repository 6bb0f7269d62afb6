"""The events of a prompt: exactly the contract's, in order."""

import pytest

from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call, usage_field

CREATED = ("prompt.created", {"promptId": "P"})
UNUSED = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}


def text_event(content: str) -> tuple[str, dict]:
    return "prompt.output", {"type": "text", "content": content, "start": "T", "end": "T"}


def tool_event(name: str, arguments: object, result: dict, call_id: str = "call_1") -> tuple[str, dict]:
    output = {"type": "tool", "id": call_id, "function": name, "input": arguments, "result": result}
    return "prompt.output", {**output, "start": "T", "end": "T"}


def completed_event(*usages: tuple[int, int]) -> tuple[str, dict]:
    input_tokens, output_tokens = sum(count for count, _ in usages), sum(count for _, count in usages)
    return "prompt.completed", {
        "promptId": "P",
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
        },
    }


def event_keys(events: list) -> list[list[str]]:
    return [list(data) for _, data in events]


def test_a_text_turn_is_one_output(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"text": "Hello.", **usage_field(10, 5)})
    events = engine.events(prompt_id)
    assert events == [CREATED, text_event("Hello."), completed_event((10, 5))]
    assert event_keys(events) == [["promptId"], ["type", "content", "start", "end"], ["promptId", "usage"]]


def test_a_tool_call_is_an_output_before_the_text(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance(
        {"calls": [tool_call("effects.bump", name="a")], **usage_field(10, 5)}, {"text": "Done.", **usage_field(20, 7)}
    )
    events = engine.events(prompt_id)
    assert events == [
        CREATED,
        tool_event("effects.bump", {"name": "a"}, {"type": "success", "output": {"name": "a", "by": 1}}),
        text_event("Done."),
        completed_event((10, 5), (20, 7)),
    ]
    assert event_keys(events)[1] == ["type", "id", "function", "input", "result", "start", "end"]
    assert engine.effects() == ["a"]


def test_several_tools_run_in_the_models_order_after_its_text(engine: EngineHarness) -> None:
    calls = [tool_call("effects.bump", f"call_{name}", name=name) for name in "cab"]
    prompt_id = engine.submit_and_advance(
        {"text": "At once.", "calls": calls, "usage": None}, {"text": "Done.", "usage": None}
    )
    outputs = [
        tool_event(
            "effects.bump", {"name": name}, {"type": "success", "output": {"name": name, "by": 1}}, f"call_{name}"
        )
        for name in "cab"
    ]
    assert engine.events(prompt_id) == [
        CREATED,
        text_event("At once."),
        *outputs,
        text_event("Done."),
        completed_event(),
    ]
    assert engine.effects() == ["c", "a", "b"]


def test_files_precede_the_output_of_their_tool(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance(
        {"calls": [tool_call("effects.file")], "usage": None}, {"text": "Done.", "usage": None}
    )
    events = engine.events(prompt_id)
    assert events[1:4] == [
        ("prompt.output", {"type": "file", "path": "/report.md", "mimeType": "text/markdown",
                           "description": "The report", "start": "T", "end": "T"}),
        ("prompt.output", {"type": "file", "path": "/data.bin", "start": "T", "end": "T"}),
        tool_event("effects.file", {}, {"type": "success", "output": {"text": "written"}}),
    ]  # fmt: skip


APPROVAL = (
    "prompt.approval",
    {"promptId": "P", "toolCallId": "call_1", "toolName": "effects.ask", "input": {"name": "a"}, "reason": "Leaves a"},
)


def submit_needing_approval(engine: EngineHarness) -> str:
    prompt_id = engine.submit(
        {"calls": [tool_call("effects.ask", name="a")], "usage": None}, {"text": "Done.", "usage": None}
    )
    result = engine.advance(prompt_id)
    assert (result["next"], result["waitSeconds"] > 86_000) == ("wait", True)
    assert engine.events(prompt_id) == [CREATED, APPROVAL]
    assert (engine.status(prompt_id), engine.effects()) == ("waiting", [])
    return prompt_id


def test_an_approved_call_runs(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    assert event_keys(engine.events(prompt_id))[1] == ["promptId", "toolCallId", "toolName", "input", "reason"]
    engine.decide(prompt_id)
    assert engine.advance(prompt_id)["next"] == "done"
    result = {"type": "success", "output": {"name": "a", "by": 1}}
    assert engine.events(prompt_id) == [
        CREATED,
        APPROVAL,
        tool_event("effects.ask", {"name": "a"}, result),
        text_event("Done."),
        completed_event(),
    ]
    assert engine.effects() == ["a"]


def test_a_rejected_call_does_not_run_and_its_reason_is_an_error(engine: EngineHarness) -> None:
    prompt_id = submit_needing_approval(engine)
    engine.decide(prompt_id, approve=False, reason="Not today")
    assert engine.advance(prompt_id)["next"] == "done"
    result = {"type": "error", "error": "A person rejected this call: Not today"}
    assert engine.events(prompt_id) == [
        CREATED,
        APPROVAL,
        tool_event("effects.ask", {"name": "a"}, result),
        text_event("Done."),
        completed_event(),
    ]
    assert engine.effects() == []


def test_an_expired_approval_is_an_error_and_the_loop_continues(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPT_APPROVAL_SECONDS", "0")
    prompt_id = engine.submit({"calls": [tool_call("effects.ask", name="a")]}, {"text": "Done."})
    assert engine.advance(prompt_id) == {"next": "wait", "waitSeconds": 15}
    assert engine.advance(prompt_id)["next"] == "done"
    assert engine.tool_results(prompt_id) == ["Not run: nobody approved this call in time"]
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", [])


def test_a_call_whose_input_needs_no_approval_runs_at_once(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.ask", name="a", by=100)]}, {"text": "Done."})
    assert engine.tool_results(prompt_id) == [{"name": "a", "by": 100}]


def test_a_permanent_model_error_ends_the_prompt(engine: EngineHarness) -> None:
    error = {"status": 400, "code": "invalid_prompt", "message": "No."}
    prompt_id = engine.submit_and_advance({"error": error, "times": None})
    events = engine.events(prompt_id)
    assert (events[0], events[-1][0], len(events)) == (CREATED, "error", 2)
    assert list(events[-1][1]) == ["message"]
    assert "invalid_prompt" in events[-1][1]["message"]
    assert engine.status(prompt_id) == "failed"


def test_a_transient_model_error_is_retried(engine: EngineHarness) -> None:
    prompt_id = engine.submit_and_advance({"text": "Hello.", "error": {"status": 500}, "times": 1})
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (tool_call("effects.raise"), "the disk is full"),
        (tool_call("effects.leak"), "refused: ***"),
        (
            tool_call("effects.bump", name=""),
            "The input of effects.bump is not valid: name: String should have at least 1",
        ),
        (tool_call("effects.bump"), "The input of effects.bump is not valid: name: Field required"),
        (tool_call("no.such"), "There is no tool 'no.such'. The tools are: effects.ask, effects.big, effects.bump"),
        ({"name": "effects.bump", "arguments": "{half"}, "The arguments of effects.bump are not JSON"),
        ({"name": "effects.bump", "arguments": '{"name": "a", "by": NaN}'}, "The arguments of effects.bump are not"),
        ({"name": "effects.bump", "arguments": '{"name": "a", "by": 1e999}'}, "The arguments of effects.bump are not"),
        ({"name": "effects.bump", "arguments": "[" * 5000}, "The arguments of effects.bump are not JSON"),
        ({"name": "effects.bump", "arguments": "[1]"}, "The input of effects.bump is not valid"),
        ({"name": "effects.bump", "arguments": '{"name": "a\\u0000\\ud800"}'}, "The input of effects.bump is not"),
        (tool_call("effects.spoil"), "It has run, but what it keeps for later calls cannot be written as JSON"),
    ],
)
def test_a_failed_call_is_returned_to_the_model_and_the_loop_continues(engine: EngineHarness, call, error) -> None:
    prompt_id = engine.submit_and_advance({"calls": [call]}, {"text": "Sorry."})
    (result,) = engine.tool_results(prompt_id)
    assert result.startswith(error)
    assert "the-token-of-the-tests" not in result
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", [])
    assert [row["item"]["type"] for row in engine.db.execute(
        "SELECT item FROM prompt_items WHERE prompt_id = %s ORDER BY seq", (prompt_id,)
    ).fetchall()] == ["message", "function_call", "function_call_output", "message"]  # fmt: skip


def test_a_plugin_that_fails_to_prepare_ends_the_prompt(engine: EngineHarness) -> None:
    engine.failing_plugin.should_fail = True
    prompt_id = engine.submit_and_advance({"text": "Never said."})
    assert engine.last_event(prompt_id) == (
        "error",
        {"message": "The prompt could not be prepared: no instructions today"},
    )


def test_a_missing_model_setting_ends_the_prompt_and_only_the_log_names_it(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MODEL_BASE_URL", "")
    prompt_id = engine.submit_and_advance({"text": "Never said."})
    assert "setting of this service is missing or wrong" in engine.last_event(prompt_id)[1]["message"]
    assert "MODEL_BASE_URL" in [vars(record).get("setting") for record in caplog.records]


def test_the_model_gets_the_tools_and_the_instructions(engine: EngineHarness) -> None:
    engine.submit_and_advance({"text": "Hello."}, model="high")
    (request,) = engine.model_requests()
    assert request["instructions"] == "Leave traces."
    assert request["tools"][:2] == ["effects_bump", "effects_ask"]
    assert request["model"] == engine.environment["MODEL_HIGH"]
