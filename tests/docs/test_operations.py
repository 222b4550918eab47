"""The runbook knows every alarm and metric, its snippet works, and cost.md counts correctly."""

import ast
import json
import re
from typing import Any

import boto3
import pytest

from concord.domain.metrics import Metric
from tests.docs.pages import ROOT, blocks
from tests.template.cfn import events, resources

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
COST = (ROOT / "docs" / "cost.md").read_text()


def test_every_alarm_is_in_the_runbook() -> None:
    """R-31: whoever gets an alarm finds its name, and no name of an alarm that is gone."""
    alarms = set(resources("AWS::CloudWatch::Alarm"))
    rows = re.findall(r"^\| (`[^|]+)\|", RUNBOOK, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([A-Z]\w+)`", row)}
    assert alarms - named == set()
    assert named - alarms - set(Metric) == set()


def test_every_metric_is_in_the_runbook() -> None:
    """R-31: a metric that code writes is explained."""
    assert {name for name in Metric if f"`{name}`" not in RUNBOOK} == set()


@pytest.mark.parametrize("queue", ["Urgent", "Bulk", "Safety", "AwsInbound"])
def test_the_runbook_knows_how_often_a_message_is_received(queue: str) -> None:
    """R-31: the numbers in the rows and in the text are those of the template."""
    policy = resources("AWS::SQS::Queue")[f"{queue}Queue"]["RedrivePolicy"]
    receives = f"{policy['maxReceiveCount']:,}"
    [row] = [line for line in RUNBOOK.splitlines() if re.match(rf"\| .*`{queue}DeadLettersD", line)]
    assert f"received {receives} times" in row
    said = re.findall(rf"(?:[Aa]fter ([\d,]+) receives[^|.]*`{queue}DeadLetters`)", RUNBOOK)
    said += re.findall(rf"`{queue}DeadLetters`: after ([\d,]+) receives", RUNBOOK)
    assert set(said) <= {receives}
    assert said or queue in ("Urgent", "Bulk")


def test_the_runbook_knows_the_log_fields() -> None:
    """R-31: the lines that it sends operators to say whose they are."""
    code = {
        "task_put_off": ("services/defer_tasks.py", {"connection_id", "task_id"}),
        "text_ended": ("services/send_text.py", {"connection_id", "task_id"}),
        "webhook_failed": ("services/ingest_webhook.py", {"connection_id", "inbox_id"}),
    }
    for line, (path, wanted) in code.items():
        assert f"`{line}`" in RUNBOOK
        tree = ast.parse((ROOT / "layers/shared/concord" / path).read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
        [call] = [c for c in calls if getattr(c.args[0], "value", None) == line]
        assert wanted <= {keyword.arg for keyword in call.keywords}


def test_cost_counts_what_the_template_has() -> None:
    """The idle sum rests on these numbers: whoever changes them changes docs/cost.md."""
    dashboard = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    metrics = len(re.findall(r"\[\"(?:Concord|AWS/\w+)\"", dashboard))
    alarms = resources("AWS::CloudWatch::Alarm")
    mappings = len(list(events("SQS")))
    assert all("MetricName" in alarm for alarm in alarms.values()), "billed by the metric"
    assert f"| alarms | {len(alarms)}, standard resolution |" in COST
    assert f"| {0.1 * (len(alarms) - 10):.2f} | {0.1 * len(alarms):.2f} |" in COST
    assert metrics <= 50, "a dashboard of more is never free"
    assert f"| dashboard | 1, with {metrics} metrics |" in COST
    assert f"| SQS, empty polls | {mappings} mappings x " in COST


def test_cost_adds_up() -> None:
    """The sums of the idle table are those of its lines."""
    table = COST[COST.index("| item |") : COST.index("**The goal")]
    lines = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    lines = [line for line in lines if line]
    *items, total = lines
    for column in (3, 4):
        wanted = sum(round(100 * float(item[column])) for item in items)
        assert total[column].strip("*") == f"{wanted / 100:.2f}"


def test_cost_computes_from_the_bench() -> None:
    """Each figure is the one that was recorded, each product and the sum are right."""
    recorded = json.loads((ROOT / "bench" / "baseline.json").read_text())
    work = COST[COST.index("## Work") :]
    rows = re.findall(
        r"^\| .+ \| `([\w.]+)` \| (\d+) \| \$([\d.]+) \| ([\d.]+) \|$", work, re.MULTILINE
    )
    assert len(rows) == 3, "the pattern finds something else"
    for name, figure, per_million, dollars in rows:
        assert float(figure) == recorded[name], name
        assert dollars == f"{1_000 * recorded[name] * float(per_million) / 1e6:.4f}", name
    assert f"| **{sum(float(row[3]) for row in rows):.4f}** |" in work
    for name, figure in re.findall(r"`(\w+\.\w+)` \((\d+)\)", work):
        assert float(figure) == recorded[name], name


def test_the_cost_of_a_full_read_adds_up() -> None:
    """Promise 5: the counts times the prices are the dollars, and those are the sum."""
    table = COST[COST.index("| part of a full read |") :].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    *parts, total = rows
    for _, count, price, dollars in parts:
        times = int(count.replace(",", "")) * float(price.removeprefix("$")) / 1e6
        assert dollars == f"{times:.4f}", count
    assert total[3] == f"**{sum(float(row[3]) for row in parts):.4f}**"


def test_bench_shows_what_is_recorded() -> None:
    """Requests and units of docs/bench.md are those of bench/baseline.json, all operations."""
    recorded = json.loads((ROOT / "bench" / "baseline.json").read_text())
    bench = (ROOT / "docs" / "bench.md").read_text()
    shown: dict[str, float] = {}
    for names, figures in re.findall(r"^\| (`\w+\..+?`) \| ([\d., ]+)", bench, re.MULTILINE):
        first, *others = re.findall(r"`([\w.]+)`", names)
        group = first.partition(".")[0]
        parts = [first, *(f"{group}{each}" if each[0] == "." else each for each in others)]
        if recorded.keys() >= set(parts):  # not times and sizes, which nobody records
            shown |= dict(zip(parts, map(float, figures.split(",")), strict=True))
    counted = {name: value for name, value in recorded.items() if name.count(".") == 1}
    assert {name: shown.get(name) for name in counted} == counted


@pytest.mark.usefixtures("moto_aws")
def test_the_redrive_loop_moves_everything_once() -> None:
    """The loop of the runbook empties a dead-letter queue into its source, groups included."""
    (snippet,) = blocks(RUNBOOK, "python")
    names: dict[str, Any] = {"__name__": "runbook"}
    exec(compile(snippet, "docs/runbook.md", "exec"), names)
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="concord-UrgentDeadLetters-1")["QueueUrl"]
    source = sqs.create_queue(QueueName="concord-UrgentQueue-1")["QueueUrl"]
    for number in range(23):
        sqs.send_message(QueueUrl=dead, MessageBody=str(number))

    assert names["redrive"](sqs, dead, source) == 23

    moved = []
    while messages := sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10).get("Messages"):
        moved += [message["Body"] for message in messages]
    assert sorted(moved, key=int) == [str(number) for number in range(23)]
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
