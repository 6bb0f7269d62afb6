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
    │   ├── WebhookLimitReached         the owner has as many webhooks as are allowed
    │   ├── DestroysHeld                the caller has destroyed many instances of late, and must confirm this one
    │   ├── IdempotencyKeyReused        the key belongs to a different request
    │   └── IdempotencyInProgress       the first request with this key has no response yet
    ├── PayloadTooLarge            413
    ├── InvalidToolInput           422  lists the issues
    ├── FeatureUnavailable         422  the plugin with this feature is not registered
    ├── RateLimited                429  for plugins' tools
    │   └── QuotaExceeded               the user, or all users together, have used up a quota
    ├── OperationFailed            500  an operation failed; the message names the cause and what could not be deleted
    ├── SettingError               503  names the variable or the secret, for the operator only
    │   ├── MissingSetting              it is not set
    │   │   └── UnconfiguredTool   500  a tool that this deployment does not have
    │   ├── InvalidSetting              its value is not allowed
    │   └── UnreadableSecret            the secret that holds it is missing, forbidden or malformed
    ├── Misconfigured              503  a SettingError as clients see it
    ├── MigrationFailed            500  the databases are unchanged; the message names the cause
    ├── CompositionError           500  plugins, tools or routes do not fit together; the bundle must be changed
    ├── ToolFailed                 500  a tool raised, or its result does not fit its output model
    ├── RouteFailed                500  the same of a plugin's route
    ├── ResponseTooLarge           500  the request was carried out, but what it returns is over Lambda's limit
    ├── ModelFailed                502  the model or its provider failed
    ├── ProviderError              502  names the provider and the call
    │   ├── ProviderRejected            the provider rejected the call; nothing happened, a retry does not help
    │   └── ProviderUnavailable         a transient failure
    │       └── ProviderTimeout         no response: the outcome is unknown, so look before a retry
    ├── AuthUnavailable            503  the keys of the token issuer cannot be fetched
    ├── DatabaseUnavailable        503
    ├── SecretsUnavailable         503  Secrets Manager does not answer
    ├── UnderMaintenance           503  operators have stopped new prompts and creates
    ├── ConsoleUnavailable         503  the files of the console were not packaged
    └── DocsUnavailable            503  the assets of the documentation page were not packaged

Each has an HTTP status, a stable code, a flag that says whether a retry may help, and a message that is safe to show to
a client: no credential, no raw response body of a provider, no SQL.
"""

from .base import (
    MAX_ISSUES,
    Issue,
    PointsmanError,
    limit_issues,
)
from .provider_errors import (
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RejectionReason,
)
from .request_errors import (
    ApprovalRequired,
    AuthRequired,
    Conflict,
    ConversationBusy,
    DestroysHeld,
    FeatureUnavailable,
    FleetLimitReached,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InstanceBusy,
    InvalidInput,
    InvalidToolInput,
    LeftoversRemain,
    NotFound,
    PayloadTooLarge,
    PromptNotFound,
    QuotaExceeded,
    RateLimited,
    ToolNotFound,
    Unauthenticated,
    WebhookLimitReached,
)
from .server_errors import (
    AuthUnavailable,
    CompositionError,
    ConsoleUnavailable,
    DatabaseUnavailable,
    DocsUnavailable,
    InvalidSetting,
    MigrationFailed,
    Misconfigured,
    MissingSetting,
    ModelFailed,
    OperationFailed,
    ResponseTooLarge,
    RouteFailed,
    SecretsUnavailable,
    SettingError,
    ToolFailed,
    UnconfiguredTool,
    UnderMaintenance,
    UnreadableSecret,
)

__all__ = [
    "MAX_ISSUES",
    "ApprovalRequired",
    "AuthRequired",
    "AuthUnavailable",
    "CompositionError",
    "Conflict",
    "ConsoleUnavailable",
    "ConversationBusy",
    "DatabaseUnavailable",
    "DestroysHeld",
    "DocsUnavailable",
    "FeatureUnavailable",
    "FleetLimitReached",
    "Forbidden",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "InstanceBusy",
    "InvalidInput",
    "InvalidSetting",
    "InvalidToolInput",
    "Issue",
    "LeftoversRemain",
    "MigrationFailed",
    "Misconfigured",
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
    "QuotaExceeded",
    "RateLimited",
    "RejectionReason",
    "ResponseTooLarge",
    "RouteFailed",
    "SecretsUnavailable",
    "SettingError",
    "ToolFailed",
    "ToolNotFound",
    "Unauthenticated",
    "UnconfiguredTool",
    "UnderMaintenance",
    "UnreadableSecret",
    "WebhookLimitReached",
    "limit_issues",
]
