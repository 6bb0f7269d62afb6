"""The Python client, as pip installs it."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.stack.stack import Stack
from tests.harness.ids import unique_id
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package `pointsman_client`, installed from clients/python into a folder of its own."""
    folder = tmp_path_factory.mktemp("site-packages")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*install, CHECKOUT / "clients/python"], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        package = importlib.import_module("pointsman_client")
        assert Path(str(package.__file__)).is_relative_to(folder)
        yield package


@pytest.fixture
def retries(sdk: ModuleType) -> Any:
    """Pauses that are as short as a test needs."""
    return sdk.RetryPolicy(attempts=4, first_pause=0.05)


@pytest.fixture
def fleet(sdk: ModuleType, stack: Stack, simulator: object, retries: Any) -> Iterator[Any]:
    """The Services API, with the right key."""
    with sdk.Fleet(stack.url, API_KEY, retries=retries) as client:
        yield client


@pytest.fixture
def user_id() -> str:
    """A user whom no other test has."""
    return unique_id("sdk-user-")


@pytest.fixture
def person(sdk: ModuleType, stack: Stack, simulator: object, retries: Any, user_id: str) -> Iterator[Any]:
    """The Agent API for this user."""
    with sdk.Agent(stack.url, user_id=user_id, retries=retries) as client:
        yield client
