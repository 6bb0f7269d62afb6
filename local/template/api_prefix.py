"""The path prefix of the Agent API, which is replaced in the template's text: SAM takes no parameter in a route's path.

`python -m local.template.api_prefix FILE PREFIX` replaces it in a file, as `make build API_PREFIX=/v1` does with the
built template. See docs/decisions/0009.
"""

import re
import sys
from pathlib import Path

from local.errors import RunnerError

_PREFIX_SETTING = re.compile(r"^( *API_PREFIX: *)([\"']?)(/[^\s\"',}]+)\2 *$", re.MULTILINE)
_PREFIX_FORMAT = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def replace_prefix(template: str, prefix: str | None) -> str:
    """Return the template's text with another prefix for the Agent API.

    Args:
        template: Text of the template.
        prefix: Such as `/v1`; None leaves the text unchanged.

    Raises:
        RunnerError: The prefix is not a path, or is `/`.
    """
    if prefix is None:
        return template
    if not _PREFIX_FORMAT.fullmatch(prefix):
        raise RunnerError(f"API_PREFIX is {prefix[:40]!r}; it has to be a path like /api, and not /")
    found = _PREFIX_SETTING.search(template)
    if found is None:
        return template
    paths = re.compile(
        r"(\b(?:Path|PathPattern|API_PREFIX): *[\"']?)" + re.escape(found[3]) + r"(?=[/\"'\s,}*]|$)", re.MULTILINE
    )
    return paths.sub(lambda place: place[1] + prefix, template)


def main(file: str, prefix: str) -> None:
    """Replace the prefix in a template file.

    Raises:
        RunnerError: The template has no Agent API, or the prefix is not a path.
    """
    path = Path(file)
    text = path.read_text(encoding="utf-8")
    if not _PREFIX_SETTING.search(text):
        raise RunnerError(f"{file} has no API_PREFIX, so no Agent API that could be moved")
    path.write_text(replace_prefix(text, prefix), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RunnerError as error:
        sys.exit(str(error))
