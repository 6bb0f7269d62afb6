"""What the model says when nothing is scripted."""

import json
from typing import Any

import pytest

from tests.harness.provider_api import ProviderClient
from tests.simulator.test_model import TIME, build_tool_outputs, create_response, get_output_text, user_message


def build_tools(*names: str) -> list[dict[str, Any]]:
    return [{**TIME, "name": name} for name in names]


@pytest.mark.parametrize(
    ("text", "name", "arguments", "result", "answer"),
    [
        ("What time is it?", "time_now", {}, {"now": "2026-01-02T03:04:05.000Z"}, "It is 2026-01-02T03:04:05.000Z."),
        (
            "Please create an instance named Blue Fox.", "instances_create",
            {"instanceId": "blue-fox", "name": "convos-agent-blue-fox"},
            {"instanceId": "blue-fox", "url": "https://b"}, "blue-fox is created and can be reached at https://b.",
        ),
        (
            "create an instance", "instances_create", {"instanceId": "demo", "name": "convos-agent-demo"},
            {"error": "rejected: too dear"}, "That was rejected: rejected: too dear",
        ),
        ("destroy agent a-1", "instances_destroy", {"instanceId": "a-1"}, {"instanceId": "a-1"}, "a-1 is destroyed."),
        (
            "How many instances are there?", "instances_list_0a1b2c3d", {},
            {"instances": [{"instanceId": "a"}, {"instanceId": "b"}]}, "There are 2 instances: a, b.",
        ),
        ("list my agents", "instances_list_0a1b2c3d", {}, {"instances": []}, "There are no instances."),
        ("what time is it", "time_now", {}, {"error": {"message": "no clock"}}, "That did not work: no clock"),
    ],
)  # fmt: skip
def test_without_a_script_it_does_what_a_demo_needs(
    api: ProviderClient, text: str, name: str, arguments: Any, result: Any, answer: str
) -> None:
    given = build_tools("time_now", "instances_create", "instances_destroy", "instances_list_0a1b2c3d")
    (call,) = (output := create_response(api, text, tools=given).json()["output"])
    assert (call["name"], json.loads(call["arguments"])) == (name, arguments)
    history = [user_message(text), *output, *build_tool_outputs(output, json.dumps(result))]
    assert get_output_text(create_response(api, history, tools=given)) == answer


def test_anything_else_is_repeated_friendly(api: ProviderClient) -> None:
    for text in ("Tell me a joke", "what time is it?"):
        assert text in get_output_text(create_response(api, text))
