"""Conversion between rows and Python: rows are read as dataclasses, JSON columns are written strictly."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import LiteralString, TypeVar

from psycopg.rows import class_row
from psycopg.types.json import Json

from ..list_cursor import ListCursor
from .connection import Connection

__all__ = ["build_page_filter", "fetch_all", "fetch_one", "to_json", "to_text"]

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]

_dump_strictly = partial(json.dumps, allow_nan=False)


def fetch_one(connection: Connection, row_type: type[T], query: LiteralString, parameters: Parameters = ()) -> T | None:
    """Return the statement's first row, or None if it has none.

    Args:
        connection: The connection of the transaction.
        row_type: A dataclass whose fields are the statement's columns.
        query: The statement.
        parameters: The values of its placeholders.
    """
    return connection.cursor(row_factory=class_row(row_type)).execute(query, parameters).fetchone()


def fetch_all(connection: Connection, row_type: type[T], query: LiteralString, parameters: Parameters = ()) -> list[T]:
    """Return all rows of the statement. The arguments are those of `fetch_one`."""
    return connection.cursor(row_factory=class_row(row_type)).execute(query, parameters).fetchall()


def build_page_filter(
    given: Iterable[tuple[LiteralString, object]],
    place: LiteralString,
    after: ListCursor | None,
    comparison: LiteralString = "<",
) -> tuple[LiteralString, list[object]]:
    """Build what follows WHERE in the statement of a list's page, by default the newest first, and its parameters.

    Args:
        given: Conditions, each with the value of its placeholder; those whose value is None are left out.
        place: The columns by which the list is ordered, like `created_at, id`.
        after: The place of the last row of the page before; None for the first page.
        comparison: `>` if the oldest row is the first.
    """
    conditions: list[LiteralString] = ["true"]
    parameters: list[object] = []
    for condition, value in given:
        if value is not None:
            conditions.append(condition)
            parameters.append(value)
    if after is not None:
        conditions.append(f"({place}) {comparison} (%s, %s)")
        parameters += [after.at, after.id]
    return " AND ".join(conditions), parameters


def to_json(value: object) -> Json:
    """Return the parameter for a JSON column.

    The statement raises ValueError for NaN and Infinity, which JSON does not have.
    """
    return Json(value, dumps=_dump_strictly)


def to_text(words: str) -> str:
    """Return the parameter for a text column, without what Postgres cannot hold; a provider's words may have it."""
    return words.replace("\0", "").encode(errors="replace").decode()
