"""The secrets of a deployment: what must not be empty for its parameters, and what may be generated."""

from collections.abc import Mapping
from pathlib import Path

from local.stack.setting_check import find_template_errors
from local.template.sam_template import Template
from pointsman.errors import MissingSetting, SettingError
from pointsman.settings.secrets import SECRET_GROUPS

from .samconfig import Environment

__all__ = ["GENERATED_VARIABLES", "find_required_variables", "find_secret_problems"]

GENERATED_VARIABLES = frozenset(
    {
        "SERVICES_API_KEY", "SERVICES_READ_API_KEY", "AGENT_API_KEY", "AGENT_OPERATOR_API_KEY", "ORIGIN_SECRET",
        "ORIGIN_SECRET_2", "WEBHOOK_SIGNING_KEY",
    }
)  # fmt: skip
"""The keys of our own callers, CloudFront and webhooks, which may be random. All others are issued by somebody else."""

_READ_ANYWAY = ("pool-database", "runtime")
"""Secrets without a variable that is required, which functions read all the same."""


def find_required_variables(environment: Environment, template_path: Path) -> frozenset[str]:
    """Find the variables of secrets that the functions require with an environment's parameters.

    Args:
        environment: Its AgentAuth, Tools and OriginSecretKey, say, decide which keys are needed.
        template_path: The template, with the functions' folders beside it.

    Raises:
        TemplateError: The template cannot be read with these values.
    """
    names = {name for group in SECRET_GROUPS.values() for name in group}
    errors = _find_errors(environment, template_path, {})
    return frozenset(error.name for error in errors if isinstance(error, MissingSetting) and error.name in names)


def find_secret_problems(
    environment: Environment, template_path: Path, stored: Mapping[str, Mapping[str, str] | None]
) -> list[str]:
    """Find what is missing or wrong in the secrets of an environment, as its functions would find it at run time.

    Args:
        environment: The environment.
        template_path: The template, with the functions' folders beside it.
        stored: The variables of each group; None for a group that does not exist.

    Returns:
        One line for each problem, without any value.

    Raises:
        TemplateError: The template cannot be read with these values.
    """
    prefix, required = environment.parameters["SecretPrefix"], find_required_variables(environment, template_path)
    repair = f"make secrets ENV={environment.name}"
    needed = {group: [name for name in names if name in required] for group, names in SECRET_GROUPS.items()}
    problems = [
        f"the secret {prefix}/{group} does not exist, or is being deleted: {repair}"
        for group, variables in stored.items()
        if variables is None and (needed[group] or group in _READ_ANYWAY)
    ]
    problems += [
        f"{name} in the secret {prefix}/{group} is empty: {repair}"
        for group, variables in stored.items()
        for name in needed[group]
        if variables is not None and not variables.get(name, "").strip()
    ]
    errors = _find_errors(environment, template_path, stored)
    return problems + [error.message for error in errors if not isinstance(error, MissingSetting)]


def _find_errors(
    environment: Environment, template_path: Path, stored: Mapping[str, Mapping[str, str] | None]
) -> list[SettingError]:
    template = Template.load(template_path, {**environment.parameters, "API_PREFIX": environment.api_prefix})
    secrets = {
        group: {name: (stored.get(group) or {}).get(name, "") for name in names}
        for group, names in SECRET_GROUPS.items()
    }
    return find_template_errors(template, template.functions, secrets)
