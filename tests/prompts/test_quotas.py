"""Quotas in the database: exact when 50 threads submit at the same moment, each with a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pointsman.db import connection
from pointsman.errors import InvalidSetting, QuotaExceeded
from pointsman.prompts.stream_lease import StreamLease
from pointsman.prompts.submission import SubmittedPrompt, submit_prompt
from pointsman.settings.prompts import QuotaSettings, StreamSettings
from pointsman.timestamps import format_timestamp
from tests.harness.background import run_concurrently
from tests.harness.ids import unique_id
from tests.harness.stack import NO_QUOTAS
from tests.prompts.engine_harness import EngineHarness
from tests.prompts.sample_agent import tool_call, usage_field

THREADS, LIMIT = 50, 7
ACTIVE = ("running", "waiting")


@pytest.fixture
def connection_per_thread(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Product code gets a connection in each thread, as it has in each process of a function."""
    local, opened = threading.local(), list[connection.Connection]()

    def get_connection() -> connection.Connection:
        if not hasattr(local, "connection"):
            local.connection = connection._open_connection()
            opened.append(local.connection)
        return local.connection

    monkeypatch.setattr(connection, "_get_connection", get_connection)
    yield
    for each in opened:
        each.close()


def submit_concurrently(
    users: list[str], submit: Callable[[str], object] = lambda user: submit_prompt(user, "Hello")
) -> tuple[list[Any], list[QuotaExceeded]]:
    """Call `submit` for all users at the same moment; returns what was accepted, and what was refused."""

    def call(user: str) -> object:
        try:
            return submit(user)
        except QuotaExceeded as error:
            return error

    results = run_concurrently(*[lambda user=user: call(user) for user in users])
    refused = [result for result in results if isinstance(result, QuotaExceeded)]
    return [result for result in results if result not in refused], refused


def insert_prompt(engine: EngineHarness, user: str, status: str = "completed", age: float = 0) -> str:
    """Insert a prompt that was created `age` seconds ago; returns its id."""
    prompt_id = "prompt-" + unique_id("").ljust(32, "0")
    engine.db.execute(
        "INSERT INTO prompts (id, user_id, input, status, created_at)"
        " VALUES (%s, %s, 'x', %s, clock_timestamp() - make_interval(secs => %s))",
        (prompt_id, user, status, age),
    )
    return prompt_id


def count_prompts(engine: EngineHarness, users: list[str]) -> int:
    return engine.db.execute("SELECT FROM prompts WHERE user_id = ANY(%s)", (users,)).rowcount


def use_tokens(engine: EngineHarness, user: str, tokens: int, days_ago: int = 0) -> None:
    engine.db.execute(
        "INSERT INTO token_usage (day, user_id, tokens) VALUES ((now() AT TIME ZONE 'UTC')::date - %s::int, %s, %s)"
        " ON CONFLICT (day, user_id) DO UPDATE SET tokens = EXCLUDED.tokens",
        (days_ago, user, tokens),
    )


def forget_other_tests(engine: EngineHarness) -> None:
    """No prompt of another test counts for everybody."""
    engine.db.execute("UPDATE prompts SET created_at = created_at - interval '2 hours'")
    engine.db.execute("DELETE FROM token_usage")
    engine.db.execute("DELETE FROM stream_leases")


@pytest.mark.parametrize("scope", ["user", "all"])
@pytest.mark.parametrize("quota", ["prompts_at_once", "prompts_an_hour"])
def test_of_50_submissions_at_once_as_many_are_accepted_as_fit(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch, quota: str, scope: str
) -> None:
    forget_other_tests(engine)
    monkeypatch.setenv(f"{quota.upper()}_{'PER_USER' if scope == 'user' else 'FOR_ALL'}", str(LIMIT))
    users = [unique_id("user-")] * THREADS if scope == "user" else [unique_id("user-") for _ in range(THREADS)]
    accepted, refused = submit_concurrently(users)
    assert (len(accepted), len(refused), count_prompts(engine, users)) == (LIMIT, THREADS - LIMIT, LIMIT)
    for error in refused:
        assert (error.code, error.status) == ("QUOTA_EXCEEDED", 429)
        assert {**error.details, "until": None} == {"quota": quota, "limit": LIMIT, "scope": scope, "until": None}
        whose = "for you" if scope == "user" else "for all users together"
        assert f"The quota of {quota.replace('_', ' ')} is used up: it is {LIMIT} {whose}. " in error.message
    # Nothing else of a refused prompt is stored.
    ids = [submitted.id for submitted in accepted]
    for table in ("prompt_events", "prompt_items"):
        assert engine.db.execute(f"SELECT FROM {table} WHERE prompt_id = ANY(%s)", (ids,)).rowcount == LIMIT
    # As many end as there is room for then.
    engine.db.execute("UPDATE prompts SET status = 'completed', ended_at = now() WHERE id = ANY(%s)", (ids[:3],))
    accepted, _ = submit_concurrently(users[:20])
    assert len(accepted) == (3 if quota == "prompts_at_once" else 0)


@pytest.mark.limit("streams-of-a-user", "streams-of-all")
@pytest.mark.parametrize("scope", ["user", "all"])
def test_of_50_streams_at_once_as_many_are_opened_as_fit(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    forget_other_tests(engine)
    monkeypatch.setenv(f"STREAMS_{'PER_USER' if scope == 'user' else 'FOR_ALL'}", str(LIMIT))
    users = [unique_id("user-")] * THREADS if scope == "user" else [unique_id("user-") for _ in range(THREADS)]

    def acquire(user: str) -> StreamLease:
        return StreamLease.acquire(user, None)

    leases, refused = submit_concurrently(users, acquire)
    assert (len(leases), len(refused)) == (LIMIT, THREADS - LIMIT)
    expected = {"quota": "open_streams", "limit": LIMIT, "scope": scope, "until": None}
    assert [error.details for error in refused] == [expected] * len(refused)
    assert {error.retry_after for error in refused} == {20}
    leases[0].release()
    leases[1].release()
    again, _ = submit_concurrently(users[:20], acquire)
    assert len(again) == 2
    for lease in [*leases, *again]:
        lease.renew_if_due()
        assert not lease.is_lost
        lease.release()
    assert engine.db.execute("SELECT FROM stream_leases").rowcount == 0


def test_streams_without_a_limit(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMS_PER_USER", "0")
    leases, refused = submit_concurrently([unique_id("user-")] * THREADS, lambda user: StreamLease.acquire(user, None))
    assert (len(leases), refused) == (THREADS, [])
    for lease in leases:
        lease._next_renewal_at = 0
        lease.renew_if_due()
        assert not lease.is_lost
        lease.release()


@pytest.mark.parametrize("slot_of", ["user", "all"])
def test_stream_that_has_lost_one_of_its_slots_is_lost(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch, slot_of: str
) -> None:
    monkeypatch.setenv("STREAMS_FOR_ALL", "100")
    lease = StreamLease.acquire(user := unique_id("user-"), None)
    owner = user if slot_of == "user" else ""
    assert engine.db.execute("DELETE FROM stream_leases WHERE user_id = %s AND id = %s", (owner, lease._id)).rowcount
    lease._next_renewal_at = 0
    lease.renew_if_due()
    assert lease.is_lost
    lease.release()


@pytest.mark.parametrize("scope", ["user", "all"])
def test_no_prompt_is_accepted_while_as_many_approvals_wait_as_are_allowed(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    user = unique_id("user-")
    monkeypatch.setenv(f"WAITING_APPROVALS_{'PER_USER' if scope == 'user' else 'FOR_ALL'}", "3")
    waiting = [insert_prompt(engine, user if scope == "user" else unique_id("user-"), "waiting") for _ in range(3)]
    accepted, refused = submit_concurrently([user] * THREADS)
    assert (accepted, len(refused)) == ([], THREADS)
    assert refused[0].details == {"quota": "waiting_approvals", "limit": 3, "scope": scope, "until": None}
    assert refused[0].retry_after == 60
    engine.db.execute("UPDATE prompts SET status = 'running' WHERE id = %s", (waiting[0],))
    assert len(submit_concurrently([user] * THREADS)[0]) == THREADS


@pytest.mark.parametrize("scope", ["user", "all"])
def test_tokens_of_the_day_last_until_midnight_in_utc(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    forget_other_tests(engine)
    user, other = unique_id("user-"), unique_id("user-")
    monkeypatch.setenv(f"TOKENS_A_DAY_{'PER_USER' if scope == 'user' else 'FOR_ALL'}", "1000")
    use_tokens(engine, user, 5000, days_ago=1)
    use_tokens(engine, user, 600)
    use_tokens(engine, other, 399)
    assert len(submit_concurrently([user] * THREADS)[0]) == THREADS
    use_tokens(engine, user, 1000 if scope == "user" else 601)
    before = datetime.now(UTC)
    accepted, refused = submit_concurrently([user] * THREADS)
    assert accepted == []
    midnight = (before + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = {"quota": "tokens_a_day", "limit": 1000, "scope": scope, "until": format_timestamp(midnight)}
    assert [error.details for error in refused] == [expected] * THREADS
    for error in refused:
        assert error.retry_after == pytest.approx((midnight - before).total_seconds(), abs=5)
        assert error.message.endswith(f"There is room again at {format_timestamp(midnight)}")
    other_accepted, _ = submit_concurrently([other])
    assert len(other_accepted) == (1 if scope == "user" else 0)


def test_turns_count_their_tokens_and_a_running_prompt_ends_beyond_them(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENS_A_DAY_PER_USER", "1000")
    used = usage_field(700, 300)
    turns = [{"calls": [tool_call("effects.keep", f"call_{number}")], **used} for number in (1, 2)]
    first = engine.submit(*turns, {"text": "Done.", **used})
    engine.advance(first)
    assert (engine.status(first), engine.prompt_row(first)["usage_total"]) == ("completed", 3000)
    row = engine.db.execute("SELECT tokens FROM token_usage WHERE user_id = %s", (engine.user_id,)).fetchone()
    assert row == {"tokens": 3000}
    with pytest.raises(QuotaExceeded, match="The quota of tokens a day is used up"):
        engine.submit()


def test_hour_has_room_when_its_oldest_prompt_is_older_than_an_hour(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTS_AN_HOUR_PER_USER", "3")
    user = unique_id("user-")
    for age in (3700, 3000.0, 1000.0, 10.0):
        last = insert_prompt(engine, user, age=age)
    with pytest.raises(QuotaExceeded) as raised:
        submit_prompt(user, "Hello")
    # The second one, which is 3000 s old, makes room in 600 s.
    assert raised.value.retry_after in (599, 600)
    row = engine.db.execute(
        "SELECT created_at + interval '1 hour' AS until FROM prompts WHERE user_id = %s"
        " ORDER BY created_at OFFSET 1 LIMIT 1", (user,),
    ).fetchone()  # fmt: skip
    assert row is not None
    assert raised.value.details["until"] == format_timestamp(row["until"])
    # With two more than allowed, as after the limit was lowered, three have to grow old.
    monkeypatch.setenv("PROMPTS_AN_HOUR_PER_USER", "1")
    with pytest.raises(QuotaExceeded) as raised:
        submit_prompt(user, "Hello")
    assert raised.value.retry_after in (3589, 3590)
    engine.db.execute("UPDATE prompts SET created_at = now() - interval '61 minutes' WHERE id = %s", (last,))
    with pytest.raises(QuotaExceeded) as raised:
        submit_prompt(user, "Hello")
    assert raised.value.retry_after in (2598, 2599, 2600)


def test_of_several_quotas_the_one_that_lasts_is_named(engine: EngineHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    user = unique_id("user-")
    insert_prompt(engine, user, "waiting", age=3595)
    for quota in ("PROMPTS_AT_ONCE", "PROMPTS_AN_HOUR", "WAITING_APPROVALS"):
        monkeypatch.setenv(f"{quota}_PER_USER", "1")
    with pytest.raises(QuotaExceeded, match="waiting approvals") as raised:
        submit_prompt(user, "Hello")
    assert raised.value.retry_after == 60


def test_repeat_of_a_stored_prompt_is_never_refused(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = unique_id("user-")
    for name in NO_QUOTAS:
        if name.endswith("_PER_USER"):
            monkeypatch.setenv(name, "1")

    def submit(key: str) -> SubmittedPrompt:
        return submit_prompt(user, "Hello", idempotency_key=key)

    # All at once: one is stored, and the 49 repeats get the same one.
    accepted, refused = submit_concurrently(["key"] * THREADS, submit)
    assert (len({prompt.id for prompt in accepted}), sum(prompt.is_new for prompt in accepted)) == (1, 1)
    assert refused == []
    use_tokens(engine, user, 10)
    assert submit("key").id == accepted[0].id
    with pytest.raises(QuotaExceeded):
        submit("other key")
    assert count_prompts(engine, [user]) == 1


def test_retry_of_a_commit_whose_response_was_lost_is_not_refused(
    engine: EngineHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTS_AT_ONCE_PER_USER", "1")
    submit_prompt(unique_id("user-"), "Hello")  # A connection that is reused, so that a failure is retried.
    original, lost = psycopg.Connection.transaction, list[int]()

    class LosesItsResponse:
        def __init__(self, transaction: Any) -> None:
            self.transaction = transaction

        def __enter__(self) -> object:
            return self.transaction.__enter__()

        def __exit__(self, *error: object) -> None:
            self.transaction.__exit__(*error)
            if not lost and error[0] is None:
                lost.append(1)
                raise psycopg.OperationalError("the response to COMMIT was lost")

    def transaction(self: Any) -> LosesItsResponse:
        return LosesItsResponse(original(self))

    monkeypatch.setattr(psycopg.Connection, "transaction", transaction)
    user = unique_id("user-")
    submitted = submit_prompt(user, "Hello")
    assert (lost, submitted.is_new, count_prompts(engine, [user])) == ([1], True, 1)


def test_limits_hold_whatever_the_roles_isolation_level_is(
    engine: EngineHarness, connection_per_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTS_AT_ONCE_PER_USER", str(LIMIT))
    role = engine.db.execute("SELECT current_user AS name").fetchone()
    assert role is not None
    alter = sql.SQL("ALTER ROLE {} {} default_transaction_isolation {}")
    name = sql.Identifier(role["name"])
    engine.db.execute(alter.format(name, sql.SQL("SET"), sql.SQL("TO 'repeatable read'")))
    try:
        accepted, _ = submit_concurrently([unique_id("user-")] * THREADS)
    finally:
        engine.db.execute(alter.format(name, sql.SQL("RESET"), sql.SQL("")))
    assert len(accepted) == LIMIT


@pytest.mark.parametrize("value", ["0", "off", " off "])
@pytest.mark.parametrize("name", sorted(NO_QUOTAS))
def test_zero_and_off_are_no_limit(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    quota, scope = name.lower().rsplit("_per_user", 1)[0].rsplit("_for_all", 1)[0], name.lower()[-8:].lstrip("_")
    if quota == "streams":
        assert StreamSettings.load().for_all is None
    else:
        assert getattr(getattr(QuotaSettings.load(), scope), quota) is None


@pytest.mark.parametrize("value", ["-1", "2.5", "many", "nan", "inf", "on"])
@pytest.mark.parametrize("name", [*sorted(NO_QUOTAS), "STREAMS_PER_USER"])
def test_wrong_limit_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=f"{name} is wrong: it must be a whole number, or off for no limit"):
        (StreamSettings if name.startswith("STREAMS") else QuotaSettings).load()


def test_every_quota_has_a_limit_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NO_QUOTAS, "STREAMS_PER_USER"):
        monkeypatch.delenv(name, raising=False)
    settings, streams = QuotaSettings.load(), StreamSettings.load()
    pairs = [(getattr(settings.per_user, name), getattr(settings.for_all, name)) for name in
             ("prompts_at_once", "prompts_an_hour", "tokens_a_day", "waiting_approvals")]  # fmt: skip
    assert all(0 < (user or 0) < (everybody or 0) for user, everybody in [*pairs, (streams.per_user, streams.for_all)])
