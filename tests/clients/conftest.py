"""What every client is tried with: a proxy that cuts connections."""

from collections.abc import Iterator

import pytest

from local.stack.stack import Stack
from tests.clients.cutting_proxy import CuttingProxy, start_cutting_proxy


@pytest.fixture
def proxy(stack: Stack) -> Iterator[CuttingProxy]:
    """The stack behind a proxy that cuts what a test tells it to."""
    with start_cutting_proxy(stack.url) as running:
        yield running
