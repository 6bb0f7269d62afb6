"""Alarms watch metrics that exist, cover all that is deployed, say what to do, and notify the topic."""

import ast
import json
import re
from typing import Any

import pytest

from local.template.intrinsics import load_yaml
from pointsman.lifecycle.health_details import SCHEDULES
from pointsman.metrics import emit_metrics
from pointsman.providers.registry import TOOLS
from tests.harness.paths import CHECKOUT, TEMPLATE

Node = dict[str, Any]

RESOURCES: dict[str, Node] = load_yaml(TEMPLATE)["Resources"]

AWS_METRICS = {
    # API Gateway Developer Guide: "Monitor HTTP API metrics" and "Amazon API Gateway dimensions and metrics".
    "AWS/ApiGateway": {
        ("ApiId",): {"5xx", "4xx", "Count", "Latency"},
        ("ApiName",): {"5XXError", "4XXError", "Count", "Latency"},
    },
    # Lambda Developer Guide: "Types of metrics for Lambda functions".
    "AWS/Lambda": {("FunctionName",): {"ConcurrentExecutions", "Duration", "Errors", "Throttles"}},
    # Step Functions Developer Guide: "Monitoring Step Functions metrics".
    "AWS/States": {
        ("StateMachineArn",): {"ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    },
}
MAX_METRICS = 10  # CloudWatch User Guide, "CloudWatch service quotas": alarms based on metric math
MAX_DESCRIPTION_CHARS = 1024  # CloudWatch API Reference, PutMetricAlarm
FILTER_NAMESPACE = {"Fn::Sub": "Pointsman/${AWS::StackName}"}
TOPIC = {"Fn::If": ["MakesAlarmTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}
STACK_DIMENSIONS = {"stack": {"Ref": "AWS::StackName"}, "stage": {"Ref": "Stage"}}


def list_resources(kind: str) -> dict[str, Node]:
    """The properties of the template's resources of a type, by logical id."""
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


ALARMS = list_resources("AWS::CloudWatch::Alarm")
FILTERS = list_resources("AWS::Logs::MetricFilter")
FUNCTIONS = list_resources("AWS::Serverless::Function")
each_alarm = pytest.mark.parametrize("name", ALARMS)


def list_watched_metrics(alarm: Node) -> list[Node]:
    stats = [metric["MetricStat"]["Metric"] for metric in alarm.get("Metrics", ()) if "MetricStat" in metric]
    return stats or [alarm]


def get_dimensions(metric: Node) -> dict[str, Any]:
    return {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", ())}


def read_emitted_metrics() -> dict[str, set[frozenset[str]]]:
    """The sets of dimensions, besides the stack's, with which the code emits each metric."""
    emitted: dict[str, set[frozenset[str]]] = {}
    for path in (CHECKOUT / "layers/shared/pointsman").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == emit_metrics.__name__:
                (values,) = call.args
                assert isinstance(values, ast.Dict), f"{path}: the metrics' names must be in the call"
                for key in values.keys:
                    assert isinstance(key, ast.Constant)
                    dimensions = frozenset(str(keyword.arg) for keyword in call.keywords)
                    emitted.setdefault(str(key.value), set()).add(dimensions)
    return emitted


EMITTED = read_emitted_metrics()
DIMENSION_VALUES = {
    "provider": {"railway", *TOOLS, "model"},
    "schedule": {path.stem for path in (CHECKOUT / "functions/scheduled").glob("[!_]*.py")},
}


def assert_exists(namespace: object, name: str, dimensions: dict[str, Any], where: str) -> None:
    """Fail unless the code, a filter or AWS writes this metric with exactly these dimensions."""
    if namespace == "Pointsman":
        assert {key: dimensions.pop(key) for key in STACK_DIMENSIONS} == STACK_DIMENSIONS, where
        assert frozenset(dimensions) in EMITTED.get(name, ()), f"{where}: {name} {set(dimensions)}"
        for dimension, value in dimensions.items():
            assert value in DIMENSION_VALUES[dimension], where
    elif namespace == FILTER_NAMESPACE:
        assert name in {filter_["MetricTransformations"][0]["MetricName"] for filter_ in FILTERS.values()}, where
        assert dimensions == {}, where
    else:
        assert name in AWS_METRICS[str(namespace)][tuple(dimensions)], where


@each_alarm
def test_alarm_watches_metrics_that_exist(name: str) -> None:
    metrics = list_watched_metrics(ALARMS[name])
    assert 1 <= len(metrics) <= MAX_METRICS
    for metric in metrics:
        assert_exists(metric["Namespace"], metric["MetricName"], get_dimensions(metric), name)


def list_expression_texts(expression: Any) -> list[str]:
    """The texts of a metric math expression: more than one where a condition decides."""
    if isinstance(expression, str):
        return [expression]
    if "Fn::If" in expression:
        return [text for branch in expression["Fn::If"][1:] for text in list_expression_texts(branch)]
    return [expression["Fn::Sub"]]


@each_alarm
def test_expression_uses_all_of_its_metrics_and_no_other(name: str) -> None:
    queries = ALARMS[name].get("Metrics", [])
    if not queries:
        return
    (expression,) = [query["Expression"] for query in queries if "Expression" in query]
    texts = list_expression_texts(expression)
    used = {word for text in texts for word in re.findall(r"\b[a-z]\w*", re.sub(r"\$\{\w+\}", "", text))}
    assert used == {query["Id"] for query in queries if "MetricStat" in query}
    # Only what the expression returns is watched, and an alarm may not search.
    assert [query.get("ReturnData", True) for query in queries] == [True] + [False] * len(used)
    assert "SEARCH" not in str(expression)
    if "FILL(" in str(expression):
        # FILL makes the newest period 0 while its data is late, so one period more must be looked at than is needed.
        assert ALARMS[name]["DatapointsToAlarm"] < ALARMS[name]["EvaluationPeriods"]


@each_alarm
def test_alarm_says_what_to_do_and_notifies_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    description = alarm["AlarmDescription"]
    assert len(re.findall(r"\w+", description)) > 20
    assert len(description) <= MAX_DESCRIPTION_CHARS
    assert description.endswith(f" docs/operations.md#{name.lower()}")
    assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]


def test_the_runbook_has_a_heading_for_each_alarm_and_no_other() -> None:
    headings = re.findall(r"^### (\w+Alarm)$", (CHECKOUT / "docs/operations.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(ALARMS)


def test_each_function_is_counted_by_one_alarm_of_errors() -> None:
    assert len(FUNCTIONS) > 40
    for name, function in FUNCTIONS.items():
        group = function["LoggingConfig"]["LogGroup"]
        (filter_,) = [filter_ for filter_ in FILTERS.values() if filter_["LogGroupName"] == group]
        (transformation,) = filter_["MetricTransformations"]
        assert transformation["MetricNamespace"] == FILTER_NAMESPACE
        watched = [a for a in ALARMS.values() if a.get("MetricName") == transformation["MetricName"]]
        assert [alarm["Namespace"] for alarm in watched] == [FILTER_NAMESPACE], name
    # Without the format there is no report in JSON that a filter could read, and WARN drops reports.
    logging = load_yaml(TEMPLATE)["Globals"]["Function"]["LoggingConfig"]
    assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "INFO")


def does_match(pattern: str, line: Node) -> bool:
    """Whether a line matches a pattern that consists of comparisons with texts, all of which must hold."""
    for path, operator, text in re.findall(r'\$\.([\w.]+) (=|!=) "([\w.]+)"', pattern):
        value: Any = line
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is None or (value == text) != (operator == "="):
            return False
    return True


@pytest.mark.parametrize("name", FILTERS)
def test_filter_counts_failed_invocations_only(name: str) -> None:
    pattern = FILTERS[name]["FilterPattern"]
    assert re.fullmatch(r'\{ \$[\w.]+ !?= "[\w.]+"( && \$[\w.]+ !?= "[\w.]+")* \}', pattern)

    def counts(status: str, kind: str = "platform.report") -> bool:
        return does_match(pattern, {"time": "", "type": kind, "record": {"requestId": "r", "status": status}})

    assert not counts("success")
    assert counts("timeout")
    assert counts("failure")
    assert counts("error") == (name != "TaskErrorsFilter")
    assert not counts("timeout", "platform.runtimeDone")
    assert not does_match(pattern, {"level": "ERROR", "message": "run failed"})


def test_each_schedule_has_an_alarm_of_its_silence() -> None:
    alarms = {
        dimensions["schedule"]: alarm
        for alarm in ALARMS.values()
        if "schedule" in (dimensions := get_dimensions(alarm)) and alarm["MetricName"] == "ScheduleCompleted"
    }
    scheduled = {
        function["Handler"].split(".")[0]: event["Properties"]["Schedule"]
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"].startswith("Schedule")
    }
    assert alarms.keys() == scheduled.keys() == DIMENSION_VALUES["schedule"]
    for name, alarm in alarms.items():
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
        assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("LessThanThreshold", "breaching")
        interval = 60 * int(re.fullmatch(r"rate\((\d+) minutes?\)", scheduled[name])[1])  # type: ignore[index]
        assert interval <= alarm["Period"]
        assert alarm["Period"] * alarm["EvaluationPeriods"] >= 2 * interval


def test_each_state_machine_has_an_alarm_of_its_failures_logs_and_traces() -> None:
    machines = list_resources("AWS::Serverless::StateMachine")
    assert len(machines) == 5
    watched = {
        (get_dimensions(metric)["StateMachineArn"]["Ref"], metric["MetricName"])
        for alarm in ALARMS.values()
        for metric in list_watched_metrics(alarm)
        if metric["Namespace"] == "AWS/States"
    }
    failures = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    assert watched == {(machine, failure) for machine in machines for failure in failures}
    group = RESOURCES["StateMachineLogs"]["Properties"]["LogGroupName"]["Fn::Sub"]
    assert group.startswith("/aws/vendedlogs/states/")
    for machine in machines.values():
        assert machine["Logging"]["Level"] == {"Fn::If": ["IsProduction", "ERROR", "ALL"]}
        assert machine["Logging"]["IncludeExecutionData"] is False
        assert machine["Tracing"] == {"Enabled": {"Fn::If": ["IsTraced", True, False]}}
        assert {"Ref": "StateMachineTelemetryPolicy"} in machine["Policies"]


@pytest.mark.parametrize(("api", "key"), [("Api", "AccessLogSettings"), ("StreamApi", "AccessLogSetting")])
def test_access_logs_are_json_without_paths_queries_headers_and_bodies(api: str, key: str) -> None:
    settings = RESOURCES[api]["Properties"][key]
    line = json.loads(settings["Format"])
    assert {"requestId", "route", "status", "latency", "integrationError"} <= line.keys()
    allowed = r"\$context\.(requestId|routeKey|httpMethod|resourcePath|status|response(Latency|Length)|integration\w*"
    allowed += r"|integration\.\w+|authorizer\.error|error\.message)"
    for value in line.values():
        assert re.fullmatch(rf"[a-z]+|{allowed}( {allowed})?", value), value


def test_alarms_of_the_stream_api_name_the_api_as_it_is_named() -> None:
    name = RESOURCES["StreamApi"]["Properties"]["Name"]
    names = [
        value
        for alarm in ALARMS.values()
        for metric in list_watched_metrics(alarm)
        if (value := get_dimensions(metric).get("ApiName"))
    ]
    assert names == [name] * 2


def test_the_dashboard_shows_metrics_that_exist() -> None:
    text = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    names = {"Pointsman/${AWS::StackName}": FILTER_NAMESPACE}
    values = {"${AWS::StackName}": {"Ref": "AWS::StackName"}, "${Stage}": {"Ref": "Stage"}}
    shown = 0
    for widget in json.loads(text)["widgets"]:
        for row in widget["properties"]["metrics"]:
            parts = [part for part in row if isinstance(part, str)]
            if not parts:
                assert re.match(
                    r"SEARCH\('\{AWS/Lambda,FunctionName\} FunctionName=\$\{AWS::StackName\} ", row[0]["expression"]
                )
                continue
            namespace, name, *pairs = parts
            dimensions = {key: values.get(value, value) for key, value in zip(pairs[::2], pairs[1::2], strict=True)}
            assert_exists(names.get(namespace, namespace), name, dimensions, widget["properties"]["title"])
            shown += 1
    assert shown > 40
    referenced = set(re.findall(r"\$\{(\w+)\}", text)) - {"Stage"}
    assert referenced <= RESOURCES.keys()


def test_cloudwatch_may_publish_to_the_encrypted_topic() -> None:
    assert RESOURCES["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "AlarmKey"}
    actions = {
        action
        for policy in (
            RESOURCES["AlarmKey"]["Properties"]["KeyPolicy"],
            RESOURCES["AlarmTopicPolicy"]["Properties"]["PolicyDocument"],
        )
        for statement in policy["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    assert actions == {"kms:Decrypt", "kms:GenerateDataKey*", "sns:Publish"}


def test_a_schedule_is_shown_as_overdue_when_its_alarm_is_on() -> None:
    handlers = {body["Handler"] for body in list_resources("AWS::Serverless::Function").values()
                if body["CodeUri"] == "functions/scheduled"}  # fmt: skip
    assert handlers == {f"{name}.handler" for name in SCHEDULES}
    for name, schedule in SCHEDULES.items():
        title = "".join(part.capitalize() for part in name.split("_"))
        alarm = RESOURCES[f"{title}SilentAlarm"]["Properties"]
        assert alarm["Period"] * alarm["EvaluationPeriods"] == schedule.overdue_after, name
        events = RESOURCES[f"{title}Function"]["Properties"]["Events"]
        minutes = schedule.interval // 60
        assert events["Every"]["Properties"]["Schedule"] == f"rate({minutes} minute{'s' if minutes > 1 else ''})", name
