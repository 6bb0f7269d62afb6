"""Every error that this layer raises on purpose.

    PointsmanError
    ├── InvalidInput            400  the caller must change the request
    ├── InvalidToolInput        422  knows the issues
    ├── FeatureUnavailable      422  what was asked for belongs to a plugin that is not registered
    ├── Unauthenticated         401
    │   └── AuthRequired             the Agent API's
    ├── ApprovalRequired        403  a person must approve this call of a tool, and here nobody can
    ├── NotFound                404
    │   ├── ToolNotFound             no tool of this id is exposed
    │   └── PromptNotFound           unknown, another user's, or not waiting for this
    ├── Conflict                409
    │   ├── ConversationBusy         a prompt of the conversation still runs or waits
    │   ├── Busy                     another operation works on the instance
    │   ├── KeyReused                an idempotency key came with another request
    │   └── StillInProgress          the first request with this idempotency key is at work
    ├── PayloadTooLarge         413
    ├── RateLimited             429  the caller must slow down
    ├── OperationFailed         500  an operation ended badly; the message says how and what is left
    ├── SettingError            500  names the environment variable
    │   ├── MissingSetting           it is not set
    │   └── InvalidSetting           its value is not one that is allowed
    ├── MigrationFailed         500  the databases are as they were; the message says why
    ├── CompositionError        500  plugins, tools or routes do not fit together; the bundle must be changed
    ├── ToolFailed              500  a tool raised, or returned what is not its output
    ├── RouteFailed             500  a plugin's route did
    ├── ModelFailed             502  the model or its provider; knows whether that may pass
    ├── AuthUnavailable         503  whoever signs the tokens cannot be asked for his keys
    ├── DatabaseUnavailable     503
    ├── DocsUnavailable         503  what the documentation's page needs was not packed
    └── ProviderError           502  knows its provider and step
        ├── ProviderRejected         the provider said no; nothing happened, asking again will not help
        ├── ProviderUnavailable      the provider could not answer; may pass
        └── ProviderTimeout          no answer: it may have happened, look before doing it again

Each knows its HTTP status, a code that does not change, whether trying again may help, and a message that is safe to
show to a client: no credential, no raw body of a provider, no SQL.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypedDict

__all__ = [
    "ApprovalRequired",
    "AuthRequired",
    "AuthUnavailable",
    "CompositionError",
    "Conflict",
    "ConversationBusy",
    "DatabaseUnavailable",
    "DocsUnavailable",
    "FeatureUnavailable",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "InstanceBusy",
    "InvalidInput",
    "InvalidSetting",
    "InvalidToolInput",
    "Issue",
    "MigrationFailed",
    "MissingSetting",
    "ModelFailed",
    "NotFound",
    "OperationFailed",
    "PayloadTooLarge",
    "PointsmanError",
    "PromptNotFound",
    "ProviderError",
    "ProviderRejected",
    "ProviderTimeout",
    "ProviderUnavailable",
    "RateLimited",
    "RejectionReason",
    "RouteFailed",
    "SettingError",
    "ToolFailed",
    "ToolNotFound",
    "Unauthenticated",
]

RejectionReason = Literal["unauthorized", "not_found", "taken", "limit", "invalid", "not_ready", "other"]
"""Why a provider said no: bad credential; no such thing; the name or number is somebody's (or already ours); a plan's
or account's limit; our request; not in a state for it yet; anything else."""


class Issue(TypedDict):
    """What is wrong with one part of an input. `path` leads to it: names of members, numbers of elements."""

    path: list[str | int]
    message: str


class PointsmanError(Exception):
    """Base of all. `message` is safe to show; `details` are further keys of the client's error body."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: bool = False

    def __init__(self, message: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, object] = dict(details or {})


class InvalidInput(PointsmanError):
    status, code = 400, "INVALID_INPUT"


class InvalidToolInput(PointsmanError):
    """The input of a tool, or the body of a plugin's route, does not fit its model. `issues` hold no values."""

    status, code = 422, "VALIDATION_ERROR"

    def __init__(self, message: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.issues: list[Issue] = list(issues)


class FeatureUnavailable(PointsmanError):
    status, code = 422, "FEATURE_UNAVAILABLE"


class Unauthenticated(PointsmanError):
    status, code = 401, "UNAUTHENTICATED"


class AuthRequired(Unauthenticated):
    code = "AUTH_REQUIRED"


class ApprovalRequired(PointsmanError):
    status, code = 403, "APPROVAL_REQUIRED"


class NotFound(PointsmanError):
    status, code = 404, "NOT_FOUND"


class ToolNotFound(NotFound):
    code = "TOOL_NOT_FOUND"


class PromptNotFound(NotFound):
    code = "PROMPT_NOT_FOUND"


class Conflict(PointsmanError):
    status, code = 409, "CONFLICT"


class ConversationBusy(Conflict):
    code, retryable = "CONVERSATION_BUSY", True


class InstanceBusy(Conflict):
    """Another operation works on the instance; `operation_id` is its id."""

    code, retryable = "BUSY", True

    def __init__(self, message: str, operation_id: str) -> None:
        super().__init__(message, details={"operationId": operation_id})
        self.operation_id = operation_id


class IdempotencyKeyReused(Conflict):
    code = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyInProgress(Conflict):
    code, retryable = "IDEMPOTENCY_IN_PROGRESS", True


class PayloadTooLarge(PointsmanError):
    status, code = 413, "PAYLOAD_TOO_LARGE"


class RateLimited(PointsmanError):
    status, code, retryable = 429, "RATE_LIMITED", True


class OperationFailed(PointsmanError):
    status, code = 500, "OPERATION_FAILED"


class SettingError(PointsmanError):
    """A setting cannot be used as it is. `name` is the name of the environment variable."""

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


class MigrationFailed(PointsmanError):
    """A migration could not be done and has changed nothing."""

    status, code = 500, "MIGRATION_FAILED"


class CompositionError(PointsmanError):
    """Plugins, tools or routes do not fit together. Raised while a bundle is composed, never by a request."""

    status, code = 500, "COMPOSITION_ERROR"


class ToolFailed(PointsmanError):
    status, code = 500, "TOOL_ERROR"


class RouteFailed(PointsmanError):
    status, code = 500, "ROUTE_ERROR"


class ModelFailed(PointsmanError):
    """The model could not be asked, or did not answer as it should. `retryable` where that may pass; `retry_after` is
    in seconds, None where the model named no time."""

    status, code = 502, "MODEL_ERROR"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.retryable = retryable
        self.retry_after = retry_after


class AuthUnavailable(PointsmanError):
    status, code, retryable = 503, "AUTH_UNAVAILABLE", True


class DatabaseUnavailable(PointsmanError):
    status, code, retryable = 503, "DATABASE_UNAVAILABLE", True


class DocsUnavailable(PointsmanError):
    status, code = 503, "DOCS_UNAVAILABLE"


class ProviderError(PointsmanError):
    """A provider failed. `provider` is its id (`railway`…), `step` the call (`serviceCreate`, `keys.create`…)."""

    status, code = 502, "PROVIDER_ERROR"

    def __init__(self, provider: str, step: str, problem: str, *, details: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{provider} {step}: {problem}", details=details)
        self.provider = provider
        self.step = step


class ProviderRejected(ProviderError):
    """The provider said no and did nothing. Not worth repeating as it is."""

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
    """The provider could not answer this time (429, 5xx, an error that passes).

    `outcome_unknown` is False where the provider said that nothing was done (429, a throttle). `retry_after` is in
    seconds, None where the provider named no time.
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
    """No answer came, or it broke off: a timeout or a cut connection. For a write the outcome is unknown."""

    code = "PROVIDER_TIMEOUT"
