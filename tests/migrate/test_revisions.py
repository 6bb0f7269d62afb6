"""Revisions only add what the release before can ignore, so that it runs on the next one's schema: docs/migrate.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.paths import CHECKOUT

VERSIONS = sorted((CHECKOUT / "layers/shared/pointsman/db/migrations/versions").glob("[0-9]*.py"))

BREAKING = {
    "drops": r"\bDROP\s+(TABLE|COLUMN|VIEW|TYPE|FUNCTION|DEFAULT)\b|\bop\.drop_",
    "renames": r"\bRENAME\b|\bnew_(table|column)_name\b",
    "requires what old code does not write": r"\bSET\s+NOT\s+NULL\b|nullable\s*=\s*False",
    "changes a type": r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b|\btype_\s*=",
    "loses rows": r"\bTRUNCATE\b(?!\s+ON\b)|\bDELETE\s+FROM\b",
}


def find_breaking_changes(text: str) -> Iterator[str]:
    """Find what the release before could not run on; `text` is a revision's source."""
    text = re.sub(r"--.*|#.*", "", text)
    for reason, pattern in BREAKING.items():
        if re.search(pattern, text, re.IGNORECASE):
            yield reason
    for definition in re.findall(r"\bADD\s+COLUMN\b[^,;]*", text, re.IGNORECASE):
        if re.search(r"\bNOT\s+NULL\b", definition, re.IGNORECASE) and "DEFAULT" not in definition.upper():
            yield "adds a required column without a default"
    created = set(re.findall(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", text, re.IGNORECASE))
    for table in re.findall(r"\bCREATE\s+UNIQUE\s+INDEX\s+\w+\s+ON\s+(\w+)", text, re.IGNORECASE):
        if table not in created:
            yield "makes values of an older table unique"
    dropped = set(re.findall(r"\bDROP\s+CONSTRAINT\s+(\w+)", text, re.IGNORECASE))
    for constraint in re.findall(r"\bADD\s+CONSTRAINT\s+(\w+)", text, re.IGNORECASE):
        # A constraint that takes the place of its former self is meant to allow more.
        if constraint not in dropped:
            yield "adds a constraint"


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_revision_breaks_no_running_code_unless_it_says_why_there_is_none(path: Path) -> None:
    text = path.read_text()
    is_marked = re.search(r'^CONTRACT = ".{20,}"$', text, re.MULTILINE) is not None
    changes = sorted(set(find_breaking_changes(text)))
    assert bool(changes) == is_marked, (
        f"{path.name} {changes or 'is marked CONTRACT without need'}; see docs/migrate.md"
    )


def test_revisions_are_numbered_in_their_order() -> None:
    """By its number, older code recognises that a schema is newer."""
    for number, path in enumerate(VERSIONS, 1):
        assert f'\nrevision = "{number:04d}"\n' in path.read_text(), path.name
        assert path.name.startswith(f"{number:04d}_")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE a DROP COLUMN b", "DROP TABLE a", "ALTER TABLE a RENAME COLUMN b TO c",
        "ALTER TABLE a ALTER COLUMN b SET NOT NULL", "ALTER TABLE a ALTER b TYPE bigint", "DELETE FROM a", "TRUNCATE a",
        "ALTER TABLE a ADD COLUMN b TEXT NOT NULL, ADD COLUMN c TEXT DEFAULT ''",
        "CREATE UNIQUE INDEX i ON a (b)", "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", 'op.drop_column("a", "b")',
    ],
)  # fmt: skip
def test_a_breaking_change_is_found(statement: str) -> None:
    assert list(find_breaking_changes(f'op.execute("{statement};")')) != []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE a ADD COLUMN b TEXT", "ALTER TABLE a ADD COLUMN b INT NOT NULL DEFAULT 0",
        "CREATE TABLE a (b TEXT NOT NULL); CREATE UNIQUE INDEX i ON a (b)", "CREATE INDEX i ON a (b)",
        "CREATE TRIGGER t BEFORE TRUNCATE ON a", "REVOKE UPDATE, TRUNCATE ON a FROM PUBLIC",
        "ALTER TABLE a DROP CONSTRAINT c; ALTER TABLE a ADD CONSTRAINT c CHECK (b IN (1, 2))",
    ],
)  # fmt: skip
def test_an_addition_is_not(statement: str) -> None:
    assert list(find_breaking_changes(f'op.execute("{statement};")')) == []
