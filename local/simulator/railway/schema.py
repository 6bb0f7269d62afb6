"""The executable schema: `schema.graphql`, its scalars and the registered resolvers."""

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

from local.simulator.http.messages import as_obj, to_iso
from local.simulator.railway import patches, queries, services, volumes_and_domains
from local.simulator.railway.context import FIELD_RESOLVERS, ROOT_RESOLVERS, ResolverContext
from local.simulator.railway.errors import PROCESSING_PROBLEM, BusinessError
from local.simulator.railway.patches import find_config_error

RESOLVER_MODULES = (patches, queries, volumes_and_domains, services)
"""Modules whose import registers resolvers."""

_ATTRIBUTE_NAMES = {
    "createdAt": "created_at", "deletedAt": "deleted_at", "projectId": "project_id", "serviceId": "service_id",
    "environmentId": "environment_id", "volumeId": "volume_id", "workspaceId": "workspace_id",
    "mountPath": "mount_path", "targetPort": "target_port", "isPublic": "is_public", "isEphemeral": "is_ephemeral",
    "appliedAt": "applied_at", "lastAppliedError": "last_applied_error",
}  # fmt: skip


def _get_field_value(source: Any, name: str) -> object:
    """Return a field of a dict by its GraphQL name, of a state object by its Python attribute."""
    if isinstance(source, dict):
        return as_obj(cast(object, source)).get(name)
    if name == "updatedAt":  # an object without updates reports its creation
        return source.updated_at or source.created_at
    return getattr(source, _ATTRIBUTE_NAMES.get(name, name))


class ResolveInfo(Protocol):
    """The used part of graphql-core's `GraphQLResolveInfo`."""

    @property
    def context(self) -> ResolverContext:
        """Context of the request."""
        ...

    @property
    def field_name(self) -> str:
        """GraphQL name of the field, in camel case."""
        ...

    @property
    def path(self) -> Path:
        """Path of the field in the response; a root field has no `prev`."""
        ...

    @property
    def return_type(self) -> object:
        """GraphQL type of the field."""
        ...


def resolve_default(source: Any, info: ResolveInfo, **_args: object) -> object:
    """Resolve a field without a registered resolver from the source's key or attribute."""
    return _get_field_value(source, info.field_name)


Resolver = Callable[..., object]


def _wrap_root_resolver(resolver: Callable[[ResolverContext, Any], object]) -> Resolver:
    def resolve(_source: object, info: ResolveInfo, **args: object) -> object:
        return resolver(info.context, args)

    return resolve


def _wrap_field_resolver(resolver: Callable[[Any, ResolverContext, Any], object]) -> Resolver:
    def resolve(source: object, info: ResolveInfo, **args: object) -> object:
        return resolver(source, info.context, args)

    return resolve


@cache
def get_schema() -> GraphQLSchema:
    """Build the schema once per process.

    Raises:
        KeyError: A resolver is registered for a field that the SDL does not have.
    """
    graphql_schema = build_schema((FilePath(__file__).parent / "schema.graphql").read_text("utf-8"))
    for (kind, name), resolver in ROOT_RESOLVERS.items():
        cast(GraphQLObjectType, graphql_schema.type_map[kind]).fields[name].resolve = _wrap_root_resolver(resolver)
    for (kind, name), field_resolver in FIELD_RESOLVERS.items():
        cast(GraphQLObjectType, graphql_schema.type_map[kind]).fields[name].resolve = _wrap_field_resolver(
            field_resolver
        )
    _get_scalar(graphql_schema, "DateTime").coerce_output_value = _get_scalar(graphql_schema, "DateTime").serialize = (
        _serialize_timestamp
    )
    _set_input_parser(_get_scalar(graphql_schema, "EnvironmentVariables"), _parse_variables)
    _set_input_parser(_get_scalar(graphql_schema, "EnvironmentConfig"), _parse_config)
    return graphql_schema


def _get_scalar(graphql_schema: GraphQLSchema, name: str) -> GraphQLScalarType:
    return cast(GraphQLScalarType, graphql_schema.type_map[name])


def _set_input_parser(scalar: GraphQLScalarType, parse: Callable[..., object]) -> None:
    scalar.coerce_input_value = scalar.parse_value = parse


def _serialize_timestamp(value: object) -> str | None:
    return to_iso(value) if isinstance(value, (int, float)) else str(value)


def _parse_variables(value: object) -> object:
    entries = as_obj(value)
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in entries.values()):
        raise GraphQLError("EnvironmentVariables must be an object of strings")
    return entries


def _parse_config(value: object) -> object:
    error = find_config_error(value)
    if error is not None:
        raise GraphQLError(error)
    return value


def null_fields(resolve: Resolver, source: Any, info: ResolveInfo, **args: object) -> object:
    """Fail nullable fields below the root, so that they become null with an error; middleware of the fault `partial`.

    Raises:
        BusinessError: The field is the one to null.
    """
    value = resolve(source, info, **args)
    wanted = info.context.nulled_field
    below_root = info.path.prev is not None
    if below_root and wanted in ("*", info.field_name) and not is_non_null_type(info.return_type):
        raise BusinessError(PROCESSING_PROBLEM)
    return value


def list_unresolved_fields() -> list[str]:
    """List root fields without a resolver, as `Query.name` or `Mutation.name`; empty in a working simulator."""
    graphql_schema = get_schema()
    return [
        f"{kind}.{name}" for kind in ("Query", "Mutation")
        for name in cast(GraphQLObjectType, graphql_schema.type_map[kind]).fields if (kind, name) not in ROOT_RESOLVERS
    ]  # fmt: skip
