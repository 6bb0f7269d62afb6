"""The names that a newcomer meets: modules stand in the glossary, functions are verbs, prose uses the field's terms."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"

FIRST_COLUMN = re.compile(r"^\| (?P<terms>[^|]+) \|", re.MULTILINE)
WORDS = re.compile(r"[a-z0-9]+")

VERB_FORM = re.compile(r"[a-z]+(ing|ed)")
"""A module that is named by a verb form alone, as `making` or `told` were."""
NOUNS_IN_ING = {"streaming"}
"""Response streaming is AWS's own name of the feature."""

PARTICIPLES = {
    "made", "told", "answered", "asked", "held", "begun", "heard", "known", "done", "gone", "kept", "seen", "left",
    "said", "written", "given", "listed", "decided", "deployed", "configured", "running", "waiting", "following",
    "listening",
}  # fmt: skip

PUBLIC_SUMMARIES = {ROOT / "functions" / room for room in ("services", "agent", "openapi", "documentation")}
"""Folders of functions whose module docstrings are the summaries in the OpenAPI documents: a part of the API."""
PUBLIC_MODELS = {ROOT / "layers/shared/pointsman/http/agent_api/prompt_models.py"}
"""Modules of models whose docstrings are descriptions in the OpenAPI documents."""

PARAPHRASES = re.compile(
    r"\b(told|begun|whoever|heard of|gone on with|goes on with|go on with|nobody knows|made of|broke off|spoilt"
    r"|by and by|for want of|lets? go of|stand in the way|came to nothing)\b"
)
"""What used to stand for a term. A docstring says `resumed`, `recorded`, `created`, `interrupted`, `fault`."""


def list_modules(*folders: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *[f"{folder}/*.py" for folder in folders]],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    paths = [ROOT / name for name in listed if (ROOT / name).exists()]
    return [path for path in paths if path.name not in ("__init__.py", "__main__.py") and "versions" not in path.parts]


PRODUCT = list_modules("layers", "functions", "local", "deployment", "benchmarks")
OUTSIDE_SIMULATOR = [path for path in PRODUCT if "simulator" not in path.relative_to(ROOT).parts]


def normalize(name: str) -> frozenset[str]:
    """The words of a name or a term, without a plural's s."""
    return frozenset(word.rstrip("s") for word in WORDS.findall(name.lower().replace("_", " ")))


def glossary_terms() -> set[frozenset[str]]:
    cells = [match["terms"] for match in FIRST_COLUMN.finditer(GLOSSARY.read_text())]
    return {normalize(term) for cell in cells for term in re.split(r"[,;/]", cell)}


def test_every_module_stands_in_the_glossary() -> None:
    terms = glossary_terms()
    assert len(terms) > 100
    missing = sorted(str(path.relative_to(ROOT)) for path in PRODUCT if normalize(path.stem) not in terms)
    assert missing == [], "docs/glossary.md needs a row, with the module's name as a term of its left column"


def test_no_module_is_named_by_a_verb_form() -> None:
    named = [path.stem for path in OUTSIDE_SIMULATOR if VERB_FORM.fullmatch(path.stem)]
    assert [stem for stem in named if stem not in NOUNS_IN_ING] == []


def test_no_function_is_named_by_a_participle() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in [*PRODUCT, *list_modules("tests")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.strip("_") in PARTICIPLES
    ]
    assert found == []


def docstrings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module) and path.parent in PUBLIC_SUMMARIES:
            continue
        if isinstance(node, ast.ClassDef) and path in PUBLIC_MODELS:
            continue
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("folder", ["layers", "functions", "local", "deployment", "benchmarks"])
def test_docstrings_use_terms_instead_of_paraphrases(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: …{docstring[max(0, match.start() - 40) : match.end() + 20]!r}"
        for path in list_modules(folder)
        for docstring in docstrings(path)
        for match in PARAPHRASES.finditer(docstring)
    ]
    assert found == []


def test_the_checks_can_fail() -> None:
    assert VERB_FORM.fullmatch("making")
    assert VERB_FORM.fullmatch("told") is None
    assert PARAPHRASES.search("An operation that nobody knows")
    assert normalize("tool_calls") == normalize("tool call")
