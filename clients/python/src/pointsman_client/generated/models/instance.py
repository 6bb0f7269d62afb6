from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.instance_tool import InstanceTool


T = TypeVar("T", bound="Instance")


@_attrs_define
class Instance:
    """
    Attributes:
        instance_id (str):
        provider (str):
        service_id (str):
        environment_id (str):
        project_id (None | str):
        url (None | str):
        deploy_status (None | str):
        runtime_image (None | str):
        volume_id (None | str):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
        tools (list[InstanceTool]):
    """

    instance_id: str
    provider: str
    service_id: str
    environment_id: str
    project_id: None | str
    url: None | str
    deploy_status: None | str
    runtime_image: None | str
    volume_id: None | str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    tools: list[InstanceTool]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance_id = self.instance_id

        provider = self.provider

        service_id = self.service_id

        environment_id = self.environment_id

        project_id: None | str
        project_id = self.project_id

        url: None | str
        url = self.url

        deploy_status: None | str
        deploy_status = self.deploy_status

        runtime_image: None | str
        runtime_image = self.runtime_image

        volume_id: None | str
        volume_id = self.volume_id

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        tools = []
        for tools_item_data in self.tools:
            tools_item = tools_item_data.to_dict()
            tools.append(tools_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instanceId": instance_id,
                "provider": provider,
                "serviceId": service_id,
                "environmentId": environment_id,
                "projectId": project_id,
                "url": url,
                "deployStatus": deploy_status,
                "runtimeImage": runtime_image,
                "volumeId": volume_id,
                "createdAt": created_at,
                "updatedAt": updated_at,
                "tools": tools,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.instance_tool import InstanceTool  # noqa: PLC0415

        d = dict(src_dict)
        instance_id = d.pop("instanceId")

        provider = d.pop("provider")

        service_id = d.pop("serviceId")

        environment_id = d.pop("environmentId")

        def _parse_project_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        project_id = _parse_project_id(d.pop("projectId"))

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        def _parse_deploy_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        deploy_status = _parse_deploy_status(d.pop("deployStatus"))

        def _parse_runtime_image(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        runtime_image = _parse_runtime_image(d.pop("runtimeImage"))

        def _parse_volume_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        volume_id = _parse_volume_id(d.pop("volumeId"))

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))

        tools = []
        _tools = d.pop("tools")
        for tools_item_data in _tools:
            tools_item = InstanceTool.from_dict(tools_item_data)

            tools.append(tools_item)

        instance = cls(
            instance_id=instance_id,
            provider=provider,
            service_id=service_id,
            environment_id=environment_id,
            project_id=project_id,
            url=url,
            deploy_status=deploy_status,
            runtime_image=runtime_image,
            volume_id=volume_id,
            created_at=created_at,
            updated_at=updated_at,
            tools=tools,
        )

        instance.additional_properties = d
        return instance

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
