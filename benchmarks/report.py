"""The report of a run in Markdown, and its place in docs/performance.md."""

from collections.abc import Sequence
from datetime import date

from benchmarks.measurement import CallTrace, GroupResult
from benchmarks.table import format_number, format_table

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def format_report(groups: Sequence[tuple[str, GroupResult]], machine: str, factor: float = 1.0) -> str:
    """Format the tables of all groups, each under its title, and the calls that they traced.

    Args:
        groups: Title and result of each group, in order.
        machine: The machine and its state at the start, in one sentence.
        factor: The multiple of its goal at which a row fails.
    """
    parts = [machine]
    for title, result in groups:
        parts += [f"### {title}", format_table(result.rows, factor)]
    traces = [trace for _, result in groups for trace in result.traces]
    if traces:
        parts += ["### The calls of one create and one destroy", *(format_trace(trace) for trace in traces)]
    return "\n\n".join(parts)


def format_trace(trace: CallTrace) -> str:
    """Format the calls of one request, with the milliseconds after which each began."""
    lines = [f"{trace.title}: {len(trace.calls)} calls in {format_number(trace.seconds * 1000)} ms", ""]
    lines += ["| began after | provider | operation |", "|---:|---|---|"]
    lines += [
        f"| {seconds * 1000:,.0f} ms | {provider} | {operation} |" for seconds, provider, operation in trace.calls
    ]
    return "\n".join(lines)


def replace_generated(document: str, generated: str, day: date) -> str:
    """Return a document with the text between its two markers replaced.

    Args:
        document: The whole document.
        generated: The report.
        day: When it was measured.

    Raises:
        ValueError: The document does not have each marker once, in order.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before or END in after:
        raise ValueError(f"the document needs one {BEGIN} and, after it, one {END}")
    return f"{before}{BEGIN}\nMeasured on {day.isoformat()}. {generated}\n{END}{after}"
