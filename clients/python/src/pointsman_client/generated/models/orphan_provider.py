from typing import Literal

OrphanProvider = Literal["agentmail", "openrouter", "railway", "telnyx"]

ORPHAN_PROVIDER_VALUES: set[OrphanProvider] = {
    "agentmail",
    "openrouter",
    "railway",
    "telnyx",
}


def check_orphan_provider(value: str) -> OrphanProvider:
    if value in ORPHAN_PROVIDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ORPHAN_PROVIDER_VALUES!r}")
