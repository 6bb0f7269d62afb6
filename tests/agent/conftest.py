"""The bundle's tools, called in this process."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from composition import compose
from local.stack.stack import Stack
from pointsman.agent import Invocation
from tests.harness.function_environment import function_environment, use_environment

CallTool = Callable[..., Any]


@pytest.fixture
def call_tool(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[CallTool]:
    """Calls a tool of the bundle for a user, as an approved call, in the environment of InvokeToolFunction."""
    with use_environment(monkeypatch, function_environment(stack, "InvokeToolFunction")):
        agent = compose()

        def call_approved(user_id: str, tool_id: str, **arguments: object) -> Any:
            invocation = Invocation(user_id, agent.services, ["*"])
            return agent.api.get_tool(tool_id).tool.call(invocation, arguments, approved=True)

        yield call_approved
