from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.run_agui_body_forwarded_props_model import (
    RunAguiBodyForwardedPropsModel,
    check_run_agui_body_forwarded_props_model,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="RunAguiBodyForwardedProps")


@_attrs_define
class RunAguiBodyForwardedProps:
    """
    Attributes:
        model (RunAguiBodyForwardedPropsModel | Unset):
    """

    model: RunAguiBodyForwardedPropsModel | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        model: str | Unset = UNSET
        if not isinstance(self.model, Unset):
            model = self.model

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if model is not UNSET:
            field_dict["model"] = model

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        _model = d.pop("model", UNSET)
        model: RunAguiBodyForwardedPropsModel | Unset
        if isinstance(_model, Unset):
            model = UNSET
        else:
            model = check_run_agui_body_forwarded_props_model(_model)

        run_agui_body_forwarded_props = cls(
            model=model,
        )

        return run_agui_body_forwarded_props
