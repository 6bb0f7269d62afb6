from typing import Literal

ListOrphansProvider = Literal["agentmail", "openrouter", "railway", "telnyx"]

LIST_ORPHANS_PROVIDER_VALUES: set[ListOrphansProvider] = {
    "agentmail",
    "openrouter",
    "railway",
    "telnyx",
}


def check_list_orphans_provider(value: str) -> ListOrphansProvider:
    if value in LIST_ORPHANS_PROVIDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_ORPHANS_PROVIDER_VALUES!r}")
