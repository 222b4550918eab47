"""Large import files as jobs: sliced, redelivered, counted once, and bounded (R-26)."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from concord.entrypoint.admin.csv_rows import count_rows, read_rows
from concord.services import run_import
from tests.integration.admin.calls import call, ok, refused
from tests.world.faults import Killed, Request, Wire, kill_at
from tests.world.shop import Shop, new_number
from tests.world.world import World

CSV = {"Content-Type": "text/csv", "X-Attestation": "paper forms, kept by Ana"}
BAD = 600


def file_of(*numbers: str, bad: int = BAD) -> str:
    """Return a file of `bad` rows that cannot be read, and one row per number in their middle."""
    half = bad // 2
    return "point\n" + "1\n" * half + "".join(f"{n}\n" for n in numbers) + "2\n" * (bad - half)


def start(house: World, shop: Shop, text: str, query: str = "") -> str:
    path = f"/v1/connections/{shop.connection_id}/consent-imports{query}"
    status, answer = call(house, "POST", path, text, headers=CSV)
    assert status == 202, answer
    assert set(answer) == {"job_id"}
    return str(answer["job_id"])


def job_of(house: World, job_id: str) -> dict[str, Any]:
    job = ok(house, "GET", f"/v1/jobs/{job_id}")
    assert job["created"] + job["updated"] + sum(job["skipped"].values()) == job["done"]
    return job


def task_of(shop: Shop, job_id: str) -> dict[str, str]:
    name = job_id.rpartition(".")[2]
    return {"pk": f"TB#m1#import_consents#{shop.connection_id}#{name}", "sk": "TASK"}


def finish(house: World, shop: Shop, job_id: str) -> dict[str, Any]:
    """Deliver the task until it is gone."""
    for _ in range(200):
        if not any(r["pk"] == task_of(shop, job_id)["pk"] for r in house.rows("TB#")):
            return job_of(house, job_id)
        assert house.run_task(task_of(shop, job_id)) == []
    raise AssertionError("a job that never ends")


def state_of(house: World, shop: Shop, point: str) -> str:
    path = f"/v1/connections/{shop.connection_id}/consents/lookup"
    return str(ok(house, "POST", path, {"point": point})["state"])


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice hold one page of 100 rows: its time is over when that is done."""
    monkeypatch.setattr(run_import, "_BEGINS_WITHIN", timedelta(microseconds=1))


def test_a_large_file_is_worked_off_as_a_job(house: World, shop: Shop) -> None:
    """R-26, TEA-14: 202 at once; then every row counts, and what was not accepted is named."""
    fresh, out, known, pending = (new_number() for _ in range(4))
    shop.texts(out, "STOP")
    shop.texts(known, "JOIN")
    asked = {"event_id": "e", "action": "opt_in", "channel": "sms", "via": "pos"}
    assert shop.connect("POST", "/consents", {**asked, "point": pending})["statusCode"] == 200
    job_id = start(house, shop, file_of(fresh, out, known, fresh, pending))
    waiting = job_of(house, job_id)
    assert (waiting["state"], waiting["done"], waiting["total"]) == ("queued", 0, BAD + 5)
    assert state_of(house, shop, fresh) == "unknown"
    house.pump()
    done = job_of(house, job_id)
    assert (done["state"], done["done"], done["created"], done["updated"]) == ("done", 605, 1, 1)
    assert done["skipped"] == {"invalid_phone": BAD, "must_text_unstop": 1, "duplicate": 2}
    named = {each["row"]: each["result"] for each in done["result"]["rows"]}
    assert [named[row] for row in (302, 303, 304)] == ["must_text_unstop", "duplicate", "duplicate"]
    assert list(named) == sorted(named)
    assert len(named) == 500 + 1 + 2
    assert done["result"]["complete"] is False
    assert [state_of(house, shop, n) for n in (fresh, out, pending)] == [
        "opted_in",
        "opted_out",
        "opted_in",
    ]


def test_nothing_of_a_file_stays_but_its_job(house: World, shop: Shop) -> None:
    """R-26: the rows, which hold numbers, go when the job ends; no answer ever has one."""
    number = new_number()
    job_id = start(house, shop, file_of(number))
    kept = [row for row in house.rows("J#") if row["sk"] != "JOB"]
    assert number in str(kept)
    assert all(row["expires_at"] > house.clock.now().timestamp() for row in kept)
    assert number not in str(house.rows("T"))
    house.pump()
    (job,) = house.rows("J#")
    assert (job["sk"], number in str(job)) == ("JOB", False)
    assert number not in str(job_of(house, job_id))
    assert not house.rows("TB#")


def test_500_rows_are_answered_and_501_are_a_job(house: World, shop: Shop) -> None:
    """TEA-14: the limit is that of a JSON call."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    report = ok(house, "POST", path, file_of(bad=500), headers=CSV)
    assert report["counts"] == {"invalid_phone": 500}
    assert not house.rows("J#")
    start(house, shop, file_of(bad=501))


@pytest.mark.parametrize("last", ["a,b\n", '"a\n', "1" * 301 + "\n"])
def test_a_fault_in_the_last_line_refuses_the_file(house: World, shop: Shop, last: str) -> None:
    """R-26: nothing is kept of a file that cannot be read to its end."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    before = house.rows()
    refusal = refused(house, "POST", path, file_of() + last, headers=CSV)
    assert refusal == (422, "invalid_request", ["body"])
    assert house.rows() == before


def test_a_dry_run_of_a_file_tells_what_the_job_then_does(
    house: World, shop: Shop, slices: None
) -> None:
    """R-26: over slices too: a number twice in the file is a duplicate; nothing is written."""
    out, twice = new_number(), new_number()
    shop.texts(out, "STOP")
    text = f"point\n{twice}\n" + "1\n" * 550 + f"{out}\n{twice}\n{new_number()}\n"
    before = house.rows("C#"), house.rows("X#")
    dry = finish(house, shop, start(house, shop, text, "?dry_run=true"))
    assert (house.rows("C#"), house.rows("X#")) == before
    assert {row["sk"] for row in house.rows("J#")} == {"JOB"}
    real = finish(house, shop, start(house, shop, text))
    assert (real["created"], real["skipped"]["duplicate"]) == (2, 1)
    assert {**dry, "job_id": ""} == {**real, "job_id": ""}


def test_a_slice_that_is_killed_and_repeated_counts_each_row_once(house: World, shop: Shop) -> None:
    """Reliability 12, R-26: wherever it dies, the numbers are those of an undisturbed run."""
    wire = Wire(house)

    def run(number: int) -> dict[str, Any]:
        numbers = [new_number() for _ in range(2)]
        job_id = start(house, shop, file_of(*numbers, bad=500))
        house.cold()
        wire.calm()
        if number:
            with wire.failing(after=kill_at(number)), pytest.raises(Killed):
                house.run_task(task_of(shop, job_id))
            house.clock.advance(timedelta(seconds=181))
            house.cold()
        else:
            house.run_task(task_of(shop, job_id))
            steps.extend(wire.requests)
        return {**finish(house, shop, job_id), "job_id": ""}

    steps: list[Request] = []
    whole = run(0)
    assert (whole["created"], whole["done"]) == (2, 502)
    for number in range(1, len(steps) + 1):
        assert run(number) == whole, steps[number - 1]


def test_messages_that_come_twice_change_nothing(house: World, shop: Shop, slices: None) -> None:
    """R-26: every message of the task delivered twice, and once more when all is done."""
    number = new_number()
    job_id = start(house, shop, file_of(number))
    for _ in range(40):
        for receives in (1, 2):
            assert house.run_task(task_of(shop, job_id), receives) == []
    assert not [row for row in house.rows("TB#") if row["pk"] == task_of(shop, job_id)["pk"]]
    done = job_of(house, job_id)
    assert (done["done"], done["created"], done["state"]) == (BAD + 1, 1, "done")
    assert len([row for row in house.rows("C#") if row["sk"].startswith("E#")]) == 1


def test_a_stop_that_comes_before_its_row_stands(house: World, shop: Shop) -> None:
    """TEA-18, R-06: an opt-out between the upload and the row is not undone."""
    number = new_number()
    job_id = start(house, shop, file_of(number))
    shop.texts(number, "STOP")
    assert finish(house, shop, job_id)["skipped"]["must_text_unstop"] == 1
    assert state_of(house, shop, number) == "opted_out"


def test_a_job_of_a_connection_that_ends_fails_by_name(
    house: World, shop: Shop, slices: None
) -> None:
    """TEA-01: an opt-in needs a connection; the rows go, and the job says why."""
    job_id = start(house, shop, file_of(new_number()))
    house.run_task(task_of(shop, job_id))
    ok(house, "POST", f"/v1/connections/{shop.connection_id}/state", {"state": "disconnected"})
    failed = finish(house, shop, job_id)
    assert (failed["state"], failed["done"]) == ("failed", 100)
    assert failed["result"]["reason"] == "connection_not_connected"
    assert [row["sk"] for row in house.rows("J#")] == ["JOB"]
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    refusal = refused(house, "POST", path, file_of(), headers=CSV)
    assert refusal[:2] == (409, "connection_not_connected")


def test_a_job_is_of_its_merchant_alone(house: World, shop: Shop) -> None:
    """R-32: the id leads to its merchant's partition, under any other name it is unknown."""
    house.shop("m2")
    job_id = start(house, shop, file_of())
    assert job_id.startswith("m1.")
    other = job_id.replace("m1.", "m2.", 1)
    assert refused(house, "GET", f"/v1/jobs/{other}")[:2] == (404, "not_found")
    assert {row["pk"].split("#")[1] for row in house.rows("J#")} == {"m1"}


def test_an_upload_is_one_job_under_its_key(house: World, shop: Shop) -> None:
    """R-27: the same key and file: the same job."""
    path = f"/v1/connections/{shop.connection_id}/consent-imports"
    keyed = {**CSV, "Idempotency-Key": "file-1"}
    first, again = (call(house, "POST", path, file_of(), headers=keyed) for _ in range(2))
    assert first[0] == 202
    assert first == again
    assert len([row for row in house.rows("J#") if row["sk"] == "JOB"]) == 1


def test_30_000_rows_are_read_in_little_memory(house: World, shop: Shop) -> None:
    """R-26: 1 MB of rows is never all in memory as rows, neither taken nor worked off."""
    text = "point,evidence\n" + "".join(f"2{n:06d},a form in box {n % 9}\n" for n in range(30_000))
    assert count_rows(text.encode()) == 30_000
    tracemalloc.start()
    whole = list(read_rows(text.encode()))
    held, _ = tracemalloc.get_traced_memory()
    del whole
    tracemalloc.stop()

    start(house, shop, file_of())  # what is loaded and kept once is not the file's
    before = len(house.rows("J#"))
    tracemalloc.start()
    job_id = start(house, shop, text)
    stored = sum(len(row["rows"]) for row in house.rows("J#") if "rows" in row)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(house.rows("J#")) - before > 10
    assert max(len(str(row)) for row in house.rows("J#")) < 400_000
    # The emulated table is in this process: what it holds of the file is not ours.
    assert peak - 4 * stored < held
    house.run_task(task_of(shop, job_id))
    assert job_of(house, job_id)["done"] > 0
