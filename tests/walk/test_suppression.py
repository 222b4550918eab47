"""R-07: a number that a carrier reports dead gets no marketing until its handset speaks again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from concord.domain.consent_record import ConsentRecord
from concord.domain.dossier import verify_dossier
from concord.domain.events import Failure
from concord.domain.hand_over import Purpose, refusal_to_send
from concord.domain.identity import Channel
from concord.services.look_up_consent import LookUpConsent
from tests.world.shop import Shop, new_number


def _record(shop: Shop, number: str) -> ConsentRecord:
    parts = shop.world.parts
    lookup = LookUpConsent(parts.connections, parts.authenticator, parts.store)
    key, _ = lookup.key(shop.connection_id, Channel.SMS, number)
    record = parts.store.load(key)
    assert record is not None
    return record


def _fails(shop: Shop, number: str, *, reference: str = "t-1", code: str = "30005") -> None:
    """A carrier reports, now, that one text could not reach this number."""
    parts = shop.world.parts
    connection = parts.connections.get(shop.connection_id)
    assert connection is not None
    parts.heed_failure(
        connection,
        _record(shop, number).key,
        Failure.HARD,
        reference=reference,
        code=code,
        occurred_at=None,
        received_at=shop.world.clock.now(),
    )


def _joined(shop: Shop) -> str:
    number = new_number()
    shop.texts(number, "JOIN")
    shop.world.pump()
    return number


def _shown(shop: Shop, number: str) -> dict[str, Any]:
    return shop.world.body(shop.admin("POST", "/consents/lookup", {"point": number}))


def _texts(shop: Shop) -> int:
    return len(shop.world.rows("TU#"))


def test_a_hard_failure_stops_sends_and_touches_no_consent(shop: Shop) -> None:
    """R-07: the state stays, nobody is told, the chain proves it, and the look-up says since when
    and why."""
    number = _joined(shop)
    tasks = _texts(shop)

    _fails(shop, number)

    assert refusal_to_send(Purpose.MARKETING, _record(shop, number).marks) == "suppressed"
    shown = _shown(shop, number)
    assert (shown["state"], shown["basis"]) == ("opted_in", "explicit")
    assert shown["suppressed"]["reason"] == "30005"
    last = shown["events"][-1]
    assert last["effective_at"] == shown["suppressed"]["since"].replace("+00:00", "Z")
    assert (last["kind"], last["from"], last["to"]) == ("hard_failure", "opted_in", "opted_in")
    assert (last["source"]["text"], last["personal"]) == ("t-1", {})
    assert _texts(shop) == tasks
    assert shop.world.pump() == 1  # a look at her groups, where she counts no more
    proof = shop.world.body(shop.admin("POST", "/consents/dossier", {"point": number}))
    assert verify_dossier(proof, lambda _, __: True) == []


def test_the_same_failure_counts_once(shop: Shop) -> None:
    """R-07, R-15: by the text that failed, also after she was alive again in between."""
    number = _joined(shop)
    _fails(shop, number, reference="t-1")
    _fails(shop, number, reference="t-1")
    assert _record(shop, number).version == 2

    shop.world.clock.advance(timedelta(seconds=5))
    shop.texts(number, "are you open on Sundays")
    _fails(shop, number, reference="t-1")
    assert not _record(shop, number).marks.suppressed

    _fails(shop, number, reference="t-2")
    assert _record(shop, number).marks.suppressed


@pytest.mark.parametrize("text", ["are you open on Sundays", "HELP", "JOIN", "?"])
def test_any_text_from_the_handset_revives_it(shop: Shop, text: str) -> None:
    """R-07: nothing else does; a plain text is evidence now, and kept as its own body."""
    number = _joined(shop)
    _fails(shop, number)
    shop.world.clock.advance(timedelta(seconds=5))

    assert shop.texts(number, text).status_code == 204

    record = _record(shop, number)
    assert refusal_to_send(Purpose.MARKETING, record.marks) is None
    shown = _shown(shop, number)
    assert shown["suppressed"] is None
    assert shown["events"][-1]["personal"]["text"] == text
    assert (
        verify_dossier(
            shop.world.body(shop.admin("POST", "/consents/dossier", {"point": number})),
            lambda _, __: True,
        )
        == []
    )


def test_a_repeated_plain_text_revives_once(shop: Shop) -> None:
    """R-07, TEA-11: the platform's second delivery of it finds its marker."""
    number = _joined(shop)
    _fails(shop, number)
    shop.world.clock.advance(timedelta(seconds=5))
    for _ in range(2):
        shop.texts(number, "hello", id="same-text")
    assert _record(shop, number).version == 3


def test_plain_talk_of_a_living_number_writes_no_consent(shop: Shop) -> None:
    """R-07: nothing changes, so nothing is written; a stranger has no row afterwards either."""
    number, stranger = _joined(shop), new_number()
    shop.texts(number, "are you open on Sundays")
    shop.texts(stranger, "are you open on Sundays")
    assert _record(shop, number).version == 1
    assert len([row for row in shop.world.rows("C#") if row["sk"] == "STATE"]) == 1


def test_a_text_to_a_strange_number_revives_nobody(shop: Shop) -> None:
    """R-07, TEA-03: it may be about another account."""
    number = _joined(shop)
    _fails(shop, number)
    shop.world.clock.advance(timedelta(seconds=5))
    shop.texts(number, "hello", to=new_number())
    assert _record(shop, number).marks.suppressed


def test_a_stop_of_a_dead_number_is_confirmed_and_no_invitation_leaves(shop: Shop) -> None:
    """R-07, TEA-17, TEA-15: suppression never stands in the way of an opt-out."""
    invited, leaving = new_number(), _joined(shop)
    shop.till("opt_in", invited)
    _fails(shop, invited, reference="t-1")
    _fails(shop, leaving, reference="t-2")
    shop.world.pump()
    assert shop.inbox_of(invited) == []

    shop.world.clock.advance(timedelta(seconds=5))
    shop.texts(leaving, "STOP")
    _fails(shop, leaving, reference="t-3")
    shop.world.pump()
    assert len(shop.inbox_of(leaving)) == 2
    assert shop.consent(leaving) == "opted_out"
