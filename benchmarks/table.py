"""The benchmark's rows as a table in Markdown."""

from collections.abc import Sequence
from statistics import median

from benchmarks.measurement import Row

HEADER = ["work", "yardstick", "ours", "ratio", "goal", "ok"]


def format_table(rows: Sequence[Row], factor: float = 1.0) -> str:
    """Format rows as a table.

    Args:
        rows: The lines, in order.
        factor: The multiple of its goal at which a row fails.
    """
    lines = [f"| {' | '.join(HEADER)} |", "|---|---|---|---:|---|---|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in _format_cells(row, factor))} |" for row in rows]
    return "\n".join(lines)


def format_values(values: Sequence[float], unit: str) -> str:
    """Format the median, with the smallest and the largest value if there are several."""
    if not values:
        return ""
    suffix = f" {unit}" if unit else ""
    text = f"{format_number(median(values))}{suffix}"
    if len(values) > 1:
        text += f" ({format_number(min(values))}\N{EN DASH}{format_number(max(values))})"
    return text


def format_number(value: float) -> str:
    """Format a number with three digits or more, and commas for thousands."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _format_cells(row: Row, factor: float) -> list[str]:
    yardstick = ": ".join(part for part in (row.yardstick, format_values(row.yardstick_values, row.unit)) if part)
    ours = "; ".join(part for part in (format_values(row.ours, row.unit), row.note, row.problem) if part)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return [row.work, yardstick, ours, ratio, _format_goal(row), _format_verdict(row, factor)]


def _format_goal(row: Row) -> str:
    if row.goal is None:
        return ""
    if row.goal.applies_to == "ratio":
        return f"≤ {row.goal.limit:.2f}"
    suffix = f" {row.unit}" if row.unit else ""
    text = f"≤ {format_number(row.goal.limit)}{suffix}"
    return f"{text} = {row.goal.derivation}" if row.goal.derivation else text


def _format_verdict(row: Row, factor: float) -> str:
    again = ", measured twice" if row.measurements > 1 else ""
    if not row.is_met(factor):
        return f"**no**{again}"
    if row.goal is None:
        return again.removeprefix(", ")
    return f"{'yes' if row.is_met() else 'over, but allowed here'}{again}"
