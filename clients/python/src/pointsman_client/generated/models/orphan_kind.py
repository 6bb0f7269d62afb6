from typing import Literal

OrphanKind = Literal["service", "tool", "volume"]

ORPHAN_KIND_VALUES: set[OrphanKind] = {
    "service",
    "tool",
    "volume",
}


def check_orphan_kind(value: str) -> OrphanKind:
    if value in ORPHAN_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORPHAN_KIND_VALUES!r}")
