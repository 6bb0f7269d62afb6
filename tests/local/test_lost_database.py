"""The bundle while its embedded Postgres is killed and started again, and while a test stops it on purpose."""

import os
import signal
from io import StringIO

import pytest

from local.console import Console
from local.stack.stack import Stack
from tests.harness.checkout import temporary_folder
from tests.harness.clients import send_request
from tests.harness.database import restart_postgres
from tests.harness.stack import API_KEY, isolated_settings
from tests.harness.wait import wait_until

pytestmark = pytest.mark.slow


def test_requests_are_503_while_postgres_is_started_again() -> None:
    output = StringIO()
    with (
        temporary_folder() as folder,
        Stack(isolated_settings(folder, SERVICES_API_KEY=API_KEY), Console(output)) as stack,
    ):
        headers = {"Authorization": f"Bearer {API_KEY}"}

        def list_instances() -> int:
            status, _, body = send_request(stack.url, "GET", "/dashboard/instances", headers=headers)
            if status != 200:
                assert (status, set(body)) == (503, {"error", "code", "requestId"}), body
            return status

        assert list_instances() == 200
        for number in range(3):
            os.kill(stack.status()["processes"]["postgres"], signal.SIGKILL)
            list_instances()
            wait_until(lambda count=number + 1: output.getvalue().count("Postgres runs again") == count)
            assert wait_until(lambda: list_instances() == 200)
        restart_postgres(stack)
        assert wait_until(lambda: list_instances() == 200)
        assert output.getvalue().count("Postgres (pid") == 3
