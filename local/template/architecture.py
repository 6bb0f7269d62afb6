"""The architecture of a built template: its binaries run on one processor, so its parameter accepts no other.

`python -m local.template.architecture FILE` removes the others, as `make build` does: a deployment with another value
would replace working functions by ones that cannot start, and is refused instead.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from local.errors import RunnerError
from local.json_values import mapping_or_empty
from local.template.intrinsics import load_yaml

PARAMETER = "Architecture"


def read_built_architecture(path: Path) -> str:
    """Return the architecture, such as `arm64`, that the layers of a built template have been built for.

    Raises:
        RunnerError: The template is not a built one, or its layers differ.
    """
    resources = mapping_or_empty(load_yaml(path).get("Resources")).values()
    layers = [resource for resource in resources if resource.get("Type") == "AWS::Serverless::LayerVersion"]
    found = [mapping_or_empty(layer.get("Metadata")).get("BuildArchitecture") for layer in layers]
    if not found or not isinstance(found[0], str) or any(value != found[0] for value in found):
        raise RunnerError(f"{path}: `sam build` has not resolved one BuildArchitecture for all layers")
    return found[0]


def fix_architecture(path: Path) -> None:
    """Let the parameter Architecture of a built template accept only what it was built for.

    Raises:
        RunnerError: The template is not a built one, or it has no such parameter.
    """
    architecture = read_built_architecture(path)
    document = load_yaml(path)
    parameters: dict[str, Any] = mapping_or_empty(document.get("Parameters"))
    if PARAMETER not in parameters:
        raise RunnerError(f"{path} has no parameter {PARAMETER}")
    parameters[PARAMETER] = {**parameters[PARAMETER], "Default": architecture, "AllowedValues": [architecture]}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8")


if __name__ == "__main__":
    try:
        fix_architecture(Path(sys.argv[1]))
    except RunnerError as error:
        sys.exit(str(error))
