"""The model: what it refuses, what scripts make it say, and how it streams."""

import json
import re
import threading
import time
from typing import Any

import httpx
import pytest

from tests.harness.provider_api import ProviderClient

TIME = {
    "type": "function", "name": "time_now", "description": "The time", "strict": False,
    "parameters": {"type": "object", "properties": {}},
}  # fmt: skip
CALL = {"type": "function_call", "call_id": "c1", "name": "time_now", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "{}"}
MESSAGE = {
    "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "hi"}],
}  # fmt: skip
SEALED = {"include": ["reasoning.encrypted_content"]}


def create_response(api: ProviderClient, input_value: object = "hello", **body: Any) -> httpx.Response:
    whole = {"model": "m", "input": input_value, "store": False, **body}
    return api.create_model_response(whole)


def get_output_text(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(part["text"] for item in answer.json()["output"] for part in item.get("content", []))


def user_message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def build_tool_outputs(items: list[dict[str, Any]], text: str = "{}") -> list[dict[str, Any]]:
    calls = [item for item in items if item["type"] == "function_call"]
    return [{"type": "function_call_output", "call_id": call["call_id"], "output": text} for call in calls]


def parse_events(answer: httpx.Response) -> list[dict[str, Any]]:
    found = re.findall(r"^data: (.*)$", answer.text, re.MULTILINE)
    return [json.loads(data) for data in found if data != "[DONE]"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer bad-token"}, {"Authorization": "Basic good"}])
def test_a_key_is_needed(api: ProviderClient, headers: dict[str, str]) -> None:
    answer = httpx.post(
        f"{api.simulator.base_urls.model}/responses", json={"model": "m", "input": "x"}, headers=headers, verify=False
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"model": ""}, "model"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"messages": []}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{**TIME, "name": "time.now"}]}, "tools[0].name"),
        ({"tools": [{**TIME, "name": "x" * 129}]}, "tools[0].name"),
        ({"tools": [TIME, TIME]}, "tools[1].name"),
        ({"tools": [{"type": "function", "function": TIME}]}, "tools[0].name"),
        ({"tools": [{**TIME, "parameters": {}}]}, "tools[0].parameters"),
        ({"tools": [{**TIME, "strict": True}]}, "tools[0].parameters"),
        ({"tools": [{**TIME, "type": "web"}]}, "tools[0].type"),
        ({"tools": ["time_now"]}, "tools[0]"),
        ({"tool_choice": {"type": "function", "name": "none"}}, "tool_choice"),
        ({"include": ["?"]}, "include[0]"),
    ],
)
def test_a_request_that_is_wrong_is_refused_where_it_is(api: ProviderClient, change: Any, param: str) -> None:
    answer = create_response(api, **change) if "input" not in change else create_response(api, change["input"])
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        ([CALL], "No tool output found for function call c1."),
        ([OUTPUT], "No tool call found for function call output with call_id c1."),
        ([OUTPUT, CALL], "No tool call found"),
        ([CALL, CALL, OUTPUT], "Duplicate function call"),
        ([CALL, OUTPUT, OUTPUT], "Duplicate function call output"),
        ([{**CALL, "name": "time.now"}, OUTPUT], "does not match pattern"),
        ([{**CALL, "id": "msg_1"}, OUTPUT], "Expected an ID that begins with 'fc'"),
        ([{**CALL, "arguments": {}}, OUTPUT], "Invalid type for 'input[0].arguments'"),
        ([{**CALL, "call_id": "c" * 65}], "1 to 64 characters"),
        ([{**OUTPUT, "output": 5}], "Invalid type"),
        ([MESSAGE, MESSAGE], "Duplicate item found with id msg_1"),
        ([{name: MESSAGE[name] for name in MESSAGE if name != "id"}], "input[0].id"),
        ([{name: MESSAGE[name] for name in MESSAGE if name != "status"}], "input[0].status"),
        ([{**MESSAGE, "content": [{"type": "input_text", "text": "hi"}]}], "'output_text' and 'refusal'"),
        ([{"role": "user", "content": [{"type": "output_text", "text": "hi"}]}], "'input_text'"),
        ([{"role": "nobody", "content": "hi"}], "Invalid value: 'nobody'"),
        ([{"type": "item_reference", "id": "msg_1"}], "Invalid value: 'item_reference'"),
        ([{"role": "user", "content": "hi", "extra": 1}], "Unknown parameter: 'input[0].extra'"),
    ],
)
def test_items_that_are_wrong_are_refused(api: ProviderClient, items: Any, complaint: str) -> None:
    answer = create_response(api, items)
    assert (answer.status_code, complaint in answer.json()["error"]["message"]) == (400, True), answer.text


def test_what_is_no_json_and_what_is_elsewhere_is_refused(api: ProviderClient) -> None:
    answer = api.http.post(
        f"{api.simulator.base_urls.model}/responses", content="{", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert api.http.post(f"{api.simulator.base_urls.model}/chat/completions", json={}).status_code == 404


def test_errors_come_in_openrouters_shape_too(api: ProviderClient) -> None:
    api.simulator.update_config({"model": {"error_shape": "openrouter"}})
    assert create_response(api, store=True).json()["error"]["code"] == 400


def test_the_input_alone_determines_the_turn(api: ProviderClient) -> None:
    api.simulator.script_model(
        {"calls": [{"name": "time.now"}]}, {"calls": [{"name": "time_now"}] * 2}, {"text": "Noon."}
    )
    history: list[dict[str, Any]] = [user_message("what now?")]
    turns = []
    for _ in range(3):
        first, again = create_response(api, history, tools=[TIME]), create_response(api, history, tools=[TIME])
        shapes = [[(item["type"], item.get("name")) for item in one.json()["output"]] for one in (first, again)]
        assert shapes[0] == shapes[1]
        turns.append(shapes[0])
        history += [*again.json()["output"], *build_tool_outputs(again.json()["output"])]
    call = ("function_call", "time_now")
    assert turns == [[call], [call, call], [("message", None)]]
    assert get_output_text(create_response(api, history, tools=[TIME])) == "Done."


def test_turns_are_counted_without_ids_of_ours(api: ProviderClient) -> None:
    api.simulator.script_model({"text": "first"}, {"text": "second"}, match="x")
    assert get_output_text(create_response(api, [user_message("x")])) == "first"
    assert (
        get_output_text(
            create_response(
                api,
                [
                    user_message("x"),
                    {**CALL, "id": "fc_1"},
                    {**CALL, "call_id": "c2"},
                    OUTPUT,
                    {**OUTPUT, "call_id": "c2"},
                ],
            )
        )
        == "second"
    )
    assert get_output_text(create_response(api, [user_message("x"), MESSAGE, user_message("x")])) == "first"


def test_scripts_are_found_by_the_users_last_text_or_taken_from_the_queue(api: ProviderClient) -> None:
    api.simulator.script_model({"text": "red"}, match="apple")
    api.simulator.script_model({"text": "yellow"}, match="banana")
    api.simulator.script_model({"text": "one"})
    api.simulator.script_model({"text": "two"})
    assert [
        get_output_text(create_response(api, [user_message(text)]))
        for text in ("a banana", "an apple", "pear", "plum", "pear")
    ] == [
        "yellow",
        "red",
        "one",
        "two",
        "one",
    ]
    assert "another" in get_output_text(create_response(api, [user_message("another")]))
    api.simulator.script_model({"text": "three"})
    assert get_output_text(create_response(api, [user_message("pear")])) == "three"
    api.simulator.script_model({"text": "green"}, match="apple")
    assert get_output_text(create_response(api, [user_message("apple")])) == "green"
    api.simulator.clear_scripts()
    assert "apple" in get_output_text(create_response(api, [user_message("apple")]))


def test_a_script_that_repeats_never_ends(api: ProviderClient) -> None:
    api.simulator.script_model({"calls": [{"name": "time.now"}]}, repeat=True)
    history: list[dict[str, Any]] = [user_message("go")]
    for _ in range(5):
        output = create_response(api, history, tools=[TIME]).json()["output"]
        assert output[0]["type"] == "function_call"
        history += [*output, *build_tool_outputs(output)]


def test_calls_may_be_malformed_or_of_nothing_known(api: ProviderClient) -> None:
    calls = [{"name": "no.such", "arguments": "{half"}, {"name": "time.now", "arguments": {"a": 1}, "call_id": "mine"}]
    api.simulator.script_model({"text": "Let me see.", "calls": calls})
    _, first, second = create_response(api, "x", tools=[TIME]).json()["output"]
    assert (first["name"], first["arguments"]) == ("no.such", "{half")
    assert (second["name"], second["call_id"], json.loads(second["arguments"])) == ("time_now", "mine", {"a": 1})


def test_refusals_usage_and_unfinished_answers(api: ProviderClient) -> None:
    api.simulator.script_model({"refusal": "No."}, match="refuse")
    api.simulator.script_model({"text": "x", "usage": None}, match="none")
    api.simulator.script_model({"text": "x", "usage": {"input_tokens": 3, "output_tokens": 4}}, match="some")
    api.simulator.script_model({"text": "x", "incomplete": "max_output_tokens"}, match="cut")
    api.simulator.script_model(
        {"calls": [{"name": "a", "arguments": {"long": 1}}], "incomplete": "content_filter"}, match="stop"
    )
    answers = {text: create_response(api, text).json() for text in ("refuse", "none", "some", "cut", "stop")}
    assert answers["refuse"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert answers["none"]["usage"] is None
    assert answers["some"]["usage"]["total_tokens"] == 7
    assert answers["refuse"]["usage"]["total_tokens"] > 0
    cut, stop = answers["cut"], answers["stop"]
    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (stop["output"][0]["status"], stop["output"][0]["arguments"]) == ("incomplete", '{"lon')


def test_reasoning_must_come_back_sealed_whole_and_with_what_followed(api: ProviderClient) -> None:
    api.simulator.script_model({"reasoning": "Hm.", "calls": [{"name": "time.now"}]}, {"text": "Noon."})
    open_, sealed = (create_response(api, "x", tools=[TIME], **extra).json()["output"] for extra in ({}, SEALED))

    def replayed(*items: dict[str, Any]) -> tuple[int, str]:
        answer = create_response(api, [user_message("x"), *items], tools=[TIME])
        return answer.status_code, answer.text

    assert replayed(*sealed, *build_tool_outputs(sealed))[0] == 200
    assert replayed(*open_, *build_tool_outputs(open_))[0] == 404
    thought, call = sealed
    status, text = replayed(call, *build_tool_outputs(sealed))
    assert (status, "without its required 'reasoning' item" in text) == (400, True)
    assert replayed(thought)[0] == 400
    status, text = replayed({**thought, "summary": []}, call, *build_tool_outputs(sealed))
    assert (status, "invalid_encrypted_content" in text) == (400, True)
    api.simulator.update_config({"model": {"seals_reasoning": False}})
    assert create_response(api, "x", **SEALED).json()["error"]["param"] == "include"


def test_other_items_are_given_and_taken_back(api: ProviderClient) -> None:
    api.simulator.script_model(
        {"other": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}], "text": "Found."}
    )
    first = create_response(api, [user_message("x")]).json()["output"]
    assert [item["type"] for item in first] == ["web_search_call", "message"]
    assert create_response(api, [user_message("x"), *first, user_message("y")]).status_code == 200


def test_errors_strike_as_often_as_ordered(api: ProviderClient) -> None:
    quota = {"status": 429, "code": "insufficient_quota", "should_retry": False}
    api.simulator.script_model({"text": "ok", "error": {"status": 500}, "times": 2}, match="twice")
    api.simulator.script_model({"error": {"status": 429, "retry_after": 7}, "times": None}, match="always")
    api.simulator.script_model({"error": quota}, match="quota")
    assert [create_response(api, "twice").status_code for _ in range(3)] == [500, 500, 200]
    assert [create_response(api, "always").headers.get("retry-after") for _ in range(3)] == ["7"] * 3
    poor = create_response(api, "quota")
    assert (poor.json()["error"]["code"], poor.headers["x-should-retry"]) == ("insufficient_quota", "false")


def test_a_streamed_answer_comes_in_the_documented_order(api: ProviderClient) -> None:
    api.simulator.update_config({"model": {"noise": False}})
    api.simulator.script_model(
        {"reasoning": "Hm.", "text": "It is noon.\n", "calls": [{"name": "time.now", "arguments": {"a": 12345}}]}
    )
    answer = create_response(api, "x", tools=[TIME], stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = parse_events(answer)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert re.findall(r"^event: (.*)$", answer.text, re.MULTILINE) == [event["type"] for event in told]
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed",
    ]  # fmt: skip
    deltas = [event["delta"] for event in told if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == "It is noon.\n"
    assert told[0]["response"]["usage"] is None
    assert told[-1]["response"]["usage"]["total_tokens"] > 0
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert answer.text.endswith("data: [DONE]\n\n")


def test_noise_and_the_sentinel_can_be_had_and_not(api: ProviderClient) -> None:
    noisy = create_response(api, stream=True)
    assert ": OPENROUTER PROCESSING" in noisy.text
    numbers = [event["sequence_number"] for event in parse_events(noisy)]
    assert numbers == sorted(set(numbers))
    assert "response.debug" in noisy.text
    api.simulator.update_config({"model": {"done": False, "noise": False}})
    plain = create_response(api, stream=True)
    assert "[DONE]" not in plain.text
    assert "response.debug" not in plain.text


@pytest.mark.parametrize("breaks", ["error_event", "error_member", "failed", "truncated", "dropped"])
def test_a_stream_breaks_in_the_middle_once(api: ProviderClient, breaks: str) -> None:
    api.simulator.update_config({"model": {"noise": False}})
    api.simulator.script_model({"text": "one two three", "breaks": breaks, "break_after": 2})
    if breaks == "dropped":
        with pytest.raises(httpx.RemoteProtocolError):
            create_response(api, stream=True)
    else:
        answer = create_response(api, stream=True)
        assert answer.status_code == 200
        last = parse_events(answer)[-1]
        assert (last.get("type", "no type"), last.get("delta")) == {
            "error_event": ("error", None),
            "error_member": ("no type", None),
            "failed": ("response.failed", None),
            "truncated": ("response.output_text.delta", " two"),
        }[breaks]
    assert parse_events(create_response(api, stream=True))[-1]["type"] == "response.completed"


@pytest.mark.parametrize("breaks", ["error_event", "failed", "truncated", "dropped"])
def test_what_is_not_streamed_breaks_too(api: ProviderClient, breaks: str) -> None:
    api.simulator.script_model({"text": "one two three", "breaks": breaks})
    if breaks == "dropped":
        with pytest.raises(httpx.RemoteProtocolError):
            create_response(api)
    elif breaks == "truncated":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
            create_response(api).json()
    else:
        assert (create_response(api).json()["status"], create_response(api).json()["status"]) == ("failed", "completed")


def test_a_slow_answer_takes_its_time_and_deltas_come_one_by_one(api: ProviderClient) -> None:
    api.simulator.script_model({"text": "a b c", "latency_s": 0.1, "gap_s": 0.05})
    began = time.monotonic()
    create_response(api, stream=True)
    assert time.monotonic() - began >= 0.25


def test_a_stream_that_hangs_is_let_go_by_a_reset(api: ProviderClient) -> None:
    api.simulator.script_model({"text": "a b", "gap_s": 60})
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(create_response(api, stream=True).status_code))
    thread.start()
    while not api.simulator.list_calls():
        time.sleep(0.005)
    while thread.is_alive():
        api.simulator.reset()
        thread.join(0.05)
    assert seen == [200]


def test_faults_strike_the_model_as_they_do_providers(api: ProviderClient) -> None:
    api.simulator.inject_fault("model", "responses.create", "rate_limit", retry_after=3)
    limited = create_response(api)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    assert limited.json()["error"]["code"] == "rate_limit_exceeded"
    api.simulator.inject_fault("model", "*", "server_error", status=503, match="three")
    assert [create_response(api, text).status_code for text in ("one", "three")] == [200, 503]
    api.simulator.inject_fault("model", "*", "html")
    assert create_response(api).status_code == 502
    api.simulator.inject_fault("model", "*", "lost")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create_response(api)
    api.simulator.update_config({"model": {"rate_limit": {"requests": 0, "window_s": 5}}})
    assert create_response(api).status_code == 429


def test_call_log_summarizes_requests_without_the_key(api: ProviderClient) -> None:
    create_response(api, [user_message("hello"), CALL, OUTPUT], tools=[TIME], instructions="Be kind.")
    (entry,) = api.simulator.list_calls()
    assert (entry.provider, entry.operation, entry.status) == ("model", "responses.create", 200)
    body: Any = entry.body
    assert (body["tools"], body["instructions"], body["store"]) == (["time_now"], "Be kind.", False)
    assert [item["text"] for item in body["input"]] == ["hello", "{}", "{}"]
    assert len(body["digest"]) == 64
    assert "good" not in str(entry)
    assert api.simulator.list_leftovers() == []
