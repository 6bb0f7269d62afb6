"""Approvals over MCP: asked at the client in the revision without sessions, else by an id; each call runs once."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.ids import unique_id
from tests.harness.mcp import call_tool, get_text, mcp_client, post_stateless, read_error
from tests.prompts.prompt_stream import decide, destroy_turn, get_prompt, text_turn, unique_text

ACCEPT, DECLINE, CANCEL = ({"approval": {"action": action}} for action in ("accept", "decline", "cancel"))


@pytest.fixture
def mcp(stack: Stack) -> Iterator[httpx.Client]:
    with mcp_client(stack.url, unique_id("mcp-user-")) as client:
        yield client


@pytest.fixture
def other_mcp(stack: Stack) -> Iterator[httpx.Client]:
    with mcp_client(stack.url, unique_id("mcp-other-user-")) as client:
        yield client


@pytest.fixture
def own_agent(mcp: httpx.Client, agent: httpx.Client) -> httpx.Client:
    """The Agent API for the same user."""
    agent.headers["X-User-Id"] = mcp.headers["X-User-Id"]
    return agent


def ask(mcp: httpx.Client, name: str = "instances_destroy", **arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Call a tool that needs an approval; returns the question, and what answers it."""
    given = arguments or {"instanceId": "nobody"}
    result = call_tool(mcp, name, given, can_ask=True)
    assert (result["resultType"], set(result["inputRequests"])) == ("input_required", {"approval"})
    question = result["inputRequests"]["approval"]
    assert question["method"] == "elicitation/create"
    return question["params"], {"name": name, "arguments": given, "requestState": result["requestState"]}


def reply(mcp: httpx.Client, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return call_tool(mcp, **call, can_ask=True, inputResponses=answer)


def test_an_accepted_question_runs_the_call_once(mcp: httpx.Client, own_agent: httpx.Client, api: httpx.Client) -> None:
    question, call = ask(mcp)
    assert question == {
        "mode": "form", "requestedSchema": {"type": "object", "properties": {}},
        "message": "Destroys instance nobody, its tools and its volumes; what is on them is lost\n\n"
                   'instances.destroy {"instanceId": "nobody"}',
    }  # fmt: skip
    assert len(own_agent.get("/approvals").json()["approvals"]) == 1
    result = reply(mcp, call, ACCEPT)
    assert (result["isError"], get_text(result)) == (True, "Instance nobody not found")
    for answer in (ACCEPT, DECLINE):
        assert get_text(reply(mcp, call, answer)).startswith("APPROVAL_NOT_WAITING: ")
    (prompt,) = own_agent.get("/prompts").json()["prompts"]
    assert (prompt["status"], prompt["title"], prompt["totalTokens"]) == ("completed", "Call of instances.destroy", 0)
    assert len(get_prompt(own_agent, prompt["id"])["outputs"]) == 1
    (entry,) = api.get("/audit", params={"target": prompt["id"]}).json()["entries"]
    assert (entry["action"], entry["actor"]) == ("approval.approve", {"kind": "user", "id": mcp.headers["X-User-Id"]})
    assert (entry["address"], entry["userAgent"]) == ("127.0.0.1", mcp.headers["User-Agent"])


@pytest.mark.parametrize("answer", [DECLINE, CANCEL])
def test_a_declined_or_dismissed_question_runs_nothing(
    mcp: httpx.Client, own_agent: httpx.Client, answer: dict[str, Any]
) -> None:
    _, call = ask(mcp)
    result = reply(mcp, call, answer)
    assert (result["isError"], get_text(result).split(":")[0]) == (True, "APPROVAL_REJECTED")
    assert own_agent.get("/approvals").json()["approvals"] == []
    assert get_text(reply(mcp, call, ACCEPT)).startswith("APPROVAL_NOT_WAITING: ")
    prompt_id = result["_meta"]["pointsman/promptId"]
    outcome = call_tool(mcp, "prompt_result", {"promptId": prompt_id})["structuredContent"]
    assert outcome["calls"][0]["error"].startswith("A person rejected this call")


def test_a_state_is_of_one_user_tool_and_input(mcp: httpx.Client, other_mcp: httpx.Client) -> None:
    _, call = ask(mcp)
    changed: list[tuple[httpx.Client, dict[str, Any]]] = [
        (other_mcp, call),
        (mcp, {**call, "arguments": {"instanceId": "somebody"}}),
        (mcp, {**call, "name": "instances_redeploy"}),
        *((mcp, {**call, "requestState": state}) for state in _tamper(call["requestState"])),
    ]
    for client, params in changed:
        response = post_stateless(client, "tools/call", {**params, "inputResponses": ACCEPT})
        code, message = read_error(response, 400)
        assert (code, message.startswith("The requestState is not")) == (-32602, True)
    assert get_text(reply(mcp, call, ACCEPT)) == "Instance nobody not found"


@pytest.mark.limit("mcp-request-state")
def test_a_state_has_at_most_4096_characters(mcp: httpx.Client) -> None:
    _, call = ask(mcp)
    assert len(call["requestState"]) < 4096
    for length in (4096, 4097):
        params = {**call, "requestState": call["requestState"].ljust(length, "A"), "inputResponses": ACCEPT}
        assert read_error(post_stateless(mcp, "tools/call", params), 400)[0] == -32602


def _tamper(state: str) -> Iterator[str]:
    payload, _, tag = state.partition(".")
    yield from (
        "",
        ".",
        "x",
        f"{payload}.",
        f".{tag}",
        f"{payload}.{tag[:-4]}AAAA",
        f"{payload[:-4]}AAAA.{tag}",
        state + "é",
    )


@pytest.mark.parametrize("answer", [None, {}, {"approval": {}}, {"approval": {"action": "yes"}}, {"other": {}}, []])
def test_a_state_comes_with_an_answer(mcp: httpx.Client, answer: Any) -> None:
    params = {"name": "instances_destroy", "arguments": {}, "requestState": "x", "inputResponses": answer}
    assert read_error(post_stateless(mcp, "tools/call", params), 400)[0] == -32602


def test_a_question_that_has_expired_runs_nothing(mcp: httpx.Client, db: Database) -> None:
    _, call = ask(mcp)
    db.execute(
        "UPDATE prompt_calls SET expires_at = clock_timestamp()"
        " WHERE prompt_id = (SELECT id FROM prompts WHERE user_id = %s)",
        (mcp.headers["X-User-Id"],),
    )
    assert get_text(reply(mcp, call, ACCEPT)).startswith("APPROVAL_NOT_WAITING: ")


def test_a_question_can_be_answered_elsewhere(mcp: httpx.Client, own_agent: httpx.Client) -> None:
    _, call = ask(mcp)
    (pending,) = own_agent.get("/approvals").json()["approvals"]
    assert decide(own_agent, pending["promptId"], "reject", toolCallId=pending["toolCallId"]).status_code == 200
    assert get_text(reply(mcp, call, ACCEPT)).startswith("APPROVAL_NOT_WAITING: ")


def test_a_secret_is_in_no_question_and_no_answer(mcp: httpx.Client, own_agent: httpx.Client, db: Database) -> None:
    secret = unique_id("hidden-value-")
    question, call = ask(
        mcp, "instances_configure", instanceId="nobody", variables={"API_TOKEN": secret}, redeploy=False
    )
    assert secret not in json.dumps(question)
    assert secret not in call["requestState"]
    assert "***" in question["message"]
    (pending,) = own_agent.get("/approvals").json()["approvals"]
    assert secret not in json.dumps(pending)
    result = reply(mcp, call, ACCEPT)
    assert get_text(result) == "Instance nobody not found"
    rows = db.execute("SELECT asked, secret FROM prompt_calls WHERE prompt_id = %s", (pending["promptId"],)).fetchall()
    assert [(row["secret"], secret in json.dumps(row["asked"])) for row in rows] == [(None, False)]


def test_a_prompts_calls_are_asked_and_the_prompt_goes_on(
    mcp: httpx.Client, own_agent: httpx.Client, simulator: SimulatorClient
) -> None:
    text = unique_text()
    simulator.script_model(destroy_turn("call_1"), destroy_turn("call_2", "other"), text_turn("Both done"), match=text)
    _, call = ask(mcp, "prompt", input=text)
    result = reply(mcp, call, ACCEPT)
    assert result["resultType"] == "input_required"
    second = {**call, "requestState": result["requestState"]}
    outcome = reply(mcp, second, DECLINE)["structuredContent"]
    assert (outcome["status"], outcome["text"]) == ("completed", "Both done")
    assert [call["error"].split(":")[0] for call in outcome["calls"]] == [
        "Instance nobody not found", "A person rejected this call",
    ]  # fmt: skip
    assert len(own_agent.get("/prompts").json()["prompts"]) == 1


def test_without_elicitation_a_prompt_says_what_waits(
    mcp: httpx.Client, own_agent: httpx.Client, simulator: SimulatorClient
) -> None:
    text = unique_text()
    simulator.script_model(destroy_turn(), text_turn("Done"), match=text)
    result = call_tool(mcp, "prompt", {"input": text})
    outcome = result["structuredContent"]
    assert (outcome["status"], outcome["approval"]["toolCallId"], result["isError"]) == ("waiting", "call_1", False)
    assert f"/prompts/{outcome['promptId']}/approve" in outcome["next"]
    assert outcome["next"] in get_text(result)
    assert decide(own_agent, outcome["promptId"]).status_code == 200
    assert call_tool(mcp, "prompt_result", {"promptId": outcome["promptId"]})["structuredContent"]["text"] == "Done"


@pytest.mark.limit("mcp-call-input")
def test_the_input_of_a_call_that_a_person_approves_is_bounded(mcp: httpx.Client) -> None:
    def configure(length: int) -> str:
        arguments = {"instanceId": "nobody", "variables": {"A": "x" * 50_000, "B": ""}, "redeploy": False}
        size = len(json.dumps(arguments))
        arguments["variables"] = {"A": "x" * 50_000, "B": "x" * (length - size)}
        return get_text(call_tool(mcp, "instances_configure", arguments))

    assert configure(100_000).startswith("APPROVAL_REQUIRED: ")
    assert configure(100_001).startswith("VALIDATION_ERROR: ")
