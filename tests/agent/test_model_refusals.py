"""Refusals as servers write them, and what of the history is sent then; and errors that no other history can help."""

import json
from typing import Any

import httpx
import pytest

from pointsman.agent.model import replay as replay_module
from pointsman.agent.model.errors import ModelRefused, RequestRedactor, error_from_http_status, error_from_response
from pointsman.agent.model.refused_items import find_refused_items
from pointsman.agent.model.replay import Replay
from pointsman.db.prompt_history import HistoryItem
from pointsman.errors import ModelFailed
from pointsman.prompts.model_items import build_tool_output
from tests.agent.test_model_responses import TEXT_ITEM, ScriptedModel, make_response_body, make_sse_response
from tests.harness.model_history import make_history

NOTE = replay_module._NOTE.rows[0].item["content"]
REDACTOR = RequestRedactor([], [], "")
ITEMS: list[Any] = [
    "hello",
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": "Found.", "annotations": []}]},
    {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAB"},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "time_now", "arguments": "{}"},
    build_tool_output("call_1", "noon"),
    "thanks",
]  # fmt: skip
HISTORY = make_history(*ITEMS, origin="here")
ALL_TYPES = [
    "user",
    "reasoning",
    "web_search_call",
    "assistant",
    "reasoning",
    "function_call",
    "function_call_output",
    "user",
]
WITHOUT_SEARCH = ["user", "assistant", "reasoning", "function_call", "function_call_output", "user"]
WITHOUT_BOUND = ["user", "assistant", "function_call", "function_call_output", "user"]


def refuse(body: object, status: int = 400) -> ModelRefused:
    error = error_from_http_status(status, {}, body, REDACTOR)
    assert isinstance(error, ModelRefused)
    return error


def openai_error(message: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def item_types(items: list[dict[str, Any]]) -> list[str]:
    return [item.get("role", item["type"]) for item in items]


def replay_after(*errors: ModelRefused, history: list[HistoryItem] = HISTORY) -> list[dict[str, Any]] | None:
    """The input after these refusals; None if there is no other input to try."""
    replay = Replay(history)
    items = replay.build_input("here")
    for error in errors:
        if not replay.reduce(error.refusal):
            return None
        items = replay.build_input("here")
    return items


def test_the_history_is_sent_unchanged_to_its_own_model() -> None:
    items = replay_after()
    assert items == [row.item for row in HISTORY]


def test_another_model_gets_texts_and_calls_without_ids_of_the_first() -> None:
    items = Replay(HISTORY).build_input("elsewhere")
    assert item_types(items) == ["user", "assistant", "function_call", "function_call_output", "user"]
    assert items[1]["id"] != "msg_1"
    assert items[2] == {"type": "function_call", "call_id": "call_1", "name": "time_now", "arguments": "{}"}


def test_items_of_an_older_version_are_sent_as_before() -> None:
    assert Replay(make_history(*ITEMS)).build_input("anywhere") == [row.item for row in HISTORY]


UNKNOWN_TYPE = "Invalid value: 'web_search_call'. Supported values are: 'message', 'reasoning'."
UNVERIFIED = openai_error("could not be verified", code="invalid_encrypted_content")


@pytest.mark.parametrize(
    "body",
    [
        openai_error("The encrypted content gAAA...DQ== could not be verified.", code="invalid_encrypted_content"),
        openai_error("The encrypted content for item rs_1 could not be verified. Reason: it could not be parsed."),
        {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": json.dumps(UNVERIFIED)}}},
        openai_error("litellm.BadRequestError: OpenAIException - {'code': 'invalid_encrypted_content'}"),
        {"error": "Bad request"},
        None,
    ],
)
def test_a_refusal_of_encrypted_content_or_of_anything_leaves_out_what_is_bound(body: object) -> None:
    items = replay_after(refuse(body))
    assert items is not None
    assert item_types(items) == WITHOUT_BOUND


@pytest.mark.parametrize(
    "body",
    [
        openai_error(
            "Item 'ws_1' of type 'web_search_call' was provided without its required 'reasoning' item: 'rs_1'."
        ),
        openai_error("Item 'rs_1' of type 'reasoning' was provided without its required following item."),
        openai_error("Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."),
        openai_error(UNKNOWN_TYPE, param="input[2]"),
        openai_error(UNKNOWN_TYPE, param="input[2].type"),
        openai_error("Unknown parameter: 'input[2].status'.", code="unknown_parameter", param="input[2].status"),
        {"object": "error", "message": "Unsupported item type: web_search_call", "type": "BadRequest", "code": 400},
        {"detail": [{"type": "missing", "loc": ["body", "input", "list[union[A,B]]", 2, "action"], "msg": "required"}]},
        {"detail": "1 validation error for Request\ninput.2.action\n  Field required"},
        [{"error": {"code": 400, "message": "input.2: unknown item", "status": "INVALID_ARGUMENT"}}],
        {"error": "unexpected item type web_search_call"},
    ],
)
def test_what_a_refusal_names_is_left_out_with_its_partner(body: object) -> None:
    items = replay_after(refuse(body))
    assert items is not None
    assert item_types(items) == WITHOUT_SEARCH


def test_an_error_in_a_stream_is_a_refusal_too() -> None:
    error = error_from_response({"code": "invalid_encrypted_content", "message": "No."}, REDACTOR)
    assert isinstance(error, ModelRefused)
    items = replay_after(error)
    assert items is not None
    assert item_types(items) == WITHOUT_BOUND


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai_error("The model `x` does not exist", code="model_not_found")),
        (400, openai_error("Invalid 'tools[0].name'", param="tools[0].name")),
        (400, openai_error("Unsupported parameter", param="temperature")),
        (401, openai_error("Incorrect API key", code="invalid_api_key")),
        (402, {"error": {"code": 402, "message": "No credits"}}),
        (403, {"error": {"code": 403, "message": "No permission"}}),
        (404, {"detail": "Not Found"}),
        (429, openai_error("You exceeded your quota", code="insufficient_quota")),
        (429, openai_error("Slow down")),
    ],
)
def test_a_refusal_of_something_else_changes_nothing(status: int, body: object) -> None:
    assert replay_after(refuse(body, status)) is None


def test_a_failure_behind_a_proxy_may_be_the_histories() -> None:
    proxied = refuse({"error": {"message": "Upstream request failed", "type": "upstream_error"}}, 502)
    items = replay_after(proxied)
    assert items is not None
    assert item_types(items) == WITHOUT_BOUND
    assert replay_after(proxied, proxied) is None


def test_an_item_that_is_refused_in_any_form_goes_with_its_partner() -> None:
    history = make_history(*ITEMS, TEXT_ITEM, "again", origin="here")
    named = refuse(openai_error("No such call: call_1"))
    items = replay_after(named, named, history=history)
    assert items is not None
    assert item_types(items) == ["user", "reasoning", "web_search_call", "assistant", "user", "assistant", "user"]
    output = refuse(openai_error("Invalid output", param="input[6].output"))
    items = replay_after(output, history=history)
    assert items is not None
    assert item_types(items) == ["user", "reasoning", "web_search_call", "assistant", "user", "assistant", "user"]


def test_every_history_can_be_reduced_to_the_present_prompt() -> None:
    history = make_history(*ITEMS, TEXT_ITEM, "again", TEXT_ITEM, "and again", origin="here", failed=[3])
    unnamed, replay = refuse({"error": "Bad request"}), Replay(history)
    replay.build_input("here")
    count = 0
    while replay.reduce(unnamed.refusal):
        items = replay.build_input("here")
        count += 1
    assert [item["content"] for item in items] == [NOTE, "and again"]
    assert count <= 6


def test_only_one_refusal_of_each_kind_is_needed_for_many_items() -> None:
    searches = [{"type": "web_search_call", "id": f"ws_{number}", "status": "completed"} for number in range(50)]
    history = make_history("x", *searches, TEXT_ITEM, "y", origin="here")
    named = openai_error("Invalid value: 'web_search_call'. Supported values are: 'message'.", param="input[1]")
    items = replay_after(refuse(named), history=history)
    assert items is not None
    assert item_types(items) == ["user", "assistant", "user"]


def test_a_short_id_in_a_text_names_nothing() -> None:
    items = [{"type": "function_call", "call_id": "a", "name": "b", "arguments": "{}"}]
    assert find_refused_items(refuse(openai_error("a call")).refusal, items) == {}


def test_the_refused_text_is_not_shown() -> None:
    error = refuse(openai_error("The encrypted content gAAASECRET could not be verified."))
    assert "gAAASECRET" not in repr(error.refusal)


def test_the_client_asks_once_more_and_says_what_was_refused() -> None:
    refusal = httpx.Response(400, json=openai_error("No.", code="invalid_encrypted_content"))
    script = ScriptedModel([refusal, httpx.Response(200, json=make_response_body(TEXT_ITEM))])
    client = script.client()
    origin = client._compute_origin("normal")
    turn = client.respond(make_history(*ITEMS, origin=origin))
    assert turn.text == "hi"
    assert (turn.origin, turn.refusals) == (origin, {("prompt-1", 2): "content", ("prompt-1", 5): "content"})
    assert [item_types(body["input"]) for body in script.request_bodies] == [ALL_TYPES, WITHOUT_BOUND]


def test_a_refusal_in_a_stream_voids_what_was_streamed() -> None:
    broken = make_sse_response(
        {"type": "response.output_text.delta", "delta": "I am"},
        {"type": "response.failed", "response": {"error": {"code": "invalid_encrypted_content", "message": "No."}}},
    )
    script = ScriptedModel([broken, httpx.Response(200, json=make_response_body(TEXT_ITEM))])
    client = script.client()
    deltas: list[str | None] = []
    turn = client.respond(make_history(*ITEMS, origin=client._compute_origin("normal")), on_text=deltas.append)
    assert (turn.text, deltas) == ("hi", ["I am", None, "hi"])


def test_the_last_refusal_is_the_error() -> None:
    script = ScriptedModel([httpx.Response(400, json=openai_error("Never."))])
    client = script.client()
    with pytest.raises(ModelFailed, match="Never"):
        client.respond(make_history(*ITEMS, origin=client._compute_origin("normal")))
    assert len(script.request_bodies) == 2


TOO_LONG: list[tuple[int, object]] = [
    # OpenAI
    (400, openai_error(
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        code="context_length_exceeded", param="input",
    )),
    (400, openai_error(
        "This model's maximum context length is 4096 tokens. However, your messages resulted in 8227 tokens.",
        code="context_length_exceeded", param="messages",
    )),
    (429, openai_error(
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 49512. The input or output tokens"
        " must be reduced in order to run successfully.", code="rate_limit_exceeded",
    )),
    # vLLM
    (400, {"object": "error", "type": "BadRequestError", "param": None, "code": 400, "message":
           "This model's maximum context length is 6048 tokens. However, you requested 6616 tokens (568 in the"
           " messages, 6048 in the completion). Please reduce the length of the messages or completion."}),
    (400, {"error": {"message": "The decoder prompt (length 140000) is longer than the maximum model length of 131072."
                                " Make sure that `max_model_len` is no smaller than the number of text tokens."}}),
    (400, {"object": "error", "message": "max_tokens must be at least 1, got -186.", "code": 400}),
    # llama.cpp, by its older and its newer status
    (400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it",
                     "type": "exceed_context_size_error", "n_prompt_tokens": 14429, "n_ctx": 8192}}),
    (500, {"error": {"code": 500, "message": "the request exceeds the available context size. try increasing the"
                                             " context size or enable context shift", "type": "server_error"}}),
    (400, {"error": {"message": "Requested tokens (2285) exceed context window of 2048"}}),
    # OpenRouter, by itself and with a provider's error as a failure of its own
    (400, {"error": {"code": 400, "metadata": {"provider_name": None}, "message":
           "This endpoint's maximum context length is 16384 tokens. However, you requested about 94307 tokens (94307 of"
           ' text input). Please reduce the length of either one, or use the "middle-out" transform.'}}),
    (502, {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": (
        '{"object": "error", "message": "This model\'s maximum context length is 16000 tokens. However, you requested'
        ' 17165 tokens", "code": 400}')}}}),
    # LiteLLM, with Anthropic and with Bedrock behind it
    (400, openai_error("litellm.ContextWindowExceededError: litellm.BadRequestError: prompt is too long: 215000 tokens"
                       " > 200000 maximum")),
    (400, openai_error("litellm.BadRequestError: AnthropicException - input length and `max_tokens` exceed context"
                       " limit: 174167 + 64000 > 200000, decrease input length or `max_tokens` and try again")),
    (400, openai_error("BedrockException: Input is too long for requested model.")),
    # Gemini, xAI, Mistral, Groq, LM Studio, Ollama, TGI, Moonshot, Copilot
    (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
                      "The input token count (1300000) exceeds the maximum number of tokens allowed (1048575)."}}]),
    (400, {"error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}),
    (400, {"message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum"}),
    (413, {"error": {"message": "Request Entity Too Large", "type": "invalid_request_error"}}),
    (400, {"error": "Trying to keep the first 111490 tokens when context the overflows. However, the model is loaded"
                    " with context length of only 32768 tokens, which is not enough."}),
    (400, {"error": "the input length exceeds the context length"}),
    (422, {"error": "Input validation error: `inputs` must have less than 4096 tokens. Given: 9000",
           "error_type": "validation"}),
    (400, {"error": {"message": "Your request exceeded model token limit: 131072", "type": "invalid_request_error"}}),
    (400, {"error": {"message": "prompt token count of 140000 exceeds the limit of 128000"}}),
    (413, None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), TOO_LONG, ids=range(len(TOO_LONG)))
def test_a_refusal_of_the_length_leaves_out_the_older_half_at_once(status: int, body: object) -> None:
    history = make_history("one", TEXT_ITEM, "two", TEXT_ITEM, "three", TEXT_ITEM, "four", origin="here")
    error = refuse(body, status)
    assert not error.retryable
    items = replay_after(error, history=history)
    assert items is not None
    assert [item.get("content") for item in items if item.get("role") == "user"] == [NOTE, "three", "four"]
    streamed = error_from_response(body.get("error", body) if isinstance(body, dict) else {"message": body}, REDACTOR)
    if status == 400 and isinstance(body, dict):
        assert isinstance(streamed, ModelRefused)
        assert replay_after(streamed, history=history) == items


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"message": "Too many tokens, please wait before trying again.", "__type": "ThrottlingException"}),
        (429, openai_error("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested"
                           " 2000. Please try again in 2s.", code="rate_limit_exceeded")),
        (429, openai_error("Requests have exceeded token rate limit of your OpenAI S0 pricing tier.", code="429")),
        (503, {"error": {"message": "The model is overloaded. Please try again later.", "code": 503}}),
        (500, {"error": {"message": "CUDA out of memory", "code": 500}}),
        (408, {"error": {"message": "Request timed out"}}),
    ],
)  # fmt: skip
def test_a_failure_that_passes_is_no_refusal_of_the_length(status: int, body: object) -> None:
    error = refuse(body, status)
    assert error.retryable
    assert replay_after(error, history=make_history("one", TEXT_ITEM, "two")) is None


def test_a_refusal_with_a_number_of_any_length_is_read() -> None:
    digits = "9" * 5000
    for body in (openai_error(f"input[{digits}] is wrong"), {"error": f"['body', 'input', {digits}]"}):
        assert replay_after(refuse(body)) is not None
    assert "refuses: HTTP 400" in refuse({"error": {"code": int("9" * 4000), "message": "x"}}).message
