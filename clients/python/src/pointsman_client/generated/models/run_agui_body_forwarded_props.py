from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

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
        model (Any | RunAguiBodyForwardedPropsModel | Unset):
    """

    model: Any | RunAguiBodyForwardedPropsModel | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        model: Any | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        elif isinstance(self.model, str):
            model = self.model
        else:
            model = self.model

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if model is not UNSET:
            field_dict["model"] = model

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_model(data: object) -> Any | RunAguiBodyForwardedPropsModel | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                model_type_0 = check_run_agui_body_forwarded_props_model(data)

                return model_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Any | RunAguiBodyForwardedPropsModel | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        run_agui_body_forwarded_props = cls(
            model=model,
        )

        return run_agui_body_forwarded_props
