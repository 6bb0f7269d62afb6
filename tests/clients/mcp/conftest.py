"""A user of the MCP endpoint, by the official Python client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult

from local.stack.stack import Stack
from tests.harness.ids import unique_id

Mode = Literal["auto", "legacy", "2026-07-28"]
Action = Literal["accept", "decline", "cancel"]


class McpUser:
    """A user with the official Python client.

    Attributes:
        questions: what the user was asked.
    """

    def __init__(self, url: str, user_id: str) -> None:
        self.url = f"{url}/mcp"
        self.user_id = user_id
        self.questions: list[str] = []

    @asynccontextmanager
    async def connect(
        self, mode: Mode = "auto", answer: Action | None = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[Client]:
        """Open a client in this mode. With an `answer` it can show forms, and the user gives it."""

        async def elicit(_context: Any, params: ElicitRequestParams) -> ElicitResult:
            assert answer is not None
            self.questions.append(params.message)
            return ElicitResult(action=answer)

        given = {"X-User-Id": self.user_id} if headers is None else headers
        async with httpx2.AsyncClient(headers=given, timeout=60) as http:
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=elicit if answer else None) as client:
                yield client


@pytest.fixture
def user(stack: Stack) -> McpUser:
    """A user whom no other test has."""
    return McpUser(stack.url, unique_id("mcp-user-"))


@pytest.fixture
def other_user(stack: Stack) -> McpUser:
    return McpUser(stack.url, unique_id("mcp-other-user-"))
