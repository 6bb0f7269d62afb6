"""Step Functions' interpreter: Lambda calls past boto3, shared programs, and ended executions that are forgotten.

The scripts run in processes of their own, because moto keeps its state in the process.
"""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from local.step_functions import execution_retention
from local.step_functions.execution_retention import MAX_AGE_SECONDS, MAX_ENDED, MAX_HISTORIES, select_kept
from tests.harness.python_process import run_python

START_SERVER = """
import asyncio, gc, json, tempfile, threading, time
from pathlib import Path
from local.lambda_service.invocation import InvocationResult
from local.lambda_service.service import PayloadTooLarge, TooManyRequests, UnknownFunction
from local.step_functions import execution_retention, lambda_calls
from local.step_functions.moto_server import MotoServer, StepFunctionsError

ROLE = "arn:aws:iam::123456789012:role/local"
folder = tempfile.TemporaryDirectory()
server = MotoServer(Path(folder.name) / "log")
server.start([])
call = server.call_step_functions

def create_machine(name, states):
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    return call("CreateStateMachine", {"name": name, "definition": definition, "roleArn": ROLE})["stateMachineArn"]

def start(machine, name, **data):
    return call("StartExecution", {"stateMachineArn": machine, "name": name, "input": json.dumps(data)})["executionArn"]

def wait_for_end(execution):
    while (found := call("DescribeExecution", {"executionArn": execution}))["status"] == "RUNNING":
        time.sleep(0.01)
    return found

def error_of(action, **body):
    try:
        call(action, body)
    except StepFunctionsError as error:
        return str(error)
    return ""
"""

CALL_LAMBDA = (
    START_SERVER
    + """
RESULTS = {
    "object": InvocationResult(b'{"a": [1, {"b": null}]}', None, "r1"),
    "text": InvocationResult(b'"plain"', None, "r2"),
    "not JSON": InvocationResult(b"plain", None, "r3"),
    "error": InvocationResult(b'{"errorType": "Permanent", "errorMessage": "no"}', "Unhandled", "r4"),
    "error without a type": InvocationResult(b'{"message": "no"}', "Unhandled", "r5"),
    "unknown": UnknownFunction("Function not found: unknown"),
    "too large": PayloadTooLarge("Request must be smaller than 6291556 bytes"),
    "throttled": TooManyRequests("Rate Exceeded."),
    "stopping": RuntimeError("Event loop is closed"),
}

class LambdaService:
    async def invoke(self, name, payload):
        payloads.append(payload.decode())
        result = RESULTS[json.loads(payload)["case"]]
        if isinstance(result, Exception):
            raise result
        return result

payloads = []
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
server.connect(LambdaService(), loop)
task = {
    "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
    "Parameters": {"FunctionName": "f", "Payload.$": "$"},
    "Catch": [{"ErrorEquals": ["Permanent"], "ResultPath": "$.caught", "Next": "Caught"}],
}
machine = create_machine("Calls", {"Call": task, "Caught": {"Type": "Pass", "End": True}})
http_requests = []
handle_invoke = server._handle_invoke
server._handle_invoke = lambda name, *rest: (http_requests.append(name), handle_invoke(name, *rest))[1]
outcomes = {}
for way in ("direct", "http"):
    if way == "http":
        lambda_calls._connected.clear()
    payloads.clear(), http_requests.clear()
    outcomes[way] = {"payloads": payloads, "http": http_requests}
    for case in RESULTS:
        execution = start(machine, f"{way}-{case.replace(' ', '-')}", case=case)
        found = wait_for_end(execution)
        events = call("GetExecutionHistory", {"executionArn": execution})["events"]
        details = [{k: v for k, v in event.items() if k.endswith("Details")} for event in events]
        outcomes[way][case] = [found["status"], found.get("output"), found.get("error"), found.get("cause"), details]
    outcomes[way] = json.loads(json.dumps(outcomes[way]))
print(json.dumps(outcomes))
server.stop()
"""
)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    return json.loads(run_python(CALL_LAMBDA).splitlines()[-1])


CASES = ["object", "text", "not JSON", "error", "error without a type", "unknown", "too large", "throttled", "stopping"]


@pytest.mark.parametrize("case", CASES)
def test_a_direct_lambda_call_ends_as_one_over_http(outcomes: dict[str, dict[str, Any]], case: str) -> None:
    direct, http = (json.dumps(outcomes[way][case]) for way in ("direct", "http"))
    assert mask_ids(direct).replace("direct-", "http-") == mask_ids(http)


def test_only_boto3_clients_use_the_endpoint(outcomes: dict[str, dict[str, Any]]) -> None:
    assert outcomes["direct"]["http"] == []
    assert len(outcomes["http"]["http"]) == len(CASES)
    assert outcomes["direct"]["payloads"] == outcomes["http"]["payloads"]


def test_lambda_errors_have_the_names_that_state_machines_catch(outcomes: dict[str, dict[str, Any]]) -> None:
    assert [outcomes["direct"][case][2] for case in ("unknown", "too large", "throttled", "stopping")] == [
        "Lambda.ResourceNotFoundException", "Lambda.RequestTooLargeException", "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
    ]  # fmt: skip
    status, output, *_ = outcomes["direct"]["error"]
    assert status == "SUCCEEDED"
    assert json.loads(output)["caught"]["Error"] == "Permanent"


FORGET = (
    START_SERVER
    + """
execution_retention.MAX_ENDED, execution_retention.MAX_HISTORIES = 30, 10
execution_retention._STARTS_PER_SWEEP, execution_retention._SETTLE_SECONDS = 10, 0.0
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.asl.eval.environment import Environment

def count_objects():
    gc.collect()
    kinds = [type(thing) for thing in gc.get_objects()]
    copies, environments = kinds.count(StateMachine), kinds.count(Environment)
    return {"copies": copies, "environments": environments, "threads": len(utils.TMP_THREADS)}

def list_names(machine):
    found = call("ListExecutions", {"stateMachineArn": machine, "maxResults": 1000})["executions"]
    return [execution["name"] for execution in found]

states = {"Run": {"Type": "Choice", "Choices": [{"Variable": "$.long", "BooleanEquals": True, "Next": "Sleep"}],
          "Default": "End"}, "Sleep": {"Type": "Wait", "Seconds": 600, "End": True}, "End": {"Type": "Succeed"}}
machine = create_machine("Short", states)
running = start(machine, "running", long=True)
counts = []
for number in range(300):
    last = start(machine, f"e{number}", long=False)
    wait_for_end(last)
    if number in (99, 199, 299):
        counts.append({"executions": len(list_names(machine)), **count_objects()})
first = last.replace("e299", "e0")
old = last.replace("e299", "e275")
print(json.dumps({
    "counts": counts,
    "running": call("DescribeExecution", {"executionArn": running})["status"],
    "forgotten": error_of("DescribeExecution", executionArn=first),
    "repeated": error_of("StartExecution", stateMachineArn=machine, name="e299", input='{"long": false}'),
    "repeated old": error_of("StartExecution", stateMachineArn=machine, name="e275", input='{"long": false}'),
    "repeated running": start(machine, "running", long=True) == running,
    "history": len(call("GetExecutionHistory", {"executionArn": last})["events"]),
    "old history": call("GetExecutionHistory", {"executionArn": old})["events"],
    "old status": call("DescribeExecution", {"executionArn": old})["status"],
    "stop of an old one": error_of("StopExecution", executionArn=old),
    "unknown token": error_of("SendTaskFailure", taskToken="none"),
}))
server.stop()
"""
)


@pytest.fixture(scope="module")
def retention() -> dict[str, Any]:
    return json.loads(run_python(FORGET).splitlines()[-1])


def test_what_ended_executions_leave_does_not_grow(retention: dict[str, Any]) -> None:
    assert max(count["executions"] for count in retention["counts"]) <= 1 + 30 + 10
    assert max(count["environments"] for count in retention["counts"]) <= 2 + 10 + 10
    assert max(count["copies"] for count in retention["counts"]) <= 2 + 30 + 10
    assert max(count["threads"] for count in retention["counts"]) <= 4 * 10


def test_a_running_execution_is_not_forgotten_and_a_recent_name_is_taken(retention: dict[str, Any]) -> None:
    assert retention["running"] == "RUNNING"
    assert retention["repeated running"]
    assert "Already Exists" in retention["repeated"]
    assert "Already Exists" in retention["repeated old"]
    assert "Does Not Exist" in retention["forgotten"]


def test_an_execution_without_history_still_has_its_status(retention: dict[str, Any]) -> None:
    assert retention["history"] > 0
    assert retention["old history"] == []
    assert retention["old status"] == "SUCCEEDED"
    assert retention["stop of an old one"] == ""
    assert "Internal Server Error" not in retention["unknown token"]


SHARE = (
    START_SERVER
    + """
states = {
    "First": {"Type": "Pass", "Result": {"list": [1], "deep": {"a": 1}}, "ResultPath": "$.result", "Next": "Second"},
    "Second": {"Type": "Pass", "Result": {"b": []}, "ResultPath": "$.result.deep", "Next": "Third"},
    "Third": {"Type": "Pass", "InputPath": "$.result", "ResultPath": "$.result.deep.b", "Next": "Each"},
    "Each": {"Type": "Map", "ItemsPath": "$.result.list", "ResultPath": "$.each", "End": True,
             "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"x": 1}, "End": True}}}},
}
machine = create_machine("Share", states)
outputs = []
for name in ("a", "b", "c"):
    found = wait_for_end(start(machine, name))
    outputs.append([found["status"], found.get("output"), found.get("cause")])
print(json.dumps(outputs))
server.stop()
"""
)


def test_executions_that_share_a_program_do_not_change_its_literals() -> None:
    outputs = json.loads(run_python(SHARE).splitlines()[-1])
    assert outputs[0][0] == "SUCCEEDED", outputs[0]
    assert outputs[1:] == outputs[:1] * 2


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ended(number: int, age: float, status: str = "SUCCEEDED") -> Any:
    worker = SimpleNamespace(env=f"environment {number}")
    return SimpleNamespace(stop_date=NOW - timedelta(seconds=age), status=status, exec_worker=worker)


def test_executions_are_forgotten_by_age_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_retention, "_create_empty_environment", lambda: None)
    running = SimpleNamespace(stop_date=None, status="RUNNING", exec_worker=SimpleNamespace(env="running"))
    too_old, newer = ended(0, MAX_AGE_SECONDS + 1), [ended(number, 10) for number in range(MAX_ENDED + 5)]
    assert select_kept([running, too_old, *newer], NOW) == [running, *newer[5:]]
    assert sum(execution.exec_worker.env is not None for execution in newer[5:]) == MAX_HISTORIES
    assert newer[-1].exec_worker.env is not None


def test_an_execution_that_moto_is_ending_is_kept() -> None:
    ending = [ended(0, MAX_AGE_SECONDS + 1, "RUNNING")]
    assert select_kept(ending, NOW) == ending
    assert ending[0].exec_worker.env == "environment 0"


def mask_ids(text: str) -> str:
    """Replace Lambda's request ids, which differ between two calls."""
    return "".join("Request ID: …;" + part.split(";", 1)[1] if index else part
                   for index, part in enumerate(text.split("Request ID: ")))  # fmt: skip
