"""The bundle while its embedded Postgres is killed and started again."""

import os
import signal
from pathlib import Path

import pytest

from local.settings import DEVELOPMENT_API_KEY
from tests.harness.checkout import link_checkout
from tests.harness.clients import send_request
from tests.harness.runner_process import RunnerProcess
from tests.harness.wait import wait_until

pytestmark = pytest.mark.slow


def test_requests_are_503_while_postgres_is_started_again(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {DEVELOPMENT_API_KEY}"}
    with RunnerProcess.with_simulated_providers(link_checkout(tmp_path)) as running:

        def list_instances() -> int:
            status, _, body = send_request(running.url, "GET", "/dashboard/instances", headers=headers)
            if status != 200:
                assert (status, set(body)) == (503, {"error", "code", "requestId"}), body
            return status

        def count_lines(part: str) -> int:
            return sum(part in line for line in running.lines)

        assert list_instances() == 200
        for number in range(3):
            os.kill(running.status()["processes"]["postgres"], signal.SIGKILL)
            list_instances()
            wait_until(lambda count=number + 1: count_lines("Postgres runs again") == count)
            assert wait_until(lambda: list_instances() == 200)
