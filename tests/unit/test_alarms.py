"""Alarms watch metrics that are emitted, and say what to do."""

import re
from typing import Any

from local.template.intrinsics import load_yaml
from tests.harness.paths import CHECKOUT, TEMPLATE

ALARMS: dict[str, dict[str, Any]] = {
    name: resource["Properties"]
    for name, resource in load_yaml(TEMPLATE)["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def list_watched_metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    stats = [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", ()) if "MetricStat" in metric]
    return stats or [alarm]


def test_alarms_watch_metrics_that_the_code_writes() -> None:
    code = "".join(path.read_text() for path in (CHECKOUT / "layers/shared/pointsman").rglob("*.py"))
    for name, alarm in ALARMS.items():
        for metric in list_watched_metrics(alarm):
            if metric["Namespace"].startswith("AWS/"):
                continue
            assert metric["Namespace"] == "Pointsman", name
            assert f'emit_metrics({{"{metric["MetricName"]}":' in code, name
            for dimension in metric.get("Dimensions", ()):
                assert f"{dimension['Name']}=" in code, name


def test_alarms_say_what_to_do_and_where_they_go() -> None:
    assert len(ALARMS) >= 3
    for name, alarm in ALARMS.items():
        assert len(re.findall(r"\w+", alarm["AlarmDescription"])) > 20, name
        assert "AlarmActions" in alarm, name
        assert "OKActions" in alarm, name
