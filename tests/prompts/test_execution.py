"""Prompts under the real state machine and functions: they wait without a process, are woken, and survive what dies."""

import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack
from pointsman.prompts import closing, deciding
from pointsman.prompts.recovering import nudge_if_silent, recover
from tests.prompts.agent_of_tests import call
from tests.prompts.bench import Bench, until_true
from tests.workflow.helpers import fresh_id, kill_tasks

ADVANCE = "tasks.advance_prompt.handler"


def creation(instance_id: str) -> dict[str, object]:
    arguments = {"instanceId": instance_id, "name": f"convos-agent-{instance_id}", "tools": []}
    return {"calls": [call("instances.create", **arguments)]}


def destruction() -> dict[str, object]:
    """Of something that is not there, so the tool raises; it must be approved all the same."""
    return {"calls": [call("instances.destroy", instanceId="nobody")]}


def until_it_stands(bench: Bench, prompt_id: str) -> None:
    """Wait until the execution stands still with its token kept."""
    until_true(lambda: bench.row(prompt_id)["task_token"] is not None, 30)


def lose_execution(bench: Bench, prompt_id: str) -> None:
    """As a restart of the runner does, because moto keeps executions in memory."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for backends in stepfunctions_parser_backends.values():
        for backend in backends.values():
            for machine in backend.state_machines:
                machine.executions[:] = [one for one in machine.executions if not one.name.startswith(prompt_id)]


def executions(bench: Bench, stack: Stack, prompt_id: str) -> list[str]:
    wanted = {"stateMachineArn": bench.environment["PROMPT_STATE_MACHINE_ARN"]}
    found = stack._running.aws._states("ListExecutions", wanted, "prompt")["executions"]
    return sorted(one["status"] for one in found if one["name"].startswith(prompt_id))


def test_prompt_runs_from_beginning_to_end(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin({"calls": [call("time.now")]}, {"text": "Late."}, {"text": "Never said."}, tokens=True)
    assert live.until_status(prompt_id, "completed", "failed") == "completed"
    assert live.results(prompt_id)[0]["timezone"] == "UTC"
    until_true(lambda: executions(live, stack, prompt_id) == ["SUCCEEDED"])


def test_approval_wakes_the_execution_that_waits_and_the_instance_is_created_once(
    live: Bench, stack: Stack, simulator: SimulatorClient
) -> None:
    instance_id = fresh_id()
    prompt_id = live.begin(creation(instance_id), {"text": "Created."})
    until_it_stands(live, prompt_id)
    assert not [one for one in stack.status()["functions"]["AdvancePromptFunction"]["workers"] if one["requestId"]]
    assert simulator.leftovers() == []
    live.decide(prompt_id)
    assert live.until_status(prompt_id, "completed", "failed") == "completed"
    (result,) = live.results(prompt_id)
    assert result["instanceId"] == instance_id
    assert [left.kind for left in simulator.leftovers()].count("service") == 1
    until_true(lambda: executions(live, stack, prompt_id) == ["SUCCEEDED"])
    assert live.row(prompt_id)["restarts"] == 0


def test_rejection_wakes_it_too(live: Bench, simulator: SimulatorClient) -> None:
    prompt_id = live.begin(creation(fresh_id()), {"text": "As you wish."})
    until_it_stands(live, prompt_id)
    live.decide(prompt_id, approve=False, reason="Too dear")
    live.until_status(prompt_id, "completed")
    assert live.results(prompt_id) == ["A person rejected this call: Too dear"]
    assert simulator.leftovers() == []


def test_decision_that_comes_before_the_token_is_not_missed(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin(destruction(), {"text": "Well."})
    live.until_status(prompt_id, "waiting")
    live.decide(prompt_id)
    live.until_status(prompt_id, "completed")
    assert live.results(prompt_id) == ["Instance nobody not found"]


def test_cancelling_ends_the_execution_that_waits(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin(destruction())
    until_it_stands(live, prompt_id)
    deciding.cancel(live.user, prompt_id)
    until_true(lambda: executions(live, stack, prompt_id) == ["SUCCEEDED"])
    assert live.last(prompt_id) == ("error", {"message": "The prompt was cancelled"})


def test_advance_that_is_killed_is_tried_again_by_the_state_machine(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin({"text": "Hello.", "latency_s": 2.5})
    until_true(lambda: len(live.asked()) == 1)
    assert kill_tasks(ADVANCE) >= 1
    assert live.until_status(prompt_id, "completed", "failed") == "completed"
    assert len(live.asked()) == 2
    until_true(lambda: executions(live, stack, prompt_id) == ["SUCCEEDED"])


def test_tool_that_was_killed_is_not_run_again(live: Bench, simulator: SimulatorClient) -> None:
    """The operation that it began goes on; only the loop does not know how it ended."""
    simulator.fault("railway", "serviceCreate", "slow", seconds=2)
    instance_id = fresh_id()
    prompt_id = live.begin(creation(instance_id), {"text": "I do not know."})
    until_it_stands(live, prompt_id)
    live.decide(prompt_id)
    query = "SELECT FROM operation_steps s JOIN operations o ON o.id = s.operation_id WHERE o.instance_id = %s"
    until_true(lambda: live.db.execute(query, (instance_id,)).rowcount > 0)
    kill_tasks(ADVANCE)
    assert live.until_status(prompt_id, "completed", "failed") == "completed"
    assert live.results(prompt_id)[0].startswith("Outcome unknown: its process ended while the tool was running")
    query = "SELECT status FROM operations WHERE instance_id = %s"
    until_true(lambda: live.db.execute(query, (instance_id,)).fetchall() == [{"status": "succeeded"}])


def test_prompt_that_breaks_off_for_good_is_closed_with_an_error(live: Bench, stack: Stack) -> None:
    """As the state machine does it when advancing has failed in a way that will not pass."""
    prompt_id = live.begin({"text": "Never said.", "latency_s": 3.5})
    until_true(lambda: len(live.asked()) == 1)
    assert closing.close(prompt_id, 7) == {"closed": False}
    assert closing.close(prompt_id, 0) == {"closed": True}
    assert live.last(prompt_id) == ("error", {"message": "The prompt broke off and could not be gone on with"})
    until_true(lambda: executions(live, stack, prompt_id) == ["SUCCEEDED"], 30)
    assert live.status(prompt_id) == "failed"


def test_prompt_begun_while_step_functions_is_away_is_started_by_the_recovery(
    live: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
        prompt_id = live.begin({"text": "Found."})
    live.db.execute("UPDATE prompts SET updated_at = clock_timestamp() - interval '1 hour' WHERE id = %s", (prompt_id,))
    assert recover({"dry": True}) == {"prompts": {prompt_id: "started"}}
    assert live.status(prompt_id) == "running"
    assert recover({}) == {"prompts": {prompt_id: "started"}}
    live.until_status(prompt_id, "completed")


def test_recovery_tells_an_execution_what_has_been_decided(live: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt_id = live.begin(destruction(), {"text": "Well."})
    until_it_stands(live, prompt_id)
    assert recover({}) == {"prompts": {}}
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
        live.decide(prompt_id)
    assert live.status(prompt_id) == "running"
    nudge_if_silent(prompt_id)
    live.until_status(prompt_id, "completed")
    assert live.row(prompt_id)["restarts"] == 0


def test_recovery_restarts_what_its_execution_has_left_alone(bench: Bench) -> None:
    """The machine here ends at once, so a prompt that still runs has been left alone."""
    prompt_id = bench.begin({"text": "Hello."})
    bench.db.execute(
        "UPDATE prompts SET deadline = clock_timestamp() - interval '1 minute',"
        " updated_at = clock_timestamp() - interval '2 minutes' WHERE id = %s",
        (prompt_id,),
    )
    assert recover({"dry": True}) == {"prompts": {prompt_id: "restarted"}}
    assert bench.row(prompt_id)["restarts"] == 0
    assert recover({}) == {"prompts": {prompt_id: "restarted"}}
    assert bench.row(prompt_id)["restarts"] == 1
    bench.advance(prompt_id)
    # The time in which nobody worked on it does not count.
    assert bench.last(prompt_id)[0] == "prompt.completed"


def test_recovery_starts_what_lost_its_execution_by_schedule(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin(destruction(), {"text": "Well."})
    until_it_stands(live, prompt_id)
    lose_execution(live, prompt_id)
    live.db.execute("UPDATE prompt_calls SET expires_at = clock_timestamp() WHERE prompt_id = %s", (prompt_id,))
    done = stack.fire_schedule("PromptRecoveryFunction")
    assert done.error is None
    assert prompt_id.encode() in done.payload
    live.until_status(prompt_id, "completed")
    assert live.results(prompt_id) == ["Not run: nobody approved this call in time"]


def test_decision_about_a_prompt_whose_execution_is_gone_starts_another(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin(destruction(), {"text": "Well."})
    until_it_stands(live, prompt_id)
    lose_execution(live, prompt_id)
    live.decide(prompt_id)
    live.until_status(prompt_id, "completed")
    assert live.results(prompt_id) == ["Instance nobody not found"]


def test_neither_the_history_nor_the_input_of_an_execution_holds_a_word_of_anybody(live: Bench, stack: Stack) -> None:
    prompt_id = live.begin(destruction(), {"text": "Wordofthemodel."}, text=f"Wordoftheuser {fresh_id()}")
    until_it_stands(live, prompt_id)
    live.decide(prompt_id, approve=False, reason="Wordofthedecider")
    live.until_status(prompt_id, "completed")
    machine = live.environment["PROMPT_STATE_MACHINE_ARN"]
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{prompt_id}"
    history = stack._running.aws._states("GetExecutionHistory", {"executionArn": execution}, "prompt")
    assert len(history["events"]) > 10
    assert "Wordof" not in str(history)
