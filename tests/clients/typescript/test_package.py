"""The package as it is built and described."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.typescript.node_project import NODE, NODE_MODULES, PACKAGE, SCENARIOS, NodeProject

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "options", [{"lib": ["ES2022"], "types": ["node"]}, {"lib": ["ES2022", "DOM", "DOM.Iterable"], "types": []}]
)
def test_its_types_compile_strictly_in_projects_for_node_and_for_browsers(
    project: NodeProject, options: dict[str, object]
) -> None:
    assert project.compile([SCENARIOS / "types.ts"], **options, noEmit=True) == ""


def test_a_bundler_finds_its_types_too(project: NodeProject) -> None:
    options = {"module": "ESNext", "moduleResolution": "bundler", "lib": ["ES2022", "DOM"], "types": []}
    assert project.compile([SCENARIOS / "types.ts"], **options, noEmit=True) == ""


def test_it_needs_what_it_is_tested_with(project: NodeProject) -> None:
    manifest = json.loads((PACKAGE / "package.json").read_text())
    (dependency,) = manifest["dependencies"].items()
    tested = json.loads((NODE_MODULES / dependency[0] / "package.json").read_text())
    assert dependency == ("openapi-fetch", tested["version"])


def test_nothing_of_node_is_imported(project: NodeProject) -> None:
    """Browsers would not find it."""
    built = project.root / "node_modules" / "@pointsman" / "client" / "dist"
    files: list[Path] = sorted(built.glob("*.js"))
    assert len(files) > 5
    for file in files:
        imported = [line for line in file.read_text().splitlines() if line.startswith(("import", "export * from"))]
        assert [line for line in imported if not any(part in line for part in ('"./', '"openapi-fetch"'))] == []


def test_a_packed_package_has_what_is_built_and_nothing_else(project: NodeProject) -> None:
    installed = project.root / "node_modules" / "@pointsman" / "client"
    npm = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [NODE, npm, "pack", "--dry-run", "--json", "--offline", "--cache", project.root / "npm-cache"]
    packed = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=True).stdout
    names = {file["path"] for file in json.loads(packed)[0]["files"]}
    assert {"package.json", "README.md", "dist/index.js", "dist/index.d.ts", "dist/schema.d.ts"} <= names
    assert {name for name in names if not name.startswith("dist/")} == {"package.json", "README.md"}
