"""The bundle's own plugins as composed: their tools, which of them a model gets, and which need an approval."""

import json
import re
import zoneinfo
from datetime import datetime, timedelta

import pytest

from composition import compose
from pointsman.agent import Invocation, Prompt, describe_tool
from pointsman.agent.plugins import time as time_plugin
from pointsman.errors import CompositionError, InvalidToolInput
from pointsman.providers.registry import TOOLS
from tests.harness.python_process import run_python

AGENT = compose()
INVOCATION = Invocation("user-1", AGENT.services, ["*"])
TOOLS_WITH_APPROVAL = {"instances.create", "instances.destroy", "instances.redeploy", "instances.configure"}
TOOLS_WITHOUT_APPROVAL = {"time.now", "instances.registry", "instances.list", "instances.status"}
CLIENT_ONLY_TOOLS = {"conversation.create", "conversation.list", "conversation.get", "conversation.delete"}


def call_tool(tool_id: str, **arguments: object) -> object:
    return AGENT.api.get_tool(tool_id).tool.call(INVOCATION, arguments)


def approval_reason(tool_id: str, **arguments: object) -> str | None:
    tool = AGENT.api.get_tool(tool_id).tool
    return tool.get_approval_reason(tool.validate_input(arguments))


def test_plugins_are_registered_in_order_and_their_tools_exposed_under_their_tags() -> None:
    assert AGENT.plugins.ids == ["conversation", "time", "instances"]
    assert {
        exposed.tool.id for exposed in AGENT.api.tools
    } == TOOLS_WITH_APPROVAL | TOOLS_WITHOUT_APPROVAL | CLIENT_ONLY_TOOLS
    assert all(exposed.tool.id.startswith(f"{exposed.tag}.") for exposed in AGENT.api.tools)
    assert AGENT.api.is_running


def test_composing_twice_creates_two_agents() -> None:
    assert compose().services is not AGENT.services


def test_a_model_gets_all_tools_but_client_only_ones() -> None:
    prompt = Prompt(AGENT.services, user_id="user-1", prompt_id="prompt-1", permissions=["*"])
    AGENT.plugins.prepare(prompt)
    assert {tool.id for tool in prompt.tools} == TOOLS_WITH_APPROVAL | TOOLS_WITHOUT_APPROVAL
    assert {exposed.tool.id for exposed in AGENT.api.tools if exposed.tool.client_only} == CLIENT_ONLY_TOOLS
    with pytest.raises(CompositionError, match="clients only"):
        prompt.add_tools(AGENT.api.get_tool("conversation.list").tool)


def test_every_example_is_a_valid_input_and_every_schema_is_json() -> None:
    for exposed in AGENT.api.tools:
        assert exposed.tool.example is not None
        exposed.tool.validate_input(dict(exposed.tool.example))
        json.dumps(describe_tool(exposed.tool, exposed.tag))


def test_composing_loads_no_database_no_http_client_and_nothing_of_aws() -> None:
    loaded = set(run_python("import sys, composition; composition.compose(); print(*sys.modules)").split())
    heavy = {"psycopg", "httpx", "boto3", "botocore", "fastapi", "starlette", "mangum", "alembic"}
    assert loaded & heavy == set()


def test_time_is_returned_in_utc_or_the_requested_zone() -> None:
    utc = call_tool("time.now")
    assert isinstance(utc, dict)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", utc["now"])
    assert utc["timezone"] == "UTC"
    local_time = call_tool("time.now", timezone="Asia/Kolkata")
    assert isinstance(local_time, dict)
    assert local_time["now"].endswith("+05:30")
    assert abs(datetime.fromisoformat(local_time["now"]) - datetime.fromisoformat(utc["now"])) < timedelta(minutes=1)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "America", "../../etc/passwd", "/etc/localtime", "a\0b"])
def test_an_invalid_time_zone_is_rejected_and_named(name: str) -> None:
    with pytest.raises(InvalidToolInput) as refused:
        call_tool("time.now", timezone=name)
    (issue,) = refused.value.issues
    assert issue["path"] == ["timezone"]
    assert issue["message"].startswith(f"there is no time zone {name!r}")


def test_time_zones_are_known_without_a_database_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_plugin, "ZoneInfo", zoneinfo.ZoneInfo.no_cache)
    zoneinfo.reset_tzpath(to=())
    try:
        assert isinstance(call_tool("time.now"), dict)
        assert isinstance(call_tool("time.now", timezone="Europe/Berlin"), dict)
    finally:
        zoneinfo.reset_tzpath()


def test_the_registry_equals_the_contracts() -> None:
    assert call_tool("instances.registry") == {
        "tools": [
            {"id": "openrouter", "name": "OpenRouter", "mode": "per-instance-key", "envKeys": ["OPENROUTER_API_KEY"]},
            {"id": "agentmail", "name": "AgentMail", "mode": "per-instance-inbox", "envKeys": ["AGENTMAIL_INBOX_ID"]},
            {
                "id": "telnyx",
                "name": "Telnyx",
                "mode": "per-instance-phone",
                "envKeys": ["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"],
            },
        ]
    }


def test_approval_reasons_describe_the_effect() -> None:
    assert approval_reason("instances.create", instanceId="a", tools=["telnyx", "openrouter"]) == (
        "Creates instance a with telnyx, openrouter, which costs money"
    )
    assert "without tools" in str(approval_reason("instances.create", instanceId="a"))
    assert "Destroys instance a" in str(approval_reason("instances.destroy", instanceId="a"))
    assert "Deploys instance a again" in str(approval_reason("instances.redeploy", instanceId="a"))


def test_the_reason_to_configure_names_variables_and_no_values() -> None:
    arguments = {"instanceId": "a", "variables": {"B_KEY": "planted-secret", "A": "planted-secret"}}
    assert approval_reason("instances.configure", **arguments) == "Sets A, B_KEY of instance a"
    assert "deploys it again" in str(approval_reason("instances.configure", **arguments, redeploy=True))
    assert "planted" not in repr(AGENT.api.get_tool("instances.configure").tool.validate_input(arguments))


@pytest.mark.parametrize(
    ("tool_id", "arguments"),
    [
        ("instances.create", {"instanceId": "-a"}),
        ("instances.create", {"instanceId": "a", "tools": ["slack"]}),
        ("instances.destroy", {"instanceId": ""}),
        ("instances.destroy", {"instanceId": "a\0"}),
        ("instances.configure", {"instanceId": "a", "variables": {}}),
        ("instances.configure", {"instanceId": "a", "variables": {"1A": "b"}}),
        ("instances.configure", {"instanceId": "a", "variables": {"A": "\0"}}),
        ("conversation.list", {"limit": 0}),
        ("conversation.list", {"limit": 101}),
        ("conversation.list", {"offset": -1}),
    ],
)
def test_invalid_input_is_rejected_before_an_approval_is_required(tool_id: str, arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidToolInput):
        call_tool(tool_id, **arguments)


@pytest.mark.parametrize(
    "name", ["Ada", "", "a", "convos-agent-", "convos-agent-b", "Convos-agent-a", "convos-agent-a "]
)
def test_a_name_that_the_fleet_does_not_list_is_rejected_with_the_right_one(name: str) -> None:
    with pytest.raises(InvalidToolInput) as refused:
        call_tool("instances.create", instanceId="a", name=name)
    (issue,) = refused.value.issues
    assert issue["path"] == ["name"]
    assert issue["message"].startswith("must be convos-agent-a, or be left out: ")


@pytest.mark.parametrize("arguments", [{}, {"name": None}, {"name": "convos-agent-a"}])
def test_the_name_of_an_instance_may_be_left_out(arguments: dict[str, object]) -> None:
    assert approval_reason("instances.create", instanceId="a", **arguments)


def test_an_id_that_is_too_long_for_a_name_is_rejected_with_the_limit() -> None:
    assert approval_reason("instances.create", instanceId="a" * 19)
    with pytest.raises(InvalidToolInput) as refused:
        call_tool("instances.create", instanceId="a" * 20)
    (issue,) = refused.value.issues
    assert issue["path"] == ["instanceId"]
    assert "must have at most 19 characters, and has 20" in issue["message"]
    assert "POST /create-instance takes longer ids" in issue["message"]
    schema = AGENT.api.get_tool("instances.create").tool.input.model_json_schema()
    assert schema["properties"]["instanceId"]["maxLength"] == 19
    assert "name" not in schema["required"]


def test_the_pool_managers_own_name_cannot_be_had() -> None:
    with pytest.raises(InvalidToolInput) as refused:
        call_tool("instances.create", instanceId="pool-manager")
    assert "convos-agent-pool-manager is no agent" in refused.value.issues[0]["message"]


def test_an_unknown_tool_of_an_instance_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(InvalidToolInput) as refused:
        call_tool("instances.create", instanceId="a", tools=["slack"])
    assert all(tool_id in refused.value.issues[0]["message"] for tool_id in TOOLS)
