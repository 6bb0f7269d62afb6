"""The generated part of the Python client is that of the present document, and both packages have its version."""

import json
import subprocess
import tomllib
from pathlib import Path

from local.template.openapi import COMBINED_DOCUMENT_PATH
from tests.harness.paths import CHECKOUT

GENERATED = CHECKOUT / "clients/python/src/pointsman_client/generated"


def read_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in (".py", ".typed")
    }


def test_the_generated_code_is_that_of_the_document(tmp_path: Path) -> None:
    command = ["sh", "requirements/clients.sh", ".venv", "types-python", tmp_path / "generated"]
    completed = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    present, wanted = read_files(GENERATED), read_files(tmp_path / "generated")
    assert set(present) == set(wanted), "make client-types"
    assert [name for name, text in wanted.items() if present[name] != text] == [], "make client-types"


def test_the_packages_have_the_version_of_the_api() -> None:
    version = json.loads(COMBINED_DOCUMENT_PATH.read_text())["info"]["version"]
    client, program = (
        tomllib.loads((CHECKOUT / f"clients/{name}/pyproject.toml").read_text())["project"]
        for name in ("python", "cli")
    )
    assert (client["version"], program["version"]) == (version, version)
    assert f"pointsman-client=={version}" in program["dependencies"]
