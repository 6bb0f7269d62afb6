"""The prelude of a streamed response: status and headers in JSON, ended by eight NUL bytes, before the body.

The format is the one of "Response streaming for Lambda functions" in the guides of Lambda and API Gateway.
"""

import json
from dataclasses import dataclass
from typing import Any

from local.json_values import list_or_empty, mapping_or_empty, scalar_to_text
from local.lambda_service.response_stream import ResponseStream

_MAX_PRELUDE_BYTES = 16 * 1024
_PRELUDE_DELIMITER = b"\0" * 8


class InvalidPrelude(Exception):
    """The stream of a function does not start with a prelude."""


@dataclass(frozen=True)
class Prelude:
    """Status and headers of a streamed response.

    Args:
        status: HTTP status, 200 to 599.
        headers: Names in lower case; a header with several values has several entries.
        first_chunk: The part of the body that arrived together with the prelude; may be empty.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    first_chunk: bytes


async def read_prelude(response_stream: ResponseStream) -> Prelude:
    """Read a stream up to and including the eight NUL bytes.

    Raises:
        InvalidPrelude: They do not arrive within 16 KB, or the text before them is not a prelude.
    """
    text = b""
    while _PRELUDE_DELIMITER not in text:
        chunk = await response_stream.get()
        if chunk is None or len(text) > _MAX_PRELUDE_BYTES:
            raise InvalidPrelude
        text += chunk
    head, _, rest = text.partition(_PRELUDE_DELIMITER)
    if len(head) + len(_PRELUDE_DELIMITER) > _MAX_PRELUDE_BYTES:
        raise InvalidPrelude
    try:
        fields = mapping_or_empty(json.loads(head))
        status = int(fields.get("statusCode", 200))
    except (TypeError, ValueError):
        raise InvalidPrelude from None
    if not 200 <= status <= 599:
        raise InvalidPrelude
    return Prelude(status, tuple(collect_headers(fields)), rest)


def collect_headers(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Collect the headers of a prelude or of a response in payload format 1.0, with names in lower case.

    Args:
        fields: `multiValueHeaders` wins over `headers`, name by name; `cookies` become Set-Cookie headers.
    """
    grouped = {
        str(name).lower(): list_or_empty(values)
        for name, values in mapping_or_empty(fields.get("multiValueHeaders")).items()
    }
    for name, value in mapping_or_empty(fields.get("headers")).items():
        grouped.setdefault(str(name).lower(), [value])
    grouped.setdefault("set-cookie", []).extend(list_or_empty(fields.get("cookies")))
    return [(name, scalar_to_text(value)) for name, values in grouped.items() for value in values]
