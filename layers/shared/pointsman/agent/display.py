r"""What a person sees of a tool call: texts without invisible characters, values of a bounded size.

A text is shown as it is, but for characters that cannot be seen, that turn the text's direction, or that look like no
space or another one: they are shown as the escapes of JSON, like `\u202e`. A backslash that could be taken for the
start of an escape is doubled, so different texts are always shown differently. What is too long is shown from its
start, with its length and the start of its SHA-256 digest.
"""

import hashlib
import json
import re
import unicodedata
from typing import cast

__all__ = ["MAX_SHOWN_BYTES", "quote_name", "show_text", "show_value"]

MAX_SHOWN_BYTES = 16_000
"""Of an approval's input, as JSON in ASCII."""

_MAX_TEXT_CHARS = 2000
_MAX_NUMBER_CHARS = 100
_MAX_DEPTH = 20
_KEY_CHARS = (300, 100, 40, 16)
_MIN_MEMBER_BYTES = 100
"""A member gets at least so many: a summary is not longer."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_HIDDEN_OTHERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters of other categories that show nothing (Unicode, Default_Ignorable_Code_Point), and the empty Braille."""

_PLAIN_TEXT = re.compile(r"[!-\[\]-~]+(?: [!-\[\]-~]+)*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9@+:/._~-]+")


def show_text(text: str, max_chars: int = _MAX_TEXT_CHARS) -> str:
    """Return the text as a person may see it: on one line, nothing invisible, at most about `max_chars` characters.

    Spaces at the ends and after other spaces are shown as escapes, too: two names may differ in nothing else.
    """
    if _PLAIN_TEXT.fullmatch(text) and len(text) <= max_chars:
        return text
    shown = _escape(text[:max_chars])
    if len(text) <= max_chars and len(shown) <= 2 * max_chars:
        return shown
    return f"{shown[: 2 * max_chars]}… ({len(text)} characters, {_digest(text)})"


def quote_name(name: str) -> str:
    """Return the name for a sentence that `show_text` shows: in quotation marks unless it is one plain word."""
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '\\"') + '"'


def show_value(value: object, max_bytes: int = MAX_SHOWN_BYTES) -> object:
    """Return a JSON value as a person may see it, of at most `max_bytes` as JSON in ASCII.

    Every member of an object or a list gets the same share of the bytes, and what a short one does not need goes to the
    others: a long member hides no other. Members for which no share is left are counted.
    """
    return _show(value, max_bytes, _MAX_DEPTH)


def _show(value: object, max_bytes: int, depth: int) -> object:
    if isinstance(value, str):
        lengths = (_MAX_TEXT_CHARS, max_bytes // 6, max_bytes // 12, max_bytes // 24)
        shown = (show_text(value, length) for length in lengths if length <= _MAX_TEXT_CHARS)
        return next((text for text in shown if _size(text) <= max_bytes), None) or _summarize(value)
    if isinstance(value, dict | list):
        members = cast("dict[str, object] | list[object]", value)
        if depth > 0 and (max_bytes > _MIN_MEMBER_BYTES or _size(members) <= max_bytes):
            return _show_members(members, max_bytes, depth)
        return _summarize(members)
    return _summarize(value) if len(json.dumps(value)) > _MAX_NUMBER_CHARS else value


def _show_members(value: dict[str, object] | list[object], max_bytes: int, depth: int) -> object:
    items: list[tuple[str, object]] = [*value.items()] if isinstance(value, dict) else [("", item) for item in value]
    count = max(max_bytes // (2 * _MIN_MEMBER_BYTES), 1)
    first, rest = items[:count], items[count:]
    keys = _show_keys([key for key, _ in first], max_bytes // 4)
    if keys is None:
        return _summarize(value)
    remaining, shown = max_bytes - sum(_size(key) + 4 for key in keys) - _MIN_MEMBER_BYTES, dict[int, object]()
    by_size = sorted(range(len(first)), key=lambda index: _size(first[index][1]))
    for done, index in enumerate(by_size):
        shown[index] = _show(first[index][1], max(remaining // (len(first) - done), _MIN_MEMBER_BYTES), depth - 1)
        remaining -= _size(shown[index])
    more = f"… and {len(rest)} more ({_digest(_dump(rest))})"
    if isinstance(value, list):
        return [*(shown[index] for index in range(len(first))), *([more] if rest else [])]
    result = {key: shown[index] for index, key in enumerate(keys)}
    if rest:
        marker = "…"
        while marker in result:
            marker += "…"
        result[marker] = more
    return result


def _show_keys(keys: list[str], max_bytes: int) -> list[str] | None:
    """Return the keys, each as long as all can be within so many bytes; None if they cannot."""
    for length in _KEY_CHARS:
        shown = [show_text(key, length) for key in keys]
        if sum(map(_size, shown)) <= max(max_bytes, _MIN_MEMBER_BYTES):
            return shown
    return None


def _summarize(value: object) -> str:
    text = _dump(value)
    return f"… ({len(text)} bytes as JSON, {_digest(text)})"


def _escape(text: str) -> str:
    shown: list[str] = []
    backslashes, previous = 0, " "
    last = len(text) - 1
    for index, character in enumerate(text):
        is_hidden = _is_hidden(character) or (character == " " and (previous == " " or index == last))
        if backslashes and (is_hidden or character in "uU"):
            shown.append("\\" * backslashes)
        backslashes = backslashes + 1 if character == "\\" else 0
        shown.append(_to_escape(character) if is_hidden else character)
        previous = character
    return "".join(shown)


def _is_hidden(character: str) -> bool:
    if " " <= character <= "~":
        return False
    category = unicodedata.category(character)
    return category in _HIDDEN_CATEGORIES or category == "Zs" or _HIDDEN_OTHERS.match(character) is not None


def _to_escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _digest(text: str) -> str:
    return f"SHA-256 {hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _size(value: object) -> int:
    return len(json.dumps(value))
