"""What must hold of every OpenAPI document: names that no generator confuses, and examples that fit their schemas."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Document = dict[str, Any]
_ROOT = "urn:document"
_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_PARTS = ("items", "additionalProperties", "propertyNames", "contentSchema", "contains", "not")


def iterate_operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """The method, path and declaration of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def list_app_operations(module: str, prefix: str = "") -> set[tuple[str, str]]:
    """Method and path of every route of a function's app, for functions whose routes in the template are greedy."""
    app = import_module(module).app
    return {(method, prefix + route.path) for route in app.routes for method in route.methods}


def check_names(document: Document) -> None:
    """Fail unless titles, components, and operations have names of their own, also where case does not count."""
    components: Document = document["components"]["schemas"]
    inline = [schema for holder in _iterate_holders(document) for schema in _iterate_schemas(holder["schema"])]
    nested = [part for schema in components.values() for part in _iterate_schemas(schema) if part is not schema]
    titles = [schema["title"] for schema in (*components.values(), *inline, *nested) if "title" in schema]
    assert sorted(titles) == sorted(components), "a component's title is its name, and nothing else has one"
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) for name in components)
    assert len({name.lower() for name in components}) == len(components)
    classes = [schema for schema in (*inline, *nested) if schema.get("type") == "object" or "enum" in schema]
    assert not classes, "a generator would have to think of a name"
    ids = [operation["operationId"] for _, _, operation in iterate_operations(document)]
    assert all(re.fullmatch(r"[a-z]+[A-Z][A-Za-z0-9]*", name) for name in ids), "a verb and what it is about"
    assert len({name.lower() for name in ids}) == len(ids)


def check_descriptions(document: Document) -> None:
    """Fail unless every operation has a summary and one tag, and every tag is described once."""
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert len(tags) == len(document["tags"])
    for _, path, operation in iterate_operations(document):
        assert operation["summary"], path
        (tag,) = operation["tags"]
        assert tag in tags, path
        assert any(status.startswith("4") for status in operation["responses"]), path


def check_examples(document: Document) -> int:
    """Fail unless parameters, bodies and headers have examples, and all fit, those of schemas too; returns how many."""
    registry = Registry[Any]().with_resource(_ROOT, Resource(_rebase(document), DRAFT202012))
    count = 0

    def check(schema: Document, value: Any) -> None:
        nonlocal count
        count += 1
        validator = Draft202012Validator(
            _rebase(schema), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
        assert not errors, (value, errors)

    for holder in _iterate_holders(document):
        examples = [example["value"] for example in holder.get("examples", {}).values()]
        examples += [holder["example"]] if "example" in holder else []
        assert examples, holder
        for example in examples:
            check(holder["schema"], example)
    for component in document["components"]["schemas"].values():
        for schema in _iterate_schemas(component):
            for example in schema.get("examples", ()):
                check(schema, example)
    return count


def _iterate_holders(document: Document) -> Iterator[Document]:
    """Everything in an operation that has a schema and examples of it."""
    for _, _, operation in iterate_operations(document):
        yield from operation.get("parameters", ())
        yield from operation.get("requestBody", {}).get("content", {}).values()
        for response in operation["responses"].values():
            yield from response.get("content", {}).values()
            yield from response.get("headers", {}).values()


def _iterate_schemas(schema: Any) -> Iterator[Document]:
    if not isinstance(schema, dict):
        return
    content: Document = schema
    yield content
    for keyword in _MAPS:
        for part in content.get(keyword, {}).values():
            yield from _iterate_schemas(part)
    for keyword in _LISTS:
        for part in content.get(keyword, ()):
            yield from _iterate_schemas(part)
    for keyword in _PARTS:
        yield from _iterate_schemas(content.get(keyword))


def _rebase(node: Any) -> Any:
    """Let references name the document, as a schema that is taken out of it needs."""
    if isinstance(node, list):
        return [_rebase(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _ROOT + value if key == "$ref" and isinstance(value, str) else _rebase(value)
        for key, value in node.items()
    }
