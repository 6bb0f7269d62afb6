"""The Python client's requests: what is sent again and what is not, and what becomes of every kind of error."""

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pointsman_client import (
    Agent,
    Fleet,
    OperationFailed,
    PointsmanError,
    RetryPolicy,
    WaitTimeout,
    operations,
    retries,
)
from tests.harness.scripted_server import ScriptedServer, build_answer, serve_script

QUICK = RetryPolicy(first_pause=0.001)
EMPTY_LIST = build_answer(200, '{"instances": []}')
UNAVAILABLE = build_answer(503, '{"error": "no", "code": "DATABASE_UNAVAILABLE", "requestId": "r"}')
STEP = {"name": "service", "status": "running", "startedAt": "2026-11-29T10:00:00Z", "endedAt": None}
OPERATION = {
    "operationId": "op-1", "instanceId": "a", "kind": "create", "status": "running", "steps": [STEP],
    "createdAt": "2026-11-29T10:00:00Z", "updatedAt": "2026-11-29T10:00:00Z",
}  # fmt: skip


def drop(connection: socket.socket) -> None:
    connection.close()


def open_fleet(server: ScriptedServer, **options: Any) -> Fleet:
    return Fleet(server.url, "key-of-the-test", retries=options.pop("retries", QUICK), verify=False, **options)


def open_agent(server: ScriptedServer, **options: Any) -> Agent:
    return Agent(server.url, user_id="ada", retries=QUICK, verify=False, **options)


def refuse(call: Callable[[], Any]) -> PointsmanError:
    with pytest.raises(PointsmanError) as caught:
        call()
    return caught.value


@pytest.mark.limit("python-attempts")
def test_a_request_is_sent_six_times() -> None:
    with serve_script(*[UNAVAILABLE] * 5, EMPTY_LIST) as server, open_fleet(server) as client:
        assert [*client.list_instances()] == []
        assert len(server.requests) == 6
    with serve_script(UNAVAILABLE) as server, open_fleet(server) as client:
        error = refuse(lambda: next(client.list_instances()))
        assert (error.status, error.code, error.attempts, len(server.requests)) == (503, "DATABASE_UNAVAILABLE", 6, 6)
    with serve_script(drop) as server, open_fleet(server) as client:
        error = refuse(lambda: next(client.list_instances()))
        assert (error.status, error.code, error.attempts, len(server.requests)) == (None, "CONNECTION_FAILED", 6, 6)


@pytest.mark.limit("python-pause")
def test_a_pause_is_at_most_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", pauses.append)
    throttled = build_answer(429, '{"message": "Too Many Requests"}', "Retry-After: 30")
    with serve_script(throttled, EMPTY_LIST) as server, open_fleet(server, retries=RetryPolicy()) as client:
        assert [*client.list_instances()] == []
        assert 30 <= pauses[0] <= 31
    longer = build_answer(429, '{"message": "Too Many Requests"}', "Retry-After: 31")
    with serve_script(longer, EMPTY_LIST) as server, open_fleet(server, retries=RetryPolicy()) as client:
        error = refuse(lambda: next(client.list_instances()))
        assert (error.code, error.retry_after, len(pauses)) == ("RATE_LIMITED", 31, 1)
    pauses = [RetryPolicy(attempts=100).get_pause(failures) or 0 for failures in range(1, 100)]
    assert max(pauses) <= 30
    assert min(pauses) >= 0.25


@pytest.mark.limit("python-answer")
def test_an_answer_that_does_not_come_is_a_failed_attempt() -> None:
    assert open_fleet(ScriptedServer("http://127.0.0.1:1")).client.get_httpx_client().timeout.read == 60
    answered = threading.Event()

    def wait(connection: socket.socket) -> None:
        answered.wait(20)

    with serve_script(wait, EMPTY_LIST) as server, open_fleet(server, timeout=0.2) as client:
        assert [*client.list_instances()] == []
        assert len(server.requests) == 2
        answered.set()


def test_a_write_is_repeated_with_its_key_and_each_has_another() -> None:
    done = build_answer(200, '{"instanceId": "a", "ok": true}')
    running = build_answer(409, '{"error": "no", "code": "IDEMPOTENCY_IN_PROGRESS"}', "Retry-After: 0")
    cut = build_answer(200, '{"instanceId": "a", "ok": true}')[:-5]
    bad_gateway = build_answer(502, "<html>", media_type="text/html")
    with serve_script(drop, bad_gateway, running, cut, done) as server, open_fleet(server) as client:
        assert client.redeploy_instance("a").ok is True
        assert client.redeploy_instance("a", idempotency_key="mine").ok is True
        keys = server.list_header("Idempotency-Key")
        assert (len(keys), len(set(keys[:5])), keys[5]) == (6, 1, "mine")


def test_a_conflict_and_a_failure_are_not_repeated() -> None:
    conflict = build_answer(409, '{"error": "busy", "code": "BUSY", "requestId": "r", "operationId": "op-1"}')
    with serve_script(conflict) as server, open_fleet(server) as client:
        error = refuse(lambda: client.destroy_instance("a"))
        assert (error.code, error.details, error.request_id) == ("BUSY", {"operationId": "op-1"}, "r")
        assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [drop, build_answer(502, "{}"), build_answer(503, "{}"), build_answer(504, "{}")])
def test_a_tool_that_may_have_run_is_not_called_again(answer: Any) -> None:
    with serve_script(answer) as server, open_agent(server) as client:
        refuse(lambda: client.call_tool("time.now"))
        assert len(server.requests) == 1


def test_a_tool_that_cannot_have_run_is_called_again() -> None:
    with serve_script(build_answer(429, "{}"), build_answer(200, '{"result": 7}')) as server:
        with open_agent(server) as client:
            assert client.call_tool("time.now") == 7
        assert len(server.requests) == 2


def test_a_redirect_is_an_error_and_takes_no_credential_along() -> None:
    with serve_script(EMPTY_LIST) as elsewhere:
        with serve_script(build_answer(302, "", f"Location: {elsewhere.url}/")) as server, open_fleet(server) as client:
            error = refuse(lambda: next(client.list_instances()))
            assert (error.status, error.code) == (302, "UNEXPECTED_RESPONSE")
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, '{"error": "No key", "code": "UNAUTHENTICATED", "requestId": "r1"}', ("UNAUTHENTICATED", "No key", "r1")),
        (404, '{"error": {"code": "NOT_FOUND", "message": "No prompt"}}', ("NOT_FOUND", "No prompt", "from-a-header")),
        (
            500,
            '{"message": "Internal Server Error"}',
            ("UNEXPECTED_RESPONSE", "Internal Server Error", "from-a-header"),
        ),
        (403, "<html>Forbidden</html>", ("FORBIDDEN", "The server answers 403 Status", "from-a-header")),
        (400, "[1]", ("UNEXPECTED_RESPONSE", "The server answers 400 Status", "from-a-header")),
    ],
)
def test_the_errors_of_apis_and_gateways_have_one_shape(status: int, body: str, expected: tuple[str, ...]) -> None:
    answer = build_answer(status, body, "X-Request-Id: from-a-header")
    with serve_script(answer) as server, open_fleet(server) as client:
        error = refuse(lambda: next(client.list_instances()))
        assert (error.status, (error.code, error.message, error.request_id)) == (status, expected)


def test_what_is_wrong_with_an_input_is_listed() -> None:
    issues = [{"path": ["timezone"], "message": "There is no such time zone"}]
    error = {"error": {"code": "VALIDATION_ERROR", "message": "The input is not valid", "details": issues}}
    with serve_script(build_answer(422, json.dumps(error))) as server, open_agent(server) as client:
        assert refuse(lambda: client.call_tool("time.now")).issues == issues


def test_an_answer_of_another_version_is_an_error_of_ours() -> None:
    with serve_script(build_answer(200, '{"services": []}')) as server, open_fleet(server) as client:
        assert refuse(lambda: next(client.list_instances())).code == "UNEXPECTED_RESPONSE"
    with serve_script(build_answer(200, "<html>", media_type="text/html")) as server, open_fleet(server) as client:
        assert refuse(lambda: next(client.list_instances())).code == "UNEXPECTED_RESPONSE"


def test_the_prefix_of_the_agent_api_may_be_another() -> None:
    with serve_script(build_answer(200, '{"prompts": []}')) as server:
        with open_agent(server, prefix="/v2/agents") as client:
            assert [*client.list_prompts(status="waiting")] == []
        assert server.requests[0].startswith("GET /v2/agents/prompts?status=waiting&limit=20 HTTP")
        assert server.list_header("X-User-Id") == ["ada"]


@pytest.mark.parametrize("address", ["", "example.org", "ftp://example.org", "https://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Fleet(address, "key-of-the-test", verify=False)


def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_script(EMPTY_LIST) as proxy, serve_script(EMPTY_LIST) as server:
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        with Fleet("http://agents.example.org", "key-of-the-test", retries=QUICK, verify=False) as client:
            assert [*client.list_instances()] == []
        assert proxy.requests[0].startswith("GET http://agents.example.org/instances HTTP")
        with open_fleet(server) as client:
            assert [*client.list_instances()] == []
        assert (len(proxy.requests), len(server.requests)) == (1, 1)


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_no_id_leads_to_another_path(segment: str) -> None:
    with serve_script(EMPTY_LIST) as server, open_fleet(server) as client, open_agent(server) as agent:
        for call in (
            lambda: client.destroy_tool("a", "openrouter", segment),
            lambda: client.destroy_instance(segment),
            lambda: agent.cancel(segment),
            lambda: list(agent.follow(segment)),
        ):
            assert refuse(call).code == "INVALID_INPUT"
        assert server.requests == []


@pytest.mark.limit("python-wait")
def test_an_operation_is_waited_for_twenty_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(operations, "time", clock)
    running = build_answer(200, json.dumps(OPERATION))
    with serve_script(running) as server, open_fleet(server) as client:
        with pytest.raises(WaitTimeout) as late:
            client.wait_for_operation("op-1")
        assert (clock.now, late.value.details) == (1200, {"operationId": "op-1"})
        polls = len(server.requests)
    clock.now = 0.0
    done = build_answer(200, json.dumps({**OPERATION, "status": "succeeded", "result": {}}))
    with serve_script(*[running] * (polls - 1), done) as server, open_fleet(server) as client:
        assert client.wait_for_operation("op-1").status == "succeeded"
        assert clock.now == 1200


def test_a_failed_operation_has_what_is_left() -> None:
    left = {"message": "no", "code": "OPERATION_FAILED", "left": ["the key key-1"]}
    leaked = build_answer(200, json.dumps({**OPERATION, "status": "leaked", "error": left}))
    with serve_script(leaked) as server, open_fleet(server) as client:
        with pytest.raises(OperationFailed) as failed:
            client.retry_operation("op-1")
        assert (failed.value.left, failed.value.code, failed.value.message) == (left["left"], "OPERATION_FAILED", "no")


@pytest.mark.parametrize("secret", ["", "a b\n", "ä-key", "key\r\nX: y"])
def test_a_credential_that_no_header_can_hold_is_not_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match="Authorization: the value") as refused:
        Fleet("http://127.0.0.1:1", secret, verify=False)
    assert not secret.strip() or secret.strip() not in str(refused.value)


@pytest.mark.parametrize("arguments", [{}, {"api_key": "k"}, {"api_key": "k", "token": "t"}])
def test_an_agents_client_must_identify_somebody(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Agent("http://127.0.0.1:1", verify=False, **arguments)
