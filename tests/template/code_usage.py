"""What a handler's code can use, by its import graph: settings, and calls to AWS.

Static, and by module: a module that is imported counts with all of its names. So what is not found here is not used,
while what is found may still not be called.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pointsman.settings.secrets import SECRET_GROUPS
from tests.harness.paths import CHECKOUT

ROOTS = (CHECKOUT / "layers/shared", CHECKOUT / "functions")
SETTINGS = "pointsman.settings"
SETTING_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
STATE_MACHINES = ("create", "destroy", "provision", "destroy_tool", "prompt")


@dataclass
class Module:
    """One module: what it imports, as (module, name), and every identifier in it."""

    imports: set[tuple[str, str]] = field(default_factory=set)
    identifiers: set[str] = field(default_factory=set)
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))


def find_path(module: str) -> Path | None:
    for root in ROOTS:
        path = root / module.replace(".", "/")
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


@cache
def read_module(name: str) -> Module:
    path = find_path(name)
    assert path is not None
    module = Module(tree=ast.parse(path.read_text()))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    skipped = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(module.tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            module.imports |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (base, node.module or "") if part)
            module.imports |= {(source, alias.name) for alias in node.names}
        elif isinstance(node, ast.Name):
            module.identifiers.add(node.id)
        elif isinstance(node, ast.Attribute):
            module.identifiers.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # providers/registry.py names factories as "module:function", which it imports when they are used.
            factory = re.fullmatch(r"(\w+):(\w+)", node.value)
            if factory and find_path(f"{package}.{factory[1]}"):
                module.imports.add((f"{package}.{factory[1]}", factory[2]))
    return module


@cache
def find_reachable(module: str) -> frozenset[str]:
    """Names of all modules that a handler's module may import, itself included."""
    found: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name in found or find_path(name) is None:
            continue
        found.add(name)
        folder = name.partition(".")[0]
        for source, imported in read_module(name).imports:
            # A function's folder may be deployed alone, and is then where its own modules are found.
            pending += [source, f"{source}.{imported}", f"{folder}.{source}"]
            pending += [source.rsplit(".", depth)[0] for depth in range(1, source.count(".") + 1)]
    return frozenset(found)


@cache
def find_settings(module: str) -> frozenset[str]:
    """Names of the settings that a handler's module may read."""
    names: set[str] = set()
    for user in find_reachable(module):
        if user.startswith(SETTINGS):
            continue
        for source, imported in read_module(user).imports:
            if source.startswith(f"{SETTINGS}."):
                names |= _find_settings_of_symbol(source, imported)
        names |= _find_names_read(read_module(user).tree, in_settings=False)
    return frozenset(names)


@cache
def find_all_settings() -> frozenset[str]:
    """Names of all settings that the settings package reads."""
    names: set[str] = set()
    for path in (ROOTS[0] / SETTINGS.replace(".", "/")).glob("*.py"):
        module = f"{SETTINGS}.{path.stem}"
        for node in read_module(module).tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names |= _find_settings_of_symbol(module, node.name)
    return frozenset(names)


def uses(module: str, identifier: str) -> bool:
    """Whether an identifier occurs in a module that the handler's module may import."""
    return any(identifier in read_module(name).identifiers for name in find_reachable(module))


@cache
def _find_settings_of_symbol(module: str, symbol: str) -> frozenset[str]:
    """Names in a class or function of the settings package, and in what it calls of its module."""
    body = {
        node.name: node for node in read_module(module).tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    names: set[str] = set()
    pending, seen = [symbol], set[str]()
    while pending:
        name = pending.pop()
        if name in seen or name not in body:
            continue
        seen.add(name)
        node = body[name]
        pending += [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
        names |= _find_names_read(node)
        if name == "load_state_machine_arn":
            names |= {f"{machine.upper()}_STATE_MACHINE_ARN" for machine in STATE_MACHINES}
    return frozenset(names)


def _find_names_read(node: ast.AST, in_settings: bool = True) -> set[str]:
    """Settings that are arguments of a `read_…` function, and in the settings package all names of their form."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and ast.unparse(inner.func).rpartition(".")[2].startswith("read_"):
            found |= _find_names(inner.args[:1], re.compile("[A-Z][A-Z0-9_]+"))
        elif isinstance(inner, ast.keyword) and inner.arg == "required_setting":
            found |= _find_names([inner.value], SETTING_NAME)
        elif in_settings and isinstance(inner, ast.Constant):
            found |= _find_names([inner], SETTING_NAME)
        elif isinstance(inner, ast.Subscript) and ast.unparse(inner.value) == "SECRET_GROUPS":
            found |= (
                set(SECRET_GROUPS.get(ast.literal_eval(inner.slice), ()))
                if isinstance(inner.slice, ast.Constant)
                else set()
            )
    return found


def _find_names(nodes: list[ast.expr], pattern: re.Pattern[str]) -> set[str]:
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {value for value in values if isinstance(value, str) and pattern.fullmatch(value)}
