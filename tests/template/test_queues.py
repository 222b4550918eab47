"""Guards over queues, mappings, the stream and the table of template.yaml."""

import json
from typing import Any

import pytest

from tests.template.cfn import events, functions, logical_id, resources, template, value_of

QUEUES = resources("AWS::SQS::Queue")
WORK = sorted(name for name, each in QUEUES.items() if "RedrivePolicy" in each)
DEAD = sorted(set(QUEUES) - set(WORK))
FOURTEEN_DAYS = 14 * 86400


def test_every_queue_is_known() -> None:
    assert WORK == ["AwsInboundQueue", "BulkQueue", "SafetyQueue", "UrgentQueue"]
    assert DEAD == [
        "AwsInboundDeadLetters",
        "BulkDeadLetters",
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
        "BulkQueue": 5,
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
    alarm = resources("AWS::CloudWatch::Alarm")["SafetyQueueAge"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (60, 1, 60)


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_queue_has_an_alarm(name: str) -> None:
    alarms = resources("AWS::CloudWatch::Alarm").values()
    metric = (
        "ApproximateAgeOfOldestMessage" if name in WORK else "ApproximateNumberOfMessagesVisible"
    )
    watched = [each["Dimensions"] for each in alarms if each["MetricName"] == metric]
    wanted = {"Name": "QueueName", "Value": {"Fn::GetAtt": f"{name}.QueueName"}}
    assert [wanted] in watched


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
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "TU#"}, {"prefix": "TB#"}]}}},
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
