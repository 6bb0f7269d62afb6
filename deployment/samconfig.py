"""The environments of samconfig.toml: the stack's name, the parameters' values and the Agent API's prefix of each."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.json_values import list_or_empty, mapping_or_empty

from .errors import DeploymentError

__all__ = ["Environment"]


@dataclass(frozen=True)
class Environment:
    """One environment.

    Args:
        name: Such as `staging`.
        stack_name: Name of the CloudFormation stack.
        parameters: Values of the template's parameters, by name; the others have their default.
        api_prefix: Path prefix of the Agent API, such as `/api`.
    """

    name: str
    stack_name: str
    parameters: Mapping[str, str]
    api_prefix: str

    @classmethod
    def load(cls, path: Path, name: str) -> "Environment":
        """Read one environment.

        Args:
            path: samconfig.toml.
            name: The environment; its sections are `[<name>.….parameters]`.

        Raises:
            DeploymentError: The file is missing or malformed, or does not have the environment.
        """
        document = _read_toml(path)
        names = [key for key, value in document.items() if "stack_name" in _get_parameters(value, "global")]
        if name not in names:
            given = f"ENV={name} is no environment of {path.name}" if name else "ENV is missing"
            raise DeploymentError(f"{given}; say ENV={'|'.join(names)}")
        values = _get_parameters(document[name], "global")
        overrides: object = values.get("parameter_overrides")
        if overrides is None or overrides != mapping_or_empty(overrides):
            raise DeploymentError(f"{path.name} needs a table [{name}.global.parameters.parameter_overrides]")
        api_prefix: object = _get_parameters(document[name], "pointsman").get("api_prefix")
        if not isinstance(api_prefix, str):
            raise DeploymentError(f'{path.name} needs api_prefix = "/api", say, in [{name}.pointsman.parameters]')
        return cls(
            name=name,
            stack_name=str(values["stack_name"]),
            parameters={key: _convert_value(value) for key, value in mapping_or_empty(overrides).items()},
            api_prefix=api_prefix,
        )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path} is not valid TOML: {error}") from None


def _get_parameters(environment: object, command: str) -> dict[str, Any]:
    return mapping_or_empty(mapping_or_empty(mapping_or_empty(environment).get(command)).get("parameters"))


def _convert_value(value: object) -> str:
    """Return a value as SAM passes it on."""
    items = list_or_empty(value)
    return ",".join(str(item) for item in items) if items else str(value)
