"""Names of instances: the contract takes any, and the fleet's listing shows an instance under one only."""

import httpx
import pytest

from tests.harness.instances import new_instance_id


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (
            "Ada {id}",
            "name: POST /status/batch does not list this instance, since its name does not begin with convos-agent-",
        ),
        (
            "convos-agent-of-{id}",
            "name: POST /status/batch lists this instance as 'of-{id}', since its name is not convos-agent-{id}",
        ),
        ("convos-agent-{id}", None),
    ],
)
def test_a_name_under_which_the_fleet_does_not_list_an_instance_is_a_warning(
    api: httpx.Client, name: str, warning: str | None
) -> None:
    instance_id = new_instance_id()
    body = {"instanceId": instance_id, "name": name.format(id=instance_id)}
    created = api.post("/create-instance", json=body)
    assert created.status_code == 200, created.text
    expected = [warning.format(id=instance_id)] if warning else None
    assert created.json().get("warnings") == expected
    assert api.post("/create-instance", json=body).json() == created.json()
    listed = [service["instanceId"] for service in api.post("/status/batch", json={}).json()["services"]
              if service["serviceId"] == created.json()["serviceId"]]  # fmt: skip
    is_listed = {"Ada {id}": [], "convos-agent-of-{id}": [f"of-{instance_id}"], "convos-agent-{id}": [instance_id]}
    assert listed == is_listed[name]
    assert api.delete(f"/destroy/{instance_id}").status_code == 200
