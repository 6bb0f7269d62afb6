from collections.abc import Callable, Iterator
from typing import Any

import pytest

from composition import compose
from local.lambda_service.worker import build_lambda_environment
from local.stack.stack import Stack
from pointsman.agent import Invocation
from pointsman.db import connection

CallTool = Callable[..., Any]


@pytest.fixture
def call_tool(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[CallTool]:
    """Call one of the bundle's tools as a user, approved, with the settings of the function that does it."""
    function = stack._started_runner.template.functions["InvokeToolFunction"]
    for name, value in build_lambda_environment(function, stack.aws_url).items():
        if not name.startswith(("PATH", "PYTHON", "LANG", "TZ")):
            monkeypatch.setenv(name, value)
    connection.close()
    agent = compose()

    def invoke_approved(user_id: str, tool_id: str, **arguments: object) -> Any:
        return agent.api.get_tool(tool_id).tool.call(Invocation(user_id, agent.services), arguments, approved=True)

    yield invoke_approved
    connection.close()
