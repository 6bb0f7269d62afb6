"""Names of tools as a model may be told them: ids have dots (`time.now`), wire names may not (`time_now`)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["MAX_LENGTH", "ToolNameMap", "sanitize_name"]

MAX_LENGTH = 64
"""Characters that every model takes; the Responses API itself allows 128."""

_VALID_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_HASH_DIGITS = 8


class ToolNameMap:
    """The wire names of a request's tools, and the way back.

    The same tools get the same names in whatever order they come. Ids that would look alike, or are too long, get a
    suffix made of the id.
    """

    def __init__(self, tool_ids: Iterable[str]) -> None:
        unique = sorted(set(tool_ids))
        name_counts = Counter(sanitize_name(one) for one in unique)
        colliding_ids = [
            one for one in unique if name_counts[sanitize_name(one)] > 1 or len(sanitize_name(one)) > MAX_LENGTH
        ]
        self._names = {one: sanitize_name(one) for one in unique if one not in set(colliding_ids)}
        used_names = set(self._names.values())
        for one in colliding_ids:
            name = _add_hash_suffix(one, used_names)
            used_names.add(name)
            self._names[one] = name
        self._ids = {name: one for one, name in self._names.items()}

    def to_function_name(self, tool_id: str) -> str:
        """The wire name of one of the tools. Raises KeyError for any other."""
        return self._names[tool_id]

    def to_tool_id(self, function_name: str) -> str:
        """The tool that a model means; a name that it made up comes back as it is."""
        return self._ids.get(function_name, function_name)


def sanitize_name(name: str) -> str:
    """The name with an underscore for every character that a wire name may not have, and for no name at all."""
    return name if _VALID_NAME.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_-]", "_", name) or "_"


def _add_hash_suffix(tool_id: str, used_names: set[str]) -> str:
    """Eight digits of a hash will do, unless somebody has called a tool just so."""
    digest = hashlib.sha256(tool_id.encode(errors="surrogatepass")).hexdigest()
    for digits in range(_HASH_DIGITS, MAX_LENGTH - 1):
        name = f"{sanitize_name(tool_id)[: MAX_LENGTH - 1 - digits]}_{digest[:digits]}"
        if name not in used_names:
            return name
    raise ValueError("no wire name is left for a tool")
