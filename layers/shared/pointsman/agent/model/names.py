"""Names of tools as a model may be told them: ids have dots (`time.now`), wire names may not (`time_now`)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["LONGEST", "WireNames", "wire_safe"]

LONGEST = 64
"""Characters that every model takes; the Responses API itself allows 128."""

_SAFE = re.compile(r"[a-zA-Z0-9_-]+")
_DIGITS = 8


class WireNames:
    """The wire names of a request's tools, and the way back.

    The same tools get the same names in whatever order they come. Ids that would look alike, or are too long, get a
    suffix made of the id.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        unique = sorted(set(ids))
        wanted = Counter(wire_safe(one) for one in unique)
        clashing = [one for one in unique if wanted[wire_safe(one)] > 1 or len(wire_safe(one)) > LONGEST]
        self._names = {one: wire_safe(one) for one in unique if one not in set(clashing)}
        taken = set(self._names.values())
        for one in clashing:
            name = _suffixed(one, taken)
            taken.add(name)
            self._names[one] = name
        self._ids = {name: one for one, name in self._names.items()}

    def name(self, tool_id: str) -> str:
        """The wire name of one of the tools. Raises KeyError for any other."""
        return self._names[tool_id]

    def tool_id(self, name: str) -> str:
        """The tool that a model means; a name that it made up comes back as it is."""
        return self._ids.get(name, name)


def wire_safe(name: str) -> str:
    """The name with an underscore for every character that a wire name may not have, and for no name at all."""
    return name if _SAFE.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_-]", "_", name) or "_"


def _suffixed(tool_id: str, taken: set[str]) -> str:
    """Eight digits of a hash will do, unless somebody has called a tool just so."""
    digest = hashlib.sha256(tool_id.encode(errors="surrogatepass")).hexdigest()
    for digits in range(_DIGITS, LONGEST - 1):
        name = f"{wire_safe(tool_id)[: LONGEST - 1 - digits]}_{digest[:digits]}"
        if name not in taken:
            return name
    raise ValueError("no wire name is left for a tool")
