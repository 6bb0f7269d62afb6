"""Function names of tools: ids have dots (`time.now`), which the API does not allow in names (`time_now`)."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["MAX_LENGTH", "ToolNameMap", "limit_name", "sanitize_name"]

MAX_LENGTH = 64
"""Characters that every provider accepts; the Responses API itself allows 128."""

_VALID_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_HASH_DIGITS = 8


class ToolNameMap:
    """Mapping between the ids and the function names of a request's tools, in both directions.

    It does not depend on the order of the tools. Ids that would get the same name, or are too long, get a hash suffix.
    """

    def __init__(self, tool_ids: Iterable[str]) -> None:
        unique = sorted(set(tool_ids))
        name_counts = Counter(sanitize_name(tool_id) for tool_id in unique)
        colliding_ids = [
            tool_id
            for tool_id in unique
            if name_counts[sanitize_name(tool_id)] > 1 or len(sanitize_name(tool_id)) > MAX_LENGTH
        ]
        self._names = {tool_id: sanitize_name(tool_id) for tool_id in unique if tool_id not in set(colliding_ids)}
        used_names = set(self._names.values())
        for tool_id in colliding_ids:
            name = _add_hash_suffix(tool_id, used_names)
            used_names.add(name)
            self._names[tool_id] = name
        self._ids = {name: tool_id for tool_id, name in self._names.items()}

    def to_function_name(self, tool_id: str) -> str:
        """Return the function name of a tool.

        Raises:
            KeyError: the request has no such tool.
        """
        return self._names[tool_id]

    def to_tool_id(self, function_name: str) -> str:
        """Return the id of the tool with this function name, or the name itself if there is none."""
        return self._ids.get(function_name, function_name)


def sanitize_name(name: str) -> str:
    """Replace each character that a function name cannot have by an underscore. An empty name becomes one."""
    return name if _VALID_NAME.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_-]", "_", name) or "_"


def limit_name(name: str) -> str:
    """Return a name that a model has made up as one that every provider accepts; a long one ends with a hash."""
    return sanitize_name(name) if len(name) <= MAX_LENGTH else _add_hash_suffix(name, set())


def _add_hash_suffix(tool_id: str, used_names: set[str]) -> str:
    """Build a unique name with a hash of the id: of 8 digits, or more if another tool's id looks like that name."""
    digest = hashlib.sha256(tool_id.encode(errors="surrogatepass")).hexdigest()
    for digits in range(_HASH_DIGITS, MAX_LENGTH - 1):
        name = f"{sanitize_name(tool_id)[: MAX_LENGTH - 1 - digits]}_{digest[:digits]}"
        if name not in used_names:
            return name
    raise ValueError("no function name is left for a tool")
