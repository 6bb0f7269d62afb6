"""CloudFormation templates: YAML with the short forms of intrinsic functions, and a resolver for those."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from local.errors import TemplateError
from local.json_values import list_or_empty, mapping_or_empty
from local.template.aws_identifiers import ACCOUNT_ID, REGION

NO_VALUE = object()
"""The value of `AWS::NoValue`, which removes the property that has it."""

PSEUDO_PARAMETERS: Mapping[str, object] = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::StackName": "pointsman-local",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/pointsman-local/local",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NO_VALUE,
}

AttributeLookup = Callable[[str, str], "str | None"]


_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _construct_short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


# A SafeLoader, in C if libyaml is there, that also reads `!Ref` and the other short forms.
_Loader: Any = type("_Loader", (_BaseLoader,), {})
_Loader.add_multi_constructor("!", _construct_short_form)


def load_yaml(path: Path, transform: Callable[[str], str] = str) -> dict[str, Any]:
    """Load a YAML or JSON document whose top level is a mapping, with short forms as their long ones.

    Args:
        path: The file.
        transform: Applied to the text before it is parsed.

    Raises:
        TemplateError: The file cannot be read, is not YAML, or does not hold a mapping.
    """
    try:
        document = yaml.load(transform(path.read_text(encoding="utf-8")), Loader=_Loader)  # noqa: S506 - built on SafeLoader
    except FileNotFoundError:
        raise TemplateError(f"{path} is missing") from None
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise TemplateError(f"{path} does not hold a mapping")
    return cast("dict[str, Any]", document)


class Resolver:
    """Resolves intrinsic functions on demand.

    Args:
        parameters: Values of the template's parameters, by name; None for one without a default.
        conditions: The Conditions section, unresolved.
        lookup_attribute: Returns the value of `!Ref X` (attribute "") or `!GetAtt X.Y`; None if it is unknown.
    """

    def __init__(
        self, parameters: Mapping[str, object], conditions: Mapping[str, Any], lookup_attribute: AttributeLookup
    ) -> None:
        self._parameters: dict[str, object] = {**PSEUDO_PARAMETERS, **parameters}
        self._conditions = conditions
        self._lookup_attribute = lookup_attribute

    def resolve(self, node: Any, location: str) -> Any:
        """Resolve all intrinsics in a node.

        Args:
            node: A part of the template.
            location: Names the resource in error messages.

        Raises:
            TemplateError: An intrinsic is not supported, or a name does not exist.
        """
        if isinstance(node, list):
            resolved_items = [self.resolve(item, location) for item in cast("list[Any]", node)]
            return [item for item in resolved_items if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        fields = cast("dict[str, Any]", node)
        if len(fields) == 1:
            name, argument = next(iter(fields.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._resolve_intrinsic(name, argument, location)
        resolved = {key: self.resolve(value, location) for key, value in fields.items()}
        return {key: value for key, value in resolved.items() if value is not NO_VALUE}

    def evaluate_condition(self, name: str, location: str) -> bool:
        """Return whether a named condition holds.

        Raises:
            TemplateError: The condition does not exist, or is not supported.
        """
        if name not in self._conditions:
            raise TemplateError(f"{location}: the condition {name} does not exist")
        return self._evaluate_condition_node(self._conditions[name], location)

    def _evaluate_condition_node(self, node: Any, location: str) -> bool:
        if not isinstance(node, dict) or len(cast("dict[str, Any]", node)) != 1:
            raise TemplateError(f"{location}: {node!r} is not a condition")
        name, argument = next(iter(cast("dict[str, Any]", node).items()))
        if name == "Condition":
            return self.evaluate_condition(argument, location)
        if name == "Fn::Equals":
            left, right = self.resolve(argument, location)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._evaluate_condition_node(argument[0], location)
        if name in ("Fn::And", "Fn::Or"):
            results = (self._evaluate_condition_node(item, location) for item in argument)
            return all(results) if name == "Fn::And" else any(results)
        raise TemplateError(f"{location}: {name} is not supported in conditions by the local runner")

    def _resolve_intrinsic(self, name: str, argument: Any, location: str) -> Any:
        if name == "Ref":
            return self._resolve_reference(argument, location)
        if name == "Fn::GetAtt":
            parts = list_or_empty(argument) or str(argument).split(".", 1)
            return self._resolve_attribute(str(parts[0]), str(parts[1]), location)
        if name == "Fn::Sub":
            return self._resolve_substitution(argument, location)
        if name == "Fn::Join":
            separator, parts = argument
            return str(separator).join(str(part) for part in self.resolve(parts, location))
        if name == "Fn::Split":
            separator, text = argument
            return str(self.resolve(text, location)).split(str(separator))
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.evaluate_condition(condition, location) else no, location)
        raise TemplateError(f"{location}: {name} is not supported by the local runner")

    def _resolve_reference(self, name: str, location: str) -> Any:
        if name in self._parameters:
            value = self._parameters[name]
            if value is None:
                raise TemplateError(f"{location}: the parameter {name} has no default; set {name} in the environment")
            return value
        return self._resolve_attribute(name, "", location)

    def _resolve_attribute(self, resource: str, attribute: str, location: str) -> str:
        value = self._lookup_attribute(resource, attribute)
        if value is None:
            full_name = f"{resource}.{attribute}" if attribute else resource
            raise TemplateError(f"{location}: {full_name} is not known to the local runner")
        return value

    def _resolve_substitution(self, argument: Any, location: str) -> str:
        text_and_values = list_or_empty(argument) or [argument, {}]
        values = mapping_or_empty(self.resolve(text_and_values[1], location))

        def replace(match: "re.Match[str]") -> str:
            name = match.group(2)
            if match.group(1):
                return "${" + name + "}"
            if name in values:
                return str(values[name])
            if name in self._parameters or "." not in name:
                return str(self._resolve_reference(name, location))
            resource, attribute = name.split(".", 1)
            return self._resolve_attribute(resource, attribute, location)

        return re.sub(r"\$\{(!?)([^}]+)\}", replace, str(text_and_values[0]))
