from typing import Literal

ListInstancesTotals = Literal["false", "true"]

LIST_INSTANCES_TOTALS_VALUES: set[ListInstancesTotals] = {
    "false",
    "true",
}


def check_list_instances_totals(value: str) -> ListInstancesTotals:
    if value in LIST_INSTANCES_TOTALS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_INSTANCES_TOTALS_VALUES!r}")
