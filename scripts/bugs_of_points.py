"""Bugs of points, as somebody might write them: what scripts/planted_bugs.py plants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRODUCT: Final = "layers/shared/concord"
_POSTING: Final = "tests/unit/domain/points/test_posting.py"
_MACHINE: Final = "tests/unit/domain/points/test_ledger_machine.py"
_PROGRAMME: Final = "tests/unit/domain/points/test_programme.py"
_ORDERS: Final = "tests/unit/domain/points/test_orders.py"
_POST: Final = "tests/unit/services/test_post_points.py"
_NIGHTS: Final = "tests/walk/test_nights.py"
_CRASHES: Final = "tests/walk/test_night_crash.py"
_NOTICES: Final = "tests/walk/test_expiry_notices.py"
_ZONES: Final = "tests/walk/test_moving_zones.py"
_LISTS: Final = "tests/walk/test_many_lists.py"
_TILL: Final = "tests/walk/test_orders.py"
_SETTLE: Final = "tests/unit/services/test_settle_order.py"
_CONTACTS: Final = "tests/walk/test_contacts.py"
_MAILS: Final = "tests/walk/test_own_mails.py"
_ECHO: Final = "tests/walk/test_newsletter_echo.py"
_ORDER: Final = "tests/walk/test_event_order.py"


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: `text` stands once in `file` (below PRODUCT) and becomes `instead`; `tests` (what
    pytest is to run) must go red."""

    name: str
    file: str
    text: str
    instead: str
    tests: str


BUGS: Final = (
    # --- the ledger ---
    Bug(
        "an account is put whatever its seq",
        "adapters/dynamodb/ledger.py",
        '("#seq = :before", {"before": before})',
        '("attribute_exists(pk)", {})',
        _POST,
    ),
    Bug(
        "an entry is put though it is there",
        "adapters/dynamodb/ledger.py",
        "entry_item(key, e), _NEW)",
        "entry_item(key, e))",
        _MACHINE,
    ),
    Bug(
        "no hint is written",
        "adapters/dynamodb/ledger.py",
        "for on in posting.hints)",
        "for on in ())",
        f"{_NIGHTS}::test_points_go_in_the_night_after_their_last_day",
    ),
    Bug(
        "a hint goes with the first of two postings",
        "adapters/dynamodb/ledger.py",
        "if seen is not None and not account.due_on(seen.on):",
        "if seen is not None:",
        _MACHINE,
    ),
    Bug(
        "what expires stays in its lot, and expires again",
        "domain/points/posting.py",
        "left = tuple(lot for lot in account.lots if not lot.is_over(why.today))",
        "left = account.lots",
        _POSTING,
    ),
    Bug(
        "points expire on their last day",
        "domain/points/account.py",
        "self.expires_on < today",
        "self.expires_on <= today",
        _POSTING,
    ),
    Bug(
        "the latest expiry is spent first",
        "domain/points/account.py",
        "(_sorts(lot) != first, _sorts(lot))",
        "(_sorts(lot) != first, -_sorts(lot).toordinal())",
        _POSTING,
    ),
    Bug(
        "pending points count at once",
        "domain/points/posting.py",
        "if e.ref == ref and e.active_on <= why.today]",
        "if e.ref == ref]",
        _POSTING,
    ),
    # --- orders ---
    Bug(
        "money is a float",
        "domain/points/programme.py",
        "points = max(amount, Decimal(0)) * points_per_unit",
        "points = Decimal(float(max(amount, Decimal(0))) * float(points_per_unit))",
        _PROGRAMME,
    ),
    Bug(
        "rounds up where the programme rounds down",
        "domain/points/programme.py",
        "Rounding.DOWN: ROUND_FLOOR",
        "Rounding.DOWN: ROUND_CEILING",
        _PROGRAMME,
    ),
    Bug(
        "rounds half to even",
        "domain/points/programme.py",
        "Rounding.HALF_UP: ROUND_HALF_UP",
        'Rounding.HALF_UP: "ROUND_HALF_EVEN"',
        _PROGRAMME,
    ),
    Bug(
        "a refund takes more than was earned",
        "domain/points/programme.py",
        "max(amount, Decimal(0)) *",
        "amount *",
        _ORDERS,
    ),
    Bug(
        "all refunds of an order have one id",
        "domain/points/orders.py",
        'f"refund:{order.key.name}:{refund_id}"',
        'f"refund:{order.key.name}"',
        f"{_TILL}::test_recorded_orders",
    ),
    Bug(
        "an order's last day is counted in UTC",
        "services/take_orders.py",
        "local_date(at, merchant.time_zone)",
        'local_date(at, "UTC")',
        f"{_TILL}::test_points_last_from_the_local_day_of_the_order",
    ),
    Bug(
        "an order is booked on the day of UTC",
        "services/settle_order.py",
        "today = merchant.day(now)",
        "today = now.date()",
        f"{_TILL}::test_an_order_is_booked_on_the_local_day",
    ),
    Bug(
        "a refund leaves the points of its order that never end",
        "services/settle_order.py",
        "lot_of=terms.expires_on or NEVER",
        "lot_of=terms.expires_on",
        f"{_TILL}::test_a_refund_takes_the_points_of_its_order_first",
    ),
    Bug(
        "what a refund let go is earned again",
        "domain/points/orders.py",
        "return max(0, posting.points - order.let_go.get(posting.member.key, 0))",
        "return posting.points",
        _SETTLE,
    ),
    Bug(
        "what was let go is not known to who comes after a worker that died",
        "services/settle_order.py",
        "posted.entry.undone if posted.entry else 0",
        "posted.entry.undone if posted.entry and not posted.known else 0",
        _SETTLE,
    ),
    # --- the night ---
    Bug(
        "the night begins at midnight UTC",
        "domain/points/night.py",
        "local_date(as_of - _SETTLES, zone)",
        'local_date(as_of - _SETTLES, "UTC")',
        f"{_NIGHTS}::test_points_go_in_the_night_after_their_last_day",
    ),
    Bug(
        "a hint goes before its posting",
        "services/run_night.py",
        "night, lets_go = hint.on, True",
        "self._ledger.forget(hint)\n        night, lets_go = hint.on, True",
        f"{_CRASHES}::test_a_worker_dies_anywhere",
    ),
    Bug(
        "a night that was missed is passed over",
        "adapters/dynamodb/nights.py",
        "on=night.on.isoformat(),\n                before=night.day_before.isoformat(),",
        "on=(night.on + ONE_DAY).isoformat(),\n"
        "                before=night.day_before.isoformat(),",
        f"{_NIGHTS}::test_missed_nights_are_caught_up_in_order",
    ),
    Bug(
        "a notice is told one day off",
        "services/run_night.py",
        "night.merchant_id, last_day + ONE_DAY,",
        "night.merchant_id, last_day,",
        _NOTICES,
    ),
    Bug(
        "the day begins again where a merchant moves to",
        "services/manage_merchants.py",
        "before.day(self._clock.now()) if moves else before.not_before",
        "None",
        f"{_ZONES}::test_nothing_is_booked_on_a_day_that_was_reported",
    ),
    Bug(
        "whoever exports a programme is told, however many",
        "services/tell_of_points.py",
        "key=lambda each: each.connection_id)[:MOST_TOLD])",
        "key=lambda each: each.connection_id))",
        f"{_LISTS}::test_points_move_however_many_lists_there_are",
    ),
    Bug(
        "a report opens with nothing",
        "services/end_night.py",
        "opening=before.closing if before else 0",
        "opening=0",
        f"{_NIGHTS}::test_missed_nights_are_caught_up_in_order",
    ),
    # --- the newsletter's reward, contacts and their events ---
    Bug(
        "each sign-up is rewarded in full",
        "services/reward_newsletter.py",
        "points = reward.points - given.points",
        "points = reward.points",
        f"{_CONTACTS}::test_leaving_takes_back_what_is_there",
    ),
    Bug(
        "leaving takes nothing back",
        "services/reward_newsletter.py",
        "points = 0 if change in given.taken_for else -given.points",
        "points = 0",
        f"{_CONTACTS}::test_leaving_takes_back_what_is_there",
    ),
    Bug(
        "leaving takes back what was spent",
        "services/reward_newsletter.py",
        "-points, RefundPolicy.CLAMP, why",
        "-points, RefundPolicy.NEGATIVE, why",
        f"{_CONTACTS}::test_leaving_takes_back_what_is_there",
    ),
    Bug(
        "the echo of an export is a sign-up",
        "services/push_contact.py",
        "self._note_echo.adds(connection, wanted.point_id)",
        "pass",
        f"{_CONTACTS}::test_a_sign_up_is_rewarded_once_and_an_export_is_none",
    ),
    Bug(
        "a late echo is a sign-up",
        "domain/sign_ups.py",
        "return self.heard_at > settled and since is not None and since > settled",
        "return self.heard_at > settled",
        f"{_ECHO}::test_an_echo_is_no_sign_up_however_late",
    ),
    Bug(
        "who opted out is added to the list",
        "services/push_contact.py",
        "if opted_out(self._store, connection, wanted.point_id):",
        "if False:",
        f"{_CONTACTS}::test_who_opted_out_is_not_added",
    ),
    Bug(
        "an event is told before its fields are there",
        "services/emit_event.py",
        "if export is None or not export.covers(*_about(task)):",
        "if export is None:",
        f"{_CONTACTS}::test_a_balance_is_shown_before_its_event_is_told",
    ),
    Bug(
        "an event overtakes the one before it",
        "services/keep_order.py",
        "if not any(row is not None and row.state in _OPEN for row in rows):",
        "if True:",
        f"{_ORDER}::test_whoever_comes_first_the_oldest_change_is_told_first",
    ),
    Bug(
        "an event is told again after its worker died",
        "services/emit_event.py",
        "if task.state is TaskState.ATTEMPTING:",
        "if False:",
        f"{_CONTACTS}::test_an_event_that_may_have_arrived_is_not_told_again",
    ),
    Bug(
        "an event whose answer was lost is told again",
        "services/emit_event.py",
        'self._park(task, "the answer was lost")',
        "self._tasks.mark(task, TaskState.OPEN, self._clock.now())",
        f"{_CONTACTS}::test_an_event_that_may_have_arrived_is_not_told_again",
    ),
    Bug(
        "an own mail leaves and the platform's event too",
        "services/tell_customers.py",
        "        sender = connection.settings.mail_from\n",
        "        sender = connection.settings.mail_from\n        news.peer.emit(news.event)\n",
        f"{_MAILS}::test_each_event_has_exactly_one_sender",
    ),
    Bug(
        "a switch turned after a lost answer makes a second sender",
        "services/emit_event.py",
        "chosen = task.payload.get(_MAILED_BY) or news.connection.settings.mails",
        "chosen = news.connection.settings.mails",
        f"{_MAILS}::test_a_switch_after_a_lost_answer_makes_no_second_sender",
    ),
    Bug(
        "who opted out of e-mail is mailed until the list has heard of it",
        "services/tell_customers.py",
        "return any(opted_out(self._store, news.connection, point) for point in points)",
        "return False",
        f"{_MAILS}::test_who_opted_out_gets_no_mail",
    ),
)
