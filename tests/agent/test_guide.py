"""The example of docs/agent.md, executed as written."""

import re
from typing import Any

from pointsman.agent import Agent, Invocation, Prompt, describe_tool
from tests.harness.paths import CHECKOUT

GUIDE = (CHECKOUT / "docs/agent.md").read_text()


def compose_guide_agent() -> Agent:
    namespace: dict[str, Any] = {"__name__": "guide"}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(block, namespace)
    return namespace["compose"]()


def test_the_guides_tool_is_listed_and_called() -> None:
    agent = compose_guide_agent()
    (exposed,) = agent.api.tools
    assert agent.plugins.ids == ["greeting"]
    assert describe_tool(exposed.tool, exposed.tag)["input"]["required"] == ["name"]
    called = exposed.tool.call(Invocation("user-1", agent.services), dict(exposed.tool.example or {}))
    assert called == {"text": "Good morning, Ada!"}


def test_the_guides_plugin_prepares_prompts_and_serves_its_route() -> None:
    agent = compose_guide_agent()
    prompt = Prompt(agent.services, user_id="user-1", prompt_id="prompt-1")
    agent.plugins.prepare(prompt)
    assert [tool.id for tool in prompt.tools] == ["greeting.greet"]
    assert prompt.instructions == ("Greet people by their name.",)
    (route,) = agent.api.routes
    assert route.call("", agent.services, {"name": "Ada"}, {}) == {"hello": "Ada"}
