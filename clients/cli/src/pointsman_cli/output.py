"""What is printed: JSON for programs, or text and tables for people, in which nothing can steer the terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Output", "to_printable"]

_WIDE = 1000
"""Characters of a line that goes to a file or a program, so that nothing is shortened."""


class Output:
    """Prints a command's result.

    Args:
        is_json: whether it is one JSON document, or one on each line for a stream.

    Attributes:
        console: the standard output.
        notes: the standard error.
    """

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json
        self.console = self._open_console(stderr=False)
        self.notes = self._open_console(stderr=True)

    @staticmethod
    def _open_console(stderr: bool) -> Console:
        is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
        return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=None if is_terminal else _WIDE)

    def print_json(self, document: object) -> None:
        """Print a document on one line."""
        sys.stdout.write(json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print a line for people, beside the result."""
        self.notes.print(Text(to_printable(text)), soft_wrap=True)

    def print_text(self, text: str, end: str = "\n") -> None:
        """Print text of the result as it is, but for what a terminal would interpret."""
        sys.stdout.write(to_printable(text) + end)
        sys.stdout.flush()

    def print_table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table for people."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*[Text(_to_cell(value)) for value in row])
        self.console.print(table)

    def print_fields(self, fields: Mapping[str, object]) -> None:
        """Print names and values, one pair on a line."""
        width = max((len(name) for name in fields), default=0)
        for name, value in fields.items():
            self.print_text(f"{name:<{width}}  {_to_cell(value)}")


def to_printable(text: str) -> str:
    """Replace control characters but line breaks and tabs, and others that cannot be seen, by escapes."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


def _to_cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, str):
        return to_printable(value)
    return to_printable(json.dumps(value, ensure_ascii=False, default=str))
