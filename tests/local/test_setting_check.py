"""The runner validates all settings before it starts anything, and names each that is missing or wrong."""

import subprocess
from pathlib import Path

import pytest

from local.errors import RunnerError
from local.settings import Settings
from local.stack.components import find_migration_functions
from local.stack.setting_check import find_setting_errors, load_checked_template
from tests.harness.checkout import link_checkout
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import start_command
from tests.template.code_usage import find_all_settings

SECRET = "planted-secret"


def find_problems(**environment: str) -> list[str]:
    """The lines with which the runner refuses to start in this environment; none if it does not."""
    try:
        load_checked_template(Settings.isolated(environment, CHECKOUT))
    except RunnerError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        return lines[1:] if len(lines) > 1 else lines
    return []


WRONG: list[tuple[dict[str, str], set[str]]] = [
    ({"AGENT_AUTH": "api_key"}, {"AGENT_API_KEY"}),
    ({"AGENT_AUTH": "api_key", "AGENT_API_KEY": " "}, {"AGENT_API_KEY"}),
    ({"AGENT_AUTH": "jwt"}, {"JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL"}),
    ({"AGENT_AUTH": "jwt", "JWT_ISSUER": "i", "JWT_JWKS_URL": "http://issuer.example/keys"},
     {"JWT_AUDIENCE", "JWT_JWKS_URL"}),
    ({"AGENT_AUTH": "foo"}, {"AGENT_AUTH"}),
    ({"ALLOW_HEADER_AUTH": "yes"}, {"ALLOW_HEADER_AUTH"}),
    ({"API_PREFIX": "v1"}, {"API_PREFIX"}),
    ({"API_PREFIX": "/"}, {"API_PREFIX"}),
    ({"API_CORS_ORIGIN": "app.example.com"}, {"API_CORS_ORIGIN"}),
    ({"ORIGIN_SECRET_KEY": "other"}, {"ORIGIN_SECRET_KEY"}),
    ({"TOOLS": "slack"}, {"TOOLS"}),
    ({"TOOLS": "telnyx", "TELNYX_API_KEY": ""}, {"TELNYX_API_KEY"}),
    ({"RAILWAY_API_TOKEN": SECRET}, {"RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"}),
    ({"RAILWAY_API_TOKEN": SECRET, "RAILWAY_PROJECT_ID": "p"}, {"RAILWAY_ENVIRONMENT_ID"}),
    ({"RAILWAY_API_URL": f"{SECRET}@railway"}, {"RAILWAY_API_URL"}),
    ({"OPENROUTER_KEY_LIMIT_RESET": "yearly", "OPENROUTER_KEY_LIMIT": "lots"},
     {"OPENROUTER_KEY_LIMIT_RESET", "OPENROUTER_KEY_LIMIT"}),
    ({"MODEL_API_KEY": SECRET}, {"MODEL_BASE_URL", "MODEL_NORMAL"}),
    ({"MODEL_BASE_URL": "http://:80", "MODEL_TIMEOUT_SECONDS": "long"}, {"MODEL_BASE_URL", "MODEL_TIMEOUT_SECONDS"}),
    ({"DATABASE_SSLMODE": "off"}, {"DATABASE_SSLMODE"}),
    ({"DATABASE_SSLMODE": "verify-ca"}, {"DATABASE_SSLMODE"}),
    ({"DATABASE_CA_PEM": SECRET}, {"DATABASE_CA_PEM"}),
    ({"DATABASE_NOTIFICATIONS": "yes"}, {"DATABASE_NOTIFICATIONS"}),
    ({"STREAMS_PER_USER": "-1"}, {"STREAMS_PER_USER"}),
    ({"STREAMS_PER_USER": "1.5", "STREAM_LEASE_SECONDS": "x"}, {"STREAMS_PER_USER", "STREAM_LEASE_SECONDS"}),
    ({"ORPHANS": "keep"}, {"ORPHANS"}),
    ({"PROMPT_RETENTION_DAYS": "-1"}, {"PROMPT_RETENTION_DAYS"}),
    ({"PORT": "many", "POINTSMAN_SCHEDULES": "of", "POINTSMAN_STREAMS": "0"},
     {"PORT", "POINTSMAN_SCHEDULES", "POINTSMAN_STREAMS"}),
    ({"PORT": "many", "API_PREFIX": "v1", "AGENT_AUTH": "foo", "SETTLE_SECONDS": "soon"},
     {"PORT", "API_PREFIX", "AGENT_AUTH", "SETTLE_SECONDS"}),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "named"), WRONG, ids=[" ".join(sorted(names)) for _, names in WRONG])
def test_each_setting_that_is_missing_or_wrong_is_named_once_and_no_secret_is(
    environment: dict[str, str], named: set[str]
) -> None:
    lines = find_problems(**environment)
    assert len(lines) == len(named), lines
    for name in named:
        assert [line for line in lines if f" {name} " in f" {line} "], (name, lines)
    assert SECRET not in "".join(lines)


def list_numbers() -> list[str]:
    words = ("_SECONDS", "_BYTES", "_STEPS", "_DAYS", "_LIMIT", "_PER_USER")
    return sorted(name for name in find_all_settings() if name.endswith(words))


@pytest.mark.parametrize("name", list_numbers())
def test_every_number_is_validated(name: str) -> None:
    (line,) = find_problems(**{name: "many"})
    assert name in line


def test_the_numbers_are_found() -> None:
    assert len(list_numbers()) > 15


@pytest.mark.parametrize("environment", [
    {},
    {"AGENT_AUTH": "api_key", "AGENT_API_KEY": "k"},
    {"AGENT_AUTH": "jwt", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "http://127.0.0.1:1/keys"},
    {"API_PREFIX": "/v1", "API_CORS_ORIGIN": "https://app.example.com/, http://localhost:5173"},
    {"API_CORS_ORIGIN": "*"},
    {"RAILWAY_API_TOKEN": "", "MODEL_API_KEY": "", "TELNYX_API_KEY": "", "AGENTMAIL_API_KEY": "",
     "OPENROUTER_MANAGEMENT_KEY": ""},
    {"RAILWAY_API_TOKEN": "t", "RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_NAME": "e"},
    {"MODEL_API_KEY": "k", "MODEL_BASE_URL": "https://model.example/v1", "MODEL_NORMAL": "m"},
    {"DATABASE_SSLMODE": "verify-ca", "DATABASE_CA": "/etc/ca.pem"},
    {"DATABASE_SSLMODE": "verify-ca", "DATABASE_CA_PEM": "-----BEGIN CERTIFICATE-----"},
])  # fmt: skip
def test_nothing_is_named_where_all_is_right(environment: dict[str, str]) -> None:
    assert find_problems(**environment) == []


def test_an_unconfigured_provider_may_have_no_settings_but_no_wrong_ones() -> None:
    assert find_problems(RAILWAY_API_TOKEN="", RAILWAY_TIMEOUT_SECONDS="9") == []
    assert len(find_problems(RAILWAY_API_TOKEN="", RAILWAY_API_URL="railway", RAILWAY_PROJECT_ID="p",
                             RAILWAY_ENVIRONMENT_ID="e")) == 1  # fmt: skip


def test_migrate_validates_what_the_migrate_function_can_read() -> None:
    wrong = {"AGENT_AUTH": "jwt", "STREAMS_PER_USER": "-1", "MODEL_API_KEY": "k"}
    assert len(find_problems(**wrong)) == 6
    load_checked_template(Settings.isolated(wrong, CHECKOUT), find_migration_functions)
    with pytest.raises(RunnerError, match="DATABASE_SSLMODE"):
        load_checked_template(
            Settings.isolated({**wrong, "DATABASE_SSLMODE": "off"}, CHECKOUT), find_migration_functions
        )


def test_a_group_counts_only_where_the_function_gets_what_it_requires() -> None:
    assert find_setting_errors({"MODEL_NORMAL": "", "MODEL_BASE_URL": "x"}) == []
    (url,) = find_setting_errors({"MODEL_NORMAL": "m", "MODEL_BASE_URL": "x", "MODEL_API_KEY": "k"})
    assert url.name == "MODEL_BASE_URL"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "migrate", "reconcile", "sam-local", "demo"])
def test_each_command_ends_with_an_error_and_starts_nothing(tmp_path: Path, command: str) -> None:
    arguments = ["--bridge", "127.0.0.1/8"] if command == "sam-local" else []
    process = start_command(
        command,
        link_checkout(tmp_path),
        *arguments,
        SETTLE_SECONDS="soon",
        DATABASE_SSLMODE="off",
        RAILWAY_API_TOKEN=None,
    )
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 1, out
    assert err == (
        "pointsman: 2 settings are missing or wrong:\n"
        "  The value of the setting DATABASE_SSLMODE is wrong: it must be one of"
        " prefer, require, verify-ca, verify-full\n"
        "  The value of the setting SETTLE_SECONDS is wrong: it must be a number of at least 0, not 'soon'\n"
    )
    assert not (tmp_path / ".pointsman").exists()
