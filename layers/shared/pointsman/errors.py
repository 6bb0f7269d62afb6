"""The exceptions that this layer raises deliberately.

    PointsmanError
    ├── InvalidInput               400  the caller must change the request
    ├── Unauthenticated            401
    │   └── AuthRequired                of the Agent API
    ├── ApprovalRequired           403  the tool call needs an approval, which cannot be given here
    ├── Forbidden                  403  the caller may not do this, or an address is not for clients
    ├── NotFound                   404
    │   ├── ToolNotFound                no tool with this id is exposed
    │   └── PromptNotFound              unknown, of another user, or not waiting for this call's decision
    ├── Conflict                   409
    │   ├── ConversationBusy            a prompt of the conversation is running or waiting
    │   ├── InstanceBusy                another operation is running for the instance
    │   ├── LeftoversRemain             an earlier operation left something that is not deleted yet
    │   ├── FleetLimitReached           the fleet may not become larger, or spend more
    │   ├── DestroysHeld                the caller has destroyed many instances of late, and must confirm this one
    │   ├── IdempotencyKeyReused        the key belongs to a different request
    │   └── IdempotencyInProgress       the first request with this key has no response yet
    ├── PayloadTooLarge            413
    ├── InvalidToolInput           422  lists the issues
    ├── FeatureUnavailable         422  the plugin with this feature is not registered
    ├── RateLimited                429  for plugins' tools
    │   └── TooManyStreams              the user has as many open streams as are allowed
    ├── OperationFailed            500  an operation failed; the message names the cause and what could not be deleted
    ├── SettingError               500  names the variable or the secret
    │   ├── MissingSetting              it is not set
    │   ├── InvalidSetting              its value is not allowed
    │   └── UnreadableSecret            the secret that holds it is missing, forbidden or malformed
    ├── MigrationFailed            500  the databases are unchanged; the message names the cause
    ├── CompositionError           500  plugins, tools or routes do not fit together; the bundle must be changed
    ├── ToolFailed                 500  a tool raised, or its result does not fit its output model
    ├── RouteFailed                500  the same of a plugin's route
    ├── ModelFailed                502  the model or its provider failed
    ├── ProviderError              502  names the provider and the call
    │   ├── ProviderRejected            the provider rejected the call; nothing happened, a retry does not help
    │   └── ProviderUnavailable         a transient failure
    │       └── ProviderTimeout         no response: the outcome is unknown, so look before a retry
    ├── AuthUnavailable            503  the keys of the token issuer cannot be fetched
    ├── DatabaseUnavailable        503
    ├── SecretsUnavailable         503  Secrets Manager does not answer
    └── DocsUnavailable            503  the assets of the documentation page were not packaged

Each has an HTTP status, a stable code, a flag that says whether a retry may help, and a message that is safe to show to
a client: no credential, no raw response body of a provider, no SQL.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypedDict

__all__ = [
    "ApprovalRequired", "AuthRequired", "AuthUnavailable", "CompositionError", "Conflict", "ConversationBusy",
    "DatabaseUnavailable", "DestroysHeld", "DocsUnavailable", "FeatureUnavailable", "FleetLimitReached", "Forbidden",
    "IdempotencyInProgress", "IdempotencyKeyReused", "InstanceBusy", "InvalidInput", "InvalidSetting",
    "InvalidToolInput", "Issue", "LeftoversRemain", "MigrationFailed", "MissingSetting", "ModelFailed", "NotFound",
    "OperationFailed", "PayloadTooLarge", "PointsmanError", "PromptNotFound", "ProviderError", "ProviderRejected",
    "ProviderTimeout", "ProviderUnavailable", "RateLimited", "RejectionReason", "RouteFailed", "SecretsUnavailable",
    "SettingError", "TooManyStreams", "ToolFailed", "ToolNotFound", "Unauthenticated", "UnreadableSecret",
]  # fmt: skip

_Details = Mapping[str, object] | None

RejectionReason = Literal["unauthorized", "not_found", "taken", "limit", "invalid", "not_ready", "other"]
"""Why a provider rejected a call.

`unauthorized`: bad credential. `not_found`: no such resource. `taken`: the name or number is in use, perhaps by us.
`limit`: a limit of the plan or account. `invalid`: the request is wrong. `not_ready`: the resource is not yet in a
state for it. `other`: anything else.
"""


class Issue(TypedDict):
    """A problem with one part of an input. `path` leads to it: names of members, indexes of elements from 0."""

    path: list[str | int]
    message: str


class PointsmanError(Exception):
    """The base class.

    Attributes:
        status: The HTTP status.
        code: The code in the client's error body. It never changes.
        retryable: Whether a retry of the same request may succeed.
        message: Safe to show to a client.
        details: Further keys of the client's error body.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: bool = False

    def __init__(self, message: str, *, details: _Details = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = dict(details or {})


class InvalidInput(PointsmanError):
    """A request that the caller must change."""

    status, code = 400, "INVALID_INPUT"


class InvalidToolInput(PointsmanError):
    """An input of a tool, or a body of a plugin's route, that does not fit its model. `issues` hold no values."""

    status, code = 422, "VALIDATION_ERROR"

    def __init__(self, message: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.issues: list[Issue] = list(issues)


class FeatureUnavailable(PointsmanError):
    """A request for a feature of a plugin that is not registered."""

    status, code = 422, "FEATURE_UNAVAILABLE"


class Unauthenticated(PointsmanError):
    """A request without a valid credential."""

    status, code = 401, "UNAUTHENTICATED"


class AuthRequired(Unauthenticated):
    """A request to the Agent API whose caller is not identified."""

    code = "AUTH_REQUIRED"


class ApprovalRequired(PointsmanError):
    """A call of a tool that needs an approval, where nobody can give one."""

    status, code = 403, "APPROVAL_REQUIRED"


class Forbidden(PointsmanError):
    """A request that its caller may not make, or to an address that is not for clients."""

    status, code = 403, "FORBIDDEN"


class NotFound(PointsmanError):
    """A resource that does not exist, or that the caller may not see."""

    status, code = 404, "NOT_FOUND"


class ToolNotFound(NotFound):
    """A tool id that is not exposed."""

    code = "TOOL_NOT_FOUND"


class PromptNotFound(NotFound):
    """A prompt that is unknown, of another user, or not waiting for a decision on this call."""

    code = "PROMPT_NOT_FOUND"


class Conflict(PointsmanError):
    """A request that the present state does not allow."""

    status, code = 409, "CONFLICT"


class ConversationBusy(Conflict):
    """A conversation that has a running or waiting prompt already."""

    code, retryable = "CONVERSATION_BUSY", True


class InstanceBusy(Conflict):
    """An instance for which another operation is running; `operation_id` is that operation."""

    code, retryable = "BUSY", True

    def __init__(self, message: str, operation_id: str) -> None:
        super().__init__(message, details={"operationId": operation_id})
        self.operation_id = operation_id


class LeftoversRemain(Conflict):
    """An instance id of which something is left; `leaked_id` is the leaked create that may be retried now, if any."""

    code, retryable = "LEFTOVERS", True

    def __init__(self, message: str, *, details: Mapping[str, object], leaked_id: str | None) -> None:
        super().__init__(message, details=details)
        self.leaked_id = leaked_id


class FleetLimitReached(Conflict):
    """A create or provision for which the fleet has no room."""

    code = "FLEET_LIMIT"


class DestroysHeld(Conflict):
    """A destroy of a caller who has destroyed many instances in a short time. A confirmed one is not held."""

    code = "DESTROYS_HELD"


class IdempotencyKeyReused(Conflict):
    """An idempotency key that belongs to a different request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyInProgress(Conflict):
    """An idempotency key whose first request has no response yet."""

    code, retryable = "IDEMPOTENCY_IN_PROGRESS", True


class PayloadTooLarge(PointsmanError):
    """A request body over the limit."""

    status, code = 413, "PAYLOAD_TOO_LARGE"


class RateLimited(PointsmanError):
    """A caller that must slow down; also for the tools of plugins.

    `retry_after` is in seconds, and becomes the response's Retry-After; None if no time is known.
    """

    status, code, retryable = 429, "RATE_LIMITED", True

    def __init__(self, message: str, *, retry_after: int | None = None, details: _Details = None) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class TooManyStreams(RateLimited):
    """A user who has as many open streams as are allowed."""

    code = "TOO_MANY_STREAMS"


class OperationFailed(PointsmanError):
    """An operation that failed. The message names the cause and what could not be deleted."""

    status, code = 500, "OPERATION_FAILED"


class SettingError(PointsmanError):
    """A setting that is missing or invalid. `name` is the variable, or the secret that cannot be read."""

    status, code = 500, "MISSING_SETTING"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class MissingSetting(SettingError):
    """A setting that this function needs is not set."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(name, f"The setting {name} is missing" + (f": {hint}" if hint else ""))


class InvalidSetting(SettingError):
    """A setting has a value that is not allowed. `requirement` completes "it must be …"."""

    def __init__(self, name: str, requirement: str) -> None:
        super().__init__(name, f"The value of the setting {name} is wrong: it must be {requirement}")


class UnreadableSecret(SettingError):
    """A secret that is missing, forbidden or malformed; `name` is the secret's, `problem` follows it in the message."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, f"The secret {name} {problem}")


class MigrationFailed(PointsmanError):
    """A migration that failed and changed nothing."""

    status, code = 500, "MIGRATION_FAILED"


class CompositionError(PointsmanError):
    """Plugins, tools or routes that do not fit together. Raised when a bundle is composed, never by a request."""

    status, code = 500, "COMPOSITION_ERROR"


class ToolFailed(PointsmanError):
    """A tool that raised, or whose result does not fit its output model."""

    status, code = 500, "TOOL_ERROR"


class RouteFailed(PointsmanError):
    """A plugin's route that raised, or whose result does not fit its output model."""

    status, code = 500, "ROUTE_ERROR"


class ModelFailed(PointsmanError):
    """A model request without a usable response.

    `retryable` is True for transient failures. `retry_after` is in seconds, None if the model's API named no time.
    """

    status, code = 502, "MODEL_ERROR"

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after: float | None = None, details: _Details = None
    ) -> None:
        super().__init__(message, details=details)
        self.retryable = retryable
        self.retry_after = retry_after


class AuthUnavailable(PointsmanError):
    """An issuer of tokens whose keys cannot be fetched, so that no token can be verified."""

    status, code, retryable = 503, "AUTH_UNAVAILABLE", True


class DatabaseUnavailable(PointsmanError):
    """A database that cannot be reached, or that closed the connection."""

    status, code, retryable = 503, "DATABASE_UNAVAILABLE", True


class SecretsUnavailable(PointsmanError):
    """Secrets Manager does not answer, and the value is not cached."""

    status, code, retryable = 503, "SECRETS_UNAVAILABLE", True


class DocsUnavailable(PointsmanError):
    """A documentation page whose assets were not packaged."""

    status, code = 503, "DOCS_UNAVAILABLE"


class ProviderError(PointsmanError):
    """A failed call to a provider.

    `provider` is the provider's id (`railway`…), `step` the call (`serviceCreate`, `keys.create`…).
    """

    status, code = 502, "PROVIDER_ERROR"

    def __init__(self, provider: str, step: str, problem: str, *, details: _Details = None) -> None:
        super().__init__(f"{provider} {step}: {problem}", details=details)
        self.provider = provider
        self.step = step


class ProviderRejected(ProviderError):
    """A call that the provider rejected without any effect. A retry of the same call does not help."""

    code = "PROVIDER_REJECTED"

    def __init__(
        self, provider: str, step: str, problem: str, *, reason: RejectionReason = "other", details: _Details = None
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
        details: _Details = None,
    ) -> None:
        super().__init__(provider, step, problem, details=details)
        self.outcome_unknown = outcome_unknown
        self.retry_after = retry_after


class ProviderTimeout(ProviderUnavailable):
    """A call without a complete response: a timeout or a lost connection. The outcome of a write is unknown."""

    code = "PROVIDER_TIMEOUT"
