from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ServiceStatus")


@_attrs_define
class ServiceStatus:
    """
    Attributes:
        instance_id (str):
        service_id (str):
        name (str):
        deploy_status (None | str):
        domain (None | str):
        image (None | str):
        environment_ids (list[str]):
    """

    instance_id: str
    service_id: str
    name: str
    deploy_status: None | str
    domain: None | str
    image: None | str
    environment_ids: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        instance_id = self.instance_id

        service_id = self.service_id

        name = self.name

        deploy_status: None | str
        deploy_status = self.deploy_status

        domain: None | str
        domain = self.domain

        image: None | str
        image = self.image

        environment_ids = self.environment_ids

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "instanceId": instance_id,
                "serviceId": service_id,
                "name": name,
                "deployStatus": deploy_status,
                "domain": domain,
                "image": image,
                "environmentIds": environment_ids,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        instance_id = d.pop("instanceId")

        service_id = d.pop("serviceId")

        name = d.pop("name")

        def _parse_deploy_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        deploy_status = _parse_deploy_status(d.pop("deployStatus"))

        def _parse_domain(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        domain = _parse_domain(d.pop("domain"))

        def _parse_image(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        image = _parse_image(d.pop("image"))

        environment_ids = cast(list[str], d.pop("environmentIds"))

        service_status = cls(
            instance_id=instance_id,
            service_id=service_id,
            name=name,
            deploy_status=deploy_status,
            domain=domain,
            image=image,
            environment_ids=environment_ids,
        )

        service_status.additional_properties = d
        return service_status

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
