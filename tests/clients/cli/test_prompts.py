"""Prompts, approvals and tools on the command line, with pipes and on a terminal."""

import json

import pytest

from local.simulator.client import SimulatorClient
from tests.clients.cli.program import Program
from tests.clients.cutting_proxy import CuttingProxy
from tests.prompts.prompt_stream import destroy_turn, text_turn, unique_text

pytestmark = pytest.mark.clients


def script(simulator: SimulatorClient, *turns: dict) -> str:
    text = unique_text()
    simulator.script_model(*turns, match=text)
    return text


def test_the_text_goes_to_the_output_and_the_rest_beside_it(pointsman: Program, simulator: SimulatorClient) -> None:
    tool = {"calls": [{"name": "time.now", "call_id": "c", "arguments": {"timezone": "UTC"}}], "usage": None}
    text = script(simulator, tool, text_turn("It is a quarter past ten in the morning."))
    completed = pointsman.run("prompts", "run", text)
    assert completed.stdout == "It is a quarter past ten in the morning.\n"
    assert "→ time.now" in completed.stderr
    assert "← time.now ✓" in completed.stderr
    (listed,) = pointsman.run_json("prompts", "list")
    assert (listed["status"], listed["id"] in completed.stderr) == ("completed", True)
    page = pointsman.run_json("prompts", "get", listed["id"])
    assert [output["type"] for output in page["outputs"]] == ["tool", "text"]
    assert "quarter past ten" in pointsman.run("prompts", "get", listed["id"]).stdout
    assert pointsman.run_json("prompts", "cancel", listed["id"])["status"] == "completed"


def test_events_as_json_lines(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, text_turn("Well."))
    events = pointsman.run_lines("prompts", "run", text)
    assert [event["event"] for event in events] == ["prompt.created", "prompt.output", "prompt.completed"]
    prompt_id = events[0]["data"]["promptId"]
    assert pointsman.run_lines("prompts", "follow", prompt_id) == events
    assert pointsman.run_lines("prompts", "follow", prompt_id, "--after", "2") == events[2:]


@pytest.mark.parametrize("answer", ["y", "n", "Not today."])
def test_a_person_decides_on_the_terminal(pointsman: Program, simulator: SimulatorClient, answer: str) -> None:
    text = script(simulator, destroy_turn(), text_turn("That is all."))
    with pointsman.open_terminal("prompts", "run", text) as terminal:
        terminal.wait_for('? instances.destroy {"instanceId": "nobody"}')
        terminal.wait_for("Approve? [y, n, or a reason why not] ")
        terminal.type(f"\n{answer}\n")
        terminal.wait_for("That is all.")
        assert terminal.wait() == 0
    decision = "approved" if answer == "y" else "rejected"
    assert f"  {decision} by " in terminal.screen
    (listed,) = pointsman.run_json("prompts", "list")
    (output,) = [one for one in pointsman.run_json("prompts", "get", listed["id"])["outputs"] if one["type"] == "tool"]
    assert ("rejected" in json.dumps(output["result"])) == (answer != "y")
    assert ("Not today." in json.dumps(output["result"])) == (answer == "Not today.")


def test_a_script_is_sent_away_with_a_code_and_decides_by_command(
    pointsman: Program, simulator: SimulatorClient
) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    left = pointsman.run("prompts", "run", text, code=7)
    (waiting,) = pointsman.run_json("approvals", "list")
    assert f"pointsman prompts follow {waiting['promptId']} --after 2" in left.stderr
    prompt_id, call_id = waiting["promptId"], waiting["toolCallId"]
    assert "instances.destroy" in pointsman.run("approvals", "list").stdout
    assert pointsman.run_lines("prompts", "follow", prompt_id, code=7)[-1]["event"] == "prompt.approval"
    assert pointsman.run_json("approvals", "approve", prompt_id, call_id)["status"] == "approved"
    # The replay shows the question again, but nobody is asked what was decided.
    events = pointsman.run_lines("prompts", "follow", prompt_id)
    assert [event["event"] for event in events][1:4] == ["prompt.approval", "prompt.decided", "prompt.call"]
    assert pointsman.run_error("approvals", "approve", prompt_id, call_id, code=4)["code"] == "PROMPT_NOT_FOUND"


def test_a_rejection_by_command(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    pointsman.run("prompts", "run", text, "--no-input", code=7)
    (waiting,) = pointsman.run_json("approvals", "list")
    rejected = pointsman.run_json("approvals", "reject", waiting["promptId"], waiting["toolCallId"], "--reason", "No.")
    assert rejected["status"] == "rejected"
    assert pointsman.run("prompts", "follow", waiting["promptId"], "--after", "2").stdout == "Well.\n"


def test_yes_approves_everything(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, destroy_turn("a"), destroy_turn("b"), text_turn("Both."))
    completed = pointsman.run("prompts", "run", text, "--yes")
    assert (completed.stdout, completed.stderr.count("approved by")) == ("Both.\n", 2)


def test_a_cut_stream_goes_on(pointsman: Program, proxy: CuttingProxy, simulator: SimulatorClient) -> None:
    tool = {"calls": [{"name": "time.now", "call_id": "c", "arguments": {"timezone": "UTC"}}], "usage": None}
    text = script(simulator, tool, text_turn("Whole, and once."))
    proxy.cut("POST /api/prompt", "event: prompt.output")
    proxy.cut("/stream", "Whole, and once.")
    completed = pointsman.replace(POINTSMAN_URL=proxy.url).run("prompts", "run", text)
    assert (proxy.cut_count, completed.stdout) == (2, "Whole, and once.\n")
    assert completed.stderr.count("← time.now") == 1


def test_an_interrupt_leaves_the_prompt_running(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, destroy_turn(), text_turn("Well."))
    with pointsman.open_terminal("prompts", "run", text) as terminal:
        terminal.wait_for("Approve?")
        terminal.interrupt()
        terminal.wait_for("The prompt goes on: pointsman prompts follow prompt-")
        assert terminal.wait() == 130
    (listed,) = pointsman.run_json("prompts", "list", "--status", "waiting")
    pointsman.run("prompts", "cancel", listed["id"])


def test_a_prompt_that_fails_and_one_that_takes_too_long(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, text_turn("Slow.") | {"latency_s": 20})
    late = pointsman.run("prompts", "run", text, "--timeout", "2", code=6)
    (listed,) = pointsman.run_json("prompts", "list", "--status", "running")
    assert f"The prompt goes on: pointsman prompts follow {listed['id']}" in late.stderr
    pointsman.run("prompts", "cancel", listed["id"])
    failed = pointsman.run("prompts", "follow", listed["id"], code=5)
    assert "The prompt has failed" in failed.stderr


def test_what_a_model_says_does_not_steer_the_terminal(pointsman: Program, simulator: SimulatorClient) -> None:
    text = script(simulator, text_turn("Red: \x1b[31m alert\x07."))
    assert pointsman.run("prompts", "run", text).stdout == "Red: \\x1b[31m alert\\x07.\n"


def test_tools_are_listed_and_called(pointsman: Program) -> None:
    assert "time.now" in {tool["id"] for tool in pointsman.run_json("tools", "list")}
    assert "time.now" in pointsman.run("tools", "list").stdout
    assert pointsman.run_json("tools", "call", "time.now", "--input", '{"timezone": "UTC"}')["timezone"] == "UTC"
    assert pointsman.run_json("tools", "call", "time.now", "-i", "-", stdin="{}")["timezone"] == "UTC"
    needs = pointsman.run_error("tools", "call", "instances.destroy", "-i", '{"instanceId": "nobody"}', code=7)
    assert needs["code"] == "APPROVAL_REQUIRED"
    wrong = pointsman.run("tools", "call", "time.now", "-i", '{"timezone": "Nowhere"}', code=1)
    assert "timezone: " in wrong.stderr
    assert pointsman.run_error("tools", "call", "time.now", "-i", "[]", code=2)["code"] == "USAGE"
    assert pointsman.run_error("tools", "call", "time.never", code=4)["status"] == 404
