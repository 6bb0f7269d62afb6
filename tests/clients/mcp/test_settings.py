"""The MCP endpoint with other settings: how long a call waits, who approves, and which pages may call it."""

from collections.abc import Iterator

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.agent_api import expect_error
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client
from tests.harness.ids import unique_id
from tests.harness.mcp import call_tool, get_text, mcp_client, post_stateless, read_result
from tests.harness.runner_process import RunnerProcess
from tests.prompts.prompt_stream import decide, text_turn, unique_text

pytestmark = pytest.mark.clients

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    root = link_checkout(tmp_path_factory.mktemp("mcp"))
    with RunnerProcess.with_simulated_providers(
        root, MCP_WAIT_SECONDS="2", TOOL_APPROVERS="instances.destroy=other", API_CORS_ORIGIN=ORIGIN
    ) as running:
        yield running


@pytest.fixture
def mcp(runner: RunnerProcess) -> Iterator[httpx.Client]:
    with mcp_client(runner.url, unique_id("mcp-user-")) as client:
        yield client


@pytest.fixture
def simulator(runner: RunnerProcess) -> Iterator[SimulatorClient]:
    with SimulatorClient(runner.get_banner_value("simulator")) as client:
        yield client


@pytest.mark.limit("mcp-wait")
def test_a_call_waits_so_long_and_says_how_to_go_on(mcp: httpx.Client, simulator: SimulatorClient) -> None:
    text = unique_text()
    simulator.script_model({**text_turn("At last"), "latency_s": 8}, match=text)
    result = call_tool(mcp, "prompt", {"input": text})
    outcome = result["structuredContent"]
    assert (outcome["status"], outcome["text"], result["isError"]) == ("running", "", False)
    assert outcome["next"] == (
        f"It has not ended yet. Call prompt_result with promptId {outcome['promptId']} to get what becomes of it;"
        " do not repeat this call."
    )
    while outcome["status"] == "running":
        outcome = call_tool(mcp, "prompt_result", {"promptId": outcome["promptId"]})["structuredContent"]
    assert (outcome["status"], outcome["text"], "next" in outcome) == ("completed", "At last", False)


def test_a_call_that_somebody_else_approves_is_asked_nowhere(runner: RunnerProcess, mcp: httpx.Client) -> None:
    result = call_tool(mcp, "instances_destroy", {"instanceId": "nobody"}, can_ask=True)
    assert get_text(result).startswith("APPROVAL_REQUIRED: ")
    assert "Somebody else with the permission fleet:write decides" in get_text(result)
    prompt_id, call_id = result["_meta"]["pointsman/promptId"], result["_meta"]["pointsman/toolCallId"]
    with agent_client(runner.url, mcp.headers["X-User-Id"]) as own, agent_client(runner.url, "another") as other:
        expect_error(decide(own, prompt_id, toolCallId=call_id), 403, "FORBIDDEN")
        assert decide(other, prompt_id, toolCallId=call_id).status_code == 200
    outcome = call_tool(mcp, "prompt_result", {"promptId": prompt_id})["structuredContent"]
    assert outcome["calls"][0]["error"] == "Instance nobody not found"


def test_a_page_of_an_allowed_origin_may_call(mcp: httpx.Client) -> None:
    mcp.headers["Origin"] = ORIGIN
    response = post_stateless(mcp, "server/discover")
    assert read_result(response)["resultType"] == "complete"
    assert response.headers["access-control-allow-origin"] == ORIGIN
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "mcp-method,x-user-id"}
    preflight = httpx.options(f"{mcp.base_url}/mcp".replace("//mcp", "/mcp"), headers={"Origin": ORIGIN, **asked})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, ORIGIN)
    mcp.headers["Origin"] = "https://evil.example"
    expect_error(mcp.post("/mcp", json={}), 403, "FORBIDDEN")
