"""Customers who are exported to Ecomail: lists, contacts, events, the newsletter."""

from __future__ import annotations

from concord.domain.sign_ups import CONFIRMATION_LOOKS
from tests.walk.privilege.stage import Stage
from tests.world.exporting import Exporting, exporting, new_email
from tests.world.mailbox import verify
from tests.world.world import MAIL_IDENTITY

_REWARD = {"points": 50, "take_back": True}


def _settled(at: Stage) -> None:
    """Work all off; an event waits a second for its fields."""
    for _ in range(4):
        at.run()


def lists_chosen(at: Stage) -> None:
    """An operator looks at the lists and makes one."""
    shop = exporting(at.house, "l1")
    own = f"/v1/connections/{shop.connection_id}/lists"
    at.house.admin("GET", own)
    made = {"name": "New", "from_name": "Shop", "from_email": "shop@shop.example"}
    at.house.admin("POST", own, made)


def exported(at: Stage) -> None:
    """A customer is exported, her points move, she joins the newsletter and leaves it."""
    shop = exporting(at.house, "l1", newsletter_reward=_REWARD)
    email = new_email()
    shop.customer("c-1", email, attributes={"pin": "4711"})
    _settled(at)
    _given(at, shop)
    _settled(at)
    shop.form(email, joins=False)
    _settled(at)
    shop.form(email, joins=True)
    _settled(at)


def parked_reward(at: Stage) -> None:
    """Somebody joins before her shop tells of her."""
    shop = exporting(at.house, "l1", newsletter_reward=_REWARD)
    email = new_email()
    shop.form(email, joins=True)
    _settled(at)
    shop.customer("c-1", email)
    _settled(at)


def confirmed_later(at: Stage) -> None:
    """A list with double opt-in: her registration is looked at again, till she confirmed it."""
    shop = exporting(at.house, "l1", newsletter_reward=_REWARD)
    shop.has_list(double_optin=True)
    email = new_email()
    shop.customer("c-1", email)
    _settled(at)
    shop.form(email, joins=False)
    _settled(at)
    shop.form(email, joins=True)
    _settled(at)
    at.house.clock.advance(CONFIRMATION_LOOKS[0])
    _settled(at)
    shop.confirms(email)
    at.house.clock.advance(CONFIRMATION_LOOKS[1])
    _settled(at)


def told_by_ellity(at: Stage) -> None:
    """Ellity tells of points: by her id, by her address, and while the table is away."""
    shop = exporting(at.house, "l1", points_at_ellity=True)
    email = new_email()
    shop.customer("c-1", email)
    _settled(at)
    shop.credit(10, id="c-1")
    shop.credit(20, email=email)
    with at.away("dynamodb"):
        shop.credit(30, email=email)
    at.rescue()
    _settled(at)


def mailed_by_us(at: Stage) -> None:
    """The connection's mails are our own: a PIN and points are told by SES."""
    shop = exporting(at.house, "l1")
    verify()
    own = {"mails": "own", "mail_from": f"points@{MAIL_IDENTITY}"}
    at.house.admin("PATCH", f"/v1/connections/{shop.connection_id}", own)
    shop.customer("c-1", new_email(), attributes={"pin": "4711"})
    _settled(at)
    _given(at, shop)
    _settled(at)


def exported_at_once(at: Stage) -> None:
    """An operator has all customers exported: one is new, and one is unchanged."""
    shop = exporting(at.house, "l1")
    shop.customer("c-1", new_email())
    _settled(at)
    shop.customer("c-2", new_email())
    made = at.house.admin("POST", f"/v1/connections/{shop.connection_id}/exports")
    at.run("#export_contacts#")
    at.house.admin("GET", f"/v1/jobs/{at.house.body(made)['job_id']}")
    _settled(at)


def _given(at: Stage, shop: Exporting) -> None:
    path = f"/v1/merchants/{shop.merchant_id}/programmes/beans/accounts/c-1/adjustments"
    at.house.admin("POST", path, {"amount": 5, "reason": "gift", "actor": "dana"})


ALL = (
    lists_chosen,
    exported,
    parked_reward,
    confirmed_later,
    told_by_ellity,
    mailed_by_us,
    exported_at_once,
)
