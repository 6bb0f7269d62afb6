"""Values that may be secrets are not in a repr, so no traceback and no careless log line shows them."""

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator

import pointsman
from pointsman.providers.base import ProviderResource
from tests.harness.python_process import run_python

SECRET = re.compile(r"(^|_)(key|token|password|secret|env|env_value|variables)$")
HARMLESS = {"env_key", "resource_key"}
ALEMBIC_SCRIPTS = ("pointsman.db.migrations.env", "pointsman.db.migrations.versions")


def iterate_dataclasses() -> Iterator[type]:
    for module in pkgutil.walk_packages(pointsman.__path__, "pointsman."):
        if module.name.startswith(ALEMBIC_SCRIPTS):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__ == module.name:
                yield value


def test_fields_with_secrets_are_not_in_a_repr() -> None:
    fields = [(kind, field) for kind in iterate_dataclasses() for field in dataclasses.fields(kind)]
    secret = [(kind, field) for kind, field in fields if SECRET.search(field.name) and field.name not in HARMLESS]
    assert len(secret) >= 10
    assert [f"{kind.__name__}.{field.name}" for kind, field in secret if field.repr] == []


def test_variable_values_are_not_in_a_repr() -> None:
    assert "planted" not in repr(ProviderResource("id", "name", {"KEY": "planted"}))


def test_variable_values_of_a_request_body_are_not_in_a_repr() -> None:
    shown = run_python(
        "from services.configure_instance import Configure; print(repr(Configure(variables={'KEY': 'planted'})))"
    )
    assert "Configure" in shown
    assert "planted" not in shown
