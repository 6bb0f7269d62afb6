"""Which items of a request's input a refusal is about.

Servers name an item by its index (`input[3].name`, a validator's path), its id or call id, its type, or only by saying
that encrypted content cannot be verified.
"""

import re
from collections.abc import Sequence

from ...json_values import as_text
from ...prompts.model_items import ModelItem
from .errors import Refusal, says_input_is_too_long
from .item_forms import is_bound

__all__ = ["find_refused_items", "is_about_conversation", "may_concern_items"]

_OTHER_PARAMETERS = (
    "model", "tools", "tool_choice", "include", "instructions", "stream", "store", "text", "temperature", "user",
)  # fmt: skip
_OTHER_CODES = re.compile(r"model_not_found|insufficient_quota|api_key")
_ENCRYPTED_CONTENT = re.compile(
    r"encrypted[ _]content|thought[ _]signature|could not be (verified|decrypted)", re.IGNORECASE
)
_FILTER_CODES = re.compile(r"content_policy|content_filter|moderation|invalid_prompt|payload_too_large|\brefusal\b")
_INDEXES = (
    re.compile(r"\binput\b(?:\.[^.\s\d'\"][^.'\"]{0,2000})*(?:\[|\.)(\d{1,9})\b"),  # input[3], input.3, input.list[…].3
    re.compile(r"['\"]input['\"](?:\s*,\s*['\"][^'\"]*['\"])*\s*,\s*(\d{1,9})\b"),  # a validator's ["body", "input", 3]
)
_EXPECTED_VALUES = re.compile(
    r"\b(supported|expected|allowed|valid) (values?|types?)\b|\bmust be one of\b|\bshould be\b", re.IGNORECASE
)
_MIN_ID_LENGTH = 4
"""Shorter ids may stand in any text."""


def may_concern_items(refusal: Refusal) -> bool:
    """Whether a request with other items may succeed where this one was refused for good."""
    parameter = re.split(r"[.\[]", refusal.param, maxsplit=1)[0]
    if parameter in _OTHER_PARAMETERS or _OTHER_CODES.search(refusal.code):
        return False
    return refusal.status in (0, 400, 404, 413, 422) or is_about_conversation(refusal)


def is_about_conversation(refusal: Refusal) -> bool:
    """Whether the whole input is refused: it is too long, or a filter refuses something in it."""
    if refusal.status in (401, 402):
        return False
    return (
        refusal.status == 413
        or says_input_is_too_long(refusal.code, refusal.text)
        or _FILTER_CODES.search(refusal.code) is not None
        or (refusal.status < 429 and "too many tokens" in refusal.text.lower())  # A 429 of these words is a throttle.
    )


def find_refused_items(refusal: Refusal, items: Sequence[ModelItem]) -> dict[int, bool]:
    """Return the indexes of the items that the refusal is about, and of each whether its type is refused."""
    text = f"{refusal.param} {refusal.text}"
    if _ENCRYPTED_CONTENT.search(f"{refusal.code} {text}"):
        return {index: False for index, item in enumerate(items) if item.get("encrypted_content")}
    numbers = (int(number) for pattern in _INDEXES for number in pattern.findall(text))
    by_index = {number for number in numbers if number < len(items)}
    by_id = {
        index
        for index, item in enumerate(items)
        if item.get("type") != "function_call_output"  # It has its call's id: the call is meant.
        and any(_is_named(text, item.get(key)) for key in ("id", "call_id"))
    }
    # The types that the server knows are often listed after the one that it does not know.
    refused_text = _EXPECTED_VALUES.split(text, maxsplit=1)[0]
    refused_types = {
        as_text(item.get("type")) for item in items if is_bound(item) and _is_named(refused_text, item.get("type"))
    }
    if by_id:
        refused_types.clear()
    by_type = {index for index, item in enumerate(items) if item.get("type") in refused_types}
    return {index: index in by_type for index in sorted(by_index | by_id | by_type)}


def _is_named(text: str, name: object) -> bool:
    """Whether the text holds the name as a whole word."""
    if not isinstance(name, str) or len(name) < _MIN_ID_LENGTH or name not in text:
        return False
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None
