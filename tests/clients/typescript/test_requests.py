"""What the built package makes of answers of gateways and broken servers: repeats, errors, and no secret in either."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.clients.typescript.node_project import NodeProject
from tests.clients.typescript.scripted_server import ScriptedAnswer, ScriptedServer, run_scripted_server

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

MAX_EVENT = 16 * 1024 * 1024
"""Characters."""

GATEWAY_429 = ScriptedAnswer(429, '{"message": "Too Many Requests"}', {"Retry-After": "0"})
GATEWAY_500 = ScriptedAnswer(500, '{"message": "Internal Server Error"}')
GATEWAY_503 = ScriptedAnswer(503, '{"message": "Service Unavailable"}')
CLOUDFRONT_502 = ScriptedAnswer(502, "<html>Bad gateway</html>", {"Content-Type": "text/html"})
TIMEOUT_504 = ScriptedAnswer(504, '{"error": {"code": "GATEWAY_TIMEOUT", "message": "Too slow"}}')
IN_PROGRESS = ScriptedAnswer(409, '{"error": "It runs", "code": "IDEMPOTENCY_IN_PROGRESS"}', {"Retry-After": "0"})
NO_ANSWER = ScriptedAnswer(None)
REGISTRY = ScriptedAnswer(body='{"tools": []}')
CREATED = ScriptedAnswer(body='{"instanceId": "agent-7"}')
RESULT = ScriptedAnswer(body='{"result": "late"}')


def event(name: str, event_id: int) -> str:
    data = {"promptId": "prompt-1", "type": "text", "content": "x"}
    return f"event: {name}\nid: {event_id}\ndata: {json.dumps(data)}\n\n"


def stream(*events: str, stays_open: bool = False) -> ScriptedAnswer:
    body = "retry: 1000\n\n" + "".join(events)
    return ScriptedAnswer(body=body, headers={"Content-Type": "text/event-stream"}, stays_open=stays_open)


def run(
    project: NodeProject, server: ScriptedServer, what: str, connection: dict[str, Any] | None = None, **more: object
) -> dict[str, Any]:
    """Run the scenario `request`; checks that no secret has shown."""
    options = {"baseUrl": server.url, "retry": {"minDelayMs": 1}, **(connection or {})}
    answer = project.run("request", what=what, connection=options, **more)
    assert answer.pop("isSecretShown") is False
    return answer


def test_a_read_is_repeated_after_what_passes(project: NodeProject) -> None:
    answers = [GATEWAY_429, GATEWAY_500, CLOUDFRONT_502, NO_ANSWER, TIMEOUT_504, REGISTRY]
    with run_scripted_server(*answers) as server:
        assert run(project, server, "getRegistry") == {"result": {"tools": []}}
    assert [request.line for request in server.requests] == ["GET /registry"] * len(answers)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer secret-0123456789"}
    assert [request for request in server.requests if "idempotency-key" in request.headers] == []


def test_a_write_is_repeated_with_its_key(project: NodeProject) -> None:
    with run_scripted_server(NO_ANSWER, GATEWAY_503, IN_PROGRESS, CREATED) as server:
        assert run(project, server, "createInstance") == {"result": {"instanceId": "agent-7"}}
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert (len(keys), len(set(keys)), len(keys[0])) == (4, 1, 32)


@pytest.mark.parametrize("answer", [GATEWAY_503, GATEWAY_500, CLOUDFRONT_502, TIMEOUT_504, NO_ANSWER])
def test_a_tool_that_may_have_run_is_not_called_again(project: NodeProject, answer: ScriptedAnswer) -> None:
    with run_scripted_server(answer) as server:
        error = run(project, server, "callTool")["error"]
    assert (error["status"], error["attempts"], len(server.requests)) == (answer.status or 0, 1, 1)


def test_a_tool_that_certainly_did_not_run_is_called_again(project: NodeProject) -> None:
    with run_scripted_server(GATEWAY_429, RESULT) as server:
        assert run(project, server, "callTool") == {"result": "late"}


@pytest.mark.limit("typescript-attempts")
def test_the_number_of_attempts_is_bounded(project: NodeProject) -> None:
    with run_scripted_server(*[GATEWAY_503] * 5, REGISTRY) as server:
        assert "result" in run(project, server, "getRegistry")
    with run_scripted_server(*[GATEWAY_503] * 6, REGISTRY) as server:
        error = run(project, server, "getRegistry")["error"]
    assert (error["code"], error["attempts"], len(server.requests)) == ("HTTP_503", 6, 6)


@pytest.mark.limit("typescript-pause")
def test_a_pause_that_is_asked_for_is_made_up_to_a_bound(project: NodeProject) -> None:
    retry = {"retry": {"minDelayMs": 1, "maxDelayMs": 1000}}
    for seconds, key in ((1, "result"), (2, "error")):
        with run_scripted_server(replace(GATEWAY_503, headers={"Retry-After": str(seconds)}), REGISTRY) as server:
            assert key in run(project, server, "getRegistry", retry)


@pytest.mark.limit("typescript-pause")
def test_what_asks_for_a_long_pause_is_an_error_at_once(project: NodeProject) -> None:
    quota = ScriptedAnswer(
        429, '{"error": {"code": "QUOTA_EXCEEDED", "message": "Later"}}', {"Retry-After": "1380", "x-request-id": "r-1"}
    )
    with run_scripted_server(quota) as server:
        error = run(project, server, "prompt")["error"]
    assert error == {
        "name": "PointsmanError", "message": "Later", "status": 429, "code": "QUOTA_EXCEEDED", "requestId": "r-1",
        "attempts": 1, "retryAfterMs": 1_380_000,
    }  # fmt: skip
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ScriptedAnswer(500, '{"error": "No", "code": "OPERATION_FAILED"}'), "OPERATION_FAILED"),
        (ScriptedAnswer(403, "<html>Blocked</html>"), "HTTP_403"),
        (ScriptedAnswer(413, "HTTP content length exceeded"), "HTTP_413"),
        (ScriptedAnswer(400, "[1]"), "HTTP_400"),
        (ScriptedAnswer(200, "<html>A proxy's page</html>"), "BAD_RESPONSE"),
    ],
)
def test_other_answers_are_errors_at_once(project: NodeProject, answer: ScriptedAnswer, code: str) -> None:
    with run_scripted_server(answer) as server:
        error = run(project, server, "getRegistry")["error"]
    assert (error["status"], error["code"], len(server.requests)) == (answer.status, code, 1)


def test_credentials_follow_no_redirect(project: NodeProject) -> None:
    with run_scripted_server(REGISTRY) as elsewhere:
        redirect = ScriptedAnswer(307, "", {"Location": f"{elsewhere.url}/registry"})
        with run_scripted_server(redirect) as server:
            error = run(project, server, "getRegistry", {"retry": {"attempts": 1}})["error"]
    assert (error["code"], elsewhere.requests) == ("UNREACHABLE", [])


@pytest.mark.limit("typescript-answer")
def test_a_server_that_does_not_answer_is_asked_again(project: NodeProject) -> None:
    with run_scripted_server(ScriptedAnswer(None, stays_open=True), REGISTRY) as server:
        assert run(project, server, "getRegistry", {"timeoutMs": 2000}) == {"result": {"tools": []}}
        assert len(server.requests) >= 2


@pytest.mark.limit("typescript-wait")
def test_an_operation_is_waited_for_up_to_a_bound(project: NodeProject) -> None:
    running = ScriptedAnswer(body='{"operationId": "op-1", "status": "running"}')
    succeeded = ScriptedAnswer(body='{"operationId": "op-1", "status": "succeeded", "kind": "destroy", "result": {}}')
    with run_scripted_server(running, succeeded) as server:
        assert "result" in run(project, server, "waitForOperation", waitTimeoutMs=60_000)
    with run_scripted_server(running) as server:
        error = run(project, server, "waitForOperation", waitTimeoutMs=0)["error"]
    assert (error["code"], len(server.requests)) == ("WAIT_TIMEOUT", 1)


@pytest.mark.limit("typescript-event")
def test_an_event_is_read_up_to_a_bound(project: NodeProject) -> None:
    head = 'event: prompt.completedid: 1data: {"promptId": "prompt-1", "usage": ""}'
    for length, is_read in ((MAX_EVENT, True), (MAX_EVENT + 1, False)):
        padding = "x" * (length - len(head))
        text = f'event: prompt.completed\nid: 1\ndata: {{"promptId": "prompt-1", "usage": "{padding}"}}\n\n'
        with run_scripted_server(stream(text)) as server:
            answer = run(project, server, "prompt")
        if is_read:
            assert answer == {"result": ["completed"]}
        else:
            assert answer["error"]["code"] == "BAD_RESPONSE"


@pytest.mark.limit("typescript-silence")
def test_a_stream_is_resumed_after_silence_refusals_and_ends(project: NodeProject) -> None:
    created, output, completed = event("prompt.created", 1), event("prompt.output", 2), event("prompt.completed", 3)
    answers = [
        GATEWAY_503, stream(), stream(created, stays_open=True), GATEWAY_429, CLOUDFRONT_502, stream(": over\n\n"),
        stream(output.replace("\n", "\r\n"), completed[:-1]), stream(event("prompt.news", 4), completed),
    ]  # fmt: skip
    with run_scripted_server(*answers) as server:
        result = run(project, server, "prompt", idleTimeoutMs=5000)
        assert result == {"result": ["created", "output", "completed"]}
    assert [request.line for request in server.requests] == [
        *["POST /api/prompt"] * 3,
        *["GET /api/prompts/prompt-1/stream"] * 5,
    ]
    assert len({request.headers.get("idempotency-key") for request in server.requests[:3]}) == 1
    ids = [request.headers.get("last-event-id") for request in server.requests]
    assert ids == [None, None, None, "1", "1", "1", "1", "2"]


def test_a_stream_that_is_none_is_an_error(project: NodeProject) -> None:
    with run_scripted_server(stream("event: prompt.created\nid: 1\ndata: nonsense\n\n")) as server:
        error = run(project, server, "prompt")["error"]
    assert (error["code"], len(server.requests)) == ("BAD_RESPONSE", 1)


def test_options_and_ids_that_cannot_be_are_refused_without_being_shown(project: NodeProject) -> None:
    errors = project.run("wrong_options")
    assert len(errors) == 15
    for error in errors:
        assert error.startswith("TypeError: "), error
        assert "secret" not in error
