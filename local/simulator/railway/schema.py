"""The executable schema: the SDL beside this file, its scalars, and the registered resolvers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Protocol, cast

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    is_non_null_type,  # pyright: ignore[reportUnknownVariableType]
)
from graphql.pyutils import Path

from local.simulator.railway import patches, queries, resources, services
from local.simulator.railway.context import FIELDS, ROOTS, Context
from local.simulator.railway.patches import config_problem
from local.simulator.railway.problems import PROCESSING, Problem
from local.simulator.wire import as_obj, iso

RESOLVERS = (patches, queries, resources, services)
"""Modules whose import registers resolvers."""

_SNAKE = {
    "createdAt": "created_at", "deletedAt": "deleted_at", "projectId": "project_id", "serviceId": "service_id",
    "environmentId": "environment_id", "volumeId": "volume_id", "workspaceId": "workspace_id",
    "mountPath": "mount_path", "targetPort": "target_port", "isPublic": "is_public", "isEphemeral": "is_ephemeral",
    "appliedAt": "applied_at", "lastAppliedError": "last_applied_error",
}  # fmt: skip


def _value(source: Any, name: str) -> object:
    """A plain field: of a dict by its name, of a stored thing by its name in Python."""
    if isinstance(source, dict):
        return as_obj(cast(object, source)).get(name)
    if name == "updatedAt":  # what was never changed was last changed when it was made
        return source.updated_at or source.created_at
    return getattr(source, _SNAKE.get(name, name))


class Info(Protocol):
    """The part of graphql-core's resolve info that is used here."""

    @property
    def context(self) -> Context: ...

    @property
    def field_name(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def return_type(self) -> object: ...


def default_resolver(source: Any, info: Info, **_args: object) -> object:
    return _value(source, info.field_name)


Resolver = Callable[..., object]


def _for_root(resolver: Callable[[Context, Any], object]) -> Resolver:
    def resolve(_source: object, info: Info, **args: object) -> object:
        return resolver(info.context, args)

    return resolve


def _for_field(resolver: Callable[[Any, Context, Any], object]) -> Resolver:
    def resolve(source: object, info: Info, **args: object) -> object:
        return resolver(source, info.context, args)

    return resolve


@cache
def schema() -> GraphQLSchema:
    """The schema; building it also checks that no resolver is registered for a field that does not exist."""
    built = build_schema((FilePath(__file__).parent / "schema.graphql").read_text("utf-8"))
    for (kind, name), resolver in ROOTS.items():
        cast(GraphQLObjectType, built.type_map[kind]).fields[name].resolve = _for_root(resolver)
    for (kind, name), field_resolver in FIELDS.items():
        cast(GraphQLObjectType, built.type_map[kind]).fields[name].resolve = _for_field(field_resolver)
    _scalar(built, "DateTime").coerce_output_value = _scalar(built, "DateTime").serialize = _moment
    _set_input(_scalar(built, "EnvironmentVariables"), _variables)
    _set_input(_scalar(built, "EnvironmentConfig"), _config)
    return built


def _scalar(built: GraphQLSchema, name: str) -> GraphQLScalarType:
    return cast(GraphQLScalarType, built.type_map[name])


def _set_input(scalar: GraphQLScalarType, read: Callable[..., object]) -> None:
    scalar.coerce_input_value = scalar.parse_value = read


def _moment(value: object) -> str | None:
    return iso(value) if isinstance(value, (int, float)) else str(value)


def _variables(value: object) -> object:
    entries = as_obj(value)
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in entries.values()):
        raise GraphQLError("EnvironmentVariables must be an object of strings")
    return entries


def _config(value: object) -> object:
    problem = config_problem(value)
    if problem is not None:
        raise GraphQLError(problem)
    return value


def nulling(resolve: Resolver, source: Any, info: Info, **args: object) -> object:
    """Middleware of the fault `partial`: nullable fields below the root fail, so they become null with an error."""
    value = resolve(source, info, **args)
    wanted = info.context.nulled
    below_root = info.path.prev is not None
    if below_root and wanted in ("*", info.field_name) and not is_non_null_type(info.return_type):
        raise Problem(PROCESSING)
    return value


def unresolved() -> list[str]:
    """Root fields without a resolver (none, or this simulator is broken)."""
    built = schema()
    return [
        f"{kind}.{name}" for kind in ("Query", "Mutation")
        for name in cast(GraphQLObjectType, built.type_map[kind]).fields if (kind, name) not in ROOTS
    ]  # fmt: skip
