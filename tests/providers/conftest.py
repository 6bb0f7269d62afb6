"""Providers against the simulator, over sockets; and against a scripted transport where only the mapping matters."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.providers.http import Wire

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "layers/shared")])
    command = [sys.executable, "-m", "local.simulator", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        ready = process.stdout.readline()
        assert ready.startswith("simulator ready on "), ready
        yield ready.split()[-1]
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def control(origin: str) -> Iterator[SimulatorClient]:
    with SimulatorClient(origin) as client:
        yield client


@pytest.fixture
def sim(control: SimulatorClient) -> SimulatorClient:
    control.reset()
    return control


@pytest.fixture
def quick() -> Wire:
    """The network as it is, with waits a tenth as long."""
    return Wire(sleep=lambda seconds: time.sleep(seconds / 10))


@dataclass
class Script:
    """Answers requests with `answers`, in turn and then the last one again; keeps what was asked and slept."""

    answers: list[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def wire(self) -> Wire:
        return Wire(transport=httpx.MockTransport(self), sleep=self.slept.append)


@pytest.fixture
def script() -> Callable[..., Script]:
    return lambda *answers: Script(list(answers))
