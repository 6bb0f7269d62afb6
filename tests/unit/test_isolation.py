"""No stack of a test reads a developer's `.env`: its database would be migrated and emptied, its real keys used."""

from pathlib import Path

import pytest

from local import settings
from tests.harness.checkout import link_checkout
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import RunnerProcess, start_command
from tests.harness.stack import isolated_settings


def test_settings_of_a_stack_are_those_of_its_test_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_developers_file(path: Path) -> dict[str, str]:
        return (
            {"SERVICE_DATABASE_URL": "postgresql://developer", "API_HOST": "0.0.0.0"}
            if path == CHECKOUT / ".env"
            else {}
        )

    monkeypatch.setattr(settings, "read_dotenv", read_developers_file)
    isolated = isolated_settings(tmp_path, A="b")
    assert (isolated.root, isolated.data) == (CHECKOUT, tmp_path)
    assert (isolated.database_url, isolated.host) == (None, "127.0.0.1")
    assert (isolated.environment["A"], "SERVICE_DATABASE_URL" in isolated.environment) == ("b", False)


def test_a_runner_process_refuses_the_checkout_itself() -> None:
    with pytest.raises(AssertionError, match="link_checkout"):
        RunnerProcess(CHECKOUT)
    with pytest.raises(AssertionError, match="link_checkout"):
        start_command("migrate", CHECKOUT)


def test_a_linked_checkout_has_no_env_file(tmp_path: Path) -> None:
    names = {path.name for path in link_checkout(tmp_path).iterdir()}
    assert names == {"template.yaml", "functions", "layers", "statemachines"}
