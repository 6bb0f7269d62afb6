"""Atomic replacement of files that another process may read at any moment."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically: a reader, or a start after a crash, finds the old or the new content.

    Args:
        path: The file; its folder has to exist. Only the owner may read the new file.
        content: The new content.

    Raises:
        OSError: The file cannot be written; the old one is unchanged.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
