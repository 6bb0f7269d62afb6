"""The size of what a prompt stores and shows, as its limit counts it.

A value is written as JSON: in the database, in the model's history, in an event of the stream, and in the response of
`GET /prompts/{id}`, which is a text within the JSON that a Lambda function returns. There it is longest: a quote takes
four bytes. That form is what counts, so that a size is an upper bound wherever the value is written.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["measure", "measure_turn", "shorten_error"]

_MAX_ERROR_BYTES = 4000
_SHORT_ERROR_CHARACTERS = 100


def measure(value: object) -> int:
    """Return the bytes of a value as JSON within JSON, without its own quotes, all in ASCII."""
    return len(json.dumps(json.dumps(value, ensure_ascii=False))) - 2


def measure_turn(
    items: Sequence[Mapping[str, object]],
    text_output: Mapping[str, object],
    tool_outputs: Iterable[Mapping[str, object]],
) -> int:
    """Return the bytes of a model's turn: of its items, or of what is shown of them, whichever is more.

    Args:
        items: the output items: texts, calls, reasoning, whatever the model sent.
        text_output: the turn's text as an output.
        tool_outputs: the calls as outputs, without their results.
    """
    return max(measure(list(items)), measure(text_output) + sum(measure(output) for output in tool_outputs))


def shorten_error(message: str, bytes_left: int) -> str:
    """Return an error's message so that its result fits, or of at most 100 characters if nothing fits any more.

    So a prompt over its limit grows by less than 1.5 KB for each call that the model has asked for by then.
    """
    if measure({"type": "error", "error": message}) <= min(bytes_left, _MAX_ERROR_BYTES):
        return message
    return message if len(message) <= _SHORT_ERROR_CHARACTERS else message[: _SHORT_ERROR_CHARACTERS - 1] + "…"
