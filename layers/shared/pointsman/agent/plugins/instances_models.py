# ruff: noqa: D101 - a docstring would become a public description in `GET /tools`
"""Inputs and outputs of the tools of the plugin `instances`, with the members of the Services API."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from ...lifecycle import input_rules, resource_names
from ...providers.registry import TOOLS
from ..models import Input, NextCursor, Output, PageCursor, Timestamp, WholeNumber, no_next_cursor

__all__ = [
    "Configure",
    "Create",
    "Created",
    "Destroyed",
    "Done",
    "Fleet",
    "ListPage",
    "Listed",
    "Nothing",
    "OneInstance",
    "Registry",
    "Status",
]


_MAX_LISTED = 1000


def _validate_tool_id(tool_id: str) -> str:
    if tool_id not in TOOLS:
        raise ValueError(input_rules.unknown_tool_message(tool_id))
    return tool_id


MAX_ID_LENGTH = input_rules.MAX_SERVICE_NAME_LENGTH - len(resource_names.AGENT_PREFIX)
"""The longest id, in characters, of which the name of the service can be made."""


def _validate_new_id(instance_id: str) -> str:
    name = resource_names.build_reference(instance_id)
    if name == resource_names.POOL_MANAGER_SERVICE_NAME:
        raise ValueError(f"may not be {instance_id}: the service {name} is no agent")
    if len(instance_id) > MAX_ID_LENGTH:
        raise ValueError(
            f"must have at most {MAX_ID_LENGTH} characters, and has {len(instance_id)}: the instance's service is"
            f" called {resource_names.AGENT_PREFIX}<instanceId>, and Railway's names have at most"
            f" {input_rules.MAX_SERVICE_NAME_LENGTH}. Only the Services API's POST /create-instance takes longer ids,"
            " with a name that the fleet's listing does not show"
        )
    return instance_id


ToolId = Annotated[str, AfterValidator(_validate_tool_id), WithJsonSchema({"type": "string", "enum": list(TOOLS)})]
ExistingInstanceId = Annotated[str, Field(pattern=f"^{input_rules.EXISTING_ID_PATTERN}$")]
NewInstanceId = Annotated[
    str,
    Field(pattern=f"^{input_rules.INSTANCE_ID_PATTERN.pattern}$", json_schema_extra={"maxLength": MAX_ID_LENGTH}),
    AfterValidator(_validate_new_id),
]
VariableName = Annotated[str, Field(pattern=f"^{input_rules.VARIABLE_NAME_PATTERN.pattern}$")]
VariableValue = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class Nothing(Input):
    pass


class ListPage(Input):
    limit: WholeNumber = Field(100, ge=1, le=_MAX_LISTED)
    cursor: PageCursor = ""


class Status(Input):
    instanceIds: list[ExistingInstanceId] | None = Field(
        None, max_length=input_rules.MAX_INSTANCE_IDS, description="Only these; all where it is left out or empty"
    )


class OneInstance(Input):
    instanceId: ExistingInstanceId


class Create(Input):
    instanceId: NewInstanceId
    name: str | None = Field(
        None, description="What the Railway service is called: convos-agent-<instanceId>, also where it is left out"
    )
    tools: list[ToolId] = Field([], max_length=input_rules.MAX_TOOLS)

    @field_validator("name")
    @classmethod
    def _validate_name(cls, name: str | None, info: ValidationInfo) -> str | None:
        # Without an id, that is what is wrong.
        expected_name = resource_names.build_reference(info.data.get("instanceId", ""))
        if name is not None and "instanceId" in info.data and name != expected_name:
            raise ValueError(
                f"must be {expected_name}, or be left out: the fleet's listing does not show the instance under"
                " another name"
            )
        return name


class Configure(Input):
    instanceId: ExistingInstanceId
    variables: dict[VariableName, VariableValue] = Field(
        min_length=1,
        max_length=input_rules.MAX_VARIABLES,
        repr=False,
        json_schema_extra={"additionalProperties": False},
    )
    redeploy: bool = False

    @field_validator("variables")
    @classmethod
    def _validate_sizes(cls, variables: dict[str, str]) -> dict[str, str]:
        if problem := input_rules.find_size_problem(variables):
            raise ValueError(problem)
        return variables


class RegistryTool(Output):
    id: str
    name: str
    mode: str
    envKeys: list[str]


class Registry(Output):
    tools: list[RegistryTool]


class InstanceTool(Output):
    toolId: str
    resourceId: str
    envKey: str
    status: str
    meta: dict[str, Any]
    createdAt: Timestamp


class Instance(Output):
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


class Listed(Output):
    """`nextCursor` is there if there are more."""

    instances: list[Instance]
    nextCursor: NextCursor = no_next_cursor()


class ServiceStatus(Output):
    instanceId: str
    serviceId: str
    name: str
    deployStatus: str | None
    domain: str | None
    image: str | None
    environmentIds: list[str]


class Fleet(Output):
    projectId: str
    services: list[ServiceStatus]


class Resource(Output):
    resourceId: str


class Running(Output):
    """The work goes on; the Services API's `GET /operations/{operationId}` tells how far it is."""

    instanceId: str
    operationId: str
    status: Literal["running"]


class NewInstance(Output):
    """`warnings` tell what an instance has to do without: limits, volume, domain, or a name that the fleet lists."""

    instanceId: str
    serviceId: str
    url: str | None
    services: dict[str, Resource]
    warnings: list[str] = Field([], exclude_if=lambda warnings: not warnings)


class Created(RootModel[NewInstance | Running]):
    model_config = ConfigDict(strict=True, defer_build=True)


class Gone(Output):
    """What was there and is gone."""

    openrouter: bool
    agentmail: bool
    telnyx: bool
    volumes: bool
    service: bool


class NoInstance(Output):
    instanceId: str
    destroyed: Gone


class Destroyed(RootModel[NoInstance | Running]):
    model_config = ConfigDict(strict=True, defer_build=True)


class Done(Output):
    instanceId: str
    ok: Literal[True]
