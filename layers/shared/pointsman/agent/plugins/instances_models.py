# ruff: noqa: D101 - a docstring would become a public description in `GET /tools`
"""Inputs and outputs of the tools of the plugin `instances`, with the members of the Services API."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, RootModel, WithJsonSchema

from ...lifecycle import input_rules, resource_names
from ...providers.registry import TOOLS
from ..models import Input, Output, Timestamp

__all__ = [
    "Configure",
    "Create",
    "Created",
    "Destroyed",
    "Done",
    "Fleet",
    "Listed",
    "Nothing",
    "OneInstance",
    "Registry",
    "Status",
]


def _validate_tool_id(tool_id: str) -> str:
    if tool_id not in TOOLS:
        raise ValueError(input_rules.unknown_tool_message(tool_id))
    return tool_id


def _validate_agent_name(name: str) -> str:
    if name == resource_names.POOL_MANAGER_SERVICE_NAME:
        raise ValueError(f"may not be {resource_names.POOL_MANAGER_SERVICE_NAME}: that service is no agent")
    return name


ToolId = Annotated[str, AfterValidator(_validate_tool_id), WithJsonSchema({"type": "string", "enum": list(TOOLS)})]
ExistingInstanceId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
NewInstanceId = Annotated[str, Field(pattern=f"^{input_rules.INSTANCE_ID_PATTERN.pattern}$")]
NewInstanceName = Annotated[
    str, Field(pattern=f"^{input_rules.SERVICE_NAME_PATTERN.pattern}$"), AfterValidator(_validate_agent_name)
]
VariableName = Annotated[str, Field(pattern=f"^{input_rules.VARIABLE_NAME_PATTERN.pattern}$")]
VariableValue = Annotated[str, Field(pattern=r"^[^\x00]*$")]


class Nothing(Input):
    pass


class Status(Input):
    instanceIds: list[ExistingInstanceId] | None = Field(
        None, description="Only these; all where it is left out or empty"
    )


class OneInstance(Input):
    instanceId: ExistingInstanceId


class Create(Input):
    instanceId: NewInstanceId
    name: NewInstanceName = Field(description="What the Railway service is called; the fleet lists convos-agent-… only")
    tools: list[ToolId] = Field([])


class Configure(Input):
    instanceId: ExistingInstanceId
    variables: dict[VariableName, VariableValue] = Field(
        min_length=1, repr=False, json_schema_extra={"additionalProperties": False}
    )
    redeploy: bool = False


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
    instances: list[Instance]


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
    """`warnings` tell what an instance has to do without: limits, volume or domain."""

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
