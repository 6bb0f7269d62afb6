"""Names that no other test has: of instances, users, prompts, databases."""

import itertools
import os

_counter = itertools.count(1)


def unique_id(prefix: str) -> str:
    """`<prefix><pid>-<number>`: unique among the processes of a run, which may share a server."""
    return f"{prefix}{os.getpid()}-{next(_counter)}"
