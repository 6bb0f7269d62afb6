"""The services database as it may be found: nothing, every older shape, the newest."""

import itertools

import psycopg
import pytest
from psycopg.rows import dict_row

from pointsman.db import instances
from pointsman.errors import MigrationFailed
from tests.migrate.conftest import Migration
from tests.migrate.support import HEAD, INFRA, SECRETS, TOOLS, columns, dump, insert, rows, run, table

OLD = {"instance_id": "old", "provider_service_id": "service-old", "provider_env_id": "env"}
OLD_TOOL = {"instance_id": "old", "tool_id": "openrouter", "resource_id": "hash", "env_key": "OPENROUTER_API_KEY"}
OPTIONAL_INFRA = [name for name, kind in INFRA.items() if "NOT NULL" not in kind or "DEFAULT" in kind]
OPTIONAL_INFRA.remove("instance_id")
OPTIONAL_TOOLS = ["resource_meta", "env_value", "status", "created_at"]


def legacy(url: str, *, without: tuple[str, ...] = (), secrets: dict[str, str] | None = None) -> None:
    """Both tables without these columns, with these more, and a row in each."""
    wanted = {name: kind for name, kind in INFRA.items() if name not in without}
    table(url, "instance_infra", {**wanted, **(secrets or {})})
    table(url, "instance_services", {name: kind for name, kind in TOOLS.items() if name not in without})
    insert(url, "instance_infra", {**OLD, **dict.fromkeys(secrets or {}, "secret")})
    insert(url, "instance_services", OLD_TOOL)


def write_as_we_do(url: str) -> None:
    infra = {
        "instance_id": "new", "provider_service_id": "service-new", "provider_env_id": "e", "provider_project_id": "p",
        "url": None, "deploy_status": None, "runtime_image": None, "volume_id": None,
    }  # fmt: skip
    tool = instances.ToolRow("agentmail", "a@b", "AGENTMAIL_INBOX_ID", "a@b", {})
    with psycopg.connect(url, row_factory=dict_row) as connection:
        instances.insert(connection, infra, [tool])
        assert instances.get(connection, "new") is not None
        instances.mark(connection, "new", [])
        assert instances.tools(connection, "new") == [tool]


def test_a_fresh_database_gets_the_contracts_columns_exactly(plain: Migration) -> None:
    assert plain() == {"from": None, "to": HEAD, "backfilled": None}
    assert columns(plain.services, "instance_infra") == set(INFRA)
    assert columns(plain.services, "instance_services") == set(TOOLS)
    write_as_we_do(plain.services)


def test_twice_in_a_row_changes_nothing(plain: Migration) -> None:
    plain()
    write_as_we_do(plain.services)
    before = dump(plain.services)
    assert plain() == {"from": HEAD, "to": HEAD, "backfilled": None}
    assert dump(plain.services) == before


SHAPES = [
    (),
    *[(name,) for name in OPTIONAL_INFRA if name != "created_at"],
    *[(name,) for name in OPTIONAL_TOOLS],
    ("provider_project_id", "volume_id"),
    (*OPTIONAL_INFRA, *OPTIONAL_TOOLS),
]


@pytest.mark.parametrize("without", SHAPES, ids=lambda names: f"without {'+'.join(names) or 'nothing'}")
def test_an_older_shape_is_completed_and_keeps_its_rows(plain: Migration, without: tuple[str, ...]) -> None:
    legacy(plain.services, without=without)
    plain()
    assert columns(plain.services, "instance_infra") == set(INFRA)
    assert columns(plain.services, "instance_services") == set(TOOLS)
    [infra] = rows(plain.services, "SELECT * FROM instance_infra")
    assert OLD.items() <= infra.items()
    assert infra["provider"] == "railway"
    assert infra["updated_at"] is not None
    [tool] = rows(plain.services, "SELECT * FROM instance_services")
    assert OLD_TOOL.items() <= tool.items()
    assert (tool["status"], tool["resource_meta"]) == ("active", {})
    write_as_we_do(plain.services)


SUBSETS = [chosen for size in range(1, 4) for chosen in itertools.combinations(SECRETS, size)]


@pytest.mark.parametrize("kind", ["TEXT", "TEXT NOT NULL"])
@pytest.mark.parametrize("chosen", SUBSETS, ids="+".join)
def test_columns_of_old_secrets_stay_without_being_required(
    plain: Migration, chosen: tuple[str, ...], kind: str
) -> None:
    legacy(plain.services, without=("provider_project_id",), secrets=dict.fromkeys(chosen, kind))
    plain()
    write_as_we_do(plain.services)
    [old] = rows(plain.services, "SELECT * FROM instance_infra WHERE instance_id = 'old'")
    assert {name: old[name] for name in chosen} == dict.fromkeys(chosen, "secret")


def test_only_one_of_the_two_tables_there(plain: Migration) -> None:
    table(plain.services, "instance_infra", INFRA)
    insert(plain.services, "instance_infra", OLD)
    plain()
    write_as_we_do(plain.services)
    assert len(rows(plain.services, "SELECT * FROM instance_infra")) == 2


def test_what_cannot_be_made_up_is_named_and_nothing_is_changed(plain: Migration) -> None:
    legacy(plain.services)
    run(plain.services, "ALTER TABLE instance_services DROP COLUMN env_key")
    before = dump(plain.services)
    with pytest.raises(MigrationFailed, match=r"nothing was changed: 23502 .*column env_key"):
        plain()
    assert dump(plain.services) == before


def test_the_tables_of_the_search_path_are_meant(plain: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    run(plain.services, "CREATE SCHEMA other")
    there = f"{plain.services}?options=-csearch_path%3Dother"
    monkeypatch.setenv("SERVICE_DATABASE_URL", there)
    legacy(there, secrets={"wallet_key": "TEXT NOT NULL"})
    table(plain.services, "instance_infra", {"gateway_token": "TEXT NOT NULL"})
    assert plain(drop=True)["dropped"] == {"services": ["wallet_key"], "pool": []}
    assert columns(plain.services, "instance_infra") >= {"gateway_token"}


def test_a_newer_schema_than_ours_is_said(plain: Migration) -> None:
    plain()
    run(plain.services, "UPDATE pointsman_schema_version SET version_num = '9999'")
    with pytest.raises(MigrationFailed, match=r"nothing was changed: .*9999"):
        plain()
