"""How the failures of several deletions become one error."""

from datetime import UTC, datetime

import pytest

from pointsman.db.journal import Entry
from pointsman.errors import ProviderRejected, ProviderUnavailable
from pointsman.lifecycle import resource_deletion


def build_entry(number: int, kind: str) -> Entry:
    now = datetime.now(UTC)
    return Entry(number, "op-1", "demo-1", "railway", kind, {}, "created", f"id-{number}", None, {}, now, now)


@pytest.fixture
def deletion_attempts(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Ids of resources that the provider was asked to delete; it rejects all of them."""
    ids: list[str | None] = []

    def reject(operation_id: str, entry: Entry) -> None:
        ids.append(entry.resource_id)
        raise ProviderRejected("railway", f"{entry.kind}Delete", f"{entry.resource_id} is locked")

    monkeypatch.setattr(resource_deletion, "delete_entry", reject)
    return ids


@pytest.mark.usefixtures("deletion_attempts")
def test_several_failures_become_one_that_is_retried_and_names_the_step() -> None:
    with pytest.raises(ProviderUnavailable) as failure:
        resource_deletion.delete_entries("op-1", [build_entry(1, "volume"), build_entry(2, "volume")])
    assert failure.value.message == (
        "undo delete: railway volumeDelete: id-1 is locked; railway volumeDelete: id-2 is locked"
    )
    assert failure.value.retryable


def test_a_single_failure_is_raised_as_it_is_and_a_service_with_a_volume_is_kept(
    deletion_attempts: list[str | None],
) -> None:
    with pytest.raises(ProviderRejected, match="id-1 is locked"):
        resource_deletion.delete_entries("op-1", [build_entry(2, "service"), build_entry(1, "volume")])
    assert deletion_attempts == ["id-1"]
