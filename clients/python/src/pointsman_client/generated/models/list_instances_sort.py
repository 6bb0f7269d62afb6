from typing import Literal

ListInstancesSort = Literal["created_asc", "created_desc", "id_asc", "id_desc"]

LIST_INSTANCES_SORT_VALUES: set[ListInstancesSort] = {
    "created_asc",
    "created_desc",
    "id_asc",
    "id_desc",
}


def check_list_instances_sort(value: str) -> ListInstancesSort:
    if value in LIST_INSTANCES_SORT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_INSTANCES_SORT_VALUES!r}")
