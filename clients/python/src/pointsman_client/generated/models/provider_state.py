from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.provider_state_provider import (
    ProviderStateProvider,
    check_provider_state_provider,
)

if TYPE_CHECKING:
    from ..models.step_failure import StepFailure


T = TypeVar("T", bound="ProviderState")


@_attrs_define
class ProviderState:
    """The steps of operations that called it within the last hours, and how many of these failed in the end.

    Attributes:
        provider (ProviderStateProvider):
        steps (int):
        failed (int):
        last_failure (None | StepFailure):
    """

    provider: ProviderStateProvider
    steps: int
    failed: int
    last_failure: None | StepFailure
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.step_failure import StepFailure  # noqa: PLC0415

        provider: str = self.provider

        steps = self.steps

        failed = self.failed

        last_failure: dict[str, Any] | None
        if isinstance(self.last_failure, StepFailure):
            last_failure = self.last_failure.to_dict()
        else:
            last_failure = self.last_failure

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider": provider,
                "steps": steps,
                "failed": failed,
                "lastFailure": last_failure,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.step_failure import StepFailure  # noqa: PLC0415

        d = dict(src_dict)
        provider = check_provider_state_provider(d.pop("provider"))

        steps = d.pop("steps")

        failed = d.pop("failed")

        def _parse_last_failure(data: object) -> None | StepFailure:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                last_failure_type_0 = StepFailure.from_dict(data)

                return last_failure_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | StepFailure, data)

        last_failure = _parse_last_failure(d.pop("lastFailure"))

        provider_state = cls(
            provider=provider,
            steps=steps,
            failed=failed,
            last_failure=last_failure,
        )

        provider_state.additional_properties = d
        return provider_state

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
