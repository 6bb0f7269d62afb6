"""Writes the OpenAPI document that the API serves: `make openapi`."""

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

from local.template import Template

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "functions" / "services" / "openapi.json"


def build() -> str:
    """The document as it should be, from the routes of template.yaml and the endpoints' code."""
    from pointsman.http.document import document

    template = Template.load(ROOT / "template.yaml", {})
    modules = [template.functions[route.function].handler.rpartition(".")[0] for route in template.routes]
    apps: dict[str, Any] = {}
    for name in dict.fromkeys(modules):
        if name.startswith("services."):
            module = importlib.import_module(name)
            apps[_purpose(str(module.__doc__))] = module.app
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return json.dumps(document(apps, version), indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    DOCUMENT.write_text(build(), encoding="utf-8")


def _purpose(docstring: str) -> str:
    """What stands after the colon of a module's first line, as a sentence."""
    text = docstring.splitlines()[0].partition(": ")[2].rstrip(".")
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    write()
