from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.configure_variables import ConfigureVariables


T = TypeVar("T", bound="Configure")


@_attrs_define
class Configure:
    """
    Attributes:
        variables (ConfigureVariables):
        redeploy (bool | Unset):  Default: False.
    """

    variables: ConfigureVariables
    redeploy: bool | Unset = False
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        variables = self.variables.to_dict()

        redeploy = self.redeploy

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "variables": variables,
            }
        )
        if redeploy is not UNSET:
            field_dict["redeploy"] = redeploy

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.configure_variables import ConfigureVariables  # noqa: PLC0415

        d = dict(src_dict)
        variables = ConfigureVariables.from_dict(d.pop("variables"))

        redeploy = d.pop("redeploy", UNSET)

        configure = cls(
            variables=variables,
            redeploy=redeploy,
        )

        configure.additional_properties = d
        return configure

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
