"""Response bodies of the Services API, as types for its routes and for the OpenAPI documents."""

# ruff: noqa: D101 - a docstring here becomes a description in the OpenAPI documents

from typing import Annotated, Any, Literal, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

__all__ = [
    "AuditPage",
    "Configured",
    "Credits",
    "DashboardInstances",
    "Error",
    "Fleet",
    "Health",
    "InstanceCreated",
    "InstanceDestroyed",
    "InstanceDetails",
    "InstanceList",
    "Maintenance",
    "OperationList",
    "OperationPage",
    "Registry",
    "ResourceDestroyed",
    "Started",
    "StatusTotal",
    "Timestamp",
    "ToolProvisioned",
]


Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class Error(TypedDict):
    """Every answer with a status from 400 on. Those of an operation tell its id and what is left, too."""

    error: str
    code: str
    requestId: str | None
    operationId: NotRequired[str]


class Health(TypedDict):
    ok: Literal[True]


class Tool(TypedDict):
    id: str
    name: str
    mode: str
    envKeys: list[str]


class Registry(TypedDict):
    tools: list[Tool]


class Resource(TypedDict):
    resourceId: str


class InstanceCreated(TypedDict):
    """`warnings` tell what an instance has to do without: limits, volume, domain, or a name that the fleet lists."""

    instanceId: str
    serviceId: str
    url: str | None
    services: dict[str, Resource]
    warnings: NotRequired[list[str]]


class Started(TypedDict):
    """The work goes on; the operation's page tells how far it is."""

    instanceId: str
    operationId: str
    status: Literal["running"]


class Destroyed(TypedDict):
    openrouter: bool
    agentmail: bool
    telnyx: bool
    volumes: bool
    service: bool


class InstanceDestroyed(TypedDict):
    instanceId: str
    destroyed: Destroyed


class Configured(TypedDict):
    instanceId: str
    ok: Literal[True]


class ToolProvisioned(TypedDict):
    toolId: str
    resourceId: str
    envKey: str
    status: Literal["active"]


class ResourceDestroyed(TypedDict):
    toolId: str
    resourceId: str
    deleted: bool


class ServiceStatus(TypedDict):
    instanceId: str
    serviceId: str
    name: str
    deployStatus: str | None
    domain: str | None
    image: str | None
    environmentIds: list[str]


class Fleet(TypedDict):
    """With `maxAgeSeconds`, when the listing began, and the seconds since then: 0 for a live one."""

    projectId: str
    services: list[ServiceStatus]
    asOf: NotRequired[Timestamp]
    ageSeconds: NotRequired[float]


class StepPage(TypedDict):
    name: str
    status: Literal["running", "succeeded", "skipped", "failed"]
    startedAt: Timestamp
    endedAt: Timestamp | None
    error: NotRequired[str]


class OperationResource(TypedDict):
    """What it was to create, or has deleted: `intended` means that the provider has not confirmed the last call yet."""

    provider: Literal["railway", "openrouter", "agentmail", "telnyx"]
    kind: Literal["service", "volume", "domain", "tool"]
    resourceId: str | None
    state: Literal["intended", "created", "refused", "deleted", "abandoned"]
    attemptedAt: Timestamp


class OperationPage(TypedDict):
    """`failed`: undone, nothing is left. `leaked`: something could not be undone yet. `resources` come if asked for."""

    operationId: str
    instanceId: str
    kind: Literal["create", "destroy", "provision", "destroy_tool"]
    status: Literal["running", "succeeded", "failed", "leaked"]
    steps: list[StepPage]
    resources: NotRequired[list[OperationResource]]
    result: NotRequired[dict[str, Any]]
    error: NotRequired[dict[str, Any]]
    createdAt: Timestamp
    updatedAt: Timestamp


class InstanceTool(TypedDict):
    toolId: str
    resourceId: str
    envKey: str
    status: str
    meta: dict[str, Any]
    createdAt: Timestamp


class Spend(TypedDict):
    """In USD, as OpenRouter's last listing had it; null for what it did not tell, and for no limit."""

    limit: float | None
    limitRemaining: float | None
    limitReset: str | None
    usage: float | None
    asOf: Timestamp


class Instance(TypedDict):
    instanceId: str
    provider: str
    serviceId: str
    environmentId: str
    projectId: str | None
    url: str | None
    deployStatus: str | None
    runtimeImage: str | None
    volumeId: str | None
    createdAt: Timestamp
    updatedAt: Timestamp
    tools: list[InstanceTool]


class ListedInstance(Instance):
    spend: Spend | None


class DashboardInstances(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    instances: list[Instance]
    nextCursor: NotRequired[str]


class StatusTotal(TypedDict):
    """How many instances have this `deployStatus`; `UNKNOWN` is for null."""

    status: str
    count: int


class InstanceList(TypedDict):
    """`nextCursor` is there if there are more. `totals`, if asked for, are of the whole fleet."""

    instances: list[ListedInstance]
    nextCursor: NotRequired[str]
    totals: NotRequired[list[StatusTotal]]


class AskedBy(TypedDict):
    kind: Literal["user", "key", "system"]
    id: str


class OperationSummary(TypedDict):
    """`isUndoing`: it has failed and is being undone. `askedBy`: null where it is not known."""

    operationId: str
    instanceId: str
    kind: Literal["create", "destroy", "provision", "destroy_tool"]
    status: Literal["running", "succeeded", "failed", "leaked"]
    isUndoing: bool
    askedBy: AskedBy | None
    error: NotRequired[dict[str, Any]]
    createdAt: Timestamp
    updatedAt: Timestamp


class OperationList(TypedDict):
    """The newest first; `nextCursor` is there if there are more."""

    operations: list[OperationSummary]
    nextCursor: NotRequired[str]


class InstanceDetails(ListedInstance):
    """With its newest operations, at most 20."""

    operations: list[OperationSummary]


class Account(TypedDict):
    """In USD."""

    total: float | None
    used: float | None
    remaining: float | None


class Key(TypedDict):
    """A key's cap and usage, in USD."""

    id: str
    name: str
    instanceId: str | None
    limit: float | None
    limitRemaining: float | None
    limitReset: str | None
    usage: float | None
    usageDaily: float | None
    usageWeekly: float | None
    usageMonthly: float | None
    disabled: bool | None
    createdAt: str | None


class Credits(TypedDict):
    credits: Account
    keys: list[Key]


class Maintenance(TypedDict):
    """Whether new prompts and instances are stopped. Null for what never was, and for no message."""

    enabled: bool
    message: str | None
    changedAt: str | None
    changedBy: str | None


class AuditActor(TypedDict):
    kind: Literal["user", "key", "system"]
    id: str


class AuditTarget(TypedDict):
    kind: Literal["instance", "prompt", "resource", "service", "fleet", "webhook"]
    id: str


class AuditEntry(TypedDict):
    """One change. `started` is followed by another entry of the same request, with the outcome."""

    id: str
    at: Timestamp
    actor: AuditActor
    address: str | None
    userAgent: str | None
    action: str
    target: AuditTarget
    outcome: Literal["started", "succeeded", "failed", "leaked", "unknown", "skipped"]
    requestId: str | None
    operationId: str | None
    details: dict[str, Any]


class AuditPage(TypedDict):
    """The newest entries first; `nextCursor` is there if there are more."""

    entries: list[AuditEntry]
    nextCursor: NotRequired[str]
