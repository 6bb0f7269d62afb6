from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.tool_failure import ToolFailure
    from ..models.tool_success import ToolSuccess


T = TypeVar("T", bound="ToolOutput")


@_attrs_define
class ToolOutput:
    """`id` is the model's call id, the same as `toolCallId` in an approval.

    Attributes:
        type_ (Literal['tool']):
        id (str):
        function (str):
        input_ (Any):
        result (ToolFailure | ToolSuccess):
        start (datetime.datetime):
        end (datetime.datetime):
    """

    type_: Literal["tool"]
    id: str
    function: str
    input_: Any
    result: ToolFailure | ToolSuccess
    start: datetime.datetime
    end: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.tool_success import ToolSuccess  # noqa: PLC0415

        type_ = self.type_

        id = self.id

        function = self.function

        input_ = self.input_

        result: dict[str, Any]
        if isinstance(self.result, ToolSuccess):
            result = self.result.to_dict()
        else:
            result = self.result.to_dict()

        start = self.start.isoformat()

        end = self.end.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "id": id,
                "function": function,
                "input": input_,
                "result": result,
                "start": start,
                "end": end,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tool_failure import ToolFailure  # noqa: PLC0415
        from ..models.tool_success import ToolSuccess  # noqa: PLC0415

        d = dict(src_dict)
        type_ = cast(Literal["tool"], d.pop("type"))
        if type_ != "tool":
            raise ValueError(f"type must match const 'tool', got '{type_}'")

        id = d.pop("id")

        function = d.pop("function")

        input_ = d.pop("input")

        def _parse_result(data: object) -> ToolFailure | ToolSuccess:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                result_type_0 = ToolSuccess.from_dict(data)

                return result_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            result_type_1 = ToolFailure.from_dict(data)

            return result_type_1

        result = _parse_result(d.pop("result"))

        start = datetime.datetime.fromisoformat(d.pop("start"))

        end = datetime.datetime.fromisoformat(d.pop("end"))

        tool_output = cls(
            type_=type_,
            id=id,
            function=function,
            input_=input_,
            result=result,
            start=start,
            end=end,
        )

        tool_output.additional_properties = d
        return tool_output

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
