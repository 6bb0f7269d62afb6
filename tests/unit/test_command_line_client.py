"""The parts of the command line that need no stack: profiles, what is printed, exit codes, the end of a log."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman_cli.commands import logs
from pointsman_cli.exit_codes import CommandError, get_exit_code
from pointsman_cli.output import to_printable
from pointsman_cli.profiles import LOCAL, Profile, ProfileStore, resolve_profile
from pointsman_cli.steps import describe_failure
from pointsman_client import OperationFailed, PointsmanError, WaitTimeout
from pointsman_client.generated.models import OperationPage

SECRETS = {"services_key": "secret-a", "agent_key": "secret-b", "agent_token": "secret-c"}


def build_operation(status: str, **more: Any) -> OperationPage:
    times = {"startedAt": "2026-11-29T10:00:00Z", "endedAt": "2026-11-29T10:00:02Z"}
    steps = [{"name": name, "status": "succeeded", **times} for name in ("openrouter", "undo")]
    times = {"createdAt": "2026-11-29T10:00:00Z", "updatedAt": "2026-11-29T10:00:00Z"}
    operation = {
        "operationId": "op-1",
        "instanceId": "a",
        "kind": "create",
        "status": status,
        "steps": steps,
        **times,
    }
    return OperationPage.from_dict({**operation, **more})


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore({"XDG_CONFIG_HOME": str(tmp_path)})


def test_the_local_profile_is_what_the_runner_prints(store: ProfileStore) -> None:
    from local.settings import DEFAULT_PORT, DEVELOPMENT_API_KEY

    assert resolve_profile(store, None, {}) == LOCAL
    assert (f"http://127.0.0.1:{DEFAULT_PORT}", DEVELOPMENT_API_KEY) == (LOCAL.url, LOCAL.services_key)
    assert not store.path.exists()


def test_the_environment_replaces_a_profile(store: ProfileStore) -> None:
    store.save(Profile("staging", "https://one.example.org", "ada", **SECRETS))
    assert resolve_profile(store, "staging", {"POINTSMAN_USER_ID": "bob"}).user_id == "bob"
    assert resolve_profile(store, None, {"POINTSMAN_PROFILE": "staging"}).services_key == "secret-a"
    same = resolve_profile(store, "staging", {"POINTSMAN_URL": "https://one.example.org/"})
    assert same.services_key == "secret-a"
    other = resolve_profile(store, "staging", {"POINTSMAN_URL": "https://two.example.org", "POINTSMAN_AGENT_KEY": "k"})
    assert (other.services_key, other.agent_token, other.agent_key, other.user_id) == ("", "", "k", "ada")


def test_an_address_that_is_none_is_refused(store: ProfileStore) -> None:
    with pytest.raises(CommandError, match="is no address"):
        resolve_profile(store, None, {"POINTSMAN_URL": "agents.example.org"})


def test_no_secret_of_a_profile_is_shown() -> None:
    profile = Profile("staging", "https://one.example.org", "ada", **SECRETS)
    assert "secret" not in repr(profile) + json.dumps(profile.describe()).replace("_secret", "")


@pytest.mark.parametrize("content", ["", "[]", '{"profiles": 1}', "\udcff"])
def test_a_file_that_holds_no_profiles_is_named(store: ProfileStore, content: str) -> None:
    store.save(Profile("mine", "https://one.example.org"))
    store.path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CommandError, match=r"profiles\.json"):
        store.list()


def test_what_is_printed_cannot_steer_a_terminal() -> None:
    assert to_printable("a\x1b]0;title\x07\u202eb\n\tc\u00e9") == "a\\x1b]0;title\\x07\\u202eb\n\tcé"


def test_exit_codes() -> None:
    by_status = [
        (401, "UNAUTHENTICATED", 3),
        (403, "FORBIDDEN", 3),
        (403, "APPROVAL_REQUIRED", 7),
        (404, "NOT_FOUND", 4),
    ]
    for status, code, expected in [*by_status, (409, "CONFLICT", 1), (None, "CONNECTION_FAILED", 1)]:
        assert get_exit_code(PointsmanError("no", code=code, status=status)) == expected
    assert get_exit_code(OperationFailed(build_operation("failed"), status=404)) == 5
    assert get_exit_code(WaitTimeout("late")) == 6


def test_a_failure_says_what_was_undone_or_what_is_left() -> None:
    assert describe_failure(build_operation("failed"))[-1] == "Undone: openrouter. Nothing is left."
    lines = describe_failure(build_operation("leaked", error={"message": "no", "left": ["the key key-1"]}))
    assert lines[-2:] == ['Left, and may cost money: ["the key key-1"]', "Try again: pointsman operations retry op-1"]


@pytest.mark.limit("cli-log")
def test_a_mebibyte_of_each_log_is_read_and_then_what_is_added(tmp_path: Path) -> None:
    path, line = tmp_path / "One.log", "x" * 1023 + "\n"
    path.write_text(line * 1024)
    assert len([*logs._read_lines(path, "One", {})]) == 1024
    path.write_text(line * 1025)
    offsets: dict[str, int] = {}
    # Where it begins in the middle of the file, it begins with the next line.
    assert len([*logs._read_lines(path, "One", offsets)]) == 1023
    with path.open("a") as file:
        file.write("new\nhalf")
    assert [*logs._read_lines(path, "One", offsets)] == ["new"]
    with path.open("a") as file:
        file.write(" a line\n")
    assert [*logs._read_lines(path, "One", offsets)] == ["half a line"]
