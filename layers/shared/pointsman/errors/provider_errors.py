"""Errors of providers: 502."""

from collections.abc import Mapping
from typing import Literal

from .base import PointsmanError

__all__ = ["ProviderError", "ProviderRejected", "ProviderTimeout", "ProviderUnavailable", "RejectionReason"]


RejectionReason = Literal["unauthorized", "not_found", "taken", "limit", "invalid", "not_ready", "other"]
"""Why a provider rejected a call.

`unauthorized`: bad credential. `not_found`: no such resource. `taken`: the name or number is in use, perhaps by us.
`limit`: a limit of the plan or account. `invalid`: the request is wrong. `not_ready`: the resource is not yet in a
state for it. `other`: anything else.
"""


class ProviderError(PointsmanError):
    """A failed call to a provider.

    `provider` is the provider's id (`railway`…), `step` the call (`serviceCreate`, `keys.create`…).
    """

    status, code = 502, "PROVIDER_ERROR"

    def __init__(self, provider: str, step: str, problem: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{provider} {step}: {problem}", details=details)
        self.provider = provider
        self.step = step


class ProviderRejected(ProviderError):
    """A call that the provider rejected without any effect. A retry of the same call does not help."""

    code = "PROVIDER_REJECTED"

    def __init__(
        self,
        provider: str,
        step: str,
        problem: str,
        *,
        reason: RejectionReason = "other",
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(provider, step, problem, details=details)
        self.reason: RejectionReason = reason


class ProviderUnavailable(ProviderError):
    """A transient failure of a provider (429, 5xx).

    `outcome_unknown` is False if the provider said that nothing was done (429). `retry_after` is in seconds, None if
    the provider named no time.
    """

    code, retryable = "PROVIDER_UNAVAILABLE", True

    def __init__(
        self,
        provider: str,
        step: str,
        problem: str,
        *,
        outcome_unknown: bool = True,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(provider, step, problem, details=details)
        self.outcome_unknown = outcome_unknown
        self.retry_after = retry_after


class ProviderTimeout(ProviderUnavailable):
    """A call without a complete response: a timeout or a lost connection. The outcome of a write is unknown."""

    code = "PROVIDER_TIMEOUT"
