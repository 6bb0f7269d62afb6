import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until
from tests.harness.worker_processes import has_exited


def test_a_function_sees_its_own_variables_and_what_lambda_sets_and_no_more(runner: RunnerProcess, root: Path) -> None:
    answer, failed = runner.invoke("Echo")
    assert not failed
    environment = answer["env"]
    assert environment["STAGE"] == "dev"
    assert environment["RAILWAY_API_TOKEN"] == ""
    assert environment["RAILWAY_PROJECT_ID"] == "from-shell"
    assert environment["RAILWAY_API_URL"] == "https://example.invalid"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Echo"
    assert environment["_HANDLER"] == "things.echo.handler"
    assert environment["LAMBDA_TASK_ROOT"] == str(root / "functions")
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["AWS_ENDPOINT_URL"] == runner.status()["aws"]
    assert not {"SECRET_OF_SHELL", "SERVICES_API_KEY", "SERVICE_DATABASE_URL", "HOME", "PORT"} & environment.keys()


def test_a_function_gets_its_layer_and_lambdas_context(runner: RunnerProcess, root: Path) -> None:
    answer, _ = runner.invoke("Echo")
    assert answer["hello"] == "hello from the layer"
    assert str(root / "layers/shared") in answer["path"]
    assert answer["cwd"] == str(root / "functions")
    assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:Echo"
    assert (answer["name"], answer["memory"]) == ("Echo", "256")
    assert 8_000 < answer["remaining"] <= 10_000
    assert answer["requestId"]


def test_a_worker_is_kept_warm_and_its_handler_shows_in_the_process_list(runner: RunnerProcess) -> None:
    first, _ = runner.invoke("Echo")
    second, _ = runner.invoke("Echo")
    assert first["pid"] == second["pid"]
    assert psutil.Process(first["pid"]).cmdline()[1:] == ["-m", "awslambdaric", "things.echo.handler"]


def test_calls_at_once_get_processes_of_their_own(runner: RunnerProcess) -> None:
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: runner.invoke("Slow"), range(3)))
    assert len({answer["pid"] for answer, _ in answers}) > 1
    assert not any(failed for _, failed in answers)


@pytest.mark.limit("workers-of-a-function")
def test_calls_over_the_cap_wait_and_are_all_answered(runner: RunnerProcess) -> None:
    with ThreadPoolExecutor(14) as callers:
        answers = list(callers.map(lambda _: runner.invoke("Slow"), range(14)))
    assert not any(failed for _, failed in answers)
    assert len(runner.workers("Slow")) <= 10


def test_an_exception_is_lambdas_error_object(runner: RunnerProcess) -> None:
    error, failed = runner.invoke("Step", {"value": -1})
    assert failed
    assert (error["errorType"], error["errorMessage"]) == ("Permanent", "below zero")
    assert any("step.py" in line for line in error["stackTrace"])


def test_an_import_error_is_reported_and_the_next_call_tries_again(runner: RunnerProcess) -> None:
    for _ in range(2):
        error, failed = runner.invoke("Broken")
        assert failed
        assert error["errorType"] == "Runtime.ImportModuleError"
        assert "does_not_exist" in error["errorMessage"]


def test_a_function_over_its_timeout_is_killed_and_replaced(runner: RunnerProcess) -> None:
    event = {"pathParameters": {"what": "sleep"}}
    error, failed = runner.invoke("Misc", event)
    assert failed
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert runner.invoke("Misc", {"pathParameters": {"what": "other"}}) == (["a", "list"], False)


def test_a_worker_that_is_killed_at_work_is_an_exit_error_and_is_replaced(runner: RunnerProcess) -> None:
    runner.invoke("Step", {"value": 1})
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(runner.invoke, "Step", {"value": 2000})
        busy_worker = wait_until(lambda: next((w for w in runner.workers("Step") if w["requestId"]), None))
        os.kill(busy_worker["pid"], signal.SIGKILL)
        error, failed = call.result()
    assert failed
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert runner.invoke("Step", {"value": 1}) == ({"value": 2}, False)


def test_a_worker_that_is_killed_while_idle_is_replaced_silently(runner: RunnerProcess) -> None:
    for _ in range(5):
        answer, _ = runner.invoke("Echo")
        os.kill(answer["pid"], signal.SIGKILL)
        wait_until(lambda pid=answer["pid"]: has_exited(pid))
        assert runner.invoke("Echo")[1] is False


def test_warnings_reach_the_console_and_everything_the_log(runner: RunnerProcess, root: Path) -> None:
    start = len(runner.lines)
    runner.invoke("Misc", {"pathParameters": {"what": "warn"}})
    assert runner.wait_for_line("something is odd", start).endswith("! Misc: WARNING something is odd")
    log = root / ".pointsman" / "logs" / "Misc.log"
    wait_until(lambda: "plain line" in log.read_text(encoding="utf-8"))
    assert not any("plain line" in line for line in runner.lines)


def test_a_state_machine_runs_its_functions(runner: RunnerProcess) -> None:
    answer, failed = runner.invoke("Start", {"name": "ok", "value": 5})
    assert (answer, failed) == ({"status": "SUCCEEDED", "output": {"value": 7}}, False)


def test_an_error_of_a_function_is_caught_by_its_name(runner: RunnerProcess) -> None:
    answer, _ = runner.invoke("Start", {"name": "bad", "value": -5})
    assert answer == {"status": "SUCCEEDED", "output": {"caught": "Permanent"}}


def test_a_killed_task_is_retried_by_its_state_machine_and_then_caught(runner: RunnerProcess) -> None:
    killed: set[int] = set()
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(runner.invoke, "Start", {"name": "killed", "value": 3000})

        def kill_busy_workers() -> bool:
            for worker in runner.workers("Step"):
                if worker["requestId"] and worker["pid"] not in killed:
                    killed.add(worker["pid"])
                    os.kill(worker["pid"], signal.SIGKILL)
            return call.done()

        wait_until(kill_busy_workers)
    assert call.result() == ({"status": "SUCCEEDED", "output": {"caught": "Runtime.ExitError"}}, False)
    assert len(killed) == 3


@pytest.mark.parametrize("folder", ["functions/things", "layers/shared/greetings"])
def test_changed_code_is_taken_up(runner: RunnerProcess, root: Path, folder: str) -> None:
    path = root / ("functions/things/healthz.py" if folder.startswith("functions") else f"{folder}/__init__.py")
    before = path.read_text(encoding="utf-8")
    start = len(runner.lines)
    function, (old, new) = (
        ("Healthz", ('{"ok": true}', '{"ok": true, "new": 1}'))
        if folder.startswith("functions")
        else ("Echo", ("hello from the layer", "hello again"))
    )
    pid = (runner.invoke(function), runner.workers(function)[0]["pid"])[1]
    try:
        path.write_text(before.replace(old, new), encoding="utf-8")
        assert path.name in runner.wait_for_line("changed:", start)
        wait_until(lambda: has_exited(pid))
        answer, _ = runner.invoke(function)
        assert (answer["body"] if function == "Healthz" else answer["hello"]) == new
    finally:
        path.write_text(before, encoding="utf-8")
        wait_until(lambda: sum("changed:" in line for line in runner.lines[start:]) >= 2)


def test_a_changed_definition_is_taken_up_and_a_changed_template_announced(runner: RunnerProcess, root: Path) -> None:
    start = len(runner.lines)
    path = root / "statemachines/chain.asl.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("Next: Second", "End: true"), encoding="utf-8")
    try:
        assert "Chain is redefined" in runner.wait_for_line("chain.asl.yaml changed", start)
        answer, _ = runner.invoke("Start", {"name": "redefined", "value": 5})
        assert answer["output"] == {"value": 6}
    finally:
        # The runner serves other tests too, in any order.
        path.write_text(before, encoding="utf-8")
        wait_until(lambda: sum("Chain is redefined" in line for line in runner.lines[start:]) >= 2)
    template = root / "template.yaml"
    template.write_text(template.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert "restart" in runner.wait_for_line("template.yaml changed", start)
