import sys
from pathlib import Path

import pytest

from local.errors import RunnerError
from local.settings import BUILT_PYTHON, BUILT_TEMPLATE, DEVELOPMENT_API_KEY, Settings

SIMULATOR_URL = "http://127.0.0.1:4010"


def load_settings(tmp_path: Path, **environ: str) -> Settings:
    return Settings.load(tmp_path, environ)


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert (settings.host, settings.port, settings.api_key) == ("127.0.0.1", 3002, DEVELOPMENT_API_KEY)
    assert settings.data == tmp_path / ".pointsman"
    assert settings.is_development_api_key
    assert settings.schedules
    assert set(settings.provider_states().values()) == {"simulated"}


def test_functions_run_from_the_checkout_under_this_python_by_default(tmp_path: Path) -> None:
    for environment in ({}, {"POINTSMAN_BUILT": ""}, {"POINTSMAN_BUILT": "off"}):
        settings = load_settings(tmp_path, **environment)
        assert (settings.template, settings.python) == (tmp_path / "template.yaml", Path(sys.executable))


def test_built_artefacts_run_under_the_templates_python(tmp_path: Path) -> None:
    for missing in (BUILT_TEMPLATE, BUILT_PYTHON):
        with pytest.raises(RunnerError, match=f"{missing} is missing: `make build-local`"):
            load_settings(tmp_path, POINTSMAN_BUILT="on")
        (tmp_path / missing).parent.mkdir(parents=True)
        (tmp_path / missing).touch()
    settings = load_settings(tmp_path, POINTSMAN_BUILT="on")
    assert (settings.template, settings.python) == (tmp_path / BUILT_TEMPLATE, tmp_path / BUILT_PYTHON)


def test_built_artefacts_are_refused_where_their_binaries_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(RunnerError, match=r"POINTSMAN_BUILT is on.*Linux.*darwin"):
        load_settings(tmp_path, POINTSMAN_BUILT="on")


def test_port_beats_api_port(tmp_path: Path) -> None:
    assert load_settings(tmp_path, PORT="1", API_PORT="2").port == 1
    assert load_settings(tmp_path, API_PORT="2", API_HOST="0.0.0.0").port == 2


@pytest.mark.parametrize("port", ["http", "-1", "70000"])
def test_a_malformed_port_is_named(tmp_path: Path, port: str) -> None:
    (problem,) = load_settings(tmp_path, PORT=port).problems
    assert problem.startswith(f"PORT is {port!r}; ")


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# comment\nexport A=\"x y\"\nPORT=77 # why\nSERVICES_API_KEY='k'\n\nbad\n")
    settings = load_settings(tmp_path, PORT="78")
    assert (settings.environment["A"], settings.port, settings.api_key) == ("x y", 78, "k")


def test_isolated_settings_ignore_dotenv_and_the_process_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "SERVICE_DATABASE_URL=postgresql://developer\nAPI_HOST=0.0.0.0\nTELNYX_API_KEY=real\n"
    )
    monkeypatch.setenv("SERVICES_API_KEY", "of-the-process")
    settings = Settings.isolated({"PORT": "0"}, tmp_path)
    assert (settings.database_url, settings.host, settings.port) == (None, "127.0.0.1", 0)
    assert (settings.api_key, settings.environment) == (DEVELOPMENT_API_KEY, {"PORT": "0"})
    assert settings.data == tmp_path / ".pointsman"
    assert set(settings.provider_states().values()) == {"simulated"}
    assert load_settings(tmp_path).database_url == "postgresql://developer"


def test_a_provider_without_a_key_is_simulated(tmp_path: Path) -> None:
    values = load_settings(tmp_path).function_overrides("postgresql://db", SIMULATOR_URL)
    assert values["RAILWAY_API_TOKEN"] == "sim-railway-key"
    assert values["RAILWAY_API_URL"] == f"{SIMULATOR_URL}/railway/graphql/v2"
    assert values["RAILWAY_PROJECT_ID"] == "sim-project"
    assert values["RAILWAY_ENVIRONMENT_ID"] == "sim-environment"
    assert values["OPENROUTER_API_URL"] == f"{SIMULATOR_URL}/openrouter/api/v1"
    assert values["AGENTMAIL_API_URL"] == f"{SIMULATOR_URL}/agentmail/v0"
    assert values["TELNYX_API_URL"] == f"{SIMULATOR_URL}/telnyx/v2"
    assert values["MODEL_BASE_URL"] == f"{SIMULATOR_URL}/model/v1"
    assert (values["MODEL_NORMAL"], values["MODEL_HIGH"]) == ("sim-normal", "sim-high")
    assert values["SERVICE_DATABASE_URL"] == "postgresql://db"


def test_what_the_developer_set_is_left_as_it_is(tmp_path: Path) -> None:
    developer_values = {"RAILWAY_API_URL": "http://mine", "RAILWAY_PROJECT_ID": "p", "RAILWAY_ENVIRONMENT_NAME": "n"}
    values = load_settings(tmp_path, **developer_values).function_overrides("postgresql://db", SIMULATOR_URL)
    assert {name: values[name] for name in developer_values} == developer_values
    assert "RAILWAY_ENVIRONMENT_ID" not in values
    assert values["RAILWAY_API_TOKEN"] == "sim-railway-key"


def test_callers_of_the_agent_api_need_no_credential_here_unless_the_developer_says_so(tmp_path: Path) -> None:
    assert (
        load_settings(tmp_path, AGENT_AUTH="").function_overrides("postgresql://db", SIMULATOR_URL)["AGENT_AUTH"]
        == "header"
    )
    assert (
        load_settings(tmp_path, AGENT_AUTH="jwt").function_overrides("postgresql://db", SIMULATOR_URL)["AGENT_AUTH"]
        == "jwt"
    )


def test_the_header_is_consented_to_here(tmp_path: Path) -> None:
    values = load_settings(tmp_path).function_overrides("postgresql://db", SIMULATOR_URL)
    assert values["ALLOW_HEADER_AUTH"] == "trust-x-user-id"


def test_an_empty_key_means_not_configured_and_is_passed_on(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, TELNYX_API_KEY="")
    values = settings.function_overrides("postgresql://db", SIMULATOR_URL)
    assert settings.provider_states()["telnyx"] == "not configured"
    assert values["TELNYX_API_KEY"] == ""
    assert "TELNYX_API_URL" not in values


def test_a_real_key_calls_the_real_address(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, OPENROUTER_MANAGEMENT_KEY="real")
    values = settings.function_overrides("postgresql://db", SIMULATOR_URL)
    assert settings.provider_states()["openrouter"] == "real"
    assert values["OPENROUTER_MANAGEMENT_KEY"] == "real"
    assert "OPENROUTER_API_URL" not in values


def test_a_real_model_is_the_one_that_was_named(tmp_path: Path) -> None:
    values = load_settings(tmp_path, MODEL_API_KEY="real", MODEL_NORMAL="gpt").function_overrides(
        "postgresql://db", SIMULATOR_URL
    )
    assert (values["MODEL_API_KEY"], values["MODEL_NORMAL"]) == ("real", "gpt")
    assert not {"MODEL_BASE_URL", "MODEL_HIGH"} & set(values)


def test_no_simulator_is_needed_when_nothing_of_ours_is_simulated(tmp_path: Path) -> None:
    keys = {"OPENROUTER_MANAGEMENT_KEY": "real", "AGENTMAIL_API_KEY": "", "TELNYX_API_KEY": "", "MODEL_API_KEY": ""}
    assert load_settings(tmp_path, **keys).needs_simulator()
    assert not load_settings(tmp_path, **keys, RAILWAY_API_URL="http://127.0.0.1:1/mine").needs_simulator()


def test_the_most_streams_at_once_are_a_setting(tmp_path: Path) -> None:
    assert load_settings(tmp_path).stream_concurrency == 220
    assert load_settings(tmp_path, POINTSMAN_STREAMS="7").stream_concurrency == 7
    (problem,) = load_settings(tmp_path, POINTSMAN_STREAMS="0").problems
    assert problem.startswith("POINTSMAN_STREAMS is '0'; ")


def test_the_time_after_which_idle_processes_end_is_a_setting(tmp_path: Path) -> None:
    assert load_settings(tmp_path).idle_timeout == 30
    assert load_settings(tmp_path, POINTSMAN_IDLE_SECONDS="5").idle_timeout == 5
    (problem,) = load_settings(tmp_path, POINTSMAN_IDLE_SECONDS="soon").problems
    assert problem.startswith("POINTSMAN_IDLE_SECONDS is 'soon'; ")


@pytest.mark.parametrize(("text", "is_on"), [("on", True), ("TRUE", True), ("1", True), ("off", False), ("", False)])
def test_a_switch_is_on_or_off(tmp_path: Path, text: str, is_on: bool) -> None:
    settings = load_settings(tmp_path, POINTSMAN_SCHEDULES=text)
    assert (settings.schedules, settings.problems) == (is_on, ())


def test_a_switch_that_is_neither_is_a_problem(tmp_path: Path) -> None:
    assert load_settings(tmp_path, POINTSMAN_SCHEDULES="of").problems == (
        "POINTSMAN_SCHEDULES is 'of'; it has to be on or off",
    )
