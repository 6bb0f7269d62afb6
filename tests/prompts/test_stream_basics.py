"""Each prompt endpoint once, and each of its errors."""

import json
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.clients import agent_client, open_client
from tests.harness.database import Database
from tests.prompts.prompt_stream import (
    PromptStream,
    decide,
    decide_successfully,
    destroy_turn,
    get_prompt,
    open_stream,
    post_prompt,
    run_prompt,
    start_prompt,
    text_turn,
    unique_text,
)
from tests.prompts.sse_readers import parse_strictly

UNKNOWN = "prompt-" + "0" * 32
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
ROUTES = [
    ("POST", "/prompt", {"input": "Hello"}), ("GET", f"/prompts/{UNKNOWN}/stream", None),
    ("GET", f"/prompts/{UNKNOWN}", None), ("POST", f"/prompts/{UNKNOWN}/approve", {"toolCallId": "call_1"}),
    ("POST", f"/prompts/{UNKNOWN}/reject", {"toolCallId": "call_1"}), ("POST", f"/prompts/{UNKNOWN}/cancel", None),
]  # fmt: skip


def delta_data(raw: bytes) -> list[dict[str, Any]]:
    return [message.data for message in parse_strictly(raw) if message.event == "prompt.delta"]


def test_a_prompt_returns_a_stream_of_its_events(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, text_turn("Hello."))
    assert {name: stream.response.headers[name] for name in HEADERS} == HEADERS
    assert stream.response.headers["x-request-id"]
    messages = stream.read_to_end()
    assert stream.raw.startswith(b"retry: 1000\n\nevent: prompt.created\ndata: {")
    assert [(message.event, message.id) for message in messages] == [
        ("prompt.created", "1"), ("prompt.output", "2"), ("prompt.completed", "3"),
    ]  # fmt: skip
    prompt = get_prompt(agent, stream.prompt_id)
    assert (prompt["status"], prompt["outputs"]) == ("completed", [messages[1].data])


def test_an_approved_call_runs_and_the_stream_continues(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Gone."))
    approval = stream.read_until_event("prompt.approval").data
    prompt_id = stream.prompt_id
    assert get_prompt(agent, prompt_id)["approval"] == {
        **approval,
        "expiresAt": get_prompt(agent, prompt_id)["approval"]["expiresAt"],
    }
    response = decide(agent, prompt_id, input=approval["input"])
    assert response.json() == {"promptId": prompt_id, "toolCallId": "call_1", "status": "approved"}
    assert stream.read_to_end()[-1].event == "prompt.completed"
    expect_error(decide(agent, prompt_id), 404, "PROMPT_NOT_FOUND")


def test_a_rejections_reason_is_returned_to_the_model(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Well."))
    stream.read_until_event("prompt.approval")
    response = decide(agent, stream.prompt_id, "reject", reason="Not today")
    assert response.json() == {"promptId": stream.prompt_id, "toolCallId": "call_1", "status": "rejected"}
    output = stream.read_until_event("prompt.output").data
    assert output["result"] == {"type": "error", "error": "A person rejected this call: Not today"}
    assert stream.read_to_end()[-1].event == "prompt.completed"


def test_cancelling_is_idempotent_and_ends_the_stream(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, destroy_turn())
    stream.read_until_event("prompt.approval")
    for _ in range(2):
        response = agent.post(f"/prompts/{stream.prompt_id}/cancel")
        assert (response.status_code, response.json()) == (200, {"promptId": stream.prompt_id, "status": "cancelled"})
    assert stream.read_to_end()[-1].data == {"message": "The prompt was cancelled"}


def test_several_streams_of_a_prompt_are_equal(agent: httpx.Client, simulator: SimulatorClient) -> None:
    first = start_prompt(agent, simulator, destroy_turn(), text_turn("Gone."))
    first.read_until_event("prompt.approval")
    with agent_client(str(agent.base_url).removesuffix("/api/"), agent.headers["x-user-id"]) as other:
        second, third = open_stream(other, first.prompt_id), open_stream(other, first.prompt_id, last_event_id=1)
        second.read_until_event("prompt.approval")
        decide_successfully(agent, first.prompt_id)
        messages = first.read_to_end()
        assert second.read_to_end() == messages
        assert third.read_to_end() == messages[1:]


def test_text_deltas_arrive_during_the_turn(agent: httpx.Client, simulator: SimulatorClient) -> None:
    text = "One two three four five."
    stream = start_prompt(agent, simulator, text_turn(text), stream="tokens")
    messages = stream.read_to_end()
    pieces = delta_data(stream.raw)
    assert len(pieces) > 1
    assert {tuple(piece) for piece in pieces} == {("promptId", "text")}
    assert "".join(piece["text"] for piece in pieces) == text == messages[1].data["content"]
    replay = open_stream(agent, stream.prompt_id)
    assert replay.read_to_end() == messages
    assert delta_data(replay.raw) == []


def test_a_restarted_turn_resets_its_deltas(agent: httpx.Client, simulator: SimulatorClient) -> None:
    turn = {**text_turn("One two three four."), "breaks": "dropped", "break_after": 2}
    stream = start_prompt(agent, simulator, turn, stream="tokens")
    stream.read_to_end()
    texts: list[str] = []
    for piece in delta_data(stream.raw):
        texts = [] if piece.get("reset") else [*texts, piece["text"]]
    assert "".join(texts) == "One two three four."
    assert [piece["text"] for piece in delta_data(stream.raw) if piece.get("reset")] == [""]


def test_without_tokens_there_are_no_deltas(agent: httpx.Client, simulator: SimulatorClient) -> None:
    stream = start_prompt(agent, simulator, text_turn("One two three."))
    stream.read_to_end()
    assert delta_data(stream.raw) == []


def test_a_repeated_idempotency_key_streams_the_same_prompt(agent: httpx.Client) -> None:
    text = unique_text()
    first = post_prompt(agent, text, key="k-1")
    messages = first.read_to_end()
    assert post_prompt(agent, text, key="k-1").read_to_end() == messages
    headers = {"Idempotency-Key": "k-1", "Last-Event-ID": "1"}
    again = PromptStream(agent, agent.build_request("POST", "/prompt", json={"input": text}, headers=headers))
    assert again.read_to_end() == messages[1:]
    other = agent.post("/prompt", json={"input": text + "!"}, headers={"Idempotency-Key": "k-1"})
    expect_error(other, 409, "IDEMPOTENCY_KEY_REUSED")


def test_resuming_a_post_without_a_key_is_422(agent: httpx.Client) -> None:
    response = agent.post("/prompt", json={"input": "Hello"}, headers={"Last-Event-ID": "1"})
    assert expect_error(response, 422, "VALIDATION_ERROR")["details"][0]["path"] == ["Last-Event-ID"]


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_stream_resumes_after_the_last_event_id(agent: httpx.Client, simulator: SimulatorClient, by: str) -> None:
    messages = run_prompt(agent, simulator, text_turn("Hello."))
    prompt_id = messages[0].data["promptId"]

    def resume_after(number: str) -> httpx.Response:
        options: dict[str, Any] = {"headers": {"Last-Event-ID": number}} if by == "header" else {}
        return agent.get(
            f"/prompts/{prompt_id}/stream", params={"lastEventId": number} if not options else {}, **options
        )

    for number in range(3):
        assert parse_strictly(resume_after(str(number)).content) == messages[number:]
    # 204 stops an EventSource from reconnecting.
    assert (resume_after("3").status_code, resume_after("3").content) == (204, b"")
    for number in ("4", "-1", "1.0", "x", "9" * 30):
        error = expect_error(resume_after(number), 422, "VALIDATION_ERROR")
        assert error["details"][0]["path"] == ["Last-Event-ID"]


def test_the_header_takes_precedence_over_the_query(agent: httpx.Client, simulator: SimulatorClient) -> None:
    messages = run_prompt(agent, simulator, text_turn("Hello."))
    path = f"/prompts/{messages[0].data['promptId']}/stream?lastEventId=1"
    assert parse_strictly(agent.get(path, headers={"Last-Event-ID": "2"}).content) == messages[2:]


@pytest.mark.parametrize(("body", "path"), [
    ({}, ["input"]), ({"input": 5}, ["input"]), ({"input": " \n"}, ["input"]), ({"input": "a\0b"}, ["input"]),
    ({"input": "x" * 100_001}, ["input"]), ({"input": "x", "model": "low"}, ["model"]),
    ({"input": "x", "model": None}, ["model"]), ({"input": "x", "stream": True}, ["stream"]),
    ({"input": "x", "conversationId": 1}, ["conversationId"]), ({"input": "x", "planted": 1}, ["planted"]),
    ([], []), ("x", []), (None, []),
])  # fmt: skip
def test_an_invalid_body_is_422_with_its_path(agent: httpx.Client, body: object, path: list[str]) -> None:
    response = agent.post("/prompt", content=json.dumps(body))
    error = expect_error(response, 422, "VALIDATION_ERROR")
    assert [issue["path"] for issue in error["details"]] == [path]


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 10_000, b'{"input": NaN}',
                                  b'{"input": "\\ud800"}', b'{"\\ud800": 1}'])  # fmt: skip
def test_a_body_that_is_not_json_is_422(agent: httpx.Client, body: bytes) -> None:
    assert expect_error(agent.post("/prompt", content=body), 422, "VALIDATION_ERROR")["details"]


@pytest.mark.parametrize(("what", "body", "path"), [
    ("approve", {}, ["toolCallId"]), ("approve", {"toolCallId": 1}, ["toolCallId"]),
    ("approve", {"toolCallId": "c", "reason": "x"}, ["reason"]), ("reject", {"toolCallId": ""}, ["toolCallId"]),
    ("reject", {"toolCallId": "c", "reason": "x" * 2001}, ["reason"]), ("reject", {"toolCallId": "c", "a": 1}, ["a"]),
])  # fmt: skip
def test_an_invalid_decision_is_422(agent: httpx.Client, what: str, body: Any, path: list[str]) -> None:
    error = expect_error(agent.post(f"/prompts/{UNKNOWN}/{what}", json=body), 422, "VALIDATION_ERROR")
    assert error["details"][0]["path"] == path


@pytest.mark.parametrize("keys", [[""], ["two words"], ["x" * 256], ["ü"], ["a", "b"]])
def test_an_invalid_idempotency_key_is_422(agent: httpx.Client, keys: list[str]) -> None:
    headers = [("Idempotency-Key", key.encode()) for key in keys]
    error = expect_error(agent.post("/prompt", json={"input": "x"}, headers=headers), 422, "VALIDATION_ERROR")
    assert error["details"][0]["path"] == ["Idempotency-Key"]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_requests_without_a_user_are_401(stack: Stack, method: str, path: str, body: object) -> None:
    with open_client(f"{stack.url}/api") as client:
        expect_error(client.request(method, path, json=body), 401, "AUTH_REQUIRED")
        expect_error(client.put(path, content=b" " * 1_100_000), 401, "AUTH_REQUIRED")


@pytest.mark.parametrize(("method", "path", "body"), ROUTES[1:])
@pytest.mark.parametrize("prompt_id", [UNKNOWN, "nonsense", "%00", "a%2Fb", "x" * 300])
def test_an_unknown_prompt_is_404(agent: httpx.Client, method: str, path: str, body: object, prompt_id: str) -> None:
    expect_error(agent.request(method, path.replace(UNKNOWN, prompt_id), json=body), 404, "PROMPT_NOT_FOUND")


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_other_methods_are_405(agent: httpx.Client, method: str, path: str, body: object) -> None:
    for other in {"GET", "POST", "PUT", "DELETE"} - {method}:
        response = agent.request(other, path)
        expect_error(response, 405, "METHOD_NOT_ALLOWED")
        assert response.headers["allow"] == method


@pytest.mark.parametrize(("method", "path", "body"), [route for route in ROUTES if route[2]])
def test_a_body_over_the_limit_is_413(agent: httpx.Client, method: str, path: str, body: object) -> None:
    expect_error(agent.request(method, path, content=b" " * (1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")


def test_a_stream_survives_a_lost_database_connection(
    agent: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(), text_turn("Gone."))
    stream.read_until_event("prompt.approval")
    db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pointsman'")
    decide_successfully(agent, stream.prompt_id)
    assert [message.id for message in stream.read_to_end()] == ["1", "2", "3", "4", "5"]


def test_a_conversation_runs_one_prompt_at_a_time(agent: httpx.Client, simulator: SimulatorClient) -> None:
    conversation_id = get_result(invoke_tool(agent, "conversation.create"))["id"]
    stream = start_prompt(agent, simulator, destroy_turn(), conversationId=conversation_id)
    stream.read_until_event("prompt.approval")
    body = {"input": "And?", "conversationId": conversation_id}
    expect_error(agent.post("/prompt", json=body), 409, "CONVERSATION_BUSY")
    assert get_prompt(agent, stream.prompt_id)["conversationId"] == conversation_id
    expect_error(agent.post("/prompt", json={**body, "conversationId": "conv-" + "0" * 32}), 404, "NOT_FOUND")
    assert agent.post(f"/prompts/{stream.prompt_id}/cancel").status_code == 200
    assert agent.post("/prompt", json=body).status_code == 200


def test_prompt_contents_are_not_logged(agent: httpx.Client, simulator: SimulatorClient, stack: Stack) -> None:
    stream = start_prompt(agent, simulator, destroy_turn(instance_id="planted-arguments"), text_turn("planted-answer"))
    stream.read_until_event("prompt.approval")
    decide_successfully(agent, stream.prompt_id, "reject", reason="planted-reason")
    stream.read_to_end()
    logs = [path.read_text() for path in (stack.settings.data / "logs").glob("*Prompt*.log")]
    assert logs
    assert "planted" not in "".join(logs)
