"""The schemas of an OpenAPI document: each has a name of its own, and nothing that a generator would name is inline."""

from collections.abc import Mapping
from typing import Any, cast

from .names import UniqueNames, pascal_case
from .schema import SCHEMA_REF_PREFIX, Document

__all__ = ["SchemaComponents"]

_DEFINITION_PREFIX = "#/$defs/"
_SCHEMA_KEYWORDS = (
    "items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "contentSchema",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_LIST_KEYWORDS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAP_KEYWORDS = ("properties", "patternProperties", "dependentSchemas")
_CLASS_KEYWORDS = ("enum", "allOf", "properties")
"""A schema with one of these becomes a class in a client."""

_NAME_SUFFIXES = {"items": "Item", "additionalProperties": "Value"}
"""What the name of such a part adds to that of the whole."""


class SchemaComponents:
    """The object `components.schemas` of a document, to which schemas are added.

    A generator of a client makes a class of each object and each enumeration. It calls the class by the schema's title,
    or, inline, by the names around it, and overwrites or omits one of two classes of one name. So all of them are
    components here, whose titles are their names, and no other schema has a title.

    Attributes:
        schemas: by name.
    """

    def __init__(self, schemas: Document, shared: Mapping[str, Document] | None = None) -> None:
        """Take over schemas that were added before.

        Args:
            schemas: by name; they are complete already, and more are added to this object.
            shared: schemas by name; the first that equals one of them is added as it, and every other refers to it.
        """
        self.schemas = schemas
        self._names = UniqueNames(schemas)
        self._shared = shared or {}

    def add(self, schema: Document, name: str, owner: str = "", alternative_owner: str = "") -> Document:
        """Add a schema with its own definitions, and return a reference to it.

        Args:
            schema: a JSON Schema, whose definitions are in its `$defs`.
            name: its preferred name; a number is added if the document has it already.
            owner: what the preferred names of its definitions begin with.
            alternative_owner: what they begin with where the document has such a name already.
        """
        (reference,) = self.add_all({name: schema}, owner, alternative_owner)
        return reference

    def add_all(self, schemas: Mapping[str, Document], owner: str = "", alternative_owner: str = "") -> list[Document]:
        """Add several schemas as `add` does, so that the names of all are chosen before those of their definitions."""
        names = [self._names.take(name) for name in schemas]
        for name, schema in zip(names, schemas.values(), strict=True):
            self._add_named(schema, name, owner, alternative_owner)
        return [{"$ref": SCHEMA_REF_PREFIX + name} for name in names]

    def refer(self, schema: Document, name: str) -> Document:
        """Return an equal schema without titles, in which references stand for what would be a class of its own.

        Args:
            schema: any, without `$defs`.
            name: preferred name of the component, if the schema itself becomes one.
        """
        return self._transform(schema, name, {})

    def refer_in_operation(self, operation: Document) -> None:
        """Let an operation's parameters, bodies and headers refer to components, in place, as `refer` does."""
        owner = pascal_case(operation["operationId"])
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = self.refer(parameter["schema"], owner + pascal_case(parameter["name"]))
        for media in operation.get("requestBody", {}).get("content", {}).values():
            media["schema"] = self.refer(media["schema"], f"{owner}Body")
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                if "schema" in media:
                    suffix = "" if status == "200" else pascal_case(status)
                    media["schema"] = self.refer(media["schema"], f"{owner}Response{suffix}")

    def _add_named(self, schema: Document, name: str, owner: str, alternative_owner: str) -> None:
        root = {keyword: value for keyword, value in schema.items() if keyword != "$defs"}
        definitions: dict[str, Document] = schema.get("$defs", {})
        names: dict[str, str] = {}
        if (target := str(root.get("$ref", ""))).startswith(_DEFINITION_PREFIX):
            # A model that refers to itself; its name is the whole's.
            key = target.removeprefix(_DEFINITION_PREFIX)
            names[key] = name
            del root["$ref"]
            root = {**definitions[key], **root}
        for key in definitions:
            if key not in names:
                # Of two models of one name pydantic tells the modules, too: package__module__Name.
                model = pascal_case(key.rpartition("__")[2] or key)
                names[key] = self._names.take(owner + model, alternative_owner + model)
        references = {_DEFINITION_PREFIX + key: SCHEMA_REF_PREFIX + own for key, own in names.items()}
        self._define(name, root, references)
        for key, own in names.items():
            if own != name:
                self._define(own, definitions[key], references)

    def _define(self, name: str, schema: Document, references: Mapping[str, str]) -> None:
        self.schemas[name] = {"title": name}
        self.schemas[name] |= self._transform_parts(_split_enumeration(schema), name, references)

    def _transform(self, schema: Any, name: str, references: Mapping[str, str]) -> Any:
        if not isinstance(schema, dict):
            return schema
        given = cast("Document", schema)
        content = _split_enumeration({key: value for key, value in given.items() if key != "title"})
        for shared_name, shared in self._shared.items():
            if content == shared:
                if shared_name not in self.schemas:
                    self._define(self._names.take(shared_name), content, references)
                return {"$ref": SCHEMA_REF_PREFIX + shared_name}
        if not _becomes_class(content):
            return self._transform_parts(content, name, references)
        own = self._names.take(name)
        self._define(own, content, references)
        return {"$ref": SCHEMA_REF_PREFIX + own}

    def _transform_parts(self, schema: Document, name: str, references: Mapping[str, str]) -> Document:
        result: Document = {}
        for keyword, value in schema.items():
            if keyword == "$ref":
                result[keyword] = references.get(value, value)
            elif keyword == "discriminator" and "mapping" in value:
                mapping = {key: references.get(target, target) for key, target in value["mapping"].items()}
                result[keyword] = {**value, "mapping": mapping}
            elif keyword in _SCHEMA_KEYWORDS:
                result[keyword] = self._transform(value, name + _NAME_SUFFIXES.get(keyword, ""), references)
            elif keyword in _LIST_KEYWORDS:
                result[keyword] = [self._transform(part, name, references) for part in value]
            elif keyword in _MAP_KEYWORDS:
                result[keyword] = {
                    key: self._transform(part, name + pascal_case(key), references) for key, part in value.items()
                }
            elif keyword != "title":
                result[keyword] = value
        return result


def _becomes_class(schema: Document) -> bool:
    types = schema.get("type")
    is_object = types == "object" or (isinstance(types, list) and "object" in types)
    return "$ref" not in schema and (is_object or any(keyword in schema for keyword in _CLASS_KEYWORDS))


def _split_enumeration(schema: Document) -> Document:
    """Turn an enumeration of several types into a choice of enumerations: a class has values of one type."""
    by_type: dict[type, list[object]] = {}
    values: list[object] = schema.get("enum", [])
    for value in values:
        by_type.setdefault(type(value), []).append(value)
    if len(by_type) < 2:
        return schema
    choices = [{"const": same[0]} if len(same) == 1 else {"enum": same} for same in by_type.values()]
    return {**{key: value for key, value in schema.items() if key not in ("enum", "type")}, "anyOf": choices}
