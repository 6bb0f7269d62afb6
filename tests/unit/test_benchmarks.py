"""The benchmark's own logic: goals, second measurements, the table, the report's place. No test asserts a wall time."""

import json
import os
import sys
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import DOCUMENT, GROUPS, main
from benchmarks.bench_stack import BARE_FUNCTION, BARE_PATH, write_template
from benchmarks.cold_start import BUDGET_KINDS, ROOM_KINDS, RUN_ORDER, SHORT_SELECTION, find_budget, find_kind
from benchmarks.growth import make_rows
from benchmarks.machine import measure_tree, read_peak_rss, read_rss
from benchmarks.measurement import (
    SHORT_FORM_FACTOR,
    CallTrace,
    Goal,
    GroupOptions,
    GroupResult,
    Row,
    compute_p99,
    measure_rows,
)
from benchmarks.report import BEGIN, END, format_report, replace_generated
from benchmarks.table import format_number, format_table, format_values
from local.template.sam_template import Template

EN_DASH = "\N{EN DASH}"


def make_row(ours: list[float], goal: Goal | None = None, **changes) -> Row:
    return Row(**{"work": "work", "yardstick": "yardstick", "unit": "ms", "ours": ours, "goal": goal, **changes})


def last_cells(row: Row, factor: float = 1.0) -> list[str]:
    return [cell.strip() for cell in format_table([row], factor).splitlines()[-1].strip("|").split("|")]


def test_a_goal_limits_the_ratio_of_the_medians() -> None:
    row = make_row([10, 90, 20], Goal(0.5), yardstick_values=[40, 40, 1000])
    assert (row.ratio, row.limited_figure) == (0.5, 0.5)
    assert row.is_met()
    assert not make_row([21], Goal(0.5), yardstick_values=[40]).is_met()


def test_a_goal_limits_our_own_figure() -> None:
    assert make_row([500], Goal(500, "ours"), yardstick_values=[1]).is_met()
    assert not make_row([501], Goal(500, "ours"), yardstick_values=[1]).is_met()


def test_the_short_form_fails_at_twice_the_goal_and_judges_no_absolute_time() -> None:
    factor = GroupOptions(short=True).factor
    assert (GroupOptions().factor, factor) == (1.0, SHORT_FORM_FACTOR)
    assert make_row([999], Goal(1), yardstick_values=[500]).is_met(factor)
    assert not make_row([1001], Goal(1), yardstick_values=[500]).is_met(factor)
    assert not replace(make_row([1001], Goal(500, "ours")), unit="MB").is_met(factor)
    assert make_row([1001], Goal(500, "ours")).is_met(factor)
    assert not make_row([501], Goal(500, "ours")).is_met()


@pytest.mark.parametrize(
    "row",
    [
        make_row([]),
        make_row([], Goal(1, "ours")),
        make_row([1], Goal(1)),  # a ratio to nothing
        make_row([1], Goal(1), yardstick_values=[0]),
        make_row([1], Goal(2, "ours"), problem="it was wrong"),
        make_row([1], problem="it was wrong"),
    ],
)
def test_a_row_without_a_valid_result_fails(row: Row) -> None:
    assert not row.is_met(100)
    assert last_cells(row, 100)[-1] == "**no**"


def test_a_row_without_a_goal_only_informs() -> None:
    assert make_row([1]).is_met()
    assert last_cells(make_row([1]))[-2:] == ["", ""]


def test_rows_that_miss_are_measured_once_more() -> None:
    goal = Goal(10, "ours")
    runs = [[make_row([5], goal), make_row([50], goal)], [make_row([6], goal), make_row([7], goal)]]
    kept, measured_again = measure_rows(lambda: runs.pop(0), 1.0)
    assert (kept.ours, kept.measurements) == ([5], 1)
    assert (measured_again.ours, measured_again.measurements) == ([7], 2)
    assert last_cells(measured_again)[-1] == "yes, measured twice"


def test_a_row_that_misses_twice_fails() -> None:
    calls = []

    def measure() -> list[Row]:
        calls.append(1)
        return [make_row([50], Goal(10, "ours"))]

    (row,) = measure_rows(measure, 1.0)
    assert len(calls) == 2
    assert not row.is_met()
    assert last_cells(row)[-1] == "**no**, measured twice"


def test_rows_that_meet_their_goals_are_measured_once() -> None:
    runs = [[make_row([15], Goal(10, "ours")), make_row([1])]]
    assert [row.measurements for row in measure_rows(lambda: runs.pop(0), 2.0)] == [1, 1]


def test_the_table_shows_medians_spread_ratio_and_goal() -> None:
    row = make_row([3, 1, 2], Goal(0.5), yardstick_values=[1200, 1100, 1300], note="a note")
    assert last_cells(row) == [
        "work",
        f"yardstick: 1,200 ms (1,100{EN_DASH}1,300)",
        f"2.00 ms (1.00{EN_DASH}3.00); a note",
        "0.00",
        "≤ 0.50",
        "yes",
    ]
    computed = make_row([1], Goal(1590, "ours", "(5 + 0.3) latencies"))
    assert last_cells(computed)[1:] == ["yardstick", "1.00 ms", "", "≤ 1,590 ms = (5 + 0.3) latencies", "yes"]


def test_the_table_says_when_only_the_short_form_allows_a_row() -> None:
    assert last_cells(make_row([15], Goal(10, "ours")), 2.0)[-1] == "over, but allowed here"


def test_a_cell_does_not_break_the_table() -> None:
    assert len(last_cells(make_row([1], work="a|b"))) == 6


def test_numbers_keep_three_digits() -> None:
    assert [format_number(value) for value in (0.123, 12.34, 123.4, 12345.6)] == ["0.12", "12.3", "123", "12,346"]
    assert (format_values([], "ms"), format_values([2.0], "")) == ("", "2.00")


def test_p99() -> None:
    assert compute_p99([7.0]) == 7.0
    assert 197 < compute_p99([float(number) for number in range(200)]) < 199


def test_a_result_survives_its_way_between_processes() -> None:
    result = GroupResult(
        [make_row([1.5], Goal(2, "ours", "a sum"), note="note", yardstick_values=[2.5])],
        [CallTrace("Create", 0.5, [(0.1, "railway", "serviceCreate")])],
    )
    restored = GroupResult.from_json(json.loads(json.dumps(result.to_json())))
    assert restored.rows == result.rows
    assert format_report([("Title", restored)], "2 cores.") == format_report([("Title", result)], "2 cores.")


def test_the_report_has_machine_tables_and_calls() -> None:
    trace = CallTrace("Create", 1.5, [(0.035, "railway", "serviceCreate"), (1.2, "telnyx", "orders.create")])
    report = format_report([("One", GroupResult([make_row([1])], [trace])), ("Two", GroupResult([]))], "2 cores.")
    assert report.startswith("2 cores.\n\n### One\n\n| work |")
    assert "Create: 2 calls in 1,500 ms" in report
    assert "| 35 ms | railway | serviceCreate |\n| 1,200 ms | telnyx | orders.create |" in report


def test_only_the_generated_part_of_the_page_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    replaced = replace_generated(page, "new", date(2026, 2, 3))
    assert replaced == f"before\n{BEGIN}\nMeasured on 2026-02-03. new\n{END}\nafter\n"
    assert replace_generated(replaced, "new", date(2026, 2, 3)) == replaced


@pytest.mark.parametrize(
    "page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}", f"{END}{BEGIN}{END}"]
)
def test_a_page_without_its_two_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the document needs one"):
        replace_generated(page, "new", date(2026, 2, 3))


def test_the_page_has_the_markers() -> None:
    assert "new" in replace_generated(DOCUMENT.read_text(), "new", date(2026, 2, 3))


@pytest.mark.parametrize("arguments", [["--short"], ["--only", "cold_start"]])
def test_a_part_of_the_results_is_never_written(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--write", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_has_a_title_and_a_measurement(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert module.TITLE
    assert callable(module.measure)


def test_the_bare_function_stands_behind_the_same_gateway(tmp_path: Path) -> None:
    template = Template.load(write_template(tmp_path), {})
    (route,) = [route for route in template.routes if route.function == BARE_FUNCTION]
    assert (route.path, route.authorizer) == (BARE_PATH, None)
    assert (template.functions[BARE_FUNCTION].code_folder / "bare.py").is_file()
    assert len(template.functions) > 40


def test_growth_compares_the_largest_step_with_the_smallest() -> None:
    steps = [{"work": ([float(size), 1e9, 0.0], 3.0)} for size in (10, 100, 50)]
    (row,) = make_rows((10, 100, 1000), steps)
    assert (row.work, row.yardstick, row.note, row.ratio) == ("work, 1,000", "with 10", "100: 100 ms", 5.0)
    assert not row.is_met()


def test_every_function_has_a_kind_and_a_budget() -> None:
    kinds = {module: find_kind(module) for module in RUN_ORDER}
    assert [module for module in RUN_ORDER if find_budget(module) is None] == ["migration.migrate"]
    assert set(kinds.values()) == {*ROOM_KINDS.values(), *BUDGET_KINDS.values(), "migration"}
    assert kinds["tasks.advance_prompt"] == "task"
    # One of each kind that has a budget.
    assert sorted(kinds[module] for module in SHORT_SELECTION) == sorted({*kinds.values()} - {"migration"})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_process_tree() -> None:
    memory = measure_tree(os.getpid())
    assert memory.processes >= 1
    assert 0 < memory.pss <= memory.rss
    assert measure_tree(os.getpid(), [os.getpid()]).processes == memory.processes
    assert measure_tree(os.getpid(), excluded=[os.getpid()]).processes == 0
    assert 0 < read_rss(os.getpid()) <= read_peak_rss(os.getpid()) * 1.01
