"""What of a conversation's history a model gets that cannot take all of it: no stored item ends a conversation."""

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.agent.loop import model_turn
from pointsman.agent.model import replay
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call

NOTE = replay._NOTE.rows[0].item["content"]
SEARCH = {"type": "web_search_call", "id": "ws_{token}", "status": "completed"}


def model_statuses(engine: EngineHarness) -> list[int | None]:
    """The HTTP statuses of all requests to the model."""
    return [call.status for call in engine.simulator.list_calls() if call.provider == "model"]


def sent_types(engine: EngineHarness, number: int = -1) -> list[str]:
    """The types of the items in a request to the model; a message's role; what says that earlier ones are left out."""
    items = engine.model_requests()[number]["input"]
    return ["note" if item.get("text") == NOTE else item.get("role", item["type"]) for item in items]


@pytest.fixture
def converse(engine: EngineHarness) -> Callable[..., str]:
    """Runs a prompt of one conversation with scripted turns; returns the name of its last event."""
    conversation_id = engine.create_conversation()
    engine.simulator.reset()

    def run(*turns: dict[str, Any], **options: Any) -> str:
        prompt_id = engine.submit_and_advance(*turns, conversation_id=conversation_id, **options)
        return engine.last_event(prompt_id)[0]

    return run


def test_reasoning_goes_only_to_its_own_model(engine: EngineHarness, converse: Callable[..., str]) -> None:
    assert converse({"reasoning": "Hm.", "text": "One."}, model="normal") == "prompt.completed"
    assert converse({"reasoning": "Ah.", "text": "Two."}, model="high") == "prompt.completed"
    assert sent_types(engine) == ["user", "assistant", "user"]
    assert converse({"text": "Three."}, model="normal") == "prompt.completed"
    assert sent_types(engine) == ["user", "reasoning", "assistant", "user", "assistant", "user"]
    assert converse({"text": "Four."}, model="high") == "prompt.completed"
    assert sent_types(engine) == ["user", "assistant", "user", "reasoning", "assistant", "user", "assistant", "user"]
    assert model_statuses(engine) == [200] * 4


def test_a_model_may_change_in_the_middle_of_tool_calls(engine: EngineHarness, converse: Callable[..., str]) -> None:
    calls = [tool_call("effects.bump", "call_1", name="a"), tool_call("effects.bump", "call_2", name="b")]
    assert converse({"reasoning": "Hm.", "calls": calls}, {"reasoning": "So.", "text": "Done."}) == "prompt.completed"
    assert converse({"text": "Again."}, model="high") == "prompt.completed"
    assert sent_types(engine) == ["user", *["function_call"] * 2, *["function_call_output"] * 2, "assistant", "user"]
    assert model_statuses(engine) == [200] * 3


def test_refused_reasoning_is_dropped_once_and_for_all(engine: EngineHarness, converse: Callable[..., str]) -> None:
    for number in range(2):
        assert converse({"reasoning": f"Hm {number}.", "text": "Well."}) == "prompt.completed"
    engine.simulator.update_config({"model": {"organization": "another"}})
    for _ in range(2):
        assert converse({"reasoning": "New.", "text": "Well."}) == "prompt.completed"
    assert model_statuses(engine) == [200, 200, 400, 200, 200]
    assert sent_types(engine) == ["user", "assistant"] * 2 + ["user", "reasoning", "assistant", "user"]


def test_reasoning_of_a_replaced_key_is_not_sent(
    engine: EngineHarness, converse: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert converse({"reasoning": "Hm.", "text": "One."}) == "prompt.completed"
    model_turn._get_model_client().close()
    monkeypatch.setenv("MODEL_API_KEY", "sk-rotated")
    assert converse({"text": "Two."}) == "prompt.completed"
    assert sent_types(engine) == ["user", "assistant", "user"]
    assert model_statuses(engine) == [200, 200]


def test_a_hosted_tools_item_goes_with_its_reasoning(engine: EngineHarness, converse: Callable[..., str]) -> None:
    searched = {"reasoning": "Hm.", "other": [SEARCH], "text": "Found."}
    assert converse(searched) == converse(searched) == "prompt.completed"
    assert sent_types(engine) == ["user", "reasoning", "web_search_call", "assistant", "user"]
    engine.simulator.update_config({"model": {"refused_item_types": ["web_search_call"]}})
    for _ in range(3):
        assert converse(searched) == "prompt.completed"
    assert model_statuses(engine) == [200, 200, 400, 200, 200, 200]
    assert sent_types(engine) == ["user", "assistant"] * 4 + ["user"]


@pytest.mark.parametrize("arguments", ["", " ", "null", "{half", "[1]", '"text"', "NaN", '{"a": NaN}', "[" * 5000])
def test_arguments_that_are_no_object_are_replayed_as_one(
    engine: EngineHarness, converse: Callable[..., str], arguments: str
) -> None:
    engine.simulator.update_config({"model": {"parses_arguments": True}})
    call = {"name": "effects.none", "arguments": arguments}
    assert converse({"calls": [call]}, {"text": "Oh."}) == "prompt.completed"
    assert converse({"text": "Again."}) == "prompt.completed"
    assert model_statuses(engine) == [200] * 3


@pytest.mark.parametrize("name", ["x" * 200, "time.now" * 30, "a b", "é" * 70, "functions.a<|channel|>commentary"])
def test_a_name_that_the_model_made_up_can_be_replayed(
    engine: EngineHarness, converse: Callable[..., str], name: str
) -> None:
    engine.simulator.update_config({"model": {"max_name_length": 64}})
    assert converse({"calls": [{"name": name}]}, {"text": "Oh."}) == "prompt.completed"
    assert converse({"text": "Again."}) == "prompt.completed"
    assert model_statuses(engine) == [200] * 3


def test_a_call_id_that_is_too_long_is_replaced(engine: EngineHarness, converse: Callable[..., str]) -> None:
    calls = [tool_call("effects.bump", f"call_{'x' * 500}", name=name) for name in "ab"]
    assert converse({"calls": calls}, {"text": "Done."}) == "prompt.completed"
    assert converse({"text": "Again."}) == "prompt.completed"
    assert engine.effects() == ["a", "b"]


def test_two_calls_of_one_id_in_one_answer_both_run(engine: EngineHarness, converse: Callable[..., str]) -> None:
    calls = [tool_call("effects.bump", "call_bump", name=name) for name in "abc"]
    assert converse({"calls": calls}, {"text": "Done."}) == "prompt.completed"
    assert engine.effects() == ["a", "b", "c"]
    assert converse({"calls": calls[:1]}, {"text": "Done."}) == "prompt.completed"
    assert model_statuses(engine) == [200] * 4


def test_items_of_one_id_are_replayed_without_it(engine: EngineHarness, converse: Callable[..., str]) -> None:
    same = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed"}
    for text in ("One.", "Two."):
        message = {**same, "content": [{"type": "output_text", "text": text, "annotations": []}]}
        assert converse({"other": [message]}) == "prompt.completed"
    assert converse({"text": "Three."}) == "prompt.completed"
    assert model_statuses(engine) == [200] * 3


@pytest.mark.parametrize("content", ["Plain.", ["Plain."], [{"type": "text", "text": "Plain."}]])
def test_a_message_of_another_form_is_read_and_replayed(
    engine: EngineHarness, converse: Callable[..., str], content: object
) -> None:
    message = {"role": "assistant", "content": content}
    assert converse({"other": [message]}) == "prompt.completed"
    assert converse({"text": "Again."}) == "prompt.completed"
    assert engine.model_requests()[-1]["input"][1]["text"] == "Plain."
    assert model_statuses(engine) == [200, 200]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "rs_0", "summary": []},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "x", "tools": []},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBO"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_x", "name": "x", "input": "y"},
        {"type": "message", "id": "chatcmpl-1", "role": "assistant", "status": "done",
         "content": [{"type": "output_text", "text": "Hi."}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": 1,
         "content": [{"type": "output_text", "text": "Hi."}]},
    ],
)  # fmt: skip
def test_an_item_that_the_server_does_not_take_back_is_left_out_for_good(
    engine: EngineHarness, converse: Callable[..., str], item: dict[str, Any]
) -> None:
    assert converse({"other": [item], "calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."}) == (
        "prompt.completed"
    )
    requests = len(engine.model_requests())
    assert requests <= 3
    for _ in range(2):
        assert converse({"text": "Again."}) == "prompt.completed"
    assert model_statuses(engine)[requests:] == [200, 200]


def test_a_refusal_that_names_nothing_ends_a_prompt_but_no_conversation(
    engine: EngineHarness, converse: Callable[..., str]
) -> None:
    engine.simulator.update_config({"model": {"refused_text": "poison"}})
    assert converse({"text": "This is poison."}) == "prompt.completed"
    assert converse({"text": "Not reached."}) == "error"
    assert converse({"text": "Here I am."}) == "prompt.completed"
    requests = len(engine.model_requests())
    assert converse({"text": "Still."}) == "prompt.completed"
    assert len(engine.model_requests()) == requests + 1
    assert sent_types(engine) == ["note", "user", "assistant", "user"]


def test_a_users_text_that_is_refused_ends_only_its_own_prompt(
    engine: EngineHarness, converse: Callable[..., str]
) -> None:
    engine.simulator.update_config({"model": {"refused_text": "poison"}})
    assert converse({"text": "Hi."}) == "prompt.completed"
    assert converse({"text": "No."}, text="Take this poison.") == "error"
    assert converse({"text": "Fine."}) == "prompt.completed"
    assert sent_types(engine) == ["note", "user", "assistant", "user"]


def test_a_conversation_that_is_too_long_loses_its_older_half(
    engine: EngineHarness, converse: Callable[..., str]
) -> None:
    for _ in range(4):
        assert converse({"text": "x" * 2000}) == "prompt.completed"
    engine.simulator.update_config({"model": {"context_length": 6000}})
    assert converse({"text": "Short."}) == "prompt.completed"
    assert sent_types(engine) == ["note", *["user", "assistant"] * 2, "user"]
    assert converse({"text": "Still."}) == "prompt.completed"
    assert sent_types(engine) == ["note", *["user", "assistant"] * 3, "user"]
    assert model_statuses(engine) == [200] * 4 + [400, 200, 200]


def test_a_prompt_that_is_too_long_itself_does_not_make_the_next_ones_so(
    engine: EngineHarness, converse: Callable[..., str]
) -> None:
    engine.simulator.update_config({"model": {"context_length": 6000}})
    assert converse({"text": "x" * 2000}) == "prompt.completed"
    assert converse({"text": "No."}, text="y" * 7000) == "error"
    assert converse({"text": "Short."}) == "prompt.completed"
    assert sent_types(engine) == ["note", "user", "assistant", "user"]


def test_a_request_that_is_wrong_itself_is_not_repeated(engine: EngineHarness, converse: Callable[..., str]) -> None:
    assert converse({"reasoning": "Hm.", "text": "One."}) == "prompt.completed"
    for status, code in ((400, "model_not_found"), (401, "invalid_api_key"), (402, None), (404, None), (429, "x")):
        error = {"status": status, "code": code, "should_retry": False}
        requests = len(engine.model_requests())
        assert converse({"error": error, "times": None}) == "error"
        assert len(engine.model_requests()) == requests + 1, status


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json", "text/event-stream"])
def test_a_stream_without_a_final_output_is_an_answer_and_goes_on(
    engine: EngineHarness, converse: Callable[..., str], content_type: str | None
) -> None:
    engine.simulator.update_config({"model": {"stream_content_type": content_type}})
    events = [
        {"type": "response.output_text.delta", "delta": "Hello."},
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    ]
    assert converse({"events": events}, tokens=True) == "prompt.completed"
    assert converse({"text": "Again."}) == "prompt.completed"
    assert [item.get("text") for item in engine.model_requests()[-1]["input"]][1] == "Hello."
