"""A prompt's limits; each error names its limit."""

import json
import re
import time

import pytest

from pointsman.agent.loop.runner import advance_prompt
from pointsman.agent.model.response import MAX_TOKENS
from pointsman.db import quotas, token_usage
from pointsman.db.connection import run_in_transaction
from pointsman.db.token_usage import MAX_COUNT
from pointsman.errors import InvalidSetting, InvalidToolInput
from pointsman.http.lambda_adapter import AnyTextResponse
from pointsman.prompts import queries
from pointsman.prompts.output_size import measure, shorten_error
from pointsman.settings.prompts import PromptSettings
from tests.harness.hostile_model import event, message_item, send_stream
from tests.harness.hostile_server import send_body, serve_hostile
from tests.prompts.engine_harness import EngineHarness, submit_prompt
from tests.prompts.sample_agent import tool_call, usage_field


@pytest.mark.limit("prompt-input")
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


@pytest.mark.limit("prompt-steps")
def test_number_of_steps_is_limited(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_STEPS", "3")
    engine.simulator.script_model({"calls": [{"name": "effects.keep"}]}, match="For ever", repeat=True)
    prompt_id = engine.submit_and_advance(text="For ever")
    assert engine.last_event(prompt_id) == ("error", {"message": "The prompt did not come to an end within 3 steps"})
    assert [result["calls"] for result in engine.tool_results(prompt_id)] == [1, 2, 3]
    assert len(engine.model_requests()) == 3


@pytest.mark.limit("prompt-steps")
def test_the_last_step_may_end_the_prompt(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_STEPS", "3")
    prompt_id = engine.submit_and_advance(*[{"calls": [{"name": "effects.keep"}]}] * 2, {"text": "Done."})
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


@pytest.mark.limit("prompt-seconds")
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


@pytest.mark.limit("prompt-input")
def test_the_longest_input_is_accepted(engine: EngineHarness) -> None:
    prompt_id = submit_prompt(engine.user_id, "ä" * 50_000)
    assert engine.prompt_row(prompt_id)["input"] == "ä" * 50_000


def test_oversized_text_ends_the_prompt(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "500")
    prompt_id = engine.submit_and_advance({"text": "x" * 600})
    assert engine.last_event(prompt_id) == (
        "error",
        {"message": "The prompt's outputs are over the limit of 500 bytes"},
    )
    assert len(engine.events(prompt_id)) == 2


NUL_AND_QUOTES = 'a"\\\0\u200b\N{GRINNING FACE}' * 50
TURNS: dict[str, list[dict[str, object]]] = {
    "a text": [{"text": NUL_AND_QUOTES}],
    "reasoning": [{"reasoning": NUL_AND_QUOTES, "text": "Done."}],
    "other items": [{"other": [{"type": "x", "id": "x_{token}", "data": NUL_AND_QUOTES}], "text": "Done."}],
    "arguments": [{"calls": [tool_call("no.such", text=NUL_AND_QUOTES)]}, {"text": "Done."}],
    "arguments that are no JSON": [
        {"calls": [{"name": "no.such", "call_id": "c", "arguments": NUL_AND_QUOTES}]},
        {"text": "Done."},
    ],
    "numbers that grow": [
        {"calls": [{"name": "no.such", "call_id": "c", "arguments": json.dumps([0]).replace("0", "1e15," * 99 + "1")}]},
        {"text": "Done."},
    ],
    "a name": [{"calls": [tool_call("n" * 500)]}, {"text": "Done."}],
    "results": [{"calls": [tool_call("effects.big", size=500)]}, {"text": "Done."}],
    "files": [{"calls": [{"name": "effects.file", "call_id": "c"}]}, {"text": "Done."}],
}


@pytest.mark.limit("prompt-output")
@pytest.mark.parametrize("kind", TURNS)
def test_everything_that_a_prompt_stores_counts(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    turns = TURNS[kind]
    prompt_id = engine.submit_and_advance(*turns)
    assert engine.last_event(prompt_id)[0] == "prompt.completed"
    size = engine.prompt_row(prompt_id)["output_bytes"]
    stored = engine.db.execute(
        "SELECT (SELECT sum(length(data::text)) FROM prompt_events"
        "  WHERE prompt_id = %(id)s AND event = 'prompt.output') AS shown,"
        " (SELECT sum(length(item::text)) FROM prompt_items WHERE prompt_id = %(id)s AND turn > 0) AS items",
        {"id": prompt_id},
    ).fetchone()
    assert stored is not None
    assert size + 200 > max(stored["shown"], stored["items"]), "an output of a call adds some names"

    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", str(size))
    assert engine.last_event(engine.submit_and_advance(*turns))[0] == "prompt.completed"
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", str(size - 1))
    message = f"The prompt's outputs are over the limit of {size - 1} bytes"
    assert engine.last_event(engine.submit_and_advance(*turns)) == ("error", {"message": message})


@pytest.mark.limit("prompt-output")
def test_a_turn_over_the_limit_stores_nothing(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it has no text: its arguments would be in an event, and in what a person is asked to approve."""
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "50000")
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.ask", name="x" * 60_000)]})
    message = "The prompt's outputs are over the limit of 50000 bytes"
    assert engine.last_event(prompt_id) == ("error", {"message": message})
    assert engine.db.execute("SELECT FROM prompt_calls WHERE prompt_id = %s", (prompt_id,)).rowcount == 0
    assert len(engine.events(prompt_id)) == 2


@pytest.mark.limit("tool-error")
def test_the_error_of_a_tool_is_shortened(engine: EngineHarness) -> None:
    arguments = {f"key{number}": number for number in range(2000)}
    prompt_id = engine.submit_and_advance({"calls": [tool_call("effects.bump", **arguments)]}, {"text": "Done."})
    (error,) = engine.tool_results(prompt_id)
    assert error.endswith("and 1981 more")
    assert len(error) < 4000
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


@pytest.mark.limit("tool-error")
@pytest.mark.parametrize("character", ["x", '"', "\N{GRINNING FACE}"])
def test_an_error_is_kept_to_its_limit(character: str) -> None:
    frame = measure({"type": "error", "error": ""})
    longest = character * ((4000 - frame) // (measure(character) - 4))
    assert shorten_error(longest, 10_000) == longest
    assert shorten_error(longest, 3000) != longest, "it must fit what is left, too"
    assert shorten_error(longest + character * 4, 10_000) == character * 99 + "…"


@pytest.mark.limit("tool-state")
@pytest.mark.parametrize(("size", "is_kept"), [(100_000, True), (100_001, False)])
def test_what_tools_keep_is_limited(engine: EngineHarness, size: int, is_kept: bool) -> None:
    calls = [tool_call("effects.hoard", "call_1", size=size), tool_call("effects.keep", "call_2")]
    prompt_id = engine.submit_and_advance({"calls": calls}, {"text": "Done."})
    first, second = engine.tool_results(prompt_id)
    if is_kept:
        assert first == {"text": "kept"}
        assert second == "It has run, but what it keeps for later calls is over 100000 bytes"
    else:
        assert first == "It has run, but what it keeps for later calls is over 100000 bytes"
        assert second == {"calls": 1}


@pytest.mark.limit("call-id")
def test_the_id_of_a_call_has_at_most_64_characters(engine: EngineHarness) -> None:
    longest, longer = "c" * 64, "d" * 65
    calls = [tool_call("effects.keep", call_id) for call_id in (longest, longer)]
    prompt_id = engine.submit_and_advance({"calls": calls}, {"text": "Done."})
    ids = [
        data["id"] for event, data in engine.events(prompt_id) if event == "prompt.output" and data["type"] == "tool"
    ]
    assert ids[0] == longest
    assert re.fullmatch("call_[0-9a-f]{32}", ids[1])


@pytest.mark.limit("conversation-title")
@pytest.mark.parametrize(("line", "title"), [("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…")])
def test_a_title_has_at_most_80_characters(engine: EngineHarness, line: str, title: str) -> None:
    conversation_id = engine.create_conversation()
    engine.submit(text=line, conversation_id=conversation_id)
    (conversation,) = engine.call_tool("conversation.list")["conversations"]
    assert conversation["title"] == title


@pytest.mark.limit("token-sums")
def test_sums_of_tokens_stay_in_their_columns(engine: EngineHarness) -> None:
    prompt_id = engine.submit(
        {"calls": [tool_call("effects.keep")], **usage_field(MAX_TOKENS, MAX_TOKENS)}, {"text": "Done."}
    )
    engine.db.execute(
        "UPDATE prompts SET usage_input = %(max)s - 1, usage_output = %(max)s - %(tokens)s, usage_total = %(max)s"
        " WHERE id = %(id)s",
        {"max": MAX_COUNT, "tokens": MAX_TOKENS, "id": prompt_id},
    )
    run_in_transaction(token_usage.add, engine.user_id, MAX_COUNT - 1)
    engine.advance(prompt_id)
    row = engine.prompt_row(prompt_id)
    assert engine.last_event(prompt_id)[0] == "prompt.completed"
    assert (row["usage_input"], row["usage_output"], row["usage_total"]) == (MAX_COUNT,) * 3

    used = run_in_transaction(quotas.measure_user, engine.user_id, None, with_all_tokens=True)
    assert used.tokens == used.all_tokens == MAX_COUNT
    engine.db.execute("DELETE FROM token_usage WHERE user_id = %s", (engine.user_id,))


@pytest.mark.limit("prompt-output")
def test_a_setting_above_what_a_response_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "3500000")
    assert PromptSettings.load().max_output_bytes == 3_500_000
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "3500001")
    with pytest.raises(InvalidSetting, match="at most 3500000"):
        PromptSettings.load()


LAMBDA_RESPONSE_BYTES = 6 * 1024 * 1024


@pytest.mark.slow
@pytest.mark.limit("prompt-view")
@pytest.mark.parametrize("character", ['"', "\\", "\x01", "ä", "\N{GRINNING FACE}", "x"])
@pytest.mark.parametrize("output", ["text", "arguments", "calls"])
def test_any_prompt_can_be_shown(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, output: str, character: str
) -> None:
    """With the largest input that a request can bring, and the most that a model can add."""
    monkeypatch.setenv("PROMPT_MAX_OUTPUT_BYTES", "3500000")
    monkeypatch.setenv("PROMPT_MAX_INPUT_BYTES", "9000000")
    in_request = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    text = "x" + character * (1024 * 1024 // in_request - 100)
    count = 3_400_000 // (measure(character) - 4)
    call = {"type": "function_call", "name": "no.such", "call_id": "c", "arguments": json.dumps({"x": ""})}
    items = {
        "text": [message_item(character * count)],
        "arguments": [{**call, "arguments": json.dumps({"x": character * (count // 2)})}],
        "calls": [
            {**call, "call_id": f"c{n}", "arguments": json.dumps({"x": character * (count // 300)})} for n in range(128)
        ],
    }[output]
    with serve_hostile(send_body(json.dumps({"status": "completed", "output": items}).encode())) as url:
        monkeypatch.setenv("MODEL_BASE_URL", f"{url}/v1")
        prompt_id = submit_prompt(engine.user_id, text)
        engine.advance(prompt_id)
    assert engine.prompt_row(prompt_id)["turns"] >= 1, engine.last_event(prompt_id)
    body = AnyTextResponse(queries.get_prompt(engine.user_id, prompt_id)).body.decode()
    assert len(json.dumps({"statusCode": 200, "body": body}, ensure_ascii=False).encode()) < LAMBDA_RESPONSE_BYTES


def test_prompt_continues_in_the_next_invocation_after_its_deadline(engine: EngineHarness) -> None:
    prompt_id = engine.submit({"calls": [tool_call("effects.bump", name="a")]}, {"text": "Done."})
    steps = [advance_prompt(engine.agent, prompt_id, 0, time.monotonic())["next"] for _ in range(3)]
    assert steps == ["again", "again", "done"]
    assert (engine.last_event(prompt_id)[0], engine.effects()) == ("prompt.completed", ["a"])


@pytest.mark.parametrize(
    ("text", "shown"), [("a\ud800b", "a\ufffdb"), ("a\ud83d\ude00b", "a\N{GRINNING FACE}b"), ("\udc00", "\ufffd")]
)
def test_a_prompt_with_half_a_character_can_be_shown(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, text: str, shown: str
) -> None:
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": ""}
    pieces = [event({**delta, "delta": character}) for character in text]
    end = event({"type": "response.completed", "response": {"status": "completed", "output": []}})
    with serve_hostile(send_stream(*pieces, end)) as url:
        monkeypatch.setenv("MODEL_BASE_URL", f"{url}/v1")
        prompt_id = submit_prompt(engine.user_id, "x", tokens=True)
        engine.advance(prompt_id)
    body = json.loads(AnyTextResponse(queries.get_prompt(engine.user_id, prompt_id)).body)
    assert body["outputs"][0]["content"] == shown
