"""Where the Agent API is in the template: SAM takes no parameter in a route's path, so its prefix is text there.

`python -m local.template.api_prefix FILE PREFIX` moves it in a template, as `make build API_PREFIX=/v1` does
with what it has built.
"""

import re
import sys
from pathlib import Path

from local.errors import RunnerError

_PREFIX_SETTING = re.compile(r"^( *API_PREFIX: *)([\"']?)(/[^\s\"',}]+)\2 *$", re.MULTILINE)
_PREFIX_FORMAT = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def replace_prefix(template: str, prefix: str | None) -> str:
    """The template's text with the Agent API under another prefix; None leaves it where it is.

    Raises:
        RunnerError: it cannot be there.
    """
    if prefix is None:
        return template
    if not _PREFIX_FORMAT.fullmatch(prefix):
        raise RunnerError(f"API_PREFIX is {prefix[:40]!r}; it has to be a path like /api, and not /")
    found = _PREFIX_SETTING.search(template)
    if found is None:
        return template
    paths = re.compile(
        r"(\b(?:Path|PathPattern|API_PREFIX): *[\"']?)" + re.escape(found[3]) + r"(?=[/\"'\s,}*]|$)", re.M
    )
    return paths.sub(lambda place: place[1] + prefix, template)


def main(file: str, prefix: str) -> None:
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
