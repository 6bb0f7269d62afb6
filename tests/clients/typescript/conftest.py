"""A project that uses the built package, and what stands between it and the stack."""

from collections.abc import Iterator

import pytest

from local.stack.stack import Stack
from tests.clients.typescript.cutting_proxy import CuttingProxy, run_proxy
from tests.clients.typescript.node_project import NodeProject, build_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> NodeProject:
    """The package as its users have it, with the compiled scenarios."""
    return build_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def proxy(stack: Stack) -> Iterator[CuttingProxy]:
    """A proxy in front of the stack."""
    with run_proxy(stack.url) as running:
        yield running
