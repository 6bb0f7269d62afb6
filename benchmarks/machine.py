"""The machine of a run, without its name, and the memory of process trees (Linux)."""

import os
import platform
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class TreeMemory:
    """Memory of a process and its descendants, in megabytes.

    Args:
        pss: Proportional set size: a page that several processes share counts once in total.
        rss: Resident set size: such a page counts for each of them.
        processes: How many processes there are.
    """

    pss: float
    rss: float
    processes: int


def describe_machine() -> str:
    """Describe cores, system, Python and the present load in one sentence."""
    cores = os.cpu_count() or 1
    load = " / ".join(f"{value:.1f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 1024**3
    return (
        f"{cores} core{'s' if cores > 1 else ''}, {memory:.0f} GB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}; load at the start (1, 5, 15 minutes): {load}."
    )


def measure_tree(root: int, extra: Collection[int] = (), excluded: Collection[int] = ()) -> TreeMemory:
    """Measure a process tree.

    Args:
        root: Pid at the top.
        extra: Pids of further trees that belong to it.
        excluded: Pids of trees that do not count, such as the benchmark's clients.
    """
    pids = _list_tree(root)
    for pid in extra:
        pids |= _list_tree(pid)
    for pid in excluded:
        pids -= _list_tree(pid)
    pss = rss = 0
    count = 0
    for pid in pids:
        try:
            sizes = _read_sizes(Path(f"/proc/{pid}/smaps_rollup"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        pss, rss, count = pss + sizes["Pss"], rss + sizes["Rss"], count + 1
    return TreeMemory(pss / 1024, rss / 1024, count)


def read_rss(pid: int) -> float:
    """Return the resident set size of one process in megabytes."""
    return float(psutil.Process(pid).memory_info().rss) / MEGABYTE


def read_peak_rss(pid: int) -> float:
    """Return the largest resident set size that one process has had, in megabytes."""
    return _read_sizes(Path(f"/proc/{pid}/status"))["VmHWM"] / 1024


def _list_tree(pid: int) -> set[int]:
    try:
        process = psutil.Process(pid)
        return {pid, *(child.pid for child in process.children(recursive=True))}
    except psutil.NoSuchProcess:
        return set()


def _read_sizes(path: Path) -> dict[str, int]:
    """Read the lines of a file in /proc that give kilobytes."""
    sizes: dict[str, int] = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            sizes[name] = int(value.split()[0])
    return sizes
