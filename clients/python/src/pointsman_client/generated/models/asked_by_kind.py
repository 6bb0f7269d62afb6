from typing import Literal

AskedByKind = Literal["key", "system", "user"]

ASKED_BY_KIND_VALUES: set[AskedByKind] = {
    "key",
    "system",
    "user",
}


def check_asked_by_kind(value: str) -> AskedByKind:
    if value in ASKED_BY_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ASKED_BY_KIND_VALUES!r}")
