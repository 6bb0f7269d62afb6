"""CloudFormation's YAML with its intrinsic functions: parsed into plain dictionaries, resolved on demand."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from local.errors import TemplateError
from local.plain import items, mapping

REGION = "us-east-1"
ACCOUNT = "123456789012"
NO_VALUE = object()
PSEUDO_PARAMETERS: Mapping[str, object] = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "pointsman-local",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/pointsman-local/local",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NO_VALUE,
}

Lookup = Callable[[str, str], "str | None"]


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
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


# SafeLoader, in C where there is one, that also knows `!Ref` and the other short forms.
_Loader: Any = type("_Loader", (_Base,), {})
_Loader.add_multi_constructor("!", _short_form)


def load(path: Path, change: Callable[[str], str] = str) -> dict[str, Any]:
    """Read one YAML (or JSON) document whose top is a mapping; `change` makes what is read of what is written.

    Raises:
        TemplateError: the file is missing, is not YAML, or holds something else.
    """
    try:
        document = yaml.load(change(path.read_text(encoding="utf-8")), Loader=_Loader)  # noqa: S506 - built on SafeLoader
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
    """Resolves intrinsics against parameters, conditions and the names that resources have here.

    Args:
        parameters: values of the template's parameters, by name.
        conditions: the template's Conditions, unresolved.
        attribute: what `!Ref X` (attribute "") or `!GetAtt X.Y` of a resource is; None if it is unknown.
    """

    def __init__(self, parameters: Mapping[str, object], conditions: Mapping[str, Any], attribute: Lookup) -> None:
        self._names: dict[str, object] = {**PSEUDO_PARAMETERS, **parameters}
        self._conditions = conditions
        self._attribute = attribute

    def resolve(self, node: Any, where: str) -> Any:
        """The plain value of a node; `where` names the resource for error messages.

        Raises:
            TemplateError: an intrinsic that is not supported, or a name that does not exist.
        """
        if isinstance(node, list):
            items = [self.resolve(item, where) for item in cast("list[Any]", node)]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        mapping = cast("dict[str, Any]", node)
        if len(mapping) == 1:
            name, argument = next(iter(mapping.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name, argument, where)
        resolved = {key: self.resolve(value, where) for key, value in mapping.items()}
        return {key: value for key, value in resolved.items() if value is not NO_VALUE}

    def condition(self, name: str, where: str) -> bool:
        """Whether a named condition holds."""
        if name not in self._conditions:
            raise TemplateError(f"{where}: the condition {name} does not exist")
        return self._test(self._conditions[name], where)

    def _test(self, node: Any, where: str) -> bool:
        if not isinstance(node, dict) or len(cast("dict[str, Any]", node)) != 1:
            raise TemplateError(f"{where}: {node!r} is not a condition")
        name, argument = next(iter(cast("dict[str, Any]", node).items()))
        if name == "Condition":
            return self.condition(argument, where)
        if name == "Fn::Equals":
            left, right = self.resolve(argument, where)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._test(argument[0], where)
        if name in ("Fn::And", "Fn::Or"):
            tests = (self._test(item, where) for item in argument)
            return all(tests) if name == "Fn::And" else any(tests)
        raise TemplateError(f"{where}: {name} is not supported in conditions by the local runner")

    def _intrinsic(self, name: str, argument: Any, where: str) -> Any:
        if name == "Ref":
            return self._reference(argument, where)
        if name == "Fn::GetAtt":
            parts = items(argument) or str(argument).split(".", 1)
            return self._attribute_of(str(parts[0]), str(parts[1]), where)
        if name == "Fn::Sub":
            return self._substitute(argument, where)
        if name == "Fn::Join":
            separator, parts = argument
            return str(separator).join(str(part) for part in self.resolve(parts, where))
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.condition(condition, where) else no, where)
        raise TemplateError(f"{where}: {name} is not supported by the local runner")

    def _reference(self, name: str, where: str) -> Any:
        if name in self._names:
            value = self._names[name]
            if value is None:
                raise TemplateError(f"{where}: the parameter {name} has no default; set {name} in the environment")
            return value
        return self._attribute_of(name, "", where)

    def _attribute_of(self, resource: str, attribute: str, where: str) -> str:
        value = self._attribute(resource, attribute)
        if value is None:
            wanted = f"{resource}.{attribute}" if attribute else resource
            raise TemplateError(f"{where}: {wanted} is not known to the local runner")
        return value

    def _substitute(self, argument: Any, where: str) -> str:
        pair = items(argument) or [argument, {}]
        values = mapping(self.resolve(pair[1], where))

        def replace(match: "re.Match[str]") -> str:
            name = match.group(2)
            if match.group(1):
                return "${" + name + "}"
            if name in values:
                return str(values[name])
            if name in self._names or "." not in name:
                return str(self._reference(name, where))
            resource, attribute = name.split(".", 1)
            return self._attribute_of(resource, attribute, where)

        return re.sub(r"\$\{(!?)([^}]+)\}", replace, str(pair[0]))
