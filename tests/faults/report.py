"""The outcomes as a Markdown table for each scenario, and the total."""

from collections.abc import Iterable, Sequence

from .case_runner import Outcome
from .cases import DISRUPTIONS, FAULTS, SCENARIOS, START_FAILURES

__all__ = ["format_details", "format_tables", "format_total", "has_passed"]

_COLUMNS = ("none", *FAULTS, *DISRUPTIONS, *START_FAILURES)


def _format_cell(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return "-"
    words = [
        word
        for word, bad in (
            ("LEAK", any(one.leaks for one in outcomes)),
            ("WRONG", any(one.wrong_answers for one in outcomes)),
            ("STUCK", any(one.stuck_operations for one in outcomes)),
        )
        if bad
    ]
    if words:
        return " ".join(words)
    return "ok" if all(one.reached for one in outcomes) else "not reached"


def format_tables(outcomes: Iterable[Outcome]) -> str:
    """One table per scenario: a row for each call, a column for each fault."""
    cells: dict[tuple[str, str, str], list[Outcome]] = {}
    rows: dict[str, list[str]] = {}
    for one in outcomes:
        row = one.case.call.label if one.case.call else "-"
        cells.setdefault((one.case.scenario, row, one.case.fault), []).append(one)
        if row not in rows.setdefault(one.case.scenario, []):
            rows[one.case.scenario].append(row)
    lines: list[str] = []
    for scenario in [name for name in SCENARIOS if name in rows]:
        fault_names = [name for name in _COLUMNS if any((scenario, row, name) in cells for row in rows[scenario])]
        lines += [
            f"## {scenario}",
            "",
            "| call | " + " | ".join(fault_names) + " |",
            "|---" * (len(fault_names) + 1) + "|",
        ]
        for row in sorted(rows[scenario]):
            row_cells = [_format_cell(cells.get((scenario, row, name), [])) for name in fault_names]
            lines.append(f"| {row} | " + " | ".join(row_cells) + " |")
        lines.append("")
    return "\n".join(lines)


def format_total(outcomes: Sequence[Outcome]) -> str:
    """Leaked counts resources, wrong answers and stuck operations count what was found of them."""
    return (
        f"{len(outcomes)} cases: {sum(len(one.leaks) for one in outcomes)} leaked resources,"
        f" {sum(len(one.wrong_answers) for one in outcomes)} wrong answers,"
        f" {sum(len(one.stuck_operations) for one in outcomes)} stuck operations;"
        f" {sum(not one.reached for one in outcomes)} not reached"
    )


def has_passed(outcomes: Iterable[Outcome], not_run: int) -> bool:
    """Whether everything was tried, and nothing was wrong. A fault that never struck has shown nothing."""
    return not not_run and all(one.reached and not one.has_findings for one in outcomes)


def format_details(outcomes: Iterable[Outcome]) -> str:
    """Everything that is known of the cases that went wrong."""
    lines: list[str] = []
    for one in outcomes:
        if one.has_findings:
            lines.append(f"### {one.case.label}")
            for word, found in (
                ("LEAK", one.leaks),
                ("WRONG", one.wrong_answers),
                ("STUCK", one.stuck_operations),
                ("", one.notes),
            ):
                lines += [f"- {word} {line}".replace("  ", " ") for line in found]
            lines.append("")
    return "\n".join(lines)
