"""docs/runbook.md, "Pause everything" and "Uncertain recipients": what it names is there."""

import re

from cli.commands.broadcasts import _OUTCOMES
from concord.adapters.dynamodb.connections import _FRESH_FOR
from concord.platforms.aws_messaging.webhook import REFERENCE as IN_AWS
from concord.platforms.twilio.webhook import REFERENCE as IN_TWILIO
from concord.services.chunk_run import CALLS
from concord.services.start_broadcast import _DEPTH_SECONDS
from tests.docs.pages import ROOT, blocks
from tests.template.cfn import resources

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def _part(heading: str) -> str:
    return RUNBOOK.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_the_mappings_that_are_switched_off_feed_the_broadcasts() -> None:
    """SAM names a mapping after its function and event: `id_of` finds these two."""
    (line,) = [
        line
        for block in blocks(_part("Pause everything"), "sh")
        for line in block.splitlines()
        if line.startswith("for mapping in ")
    ]
    named = set(re.findall(r"\bBroadcast\w+", line))
    functions = resources("AWS::Serverless::Function")
    made = {
        f"{function}{event}"
        for function in ("BroadcastSend", "BroadcastPlan")
        for event in functions[function]["Events"]
    }
    assert named == made


def test_what_still_leaves_is_what_the_code_lets_leave() -> None:
    text = _part("Pause everything")
    assert f"no call begins later than {CALLS.total_seconds():.0f} s" in text
    assert _DEPTH_SECONDS == 60, "the page says a minute"
    assert "about a minute of its time" in text
    assert _FRESH_FOR == 5
    assert "Workers see it within five seconds" in text


def test_uncertain_recipients_are_looked_for_where_the_reference_is() -> None:
    text = _part("Uncertain recipients of a broadcast")
    assert "uncertain" in _OUTCOMES
    assert f"| Twilio | the parameter `{IN_TWILIO}` of the StatusCallback URL |" in text
    assert f"| AWS | `{IN_AWS}` in the Context of its delivery events |" in text


def test_each_queue_of_broadcasts_can_be_redriven() -> None:
    text = _part("Redrive dead letters")
    queues = set(resources("AWS::SQS::Queue"))
    for queue in ("BroadcastSendDeadLetters", "BroadcastPlanDeadLetters", "ReceiptDeadLetters"):
        assert queue in queues
        assert f"\n| {queue} |" in text
