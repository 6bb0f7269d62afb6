"""Secrets at run time: the cache, reading again after a refusal, outages, and errors that say what to change."""

import json
from collections.abc import Iterator

import pytest

from pointsman import aws_client
from pointsman.errors import MissingSetting, SecretsUnavailable, UnreadableSecret
from pointsman.settings import database, instances, secrets
from pointsman.settings.secrets import (
    CACHE_SECONDS,
    MIN_REFRESH_INTERVAL,
    SECRET_GROUPS,
    STALE_SECONDS,
    read_required_secret,
    read_secret,
    refresh_secret,
)

PREFIX = "team/pointsman"
VALUE = "planted-secret"


class FakeSecretsManager:
    """Answers GetSecretValue from a dictionary of texts, or with one error; counts requests; has the clock."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.error: tuple[int, str] | None = None
        self.requests: list[str] = []
        self.now = 1_000_000.0

    def put(self, group: str, **variables: object) -> None:
        self.texts[f"{PREFIX}/{group}"] = json.dumps(variables)

    def call(self, _access: object, service: str, action: str, body: str, **_timeouts: float) -> tuple[int, str]:
        assert (service, action) == ("secretsmanager", "GetSecretValue")
        name = json.loads(body)["SecretId"]
        self.requests.append(name)
        if self.error:
            return self.error[0], json.dumps({"__type": self.error[1]})
        if name not in self.texts:
            return 400, json.dumps({"__type": "ResourceNotFoundException"})
        return 200, json.dumps({"SecretString": self.texts[name]})


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSecretsManager]:
    fake = FakeSecretsManager()
    for name in (*(name for names in SECRET_GROUPS.values() for name in names), "DATABASE_URL", "TOOLS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("SECRET_PREFIX", PREFIX)
    monkeypatch.setattr(aws_client, "call", fake.call)
    monkeypatch.setattr(secrets.time, "time", lambda: fake.now)
    monkeypatch.setattr(secrets.time, "sleep", lambda _seconds: None)
    secrets.clear_cache()
    fake.put("telnyx", TELNYX_API_KEY=f" {VALUE} ")
    yield fake
    secrets.clear_cache()


def test_a_variable_is_in_one_secret_only() -> None:
    names = [name for names in SECRET_GROUPS.values() for name in names]
    assert len(names) == len(set(names))


def test_a_value_is_read_once_until_its_time_is_over(manager: FakeSecretsManager) -> None:
    assert [read_secret("TELNYX_API_KEY") for _ in range(3)] == [VALUE] * 3
    manager.put("telnyx", TELNYX_API_KEY="new")
    manager.now += CACHE_SECONDS - 1
    assert read_secret("TELNYX_API_KEY") == VALUE
    assert manager.requests == [f"{PREFIX}/telnyx"]
    manager.now += 1
    assert read_secret("TELNYX_API_KEY") == "new"
    assert len(manager.requests) == 2


def test_a_variable_of_the_process_wins_and_an_empty_one_does_not(
    manager: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELNYX_API_KEY", "of-the-process")
    assert read_secret("TELNYX_API_KEY") == "of-the-process"
    assert refresh_secret("TELNYX_API_KEY", "of-the-process") == ""
    assert manager.requests == []
    monkeypatch.setenv("TELNYX_API_KEY", "")
    assert read_secret("TELNYX_API_KEY") == VALUE


def test_without_a_prefix_nothing_is_requested(manager: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_PREFIX", "")
    assert (read_secret("TELNYX_API_KEY"), refresh_secret("TELNYX_API_KEY", "x")) == ("", "")
    with pytest.raises(MissingSetting, match=r"^The setting TELNYX_API_KEY is missing$"):
        read_required_secret("TELNYX_API_KEY")
    assert manager.requests == []


@pytest.mark.parametrize("variables", [{}, {"MODEL_API_KEY": ""}, {"MODEL_API_KEY": None}, {"OTHER": VALUE}])
def test_a_value_that_the_secret_does_not_hold_is_missing(
    manager: FakeSecretsManager, variables: dict[str, object]
) -> None:
    manager.put("model", **variables)
    assert read_secret("MODEL_API_KEY") == ""
    with pytest.raises(MissingSetting) as caught:
        read_required_secret("MODEL_API_KEY", "the model's key")
    assert caught.value.message == (
        f"The setting MODEL_API_KEY is missing: the secret {PREFIX}/model holds no value for it; the model's key"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ((400, "ResourceNotFoundException"), 'does not exist: create it as {"TELNYX_API_KEY": "…"}, or correct'),
        ((400, "AccessDeniedException"), "allow secretsmanager:GetSecretValue in its policies"),
        ((400, "DecryptionFailure"), "allow kms:Decrypt"),
        ((400, "InvalidRequestException"), "if it is marked for deletion, restore it"),
        ((403, "ExpiredTokenException"), "cannot be read (status 403 ExpiredTokenException)"),
    ],
)
def test_an_error_names_the_secret_and_what_to_change(
    manager: FakeSecretsManager, error: tuple[int, str], message: str
) -> None:
    manager.error = error
    with pytest.raises(UnreadableSecret) as caught:
        read_secret("TELNYX_API_KEY")
    assert caught.value.message.startswith(f"The secret {PREFIX}/telnyx ")
    assert message in caught.value.message
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (503, "MISCONFIGURED", False)
    assert len(manager.requests) == 1


@pytest.mark.parametrize(
    "text", [VALUE, f'"{VALUE}"', f'["{VALUE}"]', '{"TELNYX_API_KEY": 5}', '{"TELNYX_API_KEY": {}', ""]
)
def test_a_malformed_secret_is_an_error_without_its_value(manager: FakeSecretsManager, text: str) -> None:
    manager.texts[f"{PREFIX}/telnyx"] = text
    with pytest.raises(UnreadableSecret, match=r'is not a JSON object of texts: store \{"TELNYX_API_KEY"') as caught:
        read_secret("TELNYX_API_KEY")
    assert VALUE not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("error", [(0, ""), (500, "InternalServiceError"), (400, "ThrottlingException"), (429, "")])
def test_an_outage_is_retried_and_then_an_error_that_may_pass(
    manager: FakeSecretsManager, error: tuple[int, str]
) -> None:
    manager.error = error
    with pytest.raises(SecretsUnavailable, match=f"{PREFIX}/telnyx") as caught:
        read_secret("TELNYX_API_KEY")
    assert (caught.value.status, caught.value.retryable, len(manager.requests)) == (503, True, 3)


def test_a_cached_value_is_kept_in_an_outage_and_the_next_attempt_waits(
    manager: FakeSecretsManager, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_secret("TELNYX_API_KEY") == VALUE
    manager.error = (503, "ServiceUnavailable")
    manager.put("telnyx", TELNYX_API_KEY="new")
    manager.now += CACHE_SECONDS
    assert [read_secret("TELNYX_API_KEY"), read_secret("TELNYX_API_KEY")] == [VALUE, VALUE]
    assert len(manager.requests) == 1 + 3
    assert VALUE not in caplog.text
    manager.error = None
    manager.now += STALE_SECONDS
    assert read_secret("TELNYX_API_KEY") == "new"


def test_a_cached_value_is_dropped_when_its_secret_is_gone(manager: FakeSecretsManager) -> None:
    assert read_secret("TELNYX_API_KEY") == VALUE
    del manager.texts[f"{PREFIX}/telnyx"]
    manager.now += CACHE_SECONDS
    for _ in range(2):
        with pytest.raises(UnreadableSecret, match="does not exist"):
            read_secret("TELNYX_API_KEY")


def test_a_refused_value_is_read_again_at_once(manager: FakeSecretsManager) -> None:
    assert read_secret("TELNYX_API_KEY") == VALUE
    manager.put("telnyx", TELNYX_API_KEY="new")
    assert refresh_secret("TELNYX_API_KEY", VALUE) == "new"
    assert read_secret("TELNYX_API_KEY") == "new"
    assert len(manager.requests) == 2
    # Whoever still has the old one gets the new one without a request.
    assert refresh_secret("TELNYX_API_KEY", VALUE) == "new"
    assert len(manager.requests) == 2


def test_refusals_of_the_present_value_cause_few_requests(manager: FakeSecretsManager) -> None:
    read_secret("TELNYX_API_KEY")
    assert [refresh_secret("TELNYX_API_KEY", VALUE) for _ in range(50)] == [""] * 50
    assert len(manager.requests) == 2
    manager.put("telnyx", TELNYX_API_KEY="new")
    manager.now += MIN_REFRESH_INTERVAL - 0.1
    assert refresh_secret("TELNYX_API_KEY", VALUE) == ""
    manager.now += 0.2
    assert refresh_secret("TELNYX_API_KEY", VALUE) == "new"
    assert len(manager.requests) == 3


@pytest.mark.parametrize("error", [(400, "AccessDeniedException"), (503, "ServiceUnavailable")])
def test_a_refresh_that_fails_is_no_error(manager: FakeSecretsManager, error: tuple[int, str]) -> None:
    read_secret("TELNYX_API_KEY")
    manager.error = error
    assert refresh_secret("TELNYX_API_KEY", VALUE) == ""


def test_an_instance_needs_no_secret_of_a_tool_that_is_not_configured(
    manager: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLS", "telnyx")
    manager.put("runtime", POOL_API_KEY="pool")
    variables = instances.InstanceRuntimeSettings.load().variables
    assert (variables["TELNYX_API_KEY"], variables["POOL_API_KEY"]) == (VALUE, "pool")
    assert sorted(manager.requests) == [f"{PREFIX}/runtime", f"{PREFIX}/telnyx"]


def test_a_connection_needs_no_secret_of_the_pools_database(
    manager: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.put("database", SERVICE_DATABASE_URL="postgresql://a")
    assert database.load_url() == "postgresql://a"
    assert manager.requests == [f"{PREFIX}/database"]
    monkeypatch.setenv("DATABASE_URL", "postgresql://b")
    assert database.load_url() == "postgresql://b"
    assert database.load_rotated_url("postgresql://b") == ""
