"""The clients' generated part is that of the OpenAPI document."""

import json
import subprocess
from pathlib import Path

from tests.harness.paths import CHECKOUT

TYPESCRIPT = CHECKOUT / "clients" / "typescript"
DOCUMENT = CHECKOUT / "functions" / "openapi" / "combined_document.json"


def test_types_of_the_typescript_client_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    types = tmp_path / "schema.d.ts"
    command = ["sh", "requirements/clients.sh", ".venv", "types-typescript", str(types)]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert types.read_text() == (TYPESCRIPT / "src" / "schema.d.ts").read_text(), "run `make client-types`"


def test_the_typescript_clients_version_is_the_apis() -> None:
    manifest = json.loads((TYPESCRIPT / "package.json").read_text())
    assert manifest["version"] == json.loads(DOCUMENT.read_text())["info"]["version"]
