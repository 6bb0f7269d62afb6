"""What one row of the benchmark's table holds, and when it has to be measured again.

A row compares the median of several repetitions with the median of a yardstick from the same run. Its goal limits
either the ratio or our own figure; lower is better in every row.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median, quantiles
from typing import Any, Literal

SHORT_FORM_FACTOR = 2.0
"""The short form fails at this multiple of a goal: it has few repetitions, and runs on busy machines."""


@dataclass(frozen=True)
class Goal:
    """The most that a row's figure may be.

    Args:
        limit: In the row's unit, or as a multiple of the yardstick.
        applies_to: Which figure is limited.
        derivation: How the limit came about, if it is computed from what this run saw.
    """

    limit: float
    applies_to: Literal["ratio", "ours"] = "ratio"
    derivation: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        work: What is measured.
        yardstick: What it is compared with; empty without a yardstick.
        unit: Of both measurements, such as `ms`; empty for plain numbers.
        ours: One value for each repetition.
        yardstick_values: The same for the yardstick.
        goal: None for a row that only informs.
        note: What else this row's measurement showed.
        problem: Why there is no result, or why it does not count; such a row fails.
        measurements: How often the row was measured.
    """

    work: str
    yardstick: str
    unit: str
    ours: Sequence[float]
    yardstick_values: Sequence[float] = ()
    goal: Goal | None = None
    note: str = ""
    problem: str | None = None
    measurements: int = 1

    @property
    def ratio(self) -> float | None:
        """Our median as a multiple of the yardstick's; None without either."""
        if not self.ours or not self.yardstick_values or not median(self.yardstick_values):
            return None
        return median(self.ours) / median(self.yardstick_values)

    @property
    def limited_figure(self) -> float | None:
        """The figure that the goal limits; None if there is no goal or no result."""
        if self.goal is None or not self.ours:
            return None
        return self.ratio if self.goal.applies_to == "ratio" else median(self.ours)

    def is_met(self, factor: float = 1.0) -> bool:
        """Return whether the row has a result that is at most `factor` times its goal.

        With a factor over 1, the short form's, a time is not judged unless it is a ratio: it depends on the machine.
        """
        if self.problem is not None or not self.ours:
            return False
        if self.goal is None or (factor > 1 and self.goal.applies_to == "ours" and self.unit == "ms"):
            return True
        figure = self.limited_figure
        return figure is not None and figure <= self.goal.limit * factor


@dataclass(frozen=True)
class CallTrace:
    """The providers' calls of one request, as the simulator logged them.

    Args:
        title: The request.
        seconds: Time of the whole request.
        calls: Seconds from the request to the call, provider and operation, in the order of arrival.
    """

    title: str
    seconds: float
    calls: Sequence[tuple[float, str, str]]


@dataclass(frozen=True)
class GroupOptions:
    """How a group is measured.

    Args:
        short: Fewer repetitions and smaller amounts, for CI.
        python: An interpreter with only the packages of Lambda, for cold starts.
    """

    short: bool = False
    python: str = ""

    @property
    def factor(self) -> float:
        """The multiple of its goal at which a row fails."""
        return SHORT_FORM_FACTOR if self.short else 1.0

    def choose(self, full: int, short: int) -> int:
        """Return the amount for this form."""
        return short if self.short else full


@dataclass(frozen=True)
class GroupResult:
    """The rows of a group, and the calls that it traced."""

    rows: Sequence[Row]
    traces: Sequence[CallTrace] = field(default_factory=list[CallTrace])

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "GroupResult":
        """Restore a result from `to_json`'s data."""
        rows: list[Row] = []
        for row in data["rows"]:
            goal = row.pop("goal")
            rows.append(Row(**row, goal=Goal(**goal) if goal else None))
        return cls(rows, [CallTrace(**trace) for trace in data["traces"]])


def measure_rows(measure: Callable[[], Sequence[Row]], factor: float) -> list[Row]:
    """Measure rows, and those that miss their goal once more: a busy machine disturbs one measurement easily.

    Args:
        measure: Returns the same rows each time, in the same order.
        factor: The multiple of its goal at which a row fails.
    """
    first = measure()
    if all(row.is_met(factor) for row in first):
        return list(first)
    second = [replace(row, measurements=2) for row in measure()]
    return [old if old.is_met(factor) else new for old, new in zip(first, second, strict=True)]


def compute_p99(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


def to_ms(seconds: Sequence[float]) -> list[float]:
    """Convert seconds to milliseconds."""
    return [value * 1000 for value in seconds]
