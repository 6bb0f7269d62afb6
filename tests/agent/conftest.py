from collections.abc import Callable, Iterator
from typing import Any

import pytest

from composition import compose
from local.stack import Stack
from local.worker import lambda_environment
from pointsman.agent import Invocation
from pointsman.db import connection

Call = Callable[..., Any]


@pytest.fixture
def call(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Call one of the bundle's tools as a user, approved, with the settings of the function that does it."""
    function = stack._running.template.functions["InvokeToolFunction"]
    for name, value in lambda_environment(function, stack.aws_url).items():
        if not name.startswith(("PATH", "PYTHON", "LANG", "TZ")):
            monkeypatch.setenv(name, value)
    connection.close()
    agent = compose()

    def calling(user_id: str, tool_id: str, **given: object) -> Any:
        return agent.api.tool(tool_id).tool.call(Invocation(user_id, agent.services), given, approved=True)

    yield calling
    connection.close()
