"""Settings: missing and invalid ones are named, secrets are not in a repr, and all are documented."""

import pytest

from pointsman.errors import InvalidSetting, MissingSetting
from pointsman.providers.registry import TOOLS
from pointsman.settings import aws, database, instances, operations, prompts, providers
from pointsman.settings.api import load_cors_origins, load_services_api_key
from pointsman.settings.environment import read_from, read_optional, read_url
from pointsman.settings.tools import TOOL_IDS, is_tool_configured
from tests.harness.paths import CHECKOUT
from tests.template.code_usage import find_all_settings

SECRET = "planted-secret"
RAILWAY = {"RAILWAY_API_TOKEN": SECRET, "RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_ID": "e"}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _find_setting_names():
        monkeypatch.delenv(name, raising=False)


def _find_setting_names() -> frozenset[str]:
    """Find every setting that the package reads, in its source; tests/template holds them against the template."""
    return find_all_settings()


def test_every_setting_is_documented() -> None:
    documentation = (CHECKOUT / "docs/settings.md").read_text()
    assert len(_find_setting_names()) > 20
    assert {name for name in _find_setting_names() if f"`{name}`" not in documentation} == set()


@pytest.mark.parametrize("name", sorted(RAILWAY))
def test_missing_railway_settings_are_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other, value in RAILWAY.items():
        monkeypatch.setenv(other, "" if other == name else value)
    with pytest.raises(MissingSetting, match=name):
        providers.RailwaySettings.load()


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (database.DatabaseSettings.load, "SERVICE_DATABASE_URL"),
        (aws.load_aws_access, "AWS_ACCESS_KEY_ID"),
        (load_services_api_key, "SERVICES_API_KEY"),
        (prompts.ModelSettings.load, "MODEL_NORMAL"),
        (lambda: aws.load_state_machine_arn("create"), "CREATE_STATE_MACHINE_ARN"),
    ],
)
def test_required_settings_are_named(load, name: str) -> None:
    with pytest.raises(MissingSetting, match=name):
        load()


@pytest.mark.parametrize(
    ("value", "configured"),
    [("", TOOL_IDS), ("none", ()), ("telnyx", ("telnyx",)), ("telnyx, openrouter", ("openrouter", "telnyx"))],
)
def test_tools_are_configured_by_a_setting_of_their_own(
    monkeypatch: pytest.MonkeyPatch, value: str, configured: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TOOLS", value)
    assert tuple(tool for tool in TOOL_IDS if is_tool_configured(tool)) == configured


@pytest.mark.parametrize("value", ["telnix", "none,telnyx", "telnyx,", "all"])
def test_an_unknown_tool_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TOOLS", value)
    with pytest.raises(InvalidSetting, match="TOOLS is wrong: it must be some of openrouter, agentmail, telnyx"):
        is_tool_configured("telnyx")


def test_the_tools_of_the_setting_are_those_of_the_registry() -> None:
    assert tuple(TOOLS) == TOOL_IDS


TOOL_SETTINGS = [
    ("openrouter", providers.OpenRouterSettings.load, "OPENROUTER_MANAGEMENT_KEY"),
    ("agentmail", providers.AgentMailSettings.load, "AGENTMAIL_API_KEY"),
    ("telnyx", providers.TelnyxSettings.load, "TELNYX_API_KEY"),
]


@pytest.mark.parametrize(("tool", "load", "key"), TOOL_SETTINGS)
def test_a_configured_tool_needs_its_key_and_another_one_none(
    monkeypatch: pytest.MonkeyPatch, tool: str, load, key: str
) -> None:
    with pytest.raises(MissingSetting, match=key):
        load()
    monkeypatch.setenv("TOOLS", ",".join(other for other in TOOL_IDS if other != tool))
    assert load() is None


@pytest.mark.parametrize(("name", "value"), [("OPENROUTER_KEY_LIMIT", "much"), ("OPENROUTER_KEY_LIMIT", "-1"),
                                             ("OPENROUTER_KEY_LIMIT_RESET", "hourly")])  # fmt: skip
def test_invalid_settings_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", SECRET)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=f"{name} is wrong"):
        providers.OpenRouterSettings.load()


def test_no_secret_is_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _find_setting_names():
        monkeypatch.setenv(name, SECRET)
    for name in (
        "RAILWAY_TIMEOUT_SECONDS",
        "PROVIDER_TIMEOUT_SECONDS",
        "OPENROUTER_KEY_LIMIT",
        "MODEL_TIMEOUT_SECONDS",
    ):
        monkeypatch.setenv(name, "5")
    for name in ("RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME", "RAILWAY_RUNTIME_IMAGE",
                 "RAILWAY_API_URL", "AWS_REGION", "AWS_ENDPOINT_URL", "OPENROUTER_API_URL", "AGENTMAIL_API_URL",
                 "AGENTMAIL_DOMAIN", "TELNYX_API_URL", "TELNYX_MESSAGING_PROFILE_ID", "MODEL_BASE_URL", "MODEL_NORMAL",
                 "MODEL_HIGH", "SECRET_PREFIX"):  # fmt: skip
        monkeypatch.setenv(name, "https://no.secret")
    monkeypatch.setenv("OPENROUTER_KEY_LIMIT_RESET", "daily")
    monkeypatch.setenv("TOOLS", ",".join(TOOL_IDS))
    groups = [
        providers.RailwaySettings.load(), providers.OpenRouterSettings.load(), providers.AgentMailSettings.load(),
        providers.TelnyxSettings.load(), instances.InstanceRuntimeSettings.load(), aws.load_aws_access(),
        database.DatabaseSettings.load(), prompts.ModelSettings.load(),
    ]  # fmt: skip
    assert all(group is not None for group in groups)
    assert SECRET not in repr(groups)


def test_the_high_model_is_the_normal_one_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_API_KEY", "MODEL_NORMAL"):
        monkeypatch.setenv(name, name.lower())
    monkeypatch.setenv("MODEL_BASE_URL", "https://model.example/v1")
    settings = prompts.ModelSettings.load()
    assert (settings.url, settings.normal, settings.high, settings.timeout) == (
        "https://model.example/v1",
        "model_normal",
        "model_normal",
        120,
    )


def test_timeouts_have_defaults_in_seconds() -> None:
    assert (operations.Timeouts.load().response_timeout, operations.Timeouts.load().settle_time) == (25, 10)


@pytest.mark.parametrize(
    "url", ["model", "ftp://model.example", "https://", "http://[", "http://h:port", "//h", "https:h"]
)
def test_an_address_that_is_none_is_refused_without_its_text(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AN_ADDRESS", url)
    with pytest.raises(InvalidSetting, match="AN_ADDRESS is wrong: it must be an address that begins") as caught:
        read_url("AN_ADDRESS", "https://default.example")
    assert url not in caught.value.message.replace("https://", "").replace("http://", "") or url == "https://"


def test_an_address_has_a_default_or_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AN_ADDRESS", raising=False)
    assert read_url("AN_ADDRESS", "https://default.example") == "https://default.example"
    with pytest.raises(MissingSetting, match="AN_ADDRESS"):
        read_url("AN_ADDRESS")
    monkeypatch.setenv("AN_ADDRESS", "http://127.0.0.1:4010/v1")
    assert read_url("AN_ADDRESS") == "http://127.0.0.1:4010/v1"


def test_other_variables_can_be_read_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME", "own")
    with read_from({"A_NAME": "other"}):
        assert read_optional("A_NAME") == "other"
    assert read_optional("A_NAME") == "own"


@pytest.mark.parametrize("value", ["app.example.com", "https://a.example b", "https://a.example/path", "https://"])
def test_an_origin_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("API_CORS_ORIGIN", value)
    with pytest.raises(InvalidSetting, match="API_CORS_ORIGIN"):
        load_cors_origins()
