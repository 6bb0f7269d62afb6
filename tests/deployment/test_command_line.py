"""What `make deploy` calls: it refuses placeholders before the build, and hands SAM every value of the environment."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployment.__main__ import PARAMETERS_FILE, main
from deployment.samconfig import Environment
from tests.harness.checkout import link_checkout
from tests.harness.paths import CHECKOUT
from tests.template.sam_transform import SAM_PYTHON

ANSWERS = {
    "<id of the Railway project>": "0d1f7a4c-5b5e-4d8e-9f0a-1c2b3a4d5e6f", "<name of its environment>": "pr 12",
    "<https://…/v1>": "https://api.openai.com/v1", "<name of the model>": "gpt-5",
    "<address that alarms go to>": "on-call@example.com",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    link_checkout(tmp_path)
    shutil.copy(CHECKOUT / "samconfig.toml", tmp_path)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(folder: Path, **changes: str) -> None:
    """Replace the placeholders, and texts of the file."""
    path = folder / "samconfig.toml"
    text = path.read_text()
    for old, new in {**ANSWERS, **changes}.items():
        text = text.replace(old, new)
    path.write_text(text)


@pytest.mark.parametrize("name", ["dev", "staging", "production"])
def test_placeholders_are_refused_and_answers_taken(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", name]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (5 if name == "production" else 4)
    assert all(line.startswith(f"samconfig.toml, {name}: ") and "; it is '<" in line for line in lines)
    answer(folder)
    assert main(["check", name]) == 0
    assert capsys.readouterr().err == f"The secrets of {name} are not checked: You must specify a region.\n"


@pytest.mark.parametrize("prefix", ["api", "/", "/a b", ""])
def test_a_wrong_prefix_is_refused_before_the_build(
    folder: Path, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    answer(folder, **{'api_prefix = "/api"': f'api_prefix = "{prefix}"'})
    assert main(["check", "dev"]) == (1 if prefix else 0)
    assert ("samconfig.toml, dev: api_prefix: " in capsys.readouterr().err) == bool(prefix)


def test_the_prefix_of_an_environment_is_the_one_in_its_section(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "samconfig.toml").read_text()
    head, section, tail = text.partition("[staging.pointsman.parameters]")
    (folder / "samconfig.toml").write_text(head + section + tail.replace("/api", "/v2", 1))
    assert [main(["api-prefix", name]) for name in ("dev", "staging", "production")] == [0, 0, 0]
    assert capsys.readouterr().out.split() == ["/api", "/v2", "/api"]


def test_sam_reads_the_same_values_from_the_file_and_from_samconfig(folder: Path) -> None:
    answer(folder)
    expected = Environment.load(folder / "samconfig.toml", "production").parameters
    assert main(["parameters", "production"]) == 0
    written: dict[str, Any] = json.loads((folder / PARAMETERS_FILE).read_text())
    assert written.keys() - expected.keys() <= {"Release"}
    script = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType as T;"
        "from samcli.lib.config.samconfig import SamConfig;"
        f"a = T().convert(('file://{PARAMETERS_FILE}',), None, None);"
        "c = SamConfig('.').get_all(['build'], 'parameters', 'production');"
        "b = T().convert(c['parameter_overrides'], None, None);"
        "print(json.dumps([a, b, c['stack_name']]))"
    )
    done = subprocess.run([SAM_PYTHON, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    from_file, from_config, stack_name = json.loads(done.stdout)
    assert from_file == written
    assert from_config == expected
    assert stack_name == "pointsman-production"
