"""Validation of all settings before anything starts: what the functions would refuse, and the runner's own.

There is no list of settings here: every group of `pointsman.settings` is loaded in the environment that the template
gives each function. A function uses a group if the template gives it all that the group requires, and lets it read all
secrets that the group reads.
"""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from inspect import Parameter, isclass, isfunction, signature
from typing import Any

import pointsman.settings
from local.errors import RunnerError
from local.settings import PROVIDERS, Settings, build_secrets
from local.template.sam_template import Function, Template
from pointsman.errors import InvalidSetting, MissingSetting, SettingError
from pointsman.settings.api import load_api_prefix, load_auth_mode
from pointsman.settings.environment import read_from
from pointsman.settings.secrets import SECRET_GROUPS
from pointsman.settings.tools import TOOL_IDS

_ANY_VALUE = "https://a-value.invalid"
"""Stands for what is missing, so that a group tells what else is; any setting that can be missing may have it."""

_DATABASE_URL, _SIMULATOR_URL = "postgresql://127.0.0.1/none", "http://127.0.0.1:9"
"""Stand for the addresses of what has not started yet."""

_SECRET_VARIABLES = frozenset(name for names in SECRET_GROUPS.values() for name in names)

Loader = Callable[[], object]


def load_checked_template(
    settings: Settings, select: Callable[[Template], Iterable[str]] = lambda template: template.functions
) -> Template:
    """Read the template and validate all settings of its functions and of the run.

    Args:
        settings: Settings of the run.
        select: Returns the names of the functions to validate; all by default.

    Returns:
        The template, without the addresses of database and simulator.

    Raises:
        RunnerError: Settings are missing or wrong; the message has a line for each, without any secret.
        TemplateError: The template is invalid.
    """
    overrides = settings.function_overrides(
        settings.database_url or _DATABASE_URL, _SIMULATOR_URL if settings.needs_simulator() else None
    )
    problems: dict[str, str] = {}
    # The template cannot be read with a wrong value of these.
    for load, override in ((load_api_prefix, "API_PREFIX"), (load_auth_mode, "AgentAuth")):
        try:
            with read_from(overrides):
                load()
        except InvalidSetting as error:
            problems[error.name] = error.message
            del overrides[override]
    template = Template.load(settings.template, overrides)
    secrets = {name.rpartition("/")[2]: variables for name, variables in build_secrets(overrides).items()}
    for error in find_template_errors(template, select(template), secrets):
        if not _is_of_unconfigured_provider(settings, error):
            problems.setdefault(error.name, error.message)
    lines = [*settings.problems, *(problems[name] for name in sorted(problems))]
    if lines:
        heading = f"{len(lines)} settings are missing or wrong:\n  " if len(lines) > 1 else ""
        raise RunnerError(heading + "\n  ".join(lines))
    return template


def find_template_errors(
    template: Template, functions: Iterable[str], secrets: Mapping[str, Mapping[str, str]]
) -> list[SettingError]:
    """Load every group of settings in the environment of each function.

    Args:
        template: The template, with the values of its parameters.
        functions: Names of the functions.
        secrets: Variables of every group of secrets.

    Returns:
        One error for each setting that is missing or wrong.
    """
    errors: dict[str, SettingError] = {}
    for name in functions:
        for error in find_setting_errors(_build_environment(template.functions[name], secrets)):
            errors.setdefault(error.name, error)
    return list(errors.values())


def find_setting_errors(environment: Mapping[str, str]) -> list[SettingError]:
    """Load every group of settings in an environment.

    Args:
        environment: Everything that a function can read, secrets among it. What is not a key of it, the function does
            not use.

    Returns:
        One error for each setting that is missing or wrong.
    """
    errors: dict[str, SettingError] = {}
    for loader in _iter_loaders():
        for error in _load_completely(loader, environment):
            errors.setdefault(error.name, error)
    return list(errors.values())


def _iter_loaders() -> Iterator[Loader]:
    for info in pkgutil.iter_modules(pointsman.settings.__path__):
        module = import_module(f"{pointsman.settings.__name__}.{info.name}")
        for name, member in vars(module).items():
            if getattr(member, "__module__", None) != module.__name__ or name.startswith("_"):
                continue
            if isclass(member):
                loader: Loader | None = getattr(member, "load", None)
            else:
                loader = member if isfunction(member) and name.startswith("load_") else None
            # One that takes an argument reads what Lambda or the template itself sets.
            if loader and all(p.default is not Parameter.empty for p in signature(loader).parameters.values()):
                yield loader


class _Environment(dict[str, str]):
    """Variables, which notice that one of a secret is read which is not among them."""

    lacks_secret = False

    def __getitem__(self, name: str) -> str:
        self.lacks_secret = self.lacks_secret or (name in _SECRET_VARIABLES and name not in self)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a variable as a dict does."""
        try:
            return self[name]
        except KeyError:
            return default


def _load_completely(loader: Loader, environment: Mapping[str, str]) -> list[SettingError]:
    """Load one group, and again with each wrong setting put right, as it names only the first."""
    errors: dict[str, SettingError] = {}
    completed = _Environment(environment)
    while True:
        try:
            with read_from(completed):
                loader()
            return [] if completed.lacks_secret else list(errors.values())
        except SettingError as error:
            if completed.lacks_secret or (isinstance(error, MissingSetting) and error.name not in environment):
                return []
            if isinstance(error, MissingSetting) and error.name in errors and not completed[error.name]:
                # It was wrong, and has no default.
                completed[error.name] = _ANY_VALUE
                continue
            # What is missing after a wrong value may be so because of the default that took its place.
            is_consequence = isinstance(error, MissingSetting) and any(
                isinstance(earlier, InvalidSetting) for earlier in errors.values()
            )
            if error.name in errors or is_consequence:
                return list(errors.values())
            errors[error.name] = error
            completed[error.name] = _ANY_VALUE if isinstance(error, MissingSetting) else ""


def _build_environment(function: Function, secrets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Build all that a function can read: its variables, and the secrets that its policies name."""
    readable = {name: value for group in function.secret_groups for name, value in secrets[group].items()}
    return {**function.environment, **readable, "SECRET_PREFIX": ""}


def _is_of_unconfigured_provider(settings: Settings, error: SettingError) -> bool:
    """Whether the developer has chosen not to configure what is missing, by an empty key: Railway or the model."""
    states = settings.provider_states()
    # TOOLS says which tools are configured, and those that are not load no settings.
    prefixes = {
        provider.key_setting.partition("_")[0]
        for provider in PROVIDERS
        if states[provider.name] == "not configured" and provider.name not in TOOL_IDS
    }
    return isinstance(error, MissingSetting) and error.name.partition("_")[0] in prefixes
