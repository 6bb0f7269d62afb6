"""`make secrets` against moto's Secrets Manager over a socket: idempotent, and without a value in its output."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pointsman.settings.secrets import SECRET_GROUPS
from tests.deployment.test_command_line import ANSWERS
from tests.harness.checkout import link_checkout
from tests.harness.paths import CHECKOUT, PYTHONPATH

pytestmark = pytest.mark.slow

PREFIX = "pointsman/staging"


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(aws_url: str) -> Any:
    client = boto3.client(
        "secretsmanager", endpoint_url=aws_url, region_name="eu-west-1",
        aws_access_key_id="tests", aws_secret_access_key="tests",
    )  # fmt: skip
    for secret in client.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        client.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
    return client


def make_secrets() -> dict[str, dict[str, str]]:
    """Every variable has a value that no message may hold."""
    return {group: {name: f"planted-{name.lower()}" for name in names} for group, names in SECRET_GROUPS.items()}


class Deployer:
    """Runs the command in a folder with a copy of the checkout's configuration."""

    def __init__(self, folder: Path, aws_url: str) -> None:
        self.folder = folder
        self.aws_url = aws_url
        link_checkout(folder)
        shutil.copy(CHECKOUT / "samconfig.toml", folder)

    def write(self, content: object, mode: int = 0o600, name: str = "secrets.staging.json") -> None:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(mode)

    def run(self, environment: str = "staging", *, command: str = "secrets", **variables: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "deployment", command, environment],
            cwd=self.folder, capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": PYTHONPATH,
                 "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests",
                 "AWS_ENDPOINT_URL": self.aws_url, **variables},
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert "planted" not in output
        assert "Traceback" not in output
        return done.returncode, output


@pytest.fixture
def deployer(tmp_path: Path, aws_url: str, client: Any) -> Deployer:
    return Deployer(tmp_path, aws_url)


def read_stored(client: Any) -> dict[str, Any]:
    names = [secret["Name"] for secret in client.list_secrets()["SecretList"]]
    return {name: json.loads(client.get_secret_value(SecretId=name)["SecretString"]) for name in names}


def test_secrets_are_created_once_and_a_repeat_changes_nothing(deployer: Deployer, client: Any) -> None:
    secrets = make_secrets()
    deployer.write(secrets)
    assert deployer.run() == (0, "".join(f"{PREFIX}/{group}: created\n" for group in SECRET_GROUPS))
    assert read_stored(client) == {f"{PREFIX}/{group}": secrets[group] for group in SECRET_GROUPS}
    versions = [len(client.list_secret_version_ids(SecretId=f"{PREFIX}/railway")["Versions"])]
    assert deployer.run() == (0, "".join(f"{PREFIX}/{group}: unchanged\n" for group in SECRET_GROUPS))
    versions.append(len(client.list_secret_version_ids(SecretId=f"{PREFIX}/railway")["Versions"]))
    assert versions == [1, 1]


def test_only_what_has_changed_is_updated(deployer: Deployer, client: Any) -> None:
    secrets = make_secrets()
    deployer.write(secrets)
    deployer.run()
    secrets["railway"]["RAILWAY_API_TOKEN"] = "planted-rotated"
    secrets["runtime"]["BANKR_API_KEY"] = ""
    deployer.write(secrets)
    status, output = deployer.run()
    assert (status, [line for line in output.splitlines() if not line.endswith("unchanged")]) == (
        0, [f"{PREFIX}/railway: updated", f"{PREFIX}/runtime: updated (BANKR_API_KEY is empty)"],
    )  # fmt: skip
    assert read_stored(client)[f"{PREFIX}/railway"] == {"RAILWAY_API_TOKEN": "planted-rotated"}


def test_a_key_is_generated_when_asked_for_and_then_kept(deployer: Deployer, client: Any) -> None:
    secrets = make_secrets()
    secrets["services-api"]["SERVICES_API_KEY"] = secrets["agent-api"]["AGENT_API_KEY"] = "generate"
    deployer.write(secrets)
    _, output = deployer.run()
    assert f"{PREFIX}/services-api: created (SERVICES_API_KEY generated)" in output
    stored = read_stored(client)
    keys = [stored[f"{PREFIX}/services-api"]["SERVICES_API_KEY"], stored[f"{PREFIX}/agent-api"]["AGENT_API_KEY"]]
    assert [len(key) for key in keys] == [43, 43]
    assert keys[0] != keys[1]
    assert not any(key in output for key in keys)
    assert f"{PREFIX}/services-api: unchanged\n" in deployer.run()[1]
    assert read_stored(client) == stored


def test_the_example_has_every_variable_and_is_refused_as_it_is(deployer: Deployer, client: Any) -> None:
    example = (CHECKOUT / "secrets.example.json").read_text()
    deployer.write(example)
    status, output = deployer.run()
    assert status == 1
    for group, names in SECRET_GROUPS.items():
        for name in names:
            assert f"secrets.staging.json: {group}.{name} is still the placeholder of secrets.example.json" in output
    assert len(output.splitlines()) == sum(len(names) for names in SECRET_GROUPS.values())
    assert read_stored(client) == {}


@pytest.mark.parametrize(("group", "name", "value", "problem"), [
    ("railways", "RAILWAY_API_TOKEN", "planted", "railways is no group; the groups are database, "),
    ("railway", "RAILWAY_TOKEN", "planted", "railway has no variable RAILWAY_TOKEN"),
    ("database", "SERVICE_DATABASE_URL", "", "database.SERVICE_DATABASE_URL is required"),
    ("services-api", "SERVICES_API_KEY", "", "services-api.SERVICES_API_KEY is required"),
    ("agent-api", "AGENT_API_KEY", "", "agent-api.AGENT_API_KEY is required"),
    ("telnyx", "TELNYX_API_KEY", "", "telnyx.TELNYX_API_KEY is required"),
    ("origin", "ORIGIN_SECRET", "", "origin.ORIGIN_SECRET is required"),
    ("model", "MODEL_API_KEY", 5, 'model.MODEL_API_KEY has to be a text, "" if it is unused'),
    ("model", "MODEL_API_KEY", "planted\n", "model.MODEL_API_KEY begins or ends with white space"),
    ("railway", "RAILWAY_API_TOKEN", "generate", "railway.RAILWAY_API_TOKEN cannot be generated"),
])  # fmt: skip
def test_a_wrong_file_changes_nothing(
    deployer: Deployer, client: Any, group: str, name: str, value: Any, problem: str
) -> None:
    secrets: dict[str, dict[str, Any]] = dict(make_secrets())
    secrets.setdefault(group, {})[name] = value
    deployer.write(secrets)
    status, output = deployer.run()
    assert (status, output.startswith(f"secrets.staging.json: {problem}")) == (1, True), output
    assert read_stored(client) == {}


@pytest.mark.parametrize(("content", "mode", "problem"), [
    ("{}", 0o600, "the group database is missing"),
    ("[]", 0o600, "the group database is missing"),
    ('{"database": "planted"', 0o600, "is not valid JSON: line 1, column 23"),
    ('{"database": {"A": "planted", "A": ""}}', 0o600, "A stands twice"),
    ("{}", 0o640, "can be read by others: chmod 600 secrets.staging.json"),
    ("{}", 0o604, "can be read by others: chmod 600 secrets.staging.json"),
])  # fmt: skip
def test_a_malformed_file_is_refused(deployer: Deployer, content: str, mode: int, problem: str) -> None:
    deployer.write(content, mode)
    status, output = deployer.run()
    assert (status, problem in output) == (1, True), output


def test_the_file_of_the_environment_wins_and_a_missing_one_is_named(deployer: Deployer, client: Any) -> None:
    assert "secrets.staging.json is missing: umask 077; cp secrets.example.json" in deployer.run()[1]
    deployer.write(make_secrets(), name="secrets.json")
    assert deployer.run()[0] == 0
    deployer.write("{}")
    assert deployer.run()[0] == 1
    assert deployer.run("prod")[1].startswith("ENV=prod is no environment of samconfig.toml; say ENV=dev|staging|prod")


def test_what_aws_refuses_is_one_line_with_the_secrets_name(deployer: Deployer, client: Any) -> None:
    deployer.write(make_secrets())
    deployer.run()
    client.delete_secret(SecretId=f"{PREFIX}/railway")
    status, output = deployer.run()
    assert status == 1
    assert output.splitlines()[-1].startswith(
        f"{PREFIX}/railway: AWS refuses: An error occurred (InvalidRequestException)"
    )
    status, output = deployer.run(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert (status, output) == (1, f'{PREFIX}/database: Could not connect to the endpoint URL: "http://127.0.0.1:9/"\n')


def test_no_secrets_file_can_be_committed() -> None:
    names = ["secrets.json", "secrets.staging.json", "secrets.dev.json"]
    ignored = subprocess.run(
        ["git", "check-ignore", *names, "secrets.example.json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert ignored == names


def test_the_check_of_a_deployment_reads_the_secrets(deployer: Deployer, client: Any) -> None:
    path = deployer.folder / "samconfig.toml"
    text = path.read_text()
    for placeholder, value in ANSWERS.items():
        text = text.replace(placeholder, value)
    path.write_text(text)
    status, output = deployer.run(command="check")
    assert (status, output.splitlines()[0]) == (
        1, f"staging: the secret {PREFIX}/database does not exist, or is being deleted: make secrets ENV=staging",
    )  # fmt: skip
    assert len(output.splitlines()) == len(SECRET_GROUPS)
    secrets = make_secrets()
    secrets["database"]["DATABASE_CA_PEM"] = ""
    deployer.write(secrets)
    assert deployer.run()[0] == 0
    assert deployer.run(command="check") == (0, "")
    client.put_secret_value(SecretId=f"{PREFIX}/agent-api", SecretString='{"AGENT_API_KEY": ""}')
    assert deployer.run(command="check") == (
        1, f"staging: AGENT_API_KEY in the secret {PREFIX}/agent-api is empty: make secrets ENV=staging\n",
    )  # fmt: skip
    unreachable = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    status, output = deployer.run(command="check", **unreachable)
    assert (status, output.startswith("The secrets of staging are not checked: Could not connect")) == (0, True)
