"""The definition of a state machine, rendered as CloudFormation deploys it."""

import json
import re
from typing import Any, cast

from local.errors import TemplateError
from local.template.intrinsics import load_yaml
from local.template.sam_template import StateMachine


def render_definition(machine: StateMachine) -> str:
    """Render a definition as JSON, with its `${Name}` placeholders replaced by the DefinitionSubstitutions.

    Raises:
        TemplateError: The file cannot be read, or a placeholder has no substitution.
    """
    document = load_yaml(machine.definition_path)

    def substitute(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: substitute(value) for key, value in cast("dict[str, Any]", node).items()}
        if isinstance(node, list):
            return [substitute(item) for item in cast("list[Any]", node)]
        return re.sub(r"\$\{([A-Za-z0-9_]+)\}", replace, node) if isinstance(node, str) else node

    def replace(match: "re.Match[str]") -> str:
        if match.group(1) not in machine.substitutions:
            raise TemplateError(f"{machine.name}: ${{{match.group(1)}}} has no DefinitionSubstitution")
        return machine.substitutions[match.group(1)]

    return json.dumps(substitute(document), default=str)
