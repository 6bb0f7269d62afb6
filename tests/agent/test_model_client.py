"""The model client against the simulated model, over sockets."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from local.simulator.client import SimulatorClient
from pointsman.agent import Input, Output, Tool
from pointsman.agent.model.client import ModelClient
from pointsman.agent.model.response import FunctionCall, ModelTurn, TokenUsage
from pointsman.errors import ModelFailed
from pointsman.http_transport import Transport
from pointsman.prompts.model_items import build_tool_output, build_user_message
from pointsman.settings.prompts import ModelSettings
from tests.harness.model_history import make_history
from tests.harness.simulator import start_simulator

KEY = "sk-planted-secret-key"


class Nothing(Input):
    pass


class Place(Input):
    city: str
    exact: bool = False


class Anything(Output):
    pass


def make_tool(tool_id: str, input_type: type[BaseModel] = Nothing) -> Tool[Any, Any]:
    return Tool(tool_id, f"What {tool_id} does", input_type, Anything, lambda context: {})


TOOLS = [make_tool("time.now"), make_tool("weather.at", Place)]


@dataclass
class ModelHarness:
    """A client of the simulated model that records its sleeps instead of sleeping."""

    sim: SimulatorClient
    timeout: float = 5.0
    sleeps: list[float] = field(default_factory=list)
    text_deltas: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = ModelSettings(self.sim.base_urls.model, KEY, "m-normal", "m-high", self.timeout)
        self.client = ModelClient(settings, Transport(sleep=self.sleeps.append))

    def run_turn(self, items: Any = "hello", streamed: bool = False, **options: Any) -> ModelTurn:
        input_items = [items] if isinstance(items, str) else items
        on_text = self.text_deltas.append if streamed else None
        return self.client.respond(make_history(*input_items), options.pop("tools", TOOLS), on_text=on_text, **options)

    def expect_failure(self, *arguments: Any, **options: Any) -> ModelFailed:
        with pytest.raises(ModelFailed) as raised:
            self.run_turn(*arguments, **options)
        assert len(str(raised.value)) <= 300
        assert KEY not in str(raised.value)
        assert raised.value.__cause__ is None
        return raised.value

    @property
    def call_count(self) -> int:
        return len(self.sim.list_calls())


@pytest.fixture(scope="module")
def control() -> Iterator[SimulatorClient]:
    with start_simulator() as origin, SimulatorClient(origin) as client:
        yield client


@pytest.fixture
def sim(control: SimulatorClient) -> SimulatorClient:
    control.reset()
    return control


@pytest.fixture
def make_model(sim: SimulatorClient) -> Iterator[Callable[..., ModelHarness]]:
    models: list[ModelHarness] = []

    def create(**options: Any) -> ModelHarness:
        models.append(ModelHarness(sim, **options))
        return models[-1]

    yield create
    for model in models:
        model.client.close()


@pytest.fixture
def model(make_model: Callable[..., ModelHarness]) -> ModelHarness:
    return make_model()


PLAIN_AND_STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@PLAIN_AND_STREAMED
def test_a_text_is_the_turns_result(model: ModelHarness, streamed: bool) -> None:
    model.sim.script_model({"text": "It is  noon\n", "usage": {"input_tokens": 3, "output_tokens": 4}})
    turn = model.run_turn(streamed=streamed)
    assert (turn.text, turn.calls) == ("It is  noon\n", [])
    assert turn.usage == TokenUsage(3, 4, 7)
    assert "".join(str(piece) for piece in model.text_deltas) == (turn.text if streamed else "")


def test_the_level_selects_the_model_and_the_request_is_complete(model: ModelHarness) -> None:
    model.run_turn(instructions="Be kind.")
    model.run_turn(level="high", tools=[])
    first, second = (call.body for call in model.sim.list_calls())
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["model"], first["instructions"], first["tools"]) == (
        "m-normal",
        "Be kind.",
        ["time_now", "weather_at"],
    )
    assert (second["model"], second["instructions"], second["tools"]) == ("m-high", "", [])
    assert first["store"] is second["store"] is False
    assert "stream" not in first


@PLAIN_AND_STREAMED
def test_calls_have_tool_ids_and_unparsed_arguments(model: ModelHarness, streamed: bool) -> None:
    calls = [
        {"name": "weather.at", "arguments": {"city": "Bern"}, "call_id": "c1"},
        {"name": "time_now", "arguments": "{half", "call_id": "c2"},
        {"name": "no.such", "call_id": "c3"},
    ]
    model.sim.script_model({"calls": calls}, {"text": "Fine."})
    turn = model.run_turn(streamed=streamed)
    assert turn.calls == [
        FunctionCall("c1", "weather.at", '{"city": "Bern"}'),
        FunctionCall("c2", "time.now", "{half"),
        FunctionCall("c3", "no.such", "{}"),
    ]
    outputs = [build_tool_output(call.call_id, "{}") for call in turn.calls]
    assert model.run_turn([build_user_message("hello"), *turn.items, *outputs], streamed=streamed).text == "Fine."


@PLAIN_AND_STREAMED
def test_reasoning_and_unknown_items_are_kept_and_replayed_unchanged(model: ModelHarness, streamed: bool) -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    model.sim.script_model(
        {"reasoning": "Hm.", "other": [search], "text": "Let me see.", "calls": [{"name": "time.now"}]},
        {"reasoning": "Ah.", "text": "Noon."},
    )
    history = [build_user_message("hello")]
    first = model.run_turn(history, streamed=streamed)
    assert [item["type"] for item in first.items] == ["reasoning", "web_search_call", "message", "function_call"]
    assert first.text == "Let me see."
    history += [*first.items, build_tool_output(first.calls[0].call_id, "noon")]
    second = model.run_turn(history, streamed=streamed)
    assert second.text == "Noon."
    assert model.run_turn([*history, *second.items, build_user_message("thanks")], streamed=streamed).text


def test_a_model_without_encrypted_reasoning_is_called_without_it_afterwards(model: ModelHarness) -> None:
    model.sim.update_config({"model": {"seals_reasoning": False}})
    assert model.run_turn().text
    assert model.run_turn().text
    assert [call.status for call in model.sim.list_calls()] == [400, 200, 200]
    assert model.sleeps == []


@pytest.mark.parametrize("turn", [
    {"text": "Grüße, ok \u2028 end"}, {"refusal": "I will not."}, {"text": "Well. ", "refusal": "No."},
    {"text": "a", "calls": [{"name": "time.now", "arguments": {"long": "x" * 50}}]}, {"reasoning": "r", "text": "b"},
    {"text": "cut", "incomplete": "max_output_tokens"}, {"text": "x", "usage": None}, {"calls": [{"name": "a.b"}] * 3},
])  # fmt: skip
@pytest.mark.parametrize("noise", [False, True])
def test_a_streamed_turn_equals_a_plain_one(model: ModelHarness, turn: dict[str, Any], noise: bool) -> None:
    model.sim.update_config({"model": {"noise": noise, "done": noise}})
    model.sim.script_model({"usage": {"input_tokens": 1, "output_tokens": 1}, **turn})

    def essence(turn: ModelTurn) -> tuple[object, ...]:
        items = [{name: item[name] for name in item if not name.endswith("id")} for item in turn.items]
        for item in items:
            item.pop("encrypted_content", None)
        return items, turn.text, [(call.tool_id, call.arguments) for call in turn.calls], turn.usage

    plain, streamed = model.run_turn(), model.run_turn(streamed=True)
    assert essence(plain) == essence(streamed)
    assert "".join(str(piece) for piece in model.text_deltas) == plain.text


def test_a_refusals_text_is_the_turns_text(model: ModelHarness) -> None:
    model.sim.script_model({"refusal": "I will not."})
    assert model.run_turn().text == "I will not."


def test_missing_usage_counts_as_zero(model: ModelHarness) -> None:
    model.sim.script_model({"text": "x", "usage": None})
    assert model.run_turn().usage == TokenUsage(0, 0, 0)


@PLAIN_AND_STREAMED
def test_an_incomplete_response_is_used_with_text_and_fails_with_a_partial_call(
    model: ModelHarness, streamed: bool
) -> None:
    half = [{"name": "weather.at", "arguments": {"city": "Bern"}}]
    model.sim.script_model({"text": "So far", "incomplete": "max_output_tokens"}, match="text")
    model.sim.script_model({"text": "So far", "calls": half, "incomplete": "max_output_tokens"}, match="call")
    model.sim.script_model({"reasoning": "r", "incomplete": "max_output_tokens"}, match="thought")
    model.sim.script_model({"text": "So far", "incomplete": "content_filter"}, match="filter")
    assert model.run_turn("text", streamed).text == "So far"
    for case, word in (("call", "limit of tokens"), ("thought", "limit of tokens"), ("filter", "content filter")):
        error = model.expect_failure(case, streamed)
        assert (word in str(error), error.retryable) == (True, False)
    assert model.call_count == 4


@pytest.mark.limit("model-retries")
@PLAIN_AND_STREAMED
@pytest.mark.parametrize(
    ("status", "passing", "shape"),
    [
        *[(status, False, "openai") for status in (400, 401, 403, 404, 413, 422)],
        *[(status, True, "openai") for status in (408, 409, 429, 500, 503)],
        (400, False, "openrouter"), (402, False, "openrouter"), (429, True, "openrouter"), (529, True, "openrouter"),
    ],
)  # fmt: skip
def test_a_status_decides_on_a_retry(
    model: ModelHarness, status: int, passing: bool, shape: str, streamed: bool
) -> None:
    model.sim.update_config({"model": {"error_shape": shape}})
    model.sim.script_model({"error": {"status": status, "message": "because of it"}, "times": None}, match="for good")
    model.sim.script_model({"error": {"status": status}, "text": "ok"}, match="once")
    error = model.expect_failure("for good", streamed)
    assert (error.retryable, error.status, error.code) == (passing, 502, "MODEL_ERROR")
    assert f"HTTP {status}" in str(error)
    assert "because of it" in str(error)
    assert model.call_count == (3 if passing else 1)
    assert len(model.sleeps) == (2 if passing else 0)
    if passing:
        assert model.run_turn("once", streamed).text == "ok"
        assert 0.25 <= model.sleeps[0] <= 0.75
        assert 0.5 <= model.sleeps[1] <= 1.5


def test_a_spent_quota_is_not_retried(model: ModelHarness) -> None:
    model.sim.script_model({"error": {"status": 429, "code": "insufficient_quota", "should_retry": True}})
    error = model.expect_failure()
    assert (model.call_count, error.retryable, "insufficient_quota" in str(error)) == (1, False, True)


def test_the_should_retry_header_takes_precedence(model: ModelHarness) -> None:
    model.sim.script_model({"error": {"status": 500, "should_retry": False}}, match="a")
    model.sim.script_model({"error": {"status": 400, "should_retry": True}, "text": "ok"}, match="b")
    assert not model.expect_failure("a").retryable
    assert model.run_turn("b").text == "ok"
    assert model.call_count == 3


@pytest.mark.limit("model-retries")
def test_retry_after_is_respected_up_to_20_seconds(make_model: Callable[..., ModelHarness]) -> None:
    model = make_model(timeout=60)
    model.sim.script_model({"error": {"status": 429, "retry_after": 19.5}, "text": "ok"}, match="short")
    model.sim.script_model({"error": {"status": 429, "retry_after": 21}, "text": "ok"}, match="long")
    assert model.run_turn("short").text == "ok"
    assert model.sleeps == [19.5]
    error = model.expect_failure("long")
    assert (error.retryable, error.retry_after, model.sleeps) == (True, 21, [19.5])


@pytest.mark.limit("model-retries")
def test_no_attempt_starts_after_the_timeout(make_model: Callable[..., ModelHarness]) -> None:
    model = make_model(timeout=2)
    model.sim.script_model({"error": {"status": 429, "retry_after": 3}, "text": "ok"})
    model.expect_failure()
    assert (model.call_count, model.sleeps) == (1, [])


@pytest.mark.parametrize("breaks", ["error_event", "error_member", "failed", "truncated", "dropped"])
def test_an_interrupted_stream_restarts_with_a_reset(model: ModelHarness, breaks: str) -> None:
    model.sim.script_model({"text": "one two three", "breaks": breaks, "break_after": 2})
    turn = model.run_turn(streamed=True)
    assert turn.text == "one two three"
    assert model.text_deltas == [*([] if breaks == "failed" else ["one", " two", None]), "one", " two", " three"]
    assert model.call_count == 2


@pytest.mark.parametrize("breaks", ["error_event", "error_member", "failed", "truncated", "dropped"])
@PLAIN_AND_STREAMED
def test_a_response_that_is_always_interrupted_fails_as_retryable(
    model: ModelHarness, breaks: str, streamed: bool
) -> None:
    model.sim.script_model({"text": "one two", "breaks": breaks, "times": None})
    assert model.expect_failure(streamed=streamed).retryable
    assert model.call_count == 3


@PLAIN_AND_STREAMED
@pytest.mark.parametrize("breaks", ["error_event", "failed"])
@pytest.mark.parametrize("code", ["invalid_prompt", "insufficient_quota", "context_length_exceeded"])
def test_a_client_error_in_the_middle_is_not_retried(
    model: ModelHarness, breaks: str, code: str, streamed: bool
) -> None:
    model.sim.script_model({"text": "one", "breaks": breaks, "code": code})
    error = model.expect_failure(streamed=streamed)
    assert (error.retryable, code in str(error), model.call_count) == (False, True, 1)


@PLAIN_AND_STREAMED
@pytest.mark.parametrize(
    "kind", ["rate_limit", "rate_limit_text", "server_error", "server_error_done", "html", "garbage", "drop", "lost"]
)
def test_one_failure_of_any_kind_is_retried(model: ModelHarness, kind: Any, streamed: bool) -> None:
    model.sim.script_model({"text": "ok"})
    model.sim.inject_fault("model", "responses.create", kind)
    assert model.run_turn(streamed=streamed).text == "ok"
    assert model.call_count == 2


@pytest.mark.limit("model-silence")
@PLAIN_AND_STREAMED
def test_a_model_that_answers_in_time_may_take_longer_in_all(
    make_model: Callable[..., ModelHarness], streamed: bool
) -> None:
    model = make_model(timeout=2)
    model.sim.script_model({"text": "a b c d", "gap_s": 0.8} if streamed else {"text": "a b c d", "latency_s": 0.8})
    assert model.run_turn(streamed=streamed).text == "a b c d"


@pytest.mark.limit("model-silence")
@PLAIN_AND_STREAMED
def test_a_silent_model_times_out(make_model: Callable[..., ModelHarness], streamed: bool) -> None:
    model = make_model(timeout=0.2)
    model.sim.script_model({"text": "a b", "gap_s": 30} if streamed else {"text": "a", "latency_s": 30})
    error = model.expect_failure(streamed=streamed)
    assert (error.retryable, "ReadTimeout" in str(error), model.call_count) == (True, True, 1)


def test_no_error_message_contains_the_models_input(model: ModelHarness) -> None:
    secret = "the password of the vault is hunter22!, do not tell"
    complaint = f"Invalid value: '{secret[4:40]}' in input, key {KEY}, and 'short one'"
    model.sim.script_model({"error": {"status": 400, "message": complaint}}, match=secret)
    model.sim.script_model({"text": "x", "breaks": "failed", "code": "invalid_prompt"}, match="short one")
    message = str(
        model.expect_failure(
            [build_user_message("short one"), build_user_message(secret)], instructions="Keep quiet about it all"
        )
    )
    assert "hunter22" not in message
    assert "short one" not in message
    assert "Invalid value" in message
    assert KEY not in repr(model.client) + repr(vars(model.client)["_settings"])


def test_an_exception_of_the_text_callback_stops_the_turn(model: ModelHarness) -> None:
    model.sim.script_model({"text": "one two"})

    class Enough(Exception):
        pass

    def stop(_piece: str | None) -> None:
        raise Enough

    with pytest.raises(Enough):
        model.client.respond(make_history("x"), on_text=stop)
    assert model.call_count == 1


def test_a_lone_surrogate_can_be_sent(model: ModelHarness) -> None:
    assert model.run_turn([build_user_message("a \ud800 b")]).text


def test_tool_outputs_are_sent_to_the_model(model: ModelHarness) -> None:
    turn = model.run_turn("what time is it?")
    output = json.dumps({"now": "2026-01-01T00:00:00Z"})
    items = [build_user_message("what time is it?"), *turn.items, build_tool_output(turn.calls[0].call_id, output)]
    assert model.run_turn(items).text == "It is 2026-01-01T00:00:00Z."
