"""Rights and variables of each function as template.yaml has them, and as AWS asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.template.cfn import as_list, events, functions, logical_id, resources, template
from tests.world.world import MAIL_IDENTITY


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One action on one resource of the template (`Table`, `parameter/stack-key`)."""

    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


# --- what the template says --------------------------------------------------------------------


def granted(function: str) -> set[Right]:
    """Return everything that the function's own policy grants."""
    role = resources("AWS::IAM::Role")[f"{function}Role"]
    return {
        Right(action, _named(resource))
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def of_the_platform(function: str) -> dict[Right, str]:
    """Return what Lambda does with the function's role before and after our code, and why."""
    found = {
        Right(f"logs:{action}", f"{function}Logs"): "the runtime writes the function's log"
        for action in ("CreateLogStream", "PutLogEvents")
    }
    for name, _, source in events("SQS"):
        if name == function:
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                right = Right(f"sqs:{action}", logical_id(source["Queue"]))
                found[right] = "the event source polls its queue"
    for name, _, source in events("DynamoDB"):
        if name == function:
            stream = _named(source["Stream"])
            for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
                found[Right(f"dynamodb:{action}", stream)] = "the event source reads the stream"
            listed = Right("dynamodb:ListStreams", "Table/stream/*")
            found[listed] = "the event source finds the stream"
            failed = logical_id(source["DestinationConfig"]["OnFailure"]["Destination"])
            found[Right("sqs:SendMessage", failed)] = "the event source keeps what failed"
    return found


def managed(function: str) -> set[str]:
    """Return the managed policies that the function's role holds."""
    role = resources("AWS::IAM::Role")[f"{function}Role"]
    attached = (each.get("Fn::If", [None, each])[1] for each in role["ManagedPolicyArns"])
    return {logical_id(policy) for policy in attached}


def variables(function: str) -> set[str]:
    """Return the names of the function's environment variables."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {*shared, *functions()[function]["Environment"]["Variables"]}


def _named(resource: Any) -> str:
    """Return a short name of what a policy's `Resource` says."""
    if resource == "*":  # for actions that know no resources
        return "*"
    if "Fn::GetAtt" in resource:
        name, _, attribute = str(resource["Fn::GetAtt"]).partition(".")
        return name if attribute == "Arn" else f"{name}/{attribute}"
    text = str(resource["Fn::Sub"])
    if found := re.fullmatch(r"\$\{(\w+)\.Arn\}/(.+)", text):
        return "/".join(found.groups())
    place = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:"
    for service in ("ssm", "ses", "sms-voice"):
        if text.startswith(place % service):
            return text.removeprefix(place % service).replace("/concord/${Stage}", "")
    raise AssertionError(f"unknown form of a resource: {text}")


# --- what a request asks for -------------------------------------------------------------------

_VERBS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_NAMES: Final = ("GetParameter", "PutParameter", "DeleteParameter")


def asked(
    service: str, operation: str, params: Mapping[str, Any], queues: Mapping[str, str], prefix: str
) -> Iterator[Right]:
    """Yield the rights that AWS checks for a request.

    `queues` names the template's queue by URL; `prefix` is the one of the parameters. Anything that
    is not known here fails, so that no new kind of request goes unseen.
    """
    if service == "dynamodb":
        yield from _of_the_table(operation, params)
    elif service == "sqs":
        # A batch of messages is checked as SendMessage.
        action = "SendMessage" if operation == "SendMessageBatch" else operation
        yield Right(f"sqs:{action}", queues[params["QueueUrl"]])
    elif service == "ssm":
        names = [params["Name"]] if operation in _NAMES else params["Names"]
        for name in names:
            yield Right(f"ssm:{operation}", _parameter(name.removeprefix(f"{prefix}/")))
    elif (service, operation) == ("cloudwatch", "GetMetricData"):
        yield Right("cloudwatch:GetMetricData", "*")
    elif (service, operation) == ("pinpoint-sms-voice-v2", "SendTextMessage"):
        yield Right("sms-voice:SendTextMessage", _origin(params["OriginationIdentity"]))
    elif (service, operation) == ("sesv2", "SendEmail"):
        assert f"@{MAIL_IDENTITY}" in params["FromEmailAddress"]
        yield Right("ses:SendEmail", "identity/${MailIdentity}")
    else:
        raise AssertionError(f"unforeseen request: {service} {operation}")


def _of_the_table(operation: str, params: Mapping[str, Any]) -> Iterator[Right]:
    if operation == "TransactWriteItems":
        # There is no right of this name: each item is checked by what it does.
        for item in params["TransactItems"]:
            for verb in item:
                yield Right(f"dynamodb:{_VERBS[verb]}", "Table")
        return
    index = params.get("IndexName")
    yield Right(f"dynamodb:{operation}", f"Table/index/{index}" if index else "Table")


def _parameter(name: str) -> str:
    own = name.startswith("connections/")
    return "parameter/connections/*" if own else f"parameter/{name}"


def _origin(identity: str) -> str:
    if identity.startswith(("+", "phone-")):
        return "phone-number/*"
    return "pool/*" if identity.startswith("pool-") else "sender-id/*"
