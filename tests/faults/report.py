"""The outcomes as Markdown tables, one per scenario, and the total."""

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
            ("LEAK", any(outcome.leaks for outcome in outcomes)),
            ("WRONG", any(outcome.wrong_answers for outcome in outcomes)),
            ("STUCK", any(outcome.stuck_operations for outcome in outcomes)),
        )
        if bad
    ]
    if words:
        return " ".join(words)
    return "ok" if all(outcome.reached for outcome in outcomes) else "not reached"


def format_tables(outcomes: Iterable[Outcome]) -> str:
    """One table per scenario: a row for each call, a column for each fault."""
    cells: dict[tuple[str, str, str], list[Outcome]] = {}
    rows: dict[str, list[str]] = {}
    for outcome in outcomes:
        row = outcome.case.call.label if outcome.case.call else "-"
        cells.setdefault((outcome.case.scenario, row, outcome.case.fault), []).append(outcome)
        if row not in rows.setdefault(outcome.case.scenario, []):
            rows[outcome.case.scenario].append(row)
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
    """Count the findings: leaked resources, wrong answers, stuck operations."""
    return (
        f"{len(outcomes)} cases: {sum(len(outcome.leaks) for outcome in outcomes)} leaked resources,"
        f" {sum(len(outcome.wrong_answers) for outcome in outcomes)} wrong answers,"
        f" {sum(len(outcome.stuck_operations) for outcome in outcomes)} stuck operations;"
        f" {sum(not outcome.reached for outcome in outcomes)} not reached"
    )


def has_passed(outcomes: Iterable[Outcome], not_run: int) -> bool:
    """Whether every case ran, every fault struck, and nothing was found."""
    return not not_run and all(outcome.reached and not outcome.has_findings for outcome in outcomes)


def format_details(outcomes: Iterable[Outcome]) -> str:
    """List everything recorded about the cases with findings."""
    lines: list[str] = []
    for outcome in outcomes:
        if outcome.has_findings:
            lines.append(f"### {outcome.case.label}")
            for word, found in (
                ("LEAK", outcome.leaks),
                ("WRONG", outcome.wrong_answers),
                ("STUCK", outcome.stuck_operations),
                ("", outcome.notes),
            ):
                lines += [f"- {word} {line}".replace("  ", " ") for line in found]
            lines.append("")
    return "\n".join(lines)
