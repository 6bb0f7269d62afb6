"""The OpenAPI documents that the APIs serve, generated from template and code; `make openapi` writes them."""

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

from local.template.sam_template import Template

ROOT = Path(__file__).resolve().parents[2]
SERVICES_MODULES = ("services.", "openapi.services_document")
AGENT_MODULES = ("agent.", "openapi.combined_document", "documentation.")
"""Beginnings of the names of the modules whose endpoints are an API's."""

UNDESCRIBED_MODULES = ("agent.mcp_endpoint",)
"""Endpoints that describe themselves in another way: MCP by `tools/list`."""

SERVICES_DOCUMENT_PATH = ROOT / "functions" / "openapi" / "services_document.json"
COMBINED_DOCUMENT_PATH = ROOT / "functions" / "openapi" / "combined_document.json"


def build_services_document() -> str:
    """Generate the Services API's document from the routes of template.yaml and the code of the endpoints."""
    from pointsman.http.openapi.services_document import generate_services_document

    return _to_json(generate_services_document(_load_apps(SERVICES_MODULES), _read_version()))


def build_combined_document() -> str:
    """Generate the part of the document of both APIs that does not depend on the plugins of a bundle."""
    from pointsman.http.openapi.combined_document import generate_combined_document

    return _to_json(
        generate_combined_document(_load_apps(AGENT_MODULES), json.loads(build_services_document()), _read_version())
    )


def write_documents() -> None:
    """Write both documents to the files that the endpoints serve."""
    SERVICES_DOCUMENT_PATH.write_text(build_services_document(), encoding="utf-8")
    COMBINED_DOCUMENT_PATH.write_text(build_combined_document(), encoding="utf-8")


def _load_apps(beginnings: tuple[str, ...]) -> dict[str, Any]:
    """Return the FastAPI app of each module of an API, by the module's purpose; None for one that streams."""
    modules = [function.module for function in Template.load(ROOT / "template.yaml", {}).functions.values()]
    apps: dict[str, Any] = {}
    for name in dict.fromkeys(modules):
        if name.startswith(beginnings) and name not in UNDESCRIBED_MODULES:
            module = importlib.import_module(name)
            apps[_extract_purpose(str(module.__doc__))] = module.app if hasattr(module.app, "routes") else None
    return apps


def _read_version() -> str:
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def _to_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _extract_purpose(docstring: str) -> str:
    """Return what follows the colon in a module's first line, as a sentence."""
    text = docstring.splitlines()[0].partition(": ")[2].rstrip(".")
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    write_documents()
