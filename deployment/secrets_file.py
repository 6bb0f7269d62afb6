"""The file of an environment's secrets: `secrets.<environment>.json`, else `secrets.json`; as secrets.example.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from local.json_values import mapping_or_empty
from pointsman.settings.secrets import SECRET_GROUPS

from .errors import DeploymentError
from .secret_groups import GENERATED_VARIABLES

__all__ = ["GENERATE", "find_secrets_file", "read_secrets_file"]

GENERATE = "generate"
"""The value that asks for a random key, made once and then kept."""


def find_secrets_file(folder: Path, environment: str) -> Path:
    """Return the path of the environment's file.

    Raises:
        DeploymentError: There is none.
    """
    names = (f"secrets.{environment}.json", "secrets.json")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DeploymentError(
        f"{names[0]} is missing: umask 077; cp secrets.example.json {names[0]}; then replace what stands in <>"
    )


def read_secrets_file(path: Path, required: frozenset[str]) -> dict[str, dict[str, str]]:
    """Read and validate the file.

    Args:
        path: The file.
        required: The variables that must not be empty.

    Returns:
        The variables of each group; `GENERATE` where a random key is asked for.

    Raises:
        DeploymentError: Others may read the file, it is malformed, or a value in it is missing or wrong. The message
            names all such variables and holds no value.
    """
    if path.stat().st_mode & 0o077:
        raise DeploymentError(f"{path.name} can be read by others: chmod 600 {path.name}")
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_build_object)
    except OSError as error:
        raise DeploymentError(f"{path.name} cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise DeploymentError(f"{path.name} is not valid JSON: line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise DeploymentError(f"{path.name} is not valid UTF-8") from None
    groups = mapping_or_empty(document)
    problems = [f"{group} is no group; the groups are {', '.join(SECRET_GROUPS)}"
                for group in groups if group not in SECRET_GROUPS]  # fmt: skip
    for group, names in SECRET_GROUPS.items():
        problems.extend(_find_problems(group, names, groups.get(group), required))
    if problems:
        raise DeploymentError("\n".join(f"{path.name}: {problem}" for problem in problems))
    return {group: dict(groups[group]) for group in SECRET_GROUPS}


def _find_problems(group: str, names: tuple[str, ...], values: object, required: frozenset[str]) -> list[str]:
    if not isinstance(values, dict):
        return [f'the group {group} is missing; it is an object with {", ".join(names)}, "" if unused']
    variables: Mapping[str, object] = mapping_or_empty(cast("object", values))
    problems = [f"{group} has no variable {name}" for name in variables if name not in names]
    for name in names:
        value = variables.get(name)
        if not isinstance(value, str):
            problems.append(f'{group}.{name} has to be a text, "" if it is unused')
        elif value.startswith("<") and value.endswith(">"):
            problems.append(f"{group}.{name} is still the placeholder of secrets.example.json")
        elif value != value.strip():
            problems.append(f"{group}.{name} begins or ends with white space")
        elif not value and name in required:
            problems.append(f"{group}.{name} is required")
        elif value == GENERATE and name not in GENERATED_VARIABLES:
            problems.append(f"{group}.{name} cannot be generated: whoever checks it issues it")
    return problems


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise DeploymentError(f"{name[:60]} stands twice in the secrets file")
    return dict(pairs)
