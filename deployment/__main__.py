"""The command line, for the Makefile: `python -m deployment COMMAND ENVIRONMENT`."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.errors import RunnerError
from local.template.intrinsics import load_yaml
from pointsman.errors import SettingError
from pointsman.settings.api import load_api_prefix
from pointsman.settings.environment import read_from
from pointsman.settings.secrets import SECRET_GROUPS

from .errors import DeploymentError
from .parameters import find_parameter_problems, validate_value
from .samconfig import Environment
from .secret_groups import find_required_variables, find_secret_problems
from .secrets_file import find_secrets_file, read_secrets_file
from .secrets_manager import SecretsNotReadable, read_secrets, update_secrets

PARAMETERS_FILE = Path(".aws-sam/parameters.yaml")
"""What `make deploy` gives to SAM: the values of the environment and of this deployment, as JSON, which is YAML too."""


def add_release(values: Mapping[str, str], template: Mapping[str, Any]) -> dict[str, str]:
    """Return an environment's values with that of one deployment: its time, in seconds, if the template asks for it."""
    release = {"Release": str(int(time.time()))} if "Release" in template["Parameters"] else {}
    return {**values, **release}


def check(environment: Environment, template: Mapping[str, Any], template_path: Path) -> None:
    """Check the values of an environment, and whether its secrets hold what they need.

    Secrets that cannot be read here are not checked, which is printed.

    Raises:
        DeploymentError: The template refuses values, or the functions would refuse secrets; the message has a line for
            each.
    """
    problems = find_parameter_problems(template, add_release(environment.parameters, template))
    try:
        with read_from({"API_PREFIX": environment.api_prefix}):
            load_api_prefix()
    except SettingError as error:
        problems.append(f"api_prefix: {error.message}")
    if problems:
        raise DeploymentError("\n".join(f"samconfig.toml, {environment.name}: {problem}" for problem in problems))
    try:
        stored = read_secrets(environment.parameters["SecretPrefix"], SECRET_GROUPS)
    except SecretsNotReadable as error:
        print(f"The secrets of {environment.name} are not checked: {error}", file=sys.stderr)
        return
    if problems := find_secret_problems(environment, template_path, stored):
        raise DeploymentError("\n".join(f"{environment.name}: {problem}" for problem in problems))


def write_parameters(environment: Environment, template: Mapping[str, Any], path: Path) -> None:
    """Write the values as a file that SAM reads: an option of SAM's replaces all values of samconfig.toml."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(add_release(environment.parameters, template), indent=1) + "\n", encoding="utf-8")


def write_secrets(environment: Environment, template: Mapping[str, Any], template_path: Path) -> None:
    """Bring the secrets of an environment to what its file beside the template says, and print what was done.

    Raises:
        DeploymentError: The file or the prefix is wrong, or AWS refuses.
    """
    prefix = environment.parameters.get("SecretPrefix", "")
    problem = validate_value(template["Parameters"]["SecretPrefix"], prefix)
    if problem:
        raise DeploymentError(f"samconfig.toml, {environment.name}: SecretPrefix: {problem}")
    required = find_required_variables(environment, template_path)
    groups = read_secrets_file(find_secrets_file(template_path.parent, environment.name), required)
    for line in update_secrets(prefix, groups):
        print(line, flush=True)


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="deployment", description=__doc__)
    parser.add_argument("command", choices=("check", "parameters", "api-prefix", "architecture", "secrets"))
    parser.add_argument("environment", help="a section of samconfig.toml: dev, staging, production")
    options = parser.parse_args(arguments)
    folder = Path.cwd()
    try:
        environment = Environment.load(folder / "samconfig.toml", options.environment)
        template = load_yaml(folder / "template.yaml")
        if options.command == "api-prefix":
            print(environment.api_prefix)
        elif options.command == "architecture":
            print(environment.parameters.get("Architecture", template["Parameters"]["Architecture"]["Default"]))
        elif options.command == "check":
            check(environment, template, folder / "template.yaml")
        elif options.command == "parameters":
            write_parameters(environment, template, folder / PARAMETERS_FILE)
        else:
            write_secrets(environment, template, folder / "template.yaml")
    except (DeploymentError, RunnerError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
