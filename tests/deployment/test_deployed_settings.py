"""What the template takes, the functions take: a value that a function would refuse is refused by its parameter."""

from itertools import product
from typing import Any

import pytest

from deployment.parameters import find_parameter_problems
from deployment.samconfig import Environment
from deployment.secret_groups import find_required_variables, find_secret_problems
from local.stack.setting_check import find_template_errors
from local.template.intrinsics import load_yaml
from local.template.sam_template import Template
from pointsman.settings.secrets import SECRET_GROUPS
from tests.deployment.test_parameters import GOOD, INVALID, JWT, UUID, VALID
from tests.harness.paths import TEMPLATE

DOCUMENT = load_yaml(TEMPLATE)
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
SECRETS = {
    group: {name: CERTIFICATE if name == "DATABASE_CA_PEM" else f"planted-{name.lower()}" for name in names}
    for group, names in SECRET_GROUPS.items()
}
SUSPICIOUS = ("", "0", "1", "1.5", "-1", "many", "1e3", " ", "foo", "/", "https://x", "none", "system")
"""Values that somebody may give to any parameter."""


def find_refused(values: dict[str, str]) -> list[str]:
    """The settings that functions refuse with these values of parameters, and good secrets."""
    template = Template.load(TEMPLATE, {**values, "API_PREFIX": "/api"})
    return [error.name for error in find_template_errors(template, template.functions, SECRETS)]


def assert_refused_if_a_function_does(**changes: str) -> None:
    values = {**GOOD, **changes}
    if not find_parameter_problems(DOCUMENT, values):
        assert find_refused(values) == [], changes


def test_a_function_takes_the_smallest_set_of_values() -> None:
    assert find_refused(GOOD) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PARAMETERS.keys() - {"Stage", "Release", "SecretPrefix"}))
def test_no_value_that_the_template_takes_is_refused_by_a_function(name: str) -> None:
    allowed = [str(value) for value in PARAMETERS[name].get("AllowedValues", ())]
    for value in {*SUSPICIOUS, *VALID.get(name, ()), *INVALID.get(name, ()), *allowed}:
        assert_refused_if_a_function_does(**{name: value})


def test_no_way_to_authenticate_that_the_template_takes_is_refused_by_a_function() -> None:
    combinations = product(
        PARAMETERS["AgentAuth"]["AllowedValues"], PARAMETERS["AllowHeaderAuth"]["AllowedValues"], *([(0, 1)] * 3)
    )
    taken = 0
    for mode, consent, *given in combinations:
        jwt = {name: JWT[name] if is_given else "" for name, is_given in zip(list(JWT)[1:], given, strict=True)}
        values = {**GOOD, "AgentAuth": mode, "AllowHeaderAuth": consent, **jwt}
        is_taken = not find_parameter_problems(DOCUMENT, values)
        assert is_taken == (find_refused(values) == []), values
        taken += is_taken
    assert taken == 8 + 16 + 2


def test_no_combination_of_environment_database_and_origin_that_the_template_takes_is_refused_by_a_function() -> None:
    for tls, ca, origin, id_, name in product(
        PARAMETERS["DatabaseTls"]["AllowedValues"], ("system", "/etc/ca.pem"),
        PARAMETERS["OriginSecretKey"]["AllowedValues"], ("", UUID), ("", "dev"),
    ):  # fmt: skip
        assert_refused_if_a_function_does(
            DatabaseTls=tls,
            DatabaseCa=ca,
            OriginSecretKey=origin,
            RailwayEnvironmentId=id_,
            RailwayEnvironmentName=name,
        )


def make_environment(**changes: str) -> Environment:
    return Environment("dev", "pointsman-dev", {**GOOD, **changes}, "/api")


BASE = {
    "SERVICE_DATABASE_URL", "SERVICES_API_KEY", "ORIGIN_SECRET", "RAILWAY_API_TOKEN", "MODEL_API_KEY", "AGENT_API_KEY",
    "OPENROUTER_MANAGEMENT_KEY", "AGENTMAIL_API_KEY", "TELNYX_API_KEY", "WEBHOOK_SIGNING_KEY",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "added", "removed"), [
    ({}, set(), set()),
    (JWT, set(), {"AGENT_API_KEY"}),
    ({"AgentAuth": "header", "AllowHeaderAuth": "trust-x-user-id"}, set(), {"AGENT_API_KEY"}),
    ({"Tools": "openrouter"}, set(), {"AGENTMAIL_API_KEY", "TELNYX_API_KEY"}),
    ({"Tools": "none"}, set(), {"OPENROUTER_MANAGEMENT_KEY", "AGENTMAIL_API_KEY", "TELNYX_API_KEY"}),
    ({"OriginSecretKey": "ORIGIN_SECRET_2"}, {"ORIGIN_SECRET_2"}, {"ORIGIN_SECRET"}),
])  # fmt: skip
def test_the_parameters_decide_which_secrets_are_required(
    changes: dict[str, str], added: set[str], removed: set[str]
) -> None:
    environment = make_environment(**changes)
    required = find_required_variables(environment, TEMPLATE)
    assert required == (BASE | added) - removed
    assert find_secret_problems(environment, TEMPLATE, SECRETS) == []
    for group, names in SECRET_GROUPS.items():
        for name in names:
            stored = {**SECRETS, group: {**SECRETS[group], name: " "}}
            problems = find_secret_problems(environment, TEMPLATE, stored)
            expected = [f"{name} in the secret pointsman/dev/{group} is empty: make secrets ENV=dev"]
            assert problems == (expected if name in required else []), name


def test_secrets_that_do_not_exist_are_named_if_a_function_reads_them() -> None:
    problems = find_secret_problems(make_environment(Tools="openrouter", **JWT), TEMPLATE, dict.fromkeys(SECRET_GROUPS))
    named = [problem.split()[2].rpartition("/")[2] for problem in problems]
    assert sorted(named) == sorted(SECRET_GROUPS.keys() - {"agentmail", "telnyx", "agent-api"})
    assert all(problem.endswith("does not exist, or is being deleted: make secrets ENV=dev") for problem in problems)


def test_a_ca_that_is_missing_or_malformed_is_named_without_its_value() -> None:
    environment = make_environment(DatabaseTls="verify-ca")
    assert find_secret_problems(environment, TEMPLATE, SECRETS) == []
    without = {**SECRETS, "database": {**SECRETS["database"], "DATABASE_CA_PEM": ""}}
    (problem,) = find_secret_problems(environment, TEMPLATE, without)
    assert "give the CA by DATABASE_CA_PEM" in problem
    malformed = {**SECRETS, "database": {**SECRETS["database"], "DATABASE_CA_PEM": "planted"}}
    (problem,) = find_secret_problems(make_environment(), TEMPLATE, malformed)
    assert "DATABASE_CA_PEM" in problem
    assert "planted" not in problem
