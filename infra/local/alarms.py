"""What is watched: alarms, and the dashboard, held against the metrics that the functions write."""

import json
import re
from collections.abc import Iterator
from typing import Any

from .aws import FUNCTIONS
from .expect import Resource, expect, of_type
from .instance import ROOT
from .resolved import PSEUDO

# Where functions name the metrics that they write, and what all of them write.
SOURCES = ROOT / "functions"
SHARED = ROOT / "shared" / "lambda" / "src" / "refusals.rs"
METRICS = re.compile(r'\(\s*"(\w+)",\s*Unit::')

OF_STACK = [{"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}]
# The metric of each alarm on one of Postroom's own, and what its absence means.
ON_METRICS = {
    "NoTicksAlarm": ("Ticks", "breaching"),
    "LateBatchesAlarm": ("OldestDueLag", "notBreaching"),
    "LateTokensAlarm": ("OldestRefreshLag", "breaching"),
    "AppRegistrationAlarm": ("RegistrationFailures", "notBreaching"),
    "NoReminderRunAlarm": ("ReminderRuns", "breaching"),
    "RemindersFailedAlarm": ("RemindersFailed", "notBreaching"),
    "RemindersLeftAlarm": ("SubjectsLeft", "notBreaching"),
    "QuarantineAlarm": ("QuarantinedMessages", "notBreaching"),
    "RefusedByAwsAlarm": ("RefusedByAws", "notBreaching"),
}
# Alarms on a metric of each function.
ON_FUNCTIONS = {"FunctionErrorsAlarm": "Errors", "ThrottlesAlarm": "Throttles"}
# Alarms on what a rule could not deliver.
ON_RULES = {"AnnouncementAlarm": "AnnouncementRule", "MailFeedbackAlarm": "MailFeedbackRule"}
OTHERS = {"DeadLetterAlarm", "VolumeAlarm"}
# Those of what lasts: whoever heard that it began hears that it is over.
LASTING = {"NoTicksAlarm", "LateBatchesAlarm", "LateTokensAlarm", "NoReminderRunAlarm", "ThrottlesAlarm"}
# Metrics of others that the dashboard shows.
FOREIGN = {
    "AWS/ApiGateway": {"4xx", "5xx", "Count", "Latency"},
    "AWS/Lambda": {"ConcurrentExecutions", "Duration", "Errors", "Throttles"},
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
}
# Its grid is 24 wide (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).
WIDTH = 24


def _alarms(resources: dict[str, Resource]) -> Iterator[str]:
    alarms = {name: alarm["Properties"] for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items()}
    expected = ON_METRICS.keys() | ON_FUNCTIONS.keys() | ON_RULES.keys() | OTHERS
    if alarms.keys() != expected:
        yield f"there are other alarms than {sorted(expected)}: {sorted(alarms)}"
    for name, (metric, missing) in ON_METRICS.items():
        yield from expect(name, alarms[name], "Namespace", "Postroom")
        yield from expect(name, alarms[name], "MetricName", metric)
        yield from expect(name, alarms[name], "Dimensions", OF_STACK)
        yield from expect(name, alarms[name], "TreatMissingData", missing)
        if metric not in written():
            yield f"{name}: no function writes {metric}"
    yield from expect("LateBatchesAlarm", alarms["LateBatchesAlarm"], "Threshold", {"Ref": "FetchLagLimitSeconds"})
    for name, metric in ON_FUNCTIONS.items():
        stats = [each["MetricStat"] for each in alarms[name]["Metrics"] if "MetricStat" in each]
        watched = {stat["Metric"]["Dimensions"][0]["Value"]["Ref"] for stat in stats}
        if watched != of_type(resources, "AWS::Lambda::Function").keys():
            yield f"{name}: it watches {sorted(watched)}, and not just the functions"
        if {stat["Metric"]["MetricName"] for stat in stats} != {metric}:
            yield f"{name}: it looks at other metrics than {metric}"
    for name, rule in ON_RULES.items():
        yield from expect(name, alarms[name], "Namespace", "AWS/Events")
        yield from expect(name, alarms[name], "MetricName", "FailedInvocations")
        yield from expect(name, alarms[name], "Dimensions", [{"Name": "RuleName", "Value": {"Ref": rule}}])
        yield from expect(name, resources[name], "Condition", resources[rule].get("Condition"))
    unwatched = of_type(resources, "AWS::Events::Rule").keys() - set(ON_RULES.values())
    if unwatched:
        yield f"no alarm watches what these rules deliver: {sorted(unwatched)}"
    dead = [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}]
    yield from expect("DeadLetterAlarm", alarms["DeadLetterAlarm"], "Dimensions", dead)
    other = {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}
    for name, alarm in alarms.items():
        yield from expect(name, alarm, "AlarmActions", [{"Ref": "IncidentTopic"}, other])
        yield from expect(name, alarm, "OKActions", alarm["AlarmActions"] if name in LASTING else None)


def _dashboard(resources: dict[str, Resource]) -> Iterator[str]:
    template, own = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, each in own.items():
        template = template.replace(f"${{{name}}}", each["Fn::If"][1]["Fn::Sub"])
    try:
        widgets = json.loads(shown(template))["widgets"]
    except ValueError as error:
        yield f"Dashboard: it is no JSON: {error}"
        return
    yield from _grid(widgets)
    shows = {(namespace, metric) for widget in widgets for namespace, metric in _metrics(widget["properties"])}
    own = {metric for namespace, metric in shows if namespace == "Postroom"}
    if own != written():
        yield f"Dashboard: it shows {sorted(own)}, and functions write {sorted(written())}"
    for namespace, metric in shows:
        if namespace != "Postroom" and metric not in FOREIGN.get(namespace, ()):
            yield f"Dashboard: there is no metric {metric} of {namespace}"
    named = set(re.findall(r"\$\{(\w+Alarm)\.Arn\}", template))
    if named != of_type(resources, "AWS::CloudWatch::Alarm").keys():
        yield f"Dashboard: it shows other alarms than there are: {sorted(named)}"


def shown(template: str) -> str:
    """The dashboard's text with something in place of each reference."""
    text = re.sub(r"\$\{(Fetch\w+)\}", "50", template)  # numbers
    return re.sub(r"\$\{[^!}]+\}", lambda match: PSEUDO.get(match[0][2:-1], "x"), text)


def written() -> set[str]:
    """The metrics that functions write."""
    sources = [file for function in FUNCTIONS for file in (SOURCES / function / "src").rglob("*.rs")]
    sources.append(SHARED)
    return {metric for file in sources for metric in METRICS.findall(file.read_text())}


def _metrics(widget: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Namespace and name of each metric that a widget shows; "." and "..." repeat what stands above."""
    last: list[Any] = []
    for row in widget.get("metrics", []):
        if "expression" in row[0]:
            yield from (
                (name[1], name[2]) for name in re.finditer(r'{(\w+),.*MetricName="(\w+)"', row[0]["expression"])
            )
            continue
        texts = [part for part in row if isinstance(part, str)]
        kept = len(last) - len(texts) + 1
        texts = [*last[: max(kept, 0)], *texts[1:]] if texts[:1] == ["..."] else texts
        last = [
            above if text == "." else text for text, above in zip(texts, [*last, *texts][: len(texts)], strict=True)
        ]
        yield last[0], last[1]


def _grid(widgets: list[dict[str, Any]]) -> Iterator[str]:
    """Widgets neither overlap nor stick out."""
    taken: set[tuple[int, int]] = set()
    for widget in widgets:
        x, y, title = widget["x"], widget["y"], widget["properties"]["title"]
        cells = {(x + i, y + j) for i in range(widget["width"]) for j in range(widget["height"])}
        if taken & cells or x + widget["width"] > WIDTH:
            yield f"Dashboard: {title!r} is not in a place of its own"
        taken |= cells


CHECKS = (_alarms, _dashboard)
