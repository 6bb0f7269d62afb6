"""Names in an OpenAPI document that stay unique in what generators make of them: classes, methods, modules."""

import re
from collections.abc import Iterable
from itertools import chain, count

__all__ = ["UniqueNames", "camel_case", "pascal_case"]


def pascal_case(text: str) -> str:
    """Join the words of a text as a name of a class, like `TimeNow`; an inner capital stays."""
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))


def camel_case(text: str) -> str:
    """Join the words of a text as a name of a method, like `timeNow`."""
    name = pascal_case(text)
    return name[:1].lower() + name[1:]


class UniqueNames:
    """A namespace. Names that differ in case or punctuation only are the same: generators change both."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {_make_key(name) for name in taken}

    def take(self, *candidates: str) -> str:
        """Take the first candidate that is free, else the last one with the first free number from 2 on."""
        numbered = (f"{candidates[-1]}{number}" for number in count(2))
        name = next(name for name in chain(candidates, numbered) if _make_key(name) not in self._taken)
        self._taken.add(_make_key(name))
        return name


def _make_key(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
