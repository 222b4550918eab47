"""Guards over queues, mappings, the stream and the table of template.yaml."""

import json
from typing import Any

import pytest

from tests.template.cfn import events, functions, logical_id, resources, template, value_of

QUEUES = resources("AWS::SQS::Queue")
WORK = sorted(name for name, each in QUEUES.items() if "RedrivePolicy" in each)
DEAD = sorted(set(QUEUES) - set(WORK))
FOURTEEN_DAYS = 14 * 86400
ALARMS = resources("AWS::CloudWatch::Alarm")
_KINDS = ("TU", "TB", "TP", "TS", "TN")


def test_every_queue_is_known() -> None:
    assert WORK == [
        "AwsInboundQueue",
        "BroadcastPlanQueue",
        "BroadcastSendQueue",
        "BulkQueue",
        "NightQueue",
        "ReceiptQueue",
        "SafetyQueue",
        "UrgentQueue",
    ]
    assert DEAD == [
        "AwsInboundDeadLetters",
        "BroadcastPlanDeadLetters",
        "BroadcastSendDeadLetters",
        "BulkDeadLetters",
        "NightDeadLetters",
        "ReceiptDeadLetters",
        "SafetyDeadLetters",
        "StreamFailures",
        "UrgentDeadLetters",
    ]


@pytest.mark.parametrize("name", WORK)
def test_queue_has_a_dead_letter_queue_of_its_own(name: str) -> None:
    redrive = QUEUES[name]["RedrivePolicy"]
    dead = logical_id(redrive["deadLetterTargetArn"])
    assert dead in DEAD
    assert redrive["maxReceiveCount"] >= 5
    others = [
        each["RedrivePolicy"] for other, each in QUEUES.items() if other in WORK and other != name
    ]
    assert dead not in {logical_id(other["deadLetterTargetArn"]) for other in others}


def concurrency(event: dict[str, Any]) -> tuple[int, int]:
    """Return the maximum with few workers and with many.

    Literals: the emulator keeps what a `!Ref` gives it as text, and cannot compare with that.
    """
    condition, few, many = event["ScalingConfig"]["MaximumConcurrency"]["Fn::If"]
    assert condition == "FewWorkers"
    assert (type(few), type(many)) == (int, int)
    return few, many


def test_a_stack_has_many_workers_unless_it_says_otherwise() -> None:
    """Only a developer's machine wants few: each worker is a process there."""
    assert template()["Parameters"]["Workers"]["Default"] == "many"
    assert {logical_id(e["Queue"]): concurrency(e)[1] for _, _, e in events("SQS")} == {
        "UrgentQueue": 20,
        "BroadcastPlanQueue": 5,
        "BulkQueue": 5,
        "BroadcastSendQueue": 50,
        "NightQueue": 20,
        "ReceiptQueue": 5,
        "SafetyQueue": 5,
        "AwsInboundQueue": 10,
    }


@pytest.mark.parametrize("name", WORK)
def test_queue_has_one_consumer_that_cannot_overtake_itself(name: str) -> None:
    """Partial batches, bounded concurrency, visibility >= 6 x the consumer's timeout."""
    consumers = [
        (function, event)
        for function, _, event in events("SQS")
        if logical_id(event["Queue"]) == name
    ]
    ((function, event),) = consumers
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    few, many = concurrency(event)
    assert 2 == few <= many <= 1000
    visibility = value_of(QUEUES[name]["VisibilityTimeout"])
    assert visibility >= 6 * functions()[function]["Timeout"]


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_queue_keeps_for_fourteen_days_and_encrypts(name: str) -> None:
    assert QUEUES[name]["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert QUEUES[name]["SqsManagedSseEnabled"] is True


def test_safety_queue_outlives_an_outage() -> None:
    assert QUEUES["SafetyQueue"]["RedrivePolicy"]["maxReceiveCount"] == 1000


@pytest.mark.parametrize(("name", "figure"), [("Waiting", "Visible"), ("Hidden", "NotVisible")])
def test_safety_alarms_count_what_waits(name: str, figure: str) -> None:
    """R-31: at the latest when the oldest is 60 s old, and until nothing waits.

    Not the age: SQS leaves a message that was received three times out of it. Hidden messages are
    in flight; nothing is delayed, neither by the queue nor by who puts it there. A gap in the
    figures changes nothing. Two alarms and no sum of both: the local stack knows no metric math.
    """
    alarm = ALARMS[f"SafetyQueue{name}"]
    assert _metric_of(alarm) == _metric("SafetyQueue", f"ApproximateNumberOfMessages{figure}")
    assert (alarm["Period"], alarm["Statistic"]) == (60, "Maximum")
    assert (alarm["EvaluationPeriods"], alarm["Threshold"]) == (1, 1)
    assert alarm["TreatMissingData"] == "ignore"
    assert "DelaySeconds" not in QUEUES["SafetyQueue"]


@pytest.mark.parametrize(
    "name",
    [
        "AwsInboundQueue",
        "BroadcastPlanQueue",
        "BroadcastSendQueue",
        "BulkQueue",
        "NightQueue",
        "ReceiptQueue",
        "UrgentQueue",
    ],
)
def test_a_busy_queue_has_an_alarm_on_its_age(name: str) -> None:
    alarm = ALARMS[f"{name}Age"]
    assert _metric_of(alarm) == _metric(name, "ApproximateAgeOfOldestMessage")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


@pytest.mark.parametrize("name", ["BulkQueue", "ReceiptQueue", "UrgentQueue"])
def test_what_leaves_the_age_is_a_dead_letter_soon(name: str) -> None:
    """R-31: at its third receive a message leaves the age; a quarter of an hour is the end."""
    queue = QUEUES[name]
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    assert receives * value_of(queue["VisibilityTimeout"]) <= 900


def test_what_leaves_the_inbound_age_reports_itself() -> None:
    """R-31: an hour of tries is too long: each failed try says its age, one in each period."""
    alarm = ALARMS["WebhookReceiveSmsOldestFailed"]
    assert alarm["Threshold"] == ALARMS["AwsInboundQueueAge"]["Threshold"] == 300
    assert alarm["Period"] > value_of(QUEUES["AwsInboundQueue"]["VisibilityTimeout"])
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 1)


@pytest.mark.parametrize("name", DEAD)
def test_dead_letters_have_an_alarm(name: str) -> None:
    alarm = ALARMS[f"{name}Depth"]
    assert _metric_of(alarm) == _metric(name, "ApproximateNumberOfMessagesVisible")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)


def _metric_of(alarm: dict[str, Any]) -> dict[str, Any]:
    return {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}


def _metric(queue: str, name: str) -> dict[str, Any]:
    of = {"Name": "QueueName", "Value": {"Fn::GetAtt": f"{queue}.QueueName"}}
    return {"Namespace": "AWS/SQS", "MetricName": name, "Dimensions": [of]}


def test_only_the_topic_may_write_to_the_inbound_queue() -> None:
    """A queue policy without its source would let any topic of any account write."""
    (policy,) = resources("AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "AwsInboundTopic"}}}
    (topic,) = resources("AWS::SNS::TopicPolicy").values()
    (statement,) = topic["PolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }


def test_stream_mapping_is_bounded() -> None:
    """By default one bad record blocks a shard for a day."""
    ((function, _, event),) = events("DynamoDB")
    assert function == "SyncRelay"
    assert 0 < event["MaximumRetryAttempts"] <= 10
    assert 0 < event["MaximumRecordAgeInSeconds"] <= 3600
    assert event["BisectBatchOnFunctionError"] is True
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert logical_id(event["DestinationConfig"]["OnFailure"]["Destination"]) == "StreamFailures"


def test_stream_passes_new_tasks_only() -> None:
    ((_, _, event),) = events("DynamoDB")
    (only,) = event["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": f"{kind}#"} for kind in _KINDS]}}},
    }


def test_table_keeps_what_it_promises() -> None:
    """On demand, keys-only stream, point-in-time recovery, deletion protection, one index."""
    (table,) = resources("AWS::DynamoDB::Table").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "TableProtection"}
    assert template()["Parameters"]["TableProtection"]["Default"] == "true"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "due"
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
