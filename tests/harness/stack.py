"""The bundle of this checkout in the test's process, and the environment of every stack that a test starts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from local.console import Console
from local.settings import PROVIDERS, Settings
from local.stack.stack import Stack

from .paths import CHECKOUT

API_KEY = "test-services-key"
POOL_API_KEY = "pool-key-of-the-tests"
ORIGIN_SECRET = "origin-secret-of-the-sample-events"
SETTLE_SECONDS = 2
ANSWER_WITHIN_SECONDS = 8
TAKEOVER_SECONDS = 30

SHORT_TIMEOUTS: dict[str, str | None] = {
    "SETTLE_SECONDS": str(SETTLE_SECONDS),
    "RECONCILE_AFTER_SECONDS": "0",
    "PROMPT_SILENT_SECONDS": "0",
    "ANSWER_WITHIN_SECONDS": str(ANSWER_WITHIN_SECONDS),
    "IDEMPOTENCY_TAKEOVER_SECONDS": str(TAKEOVER_SECONDS),
    "PROVIDER_TIMEOUT_SECONDS": "5",
    "RAILWAY_TIMEOUT_SECONDS": "5",
}
"""Settings of the stack that most tests share."""

NO_QUOTAS = {
    f"{quota}_{scope}": "off"
    for quota in ("PROMPTS_AT_ONCE", "PROMPTS_AN_HOUR", "TOKENS_A_DAY", "WAITING_APPROVALS", "STREAMS")
    for scope in ("PER_USER", "FOR_ALL")
    if (quota, scope) != ("STREAMS", "PER_USER")
}
"""Settings without a quota, for many prompts of few users; only a user's open streams stay limited."""

NOT_PREWARMED = {
    "MigrateFunction", "NotFoundFunction", "OpenapiFunction", "HealthzFunction", "RegistryFunction",
    "DashboardInstancesFunction", "DashboardCreditsFunction", "ListAuditLogFunction",
    "ListInstancesFunction", "GetInstanceFunction", "ListOperationsFunction", "ListPromptsFunction",
    "FleetReportsFunction",
    "StatusPollerFunction", "ReconcilerFunction",
    "MaintenanceFunction", "RedeployFunction", "RetryOperationFunction", "AbandonOperationFunction",
    "AgentAuthorizerFunction", "CapabilitiesFunction", "ToolsFunction", "InvokeToolFunction", "AgentRoutesFunction",
    "AgentOpenapiFunction", "AgentDocsFunction", "ConsoleFunction",
    "PromptStreamFunction", "GetPromptFunction", "ListApprovalsFunction", "ApproveFunction", "RejectFunction",
    "CancelFunction", "McpFunction",
    "AdvancePromptFunction", "AwaitApprovalFunction", "ClosePromptFunction", "PromptRecoveryFunction",
    "RetentionFunction", "FleetWebhooksFunction", "UserWebhooksFunction", "WebhookDeliveryFunction",
    "ConfigureFunction", "ProvisionFunction", "DestroyResourceFunction", "AttachToolFunction",
}  # fmt: skip
"""Functions that no create waits for; each starts when a test first calls it."""

Providers = Literal["simulated", "unconfigured"]


def stack_environment(providers: Providers = "simulated", /, **changes: str | None) -> dict[str, str]:
    """Build a runner's whole environment, with nothing of the developer's shell but what Python needs to start.

    Args:
        providers: whether every provider is simulated, or none has a key.
        **changes: variables that are added or replaced; None removes one.
    """
    variables: dict[str, str | None] = {
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH"),
        "PORT": "0",
        "POINTSMAN_SCHEDULES": "off",
        "ORIGIN_SECRET": ORIGIN_SECRET,
        **NO_QUOTAS,
        **{provider.key_setting: None if providers == "simulated" else "" for provider in PROVIDERS},
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


def isolated_settings(data: Path, /, **changes: str | None) -> Settings:
    """Build the settings of a stack of this checkout whose data is in `data`. The checkout's `.env` is not read.

    With POINTSMAN_BUILT in the environment of the tests it runs the built artefacts, as `make test-built` does.
    """
    built = os.environ.get("POINTSMAN_BUILT")
    return Settings.isolated(
        stack_environment(**{"POINTSMAN_DATA": str(data), "POINTSMAN_BUILT": built, **changes}), CHECKOUT
    )


@contextmanager
def start_stack(data: Path, console: Console | None = None, /, **changes: str | None) -> Iterator[Stack]:
    """Run the bundle of this checkout in this process, with every provider simulated and no schedule firing.

    moto allows one such stack in a process at a time.

    Args:
        data: an empty folder for the database, the logs and the run lock.
        console: where the runner reports; nowhere by default.
        **changes: changes of `stack_environment`.
    """
    settings = isolated_settings(data, **{"SERVICES_API_KEY": API_KEY, **changes})
    with Stack(settings, console or Console(quiet=True)) as stack:
        yield stack
