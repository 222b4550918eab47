"""Step 8: the history of a number as a file that proves itself, and notices every change."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.demo.stage import Person, Stage, Timer, expect

type Dossier = dict[str, Any]


def dossier(stage: Stage) -> Person:
    """Export a dossier and verify it offline: as it is, changed, and cut short."""
    (pia,) = stage.joined("Pia")
    stage.text(pia, "STOP")
    stage.settled(pia, opted_in=False, texts=2)
    stage.text(pia, "UNSTOP")
    sides = stage.settled(pia, opted_in=True, texts=3)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "dossier.json")
        timer = Timer()
        ran = stage.concord.export(stage.shop.connection_id, pia.number, file)
        expect(ran.code == 0, "`concord consents export` writes the dossier", ran.last)
        document: Dossier = json.loads(file.read_text())
        events = document["events"]
        expect(len(events) == 3, "it holds joining, leaving and coming back", len(events))
        stage.told.part(
            "Pia joined, left, came back: her dossier is exported",
            sides=sides,
            took=timer(),
            evidence=stage.evidence(pia),
        )

        key = str(stage.admin.ask("GET", "/health")["public_key"])
        timer = Timer()
        ran = stage.concord.verify(file, key)
        expect(ran.code == 0, "`concord consents verify` proves the dossier", ran.last)
        stage.told.part(
            "`concord consents verify` proves all 3 events",
            took=timer(),
            evidence=stage.evidence(pia),
        )

        forgeries = {
            "one value changed": (2, change_a_value),
            "the tail dropped": (3, drop_the_tail),
        }
        for what, (number, forge) in forgeries.items():
            timer = Timer()
            file.write_text(json.dumps(forged(document, forge)))
            ran = stage.concord.verify(file, key)
            expect(ran.code == 1, f"with {what} verify refuses the file", ran.last)
            blamed = f"event {number} "
            expect(blamed in ran.said, f"with {what} verify names event {number}", ran.last)
            stage.told.part(
                f"{what.capitalize()}: verify names event {number}",
                took=timer(),
                evidence=_id(document, number),
            )
            reason = ran.said.partition(blamed)[2].splitlines()[0].strip()
            stage.told.note(f"{blamed}{reason}")
    return pia


def forged(document: Dossier, forge: Callable[[list[Any]], object]) -> Dossier:
    """Return a copy of the dossier with its events forged."""
    copy: Dossier = json.loads(json.dumps(document))
    forge(copy["events"])
    return copy


def _id(document: Dossier, number: int) -> str:
    """Return the id of an event as it was before anybody forged it."""
    return f"ev_{document['events'][number - 1]['hash'][:24]}"


def change_a_value(events: list[Any]) -> None:
    """Make the opt-out look as if it had come from the till."""
    events[1]["record"]["via"] = "pos"


def drop_the_tail(events: list[Any]) -> None:
    """Make the last event disappear."""
    events.pop()
