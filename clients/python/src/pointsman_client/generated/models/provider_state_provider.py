from typing import Literal

ProviderStateProvider = Literal["agentmail", "openrouter", "railway", "telnyx"]

PROVIDER_STATE_PROVIDER_VALUES: set[ProviderStateProvider] = {
    "agentmail",
    "openrouter",
    "railway",
    "telnyx",
}


def check_provider_state_provider(value: str) -> ProviderStateProvider:
    if value in PROVIDER_STATE_PROVIDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PROVIDER_STATE_PROVIDER_VALUES!r}")
