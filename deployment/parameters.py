"""The template's parameters: whether values satisfy their patterns and the template's Rules.

CloudFormation checks the same, but only after everything is built and uploaded, and one parameter at a time.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from local.json_values import list_or_empty, mapping_or_empty

__all__ = ["find_parameter_problems", "validate_value"]


def find_parameter_problems(template: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """Find what CloudFormation would refuse.

    Args:
        template: The template, with intrinsic functions in their long form.
        values: The values that are given, by the parameter's name.

    Returns:
        One line for each problem.
    """
    parameters: dict[str, dict[str, Any]] = mapping_or_empty(template.get("Parameters"))
    problems = [f"{name}: the template has no such parameter" for name in values if name not in parameters]
    effective: dict[str, str] = {}
    for name, definition in parameters.items():
        if name in values:
            effective[name] = values[name]
            problem = validate_value(definition, values[name])
        else:
            effective[name] = str(definition.get("Default", ""))
            problem = None if "Default" in definition else "is missing"
        if problem:
            problems.append(f"{name}: {problem}")
    for name, rule in mapping_or_empty(template.get("Rules")).items():
        problems.extend(f"{name}: {description}" for description in _find_violations(rule, parameters, effective))
    return problems


def validate_value(definition: Mapping[str, Any], value: str) -> str | None:
    """Return what is wrong with a value of a parameter, else None.

    Args:
        definition: The parameter, as the template has it.
        value: The value; of a list, its items with commas between them.
    """
    items = _split_items(value) if definition.get("Type") == "CommaDelimitedList" else [value]
    pattern, allowed = definition.get("AllowedPattern"), definition.get("AllowedValues")
    is_allowed = (
        (pattern is None or all(re.search(pattern, item) for item in items))
        and (allowed is None or value in [str(choice) for choice in list_or_empty(allowed)])
        and len(value) <= definition.get("MaxLength", len(value))
        and (definition.get("Type") != "Number" or _is_number_within(definition, value))
    )
    if is_allowed:
        return None
    constraint = definition.get("ConstraintDescription")
    if constraint is None and allowed is not None:
        constraint = "must be one of " + ", ".join(str(choice) or '""' for choice in list_or_empty(allowed))
    elif constraint is None:
        constraint = f"must be a number of at least {definition.get('MinValue', '-inf')}"
    return f"{constraint}; it is {value[:80]!r}"


def _is_number_within(definition: Mapping[str, Any], value: str) -> bool:
    try:
        return float(value) >= float(definition.get("MinValue", "-inf"))
    except ValueError:
        return False


def _split_items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")]


def _find_violations(
    rule: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]
) -> Iterator[str]:
    def evaluate(node: Any) -> Any:
        if isinstance(node, list):
            return [evaluate(item) for item in list_or_empty(cast("object", node))]
        if not isinstance(node, dict):
            return str(node)
        ((function, argument),) = mapping_or_empty(cast("object", node)).items()
        if function == "Ref":
            is_list = parameters[argument].get("Type") == "CommaDelimitedList"
            return _split_items(values[argument]) if is_list else values[argument]
        arguments: list[Any] = evaluate(argument)
        if function == "Fn::Equals":
            return arguments[0] == arguments[1]
        if function == "Fn::Contains":
            return arguments[1] in arguments[0]
        if function == "Fn::Not":
            return not arguments[0]
        if function == "Fn::And":
            return all(arguments)
        if function == "Fn::Or":
            return any(arguments)
        raise NotImplementedError(f"{function} in Rules")

    if "RuleCondition" in rule and not evaluate(rule["RuleCondition"]):
        return
    for assertion in list_or_empty(rule.get("Assertions")):
        if not evaluate(assertion["Assert"]):
            yield str(assertion["AssertDescription"])
