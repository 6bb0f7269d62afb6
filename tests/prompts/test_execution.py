"""Prompts under the real state machine and functions: waiting without a process, resumption, recovery."""

import json

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from pointsman.prompts import termination
from pointsman.prompts.prompt_execution import recover_prompts, wake_if_stalled
from tests.harness import step_functions
from tests.harness.instances import create_request, new_instance_id
from tests.harness.wait import wait_until
from tests.harness.worker_processes import kill_workers
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call

ADVANCE = "advance_prompt.handler"


def create_turn(instance_id: str) -> dict[str, object]:
    return {"calls": [tool_call("instances.create", **create_request(instance_id, []))]}


def destroy_turn() -> dict[str, object]:
    """A call that needs an approval, and then raises, for there is no such instance."""
    return {"calls": [tool_call("instances.destroy", instanceId="nobody")]}


def wait_for_task_token(engine: EngineHarness, prompt_id: str) -> None:
    """Wait until the execution waits and its task token is stored."""
    wait_until(lambda: engine.prompt_row(prompt_id)["task_token"] is not None, 30)


def execution_statuses(engine: EngineHarness, stack: Stack, prompt_id: str) -> list[str]:
    executions = step_functions.list_executions(stack, engine.environment["PROMPT_STATE_MACHINE_ARN"], prompt_id)
    return sorted(execution["status"] for execution in executions)


def test_prompt_runs_to_its_end(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(
        {"calls": [tool_call("time.now")]}, {"text": "Late."}, {"text": "Never said."}, tokens=True
    )
    assert live_engine.wait_for_status(prompt_id, "completed", "failed") == "completed"
    assert live_engine.tool_results(prompt_id)[0]["timezone"] == "UTC"
    wait_until(lambda: execution_statuses(live_engine, stack, prompt_id) == ["SUCCEEDED"])


def test_approval_resumes_the_waiting_execution_and_creates_the_instance_once(
    live_engine: EngineHarness, stack: Stack, simulator: SimulatorClient
) -> None:
    instance_id = new_instance_id()
    prompt_id = live_engine.submit(create_turn(instance_id), {"text": "Created."})
    wait_for_task_token(live_engine, prompt_id)
    assert not [
        worker for worker in stack.status()["functions"]["AdvancePromptFunction"]["workers"] if worker["requestId"]
    ]
    assert simulator.list_leftovers() == []
    live_engine.decide(prompt_id)
    assert live_engine.wait_for_status(prompt_id, "completed", "failed") == "completed"
    (result,) = live_engine.tool_results(prompt_id)
    assert result["instanceId"] == instance_id
    assert [leftover.kind for leftover in simulator.list_leftovers()].count("service") == 1
    wait_until(lambda: execution_statuses(live_engine, stack, prompt_id) == ["SUCCEEDED"])
    assert live_engine.prompt_row(prompt_id)["restarts"] == 0


def test_rejection_resumes_the_waiting_execution(live_engine: EngineHarness, simulator: SimulatorClient) -> None:
    prompt_id = live_engine.submit(create_turn(new_instance_id()), {"text": "As you wish."})
    wait_for_task_token(live_engine, prompt_id)
    live_engine.decide(prompt_id, approve=False, reason="Too dear")
    live_engine.wait_for_status(prompt_id, "completed")
    assert live_engine.tool_results(prompt_id) == ["A person rejected this call: Too dear"]
    assert simulator.list_leftovers() == []


def test_decision_before_the_task_token_is_not_lost(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(destroy_turn(), {"text": "Well."})
    live_engine.wait_for_status(prompt_id, "waiting")
    live_engine.decide(prompt_id)
    live_engine.wait_for_status(prompt_id, "completed")
    assert live_engine.tool_results(prompt_id) == ["Instance nobody not found"]


def test_cancelling_ends_the_waiting_execution(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(destroy_turn())
    wait_for_task_token(live_engine, prompt_id)
    termination.cancel(live_engine.user_id, prompt_id)
    wait_until(lambda: execution_statuses(live_engine, stack, prompt_id) == ["SUCCEEDED"])
    assert live_engine.last_event(prompt_id) == ("error", {"message": "The prompt was cancelled"})


def test_killed_advance_is_retried_by_the_state_machine(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit({"text": "Hello.", "latency_s": 2.5})
    wait_until(lambda: len(live_engine.model_requests()) == 1)
    assert kill_workers(ADVANCE) >= 1
    assert live_engine.wait_for_status(prompt_id, "completed", "failed") == "completed"
    assert len(live_engine.model_requests()) == 2
    wait_until(lambda: execution_statuses(live_engine, stack, prompt_id) == ["SUCCEEDED"])


def test_killed_tool_is_not_run_again(live_engine: EngineHarness, simulator: SimulatorClient) -> None:
    """The operation that it started continues; only the loop does not know its outcome."""
    simulator.inject_fault("railway", "serviceCreate", "slow", seconds=2)
    instance_id = new_instance_id()
    prompt_id = live_engine.submit(create_turn(instance_id), {"text": "I do not know."})
    wait_for_task_token(live_engine, prompt_id)
    live_engine.decide(prompt_id)
    query = "SELECT FROM operation_steps s JOIN operations o ON o.id = s.operation_id WHERE o.instance_id = %s"
    wait_until(lambda: live_engine.db.execute(query, (instance_id,)).rowcount > 0)
    kill_workers(ADVANCE)
    assert live_engine.wait_for_status(prompt_id, "completed", "failed") == "completed"
    assert live_engine.tool_results(prompt_id)[0].startswith(
        "Outcome unknown: its process ended while the tool was running"
    )
    query = "SELECT status FROM operations WHERE instance_id = %s"
    wait_until(lambda: live_engine.db.execute(query, (instance_id,)).fetchall() == [{"status": "succeeded"}])


def test_prompt_that_fails_for_good_is_terminated_with_an_error(live_engine: EngineHarness, stack: Stack) -> None:
    """As the state machine does when advancing has failed permanently."""
    prompt_id = live_engine.submit({"text": "Never said.", "latency_s": 3.5})
    wait_until(lambda: len(live_engine.model_requests()) == 1)
    assert termination.terminate(prompt_id, 7) == {"closed": False}
    assert termination.terminate(prompt_id, 0) == {"closed": True}
    assert live_engine.last_event(prompt_id) == (
        "error",
        {"message": "The prompt broke off and could not be gone on with"},
    )
    wait_until(lambda: execution_statuses(live_engine, stack, prompt_id) == ["SUCCEEDED"], 30)
    assert live_engine.status(prompt_id) == "failed"


def test_prompt_submitted_while_step_functions_is_down_is_started_by_the_recovery(
    live_engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The database's secret is read while Secrets Manager, which has the same address here, still answers.
    assert recover_prompts({"dry": True}) == {"prompts": {}}
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
        prompt_id = live_engine.submit({"text": "Found."})
    live_engine.db.execute(
        "UPDATE prompts SET updated_at = clock_timestamp() - interval '1 hour' WHERE id = %s", (prompt_id,)
    )
    assert recover_prompts({"dry": True}) == {"prompts": {prompt_id: "started"}}
    assert live_engine.status(prompt_id) == "running"
    assert recover_prompts({}) == {"prompts": {prompt_id: "started"}}
    live_engine.wait_for_status(prompt_id, "completed")


def test_recovery_resumes_an_execution_that_missed_its_decision(
    live_engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_id = live_engine.submit(destroy_turn(), {"text": "Well."})
    wait_for_task_token(live_engine, prompt_id)
    assert recover_prompts({}) == {"prompts": {}}
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
        live_engine.decide(prompt_id)
    assert live_engine.status(prompt_id) == "running"
    wake_if_stalled(prompt_id)
    live_engine.wait_for_status(prompt_id, "completed")
    assert live_engine.prompt_row(prompt_id)["restarts"] == 0


def test_recovery_measures_stalled_prompts_and_pending_approvals(
    live_engine: EngineHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure() -> tuple[int, int, float]:
        capsys.readouterr()
        recover_prompts({"dry": True})
        (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        return line["PromptsStalled"], line["ApprovalsPending"], line["OldestApprovalSeconds"]

    assert measure() == (0, 0, 0)
    prompt_id = live_engine.submit(destroy_turn(), {"text": "Well."})
    wait_for_task_token(live_engine, prompt_id)
    live_engine.db.execute("UPDATE prompts SET updated_at = updated_at - interval '1 hour' WHERE id = %s", (prompt_id,))
    stalled, pending, oldest = measure()
    assert (stalled, pending) == (0, 1)
    assert 3600 <= oldest < 3660
    live_engine.decide(prompt_id)
    live_engine.wait_for_status(prompt_id, "completed")
    assert measure() == (0, 0, 0)


def test_recovery_restarts_a_prompt_whose_execution_has_ended(engine: EngineHarness) -> None:
    """This machine's executions end by themselves, so a running prompt is left without one."""
    prompt_id = engine.submit({"text": "Hello."})
    engine.db.execute(
        "UPDATE prompts SET deadline = clock_timestamp() - interval '1 minute',"
        " updated_at = clock_timestamp() - interval '2 minutes' WHERE id = %s",
        (prompt_id,),
    )
    recovered = wait_until(lambda: recover_prompts({"dry": True})["prompts"], description="the execution's end")
    assert recovered == {prompt_id: "restarted"}
    assert engine.prompt_row(prompt_id)["restarts"] == 0
    assert recover_prompts({}) == {"prompts": {prompt_id: "restarted"}}
    assert engine.prompt_row(prompt_id)["restarts"] == 1
    engine.advance(prompt_id)
    # Time without an execution does not count as working time.
    assert engine.last_event(prompt_id)[0] == "prompt.completed"


def test_scheduled_recovery_restarts_a_prompt_without_an_execution(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(destroy_turn(), {"text": "Well."})
    wait_for_task_token(live_engine, prompt_id)
    step_functions.forget_executions(prompt_id)
    live_engine.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    result = stack.fire_schedule("PromptRecoveryFunction")
    assert result.error is None
    assert prompt_id.encode() in result.payload
    live_engine.wait_for_status(prompt_id, "completed")
    assert live_engine.tool_results(prompt_id) == ["Not run: nobody approved this call in time"]


def test_decision_about_a_prompt_without_an_execution_starts_one(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(destroy_turn(), {"text": "Well."})
    wait_for_task_token(live_engine, prompt_id)
    step_functions.forget_executions(prompt_id)
    live_engine.decide(prompt_id)
    live_engine.wait_for_status(prompt_id, "completed")
    assert live_engine.tool_results(prompt_id) == ["Instance nobody not found"]


def test_execution_history_and_input_contain_no_prompt_text(live_engine: EngineHarness, stack: Stack) -> None:
    prompt_id = live_engine.submit(
        destroy_turn(), {"text": "Wordofthemodel."}, text=f"Wordoftheuser {new_instance_id()}"
    )
    wait_for_task_token(live_engine, prompt_id)
    live_engine.decide(prompt_id, approve=False, reason="Wordofthedecider")
    live_engine.wait_for_status(prompt_id, "completed")
    machine = live_engine.environment["PROMPT_STATE_MACHINE_ARN"]
    history = step_functions.execution_history(stack, step_functions.execution_arn(machine, prompt_id))
    assert len(history) > 10
    assert "Wordof" not in str(history)
