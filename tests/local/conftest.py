from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.checkout import temporary_checkout
from tests.harness.runner_process import RunnerProcess
from tests.local.gateway_harness import GatewayHarness


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    with temporary_checkout() as checkout_folder:
        yield checkout_folder


@pytest.fixture(scope="session")
def runner(root: Path) -> Iterator[RunnerProcess]:
    """The fixture's bundle, up for all tests; in a process of its own, for moto keeps its state in the process."""
    shell = {"SERVICES_API_KEY": "test-key", "RAILWAY_PROJECT_ID": "from-shell", "SECRET_OF_SHELL": "x"}
    with RunnerProcess(root, **shell) as process:
        assert process.url
        yield process


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayHarness]:
    """A gateway that serves the streaming fixture."""
    harness = GatewayHarness(tmp_path_factory.mktemp("logs"))
    yield harness
    harness.close()
