"""How many files and connections this process may have open."""

import resource

WANTED_OPEN_FILES = 10_240
"""Room for every connection that the gateway takes and a few for each process of a function. macOS allows no more."""


def allow_open_files(count: int = WANTED_OPEN_FILES) -> None:
    """Raise this process's limit, which is 256 or 1024 on most machines, to `count` or to what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    allowed = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
