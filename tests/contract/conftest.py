"""An instance for the tests of its endpoints."""

from typing import Any

import httpx
import pytest

from tests.harness.instances import create_instance, create_request, new_instance_id


@pytest.fixture
def instance(api: httpx.Client) -> dict[str, Any]:
    """The response of a create without tools."""
    response = create_instance(api, create_request(new_instance_id(), []))
    assert response.status_code == 200, response.text
    return response.json()
