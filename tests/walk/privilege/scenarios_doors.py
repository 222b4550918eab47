"""What comes in: webhooks, texts of AWS, calls of shops, and what waited in the safety queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.walk.privilege.stage import Stage
from tests.world.mailing import handed_over
from tests.world.shop import new_number


def words(at: Stage) -> None:
    """A shopper joins, asks, leaves (surely or probably), comes back, and says nothing of it."""
    number, other = at.joined(), at.joined()
    for text in ("HELP", "STOP", "UNSTOP", "are you open on Sunday?"):
        at.text(number, text)
    at.text(other, "take me off your list")


def repeats(at: Stage) -> None:
    """The same event again, the same id with another body, an opt-out under a used id."""
    number = new_number()
    for text in ("JOIN", "JOIN", "HELP", "STOP"):
        at.text(number, text, event_id="e-1")
    for text in ("hello", "hello", "hi"):
        at.text(number, text, event_id="e-2")


def odd_bodies(at: Stage) -> None:
    """A type nobody knows, a body nobody can read, a wrong token, a wrong signature."""
    at.event(type="surprise", id="e-1")
    at.event(type="inbound_text", id="e-2")
    at.webhook(b"{}", {}, path=f"/webhooks/text_em_all/{at.shop.connection_id}/wrong")
    at.webhook(b"{}", {})


def unknown_number(at: Stage) -> None:
    """A text to a number that is not known yet: it is kept, and the numbers are fetched."""
    at.text(new_number(), "JOIN", to=new_number())


def receipts(at: Stage) -> None:
    """A receipt for a text that we sent, and one for a text that we did not."""
    at.text(new_number(), "JOIN")
    at.house.pump()
    for reference in (_sent(at), "nobody"):
        at.event(type="delivery", id=f"d-{reference}", status="delivered", reference=reference)


def _sent(at: Stage) -> str:
    """Return our reference of the text that was sent; `none` if a denial prevented it."""
    keys = (str(row["pk"]) for row in at.house.rows("T"))
    return next((pk.rpartition("#")[2] for pk in keys if "#send_text#" in pk), "none")


def opt_out_of_the_shop(at: Stage) -> None:
    """CATAPULT calls the webhook of its own side."""
    from tests.world.signing import signed

    path = at.shop.webhooks["catapult"].split("/test", 1)[1]
    body = f'{{"type":"opt_out","id":"c-1","channel":"sms","point":"{new_number()}"}}'
    headers = signed(at.shop.webhook_secret, body, "c-1", at.house.clock.now())
    at.webhook(body.encode(), headers, path=path)


def table_away(at: Stage) -> None:
    """Cold and warm: a webhook waits in the safety queue, and comes home from there."""
    for number in (new_number(), new_number()):
        with at.away("dynamodb"):
            at.text(number, "STOP")
        at.text(new_number(), "JOIN")
    at.rescue()


def everything_away(at: Stage) -> None:
    """Not even the safety queue can be reached."""
    with at.away("dynamodb", "sqs"):
        at.text(new_number(), "STOP")
        at.consent(new_number(), "opt_out")


def put_off(at: Stage) -> None:
    """The table is still away when the safety queue delivers: the message is hidden for longer."""
    with at.away("dynamodb"):
        at.text(new_number(), "STOP")
        at.rescue()


def renewed(at: Stage) -> None:
    """It has waited for a week and cannot be stored: it goes back as a new message."""
    with at.away("dynamodb"):
        at.text(new_number(), "STOP")
        at.house.clock.advance(timedelta(days=8))
        at.rescue()


def rescued_calls(at: Stage) -> None:
    """What shops asked, and what AWS brought, while the table was away."""
    number, own = at.joined(), new_number()
    at.sender(own)
    at.shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": [number]})
    with at.away("dynamodb"):
        at.consent(new_number(), "opt_out")
        at.shop.connect("DELETE", "/shoppers/s-1")
        at.sms(_received(new_number(), own, "STOP"))
        at.consent(number, "opt_in", point="12")
    at.rescue()


def rescued_texts(at: Stage) -> None:
    """All that a webhook can turn into is stored by the rescue as well."""
    number = at.joined()
    with at.away("dynamodb"):
        for n, text in enumerate(("STOP", "HELP", "take me off your list", "hello")):
            at.text(number, text, event_id=f"r-{n}")
        at.text(new_number(), "JOIN", to=new_number())
        at.event(type="inbound_text", id="e-2")
    at.rescue()


def rescued_receipt(at: Stage) -> None:
    """A receipt came while the table was away."""
    at.text(new_number(), "JOIN")
    at.house.pump()
    reference = _sent(at)
    with at.away("dynamodb"):
        at.event(type="delivery", id="d-1", status="delivered", reference=reference)
    at.rescue()


def receipts_of_broadcasts(at: Stage) -> None:
    """They come by webhook, by topic, and late, from the safety queue: all wait in their queue."""
    mailing = handed_over(at.shop, 2)
    at.event(type="delivery", id="d-1", status="sent", reference=mailing.reference(0))
    own = new_number()
    at.sender(own)
    at.sms({**_delivered(at, own), "context": {"reference": mailing.reference(1)}})
    with at.away("dynamodb"):
        at.event(type="delivery", id="d-2", status="delivered", reference=mailing.reference(0))
    at.rescue()


def texts_of_aws(at: Stage) -> None:
    """JOIN, HELP, STOP, twice the same; a text for nobody; the table away."""
    own, number = new_number(), new_number()
    at.sender(own)
    for text in ("JOIN", "HELP", "STOP", "STOP", "take me off your list", "hello"):
        at.sms(_received(number, own, text))
    at.sms(_received(number, new_number(), "STOP"))
    at.sms({"destinationNumber": own})
    at.sms(_delivered(at, own))
    with at.away("dynamodb"):
        at.sms(_received(number, own, "UNSTOP"))


def _received(sender: str, to: str, text: str) -> dict[str, Any]:
    return {
        "originationNumber": sender,
        "destinationNumber": to,
        "messageKeyword": "KEYWORD_1",
        "messageBody": text,
        "inboundMessageId": f"in-{text.replace(' ', '-')}",
    }


def _delivered(at: Stage, own: str) -> dict[str, Any]:
    """Return a receipt for a text of ours that is still open."""
    (row,) = at.tasks("send_text")[:1] or [{"pk": "none"}]
    return {
        "eventType": "TEXT_DELIVERED",
        "eventTimestamp": int(at.house.clock.now().timestamp() * 1000),
        "messageId": "carried-1",
        "originationPhoneNumber": own,
        "context": {"reference": row["pk"].rpartition("#")[2]},
    }


def tills(at: Stage) -> None:
    """Opt in, again, out, read; a wrong key; an id that was used; e-mail."""
    number = new_number()
    at.consent(number, "opt_in")
    at.consent(number, "opt_in")
    at.consent(number, "opt_in", actor="somebody else")
    at.consent(number, "opt_out", event_id=f"e-{number}-opt_in")
    at.consent(number, "opt_in", event_id="refused")
    at.consent("ana@example.com", "opt_out", channel="email")
    at.shop.consent(number)
    path = f"/connect/{at.shop.connection_id}/consents/sms/{number.replace('+', '%2B')}"
    at.house.connect("GET", path, "wrong")


def shoppers(at: Stage) -> None:
    """New, unchanged, with another number, gone, back."""
    first, second = at.joined(), new_number()
    for phones in ([first], [first], [second]):
        at.shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": phones})
    at.shop.connect("DELETE", "/shoppers/s-1")
    at.shop.connect("DELETE", "/shoppers/nobody")
    at.shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": [first, second]})


def groups(at: Stage) -> None:
    """A group is named, listed, and deleted."""
    for body in ({"name": "VIPs"}, {"name": "VIPs", "shopper_ids": ["s-1", "s-2"]}):
        at.shop.connect("PUT", "/groups/vip", body)
    at.shop.connect("DELETE", "/groups/vip")


def orders(at: Stage) -> None:
    """An order is told of, and a refund; in no programme they are refused."""
    order = {
        "order_id": "1001",
        "status": "completed",
        "completed_at": "2026-03-01T15:30:00Z",
        "customer": {"id": "s-1"},
        "subtotal_ex_tax": "43.00",
        "currency": "USD",
    }
    at.shop.connect("POST", "/orders", order)
    at.earns()
    refund = {"refund_id": "r-1", "amount_ex_tax": "10.00"}
    for _ in range(2):
        at.shop.connect("POST", "/orders", order)
        at.shop.connect("POST", "/orders/1001/refunds", refund)


def waiting_number(at: Stage) -> None:
    """A shopper appears for a number whose push is still open: it is wanted once more."""
    number = new_number()
    at.text(number, "JOIN")
    at.shop.connect("PUT", "/shoppers/s-1", {"first_name": "Ana", "phones": [number]})


def till_without_table(at: Stage) -> None:
    """The shop is told how she can opt out; her call waits in the safety queue."""
    at.shop.consent(new_number())
    with at.away("dynamodb"):
        at.consent(new_number(), "opt_out")
        at.shop.connect("DELETE", "/shoppers/s-1")


ALL = (
    words,
    repeats,
    odd_bodies,
    unknown_number,
    receipts,
    opt_out_of_the_shop,
    table_away,
    everything_away,
    put_off,
    renewed,
    rescued_calls,
    rescued_texts,
    rescued_receipt,
    receipts_of_broadcasts,
    texts_of_aws,
    tills,
    shoppers,
    groups,
    orders,
    waiting_number,
    till_without_table,
)
