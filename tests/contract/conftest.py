"""An instance for the tests of its endpoints, and what tests of webhooks need."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack.stack import Stack
from tests.harness.database import Database
from tests.harness.function_environment import function_environment, use_environment
from tests.harness.instances import create_instance, create_request, new_instance_id
from tests.harness.webhook_receiver import Receiver, run_receiver
from tests.harness.webhooks import DELIVERY_FUNCTION


@pytest.fixture
def instance(api: httpx.Client) -> dict[str, Any]:
    """The response of a create without tools."""
    response = create_instance(api, create_request(new_instance_id(), []))
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def no_webhooks(db: Database) -> Iterator[None]:
    db.execute("DELETE FROM webhooks")
    yield
    db.execute("DELETE FROM webhooks")


@pytest.fixture
def delivering(stack: Stack, no_webhooks: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the function that delivers, in this process."""
    with use_environment(monkeypatch, function_environment(stack, DELIVERY_FUNCTION)):
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as receiver:
        yield receiver
