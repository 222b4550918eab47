"""`concord consents import`: whole files of opt-ins, resumable, in flat memory."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.commands.imports import ROWS_PER_PART
from cli.csv_rows import cut, read_rows, scan
from tests.unit.cli.fake_api import Cli, FakeApi, refusal

_PATH = "/connections/shop.x1/consent-imports"
_WORDS = ("consents", "import", "shop.x1")
_ATTEST = ("--attestation", "paper forms of the spring fair")


@dataclass
class Importer:
    """Plays the import: one event per new number; `opted_out` ones are refused."""

    opted_out: set[str] = field(default_factory=set)
    stored: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> dict[str, Any]:
        rows = json.loads(request.content)["rows"]
        dry_run = request.url.params.get("dry_run") == "true"
        results = [self._row(row["point"], dry_run) for row in rows]
        items = [{"row": n, "result": result} for n, result in enumerate(results, 1)]
        return {"results": items, "dry_run": dry_run}

    def _row(self, point: str, dry_run: bool) -> str:
        if not point.startswith("+1"):
            return "invalid_phone"
        if point in self.opted_out:
            return "must_text_unstop"
        if point in self.stored:
            return "duplicate"
        if not dry_run:
            self.stored.append(point)
        return "accepted"


@pytest.fixture
def importer(api: FakeApi) -> Importer:
    made = Importer()
    api.on("POST", _PATH, made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "optins.csv"


def number(n: int) -> str:
    return f"+1555{n:07d}"


def write(file: Path, count: int) -> None:
    with file.open("w") as stream:
        stream.write("point\n")
        stream.writelines(f"{number(n)}\n" for n in range(count))


def errors_of(file: Path) -> list[dict[str, str]]:
    with file.with_name(f"{file.name}.errors.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_row_gets_its_result(concord: Cli, importer: Importer, file: Path) -> None:
    """TEA-14: accepted, duplicate, invalid_phone and must_text_unstop, row by row."""
    importer.opted_out = {number(2)}
    importer.stored = [number(1)]
    file.write_text(f"point\n{number(0)}\n{number(1)}\n{number(2)}\n12\n")
    result = concord(*_WORDS, file, *_ATTEST)
    assert result.exit_code == 1
    for words in ("accepted", "duplicate", "invalid_phone", "must_text_unstop"):
        assert words in result.stdout
    assert "2 of 4 rows imported" in result.stdout
    failed = [(row["line"], row["point"], row["result"]) for row in errors_of(file)]
    assert failed == [("4", number(2), "must_text_unstop"), ("5", "12", "invalid_phone")]
    assert "UNSTOP" in errors_of(file)[0]["message"]
    assert number(2) not in result.output


def test_the_same_file_again_makes_no_new_event(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """TEA-14: re-upload of the same file: the same import ids, every row a duplicate."""
    write(file, 1100)
    first = concord(*_WORDS, file, *_ATTEST, "--json")
    assert (first.exit_code, json.loads(first.stdout)["results"]) == (0, {"accepted": 1100})
    sent = len(api.requests)
    second = concord(*_WORDS, file, *_ATTEST, "--json")
    assert json.loads(second.stdout)["results"] == {"duplicate": 1100}
    ids = [body["import_id"] for body in api.bodies()]
    assert ids[:sent] == ids[sent:]
    assert len(set(ids)) == sent == 3
    assert [len(body["rows"]) for body in api.bodies()[:sent]] == [ROWS_PER_PART] * 2 + [100]


def test_an_attestation_is_required(concord: Cli, importer: Importer, file: Path) -> None:
    """TEA-14: attestation of the consent's source required."""
    write(file, 1)
    assert concord(*_WORDS, file).exit_code == 2
    assert concord(*_WORDS, file, "--attestation", "  ").exit_code == 2
    assert importer.stored == []


def test_a_dry_run_stores_nothing(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: dry run judges every row and leaves no checkpoint."""
    importer.opted_out = {number(3)}
    write(file, 5)
    result = concord(*_WORDS, file, *_ATTEST, "--dry-run")
    assert result.exit_code == 1
    assert "4 of 5 rows would be imported" in result.stdout
    assert importer.stored == []
    assert api.requests[0].url.params["dry_run"] == "true"
    assert not file.with_name("optins.csv.import.json").exists()


def test_an_interrupted_import_goes_on_where_it_stopped(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: no row is lost, none is sent twice once its part was checkpointed."""
    importer.opted_out = {number(5), number(1200)}
    write(file, 2000)

    def interrupt(_: httpx.Request) -> Any:
        raise KeyboardInterrupt

    api.on("POST", _PATH, importer, importer, interrupt)
    first = concord(*_WORDS, file, *_ATTEST)
    assert first.exit_code == 130
    assert "after 1,000 rows" in first.stderr
    # A crash between the errors and the checkpoint leaves rows that the next run writes again.
    with file.with_name("optins.csv.errors.csv").open("a") as stream:
        stream.write("half a row")
    api.on("POST", _PATH, importer)
    api.requests.clear()
    second = concord(*_WORDS, file, *_ATTEST)
    assert "Going on after 1,000 rows." in second.stderr
    assert second.exit_code == 1
    assert [body["rows"][0]["point"] for body in api.bodies()] == [number(1000), number(1500)]
    assert "1,998 of 2,000 rows imported" in second.stdout
    assert [row["point"] for row in errors_of(file)] == [number(5), number(1200)]
    assert not file.with_name("optins.csv.import.json").exists()


def test_a_checkpoint_of_another_file_is_not_used(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    write(file, 600)
    api.on("POST", _PATH, importer, refusal(409, "connection_not_connected", "it is pending"))
    assert concord(*_WORDS, file, *_ATTEST).exit_code == 1
    write(file, 601)
    api.on("POST", _PATH, importer)
    refused = concord(*_WORDS, file, *_ATTEST)
    assert (refused.exit_code, "--restart" in refused.stderr) == (2, True)
    assert concord(*_WORDS, file, *_ATTEST, "--restart").exit_code == 0
    assert len(importer.stored) == 601


def test_passing_failures_are_waited_out(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: 429, 5xx and a dropped connection cost time, never rows."""
    write(file, 10)

    def drop(request: httpx.Request) -> Any:
        raise httpx.ReadError("reset", request=request)

    throttled = refusal(429, "throttled", headers={"Retry-After": "9"})
    api.on("POST", _PATH, throttled, refusal(503, "storage_unavailable"), drop, importer)
    assert concord(*_WORDS, file, *_ATTEST).exit_code == 0
    assert len(importer.stored) == 10
    assert concord.slept[0] == 9
    assert concord.slept[1] < concord.slept[2] * 4


def test_a_part_that_the_api_could_not_finish_is_sent_again_whole(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: 503 import_not_finished tells of no row; the same part goes out once more."""
    write(file, 250)
    api.on("POST", _PATH, refusal(503, "import_not_finished"), importer)
    result = concord(*_WORDS, file, *_ATTEST, "--json")
    assert json.loads(result.stdout)["results"] == {"accepted": 250}
    first, again = api.bodies()
    assert first == again


def test_an_import_goes_on_in_the_parts_it_began_with(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: a checkpoint of the time when a part had 250 rows skips no row."""
    write(file, 1000)
    api.on("POST", _PATH, importer, refusal(409, "connection_not_connected"))
    assert concord(*_WORDS, file, *_ATTEST).exit_code == 1
    checkpoint = file.with_name("optins.csv.import.json")
    state = json.loads(checkpoint.read_text())
    assert state.pop("rows_per_part") == ROWS_PER_PART
    checkpoint.write_text(json.dumps({**state, "rows": 250}))
    importer.stored = importer.stored[:250]
    api.on("POST", _PATH, importer)
    assert concord(*_WORDS, file, *_ATTEST).exit_code == 0
    assert sorted(importer.stored) == [number(n) for n in range(1000)]


def test_rows_the_api_could_not_read_are_kept_back(
    concord: Cli, api: FakeApi, importer: Importer, file: Path
) -> None:
    """R-26: one unreadable row must not cost the other 249 their import."""
    file.write_text(
        "point,channel,occurred_at,evidence\n"
        f"{number(0)},sms,2026-11-21T08:30:00Z,form 12\n"
        f"{number(1)},fax,,\n"
        f"{number(2)},,yesterday,\n"
        f"{number(3)},,2026-11-21T08:30:00,\n"
        ",,,lonely\n"
        f"{number(4)},,,form 1, page 2\n"
        f"{number(5)},,,{'x' * 2001}\n"
    )
    assert concord(*_WORDS, file, *_ATTEST).exit_code == 1
    assert api.bodies()[0]["rows"] == [
        {
            "point": number(0),
            "channel": "sms",
            "occurred_at": "2026-11-21T08:30:00Z",
            "evidence": "form 12",
        }
    ]
    told = {row["line"]: row["message"] for row in errors_of(file)}
    assert told["3"].startswith("column channel")
    assert told["4"].startswith("column occurred_at")
    assert told["5"].startswith("column occurred_at")
    assert told["6"] == "column point: empty"
    assert told["7"].startswith("column 5: more cells than columns")
    assert told["8"].startswith("column evidence: longer")


def test_the_errors_file_can_be_corrected_and_imported_as_it_is(
    concord: Cli, importer: Importer, file: Path
) -> None:
    file.write_text("point,evidence\n12,form 9\n")
    concord(*_WORDS, file, *_ATTEST)
    errors = file.with_name("optins.csv.errors.csv")
    errors.write_text(errors.read_text().replace("12,", f"{number(9)},", 1))
    assert concord(*_WORDS, errors, *_ATTEST).exit_code == 0
    assert importer.stored == [number(9)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfPoint;Occurred At\r\n+15550000001;2026-11-21T08:30:00Z\r\n\r\n",
        b"point\toccurred_at\n+15550000001\t2026-11-21T08:30:00Z",
        b'"point","occurred_at"\n"+15550000001","2026-11-21T08:30:00Z"\n',
        b"\n occurred_at , point \n2026-11-21T08:30:00Z, +15550000001 \n",
    ],
)
def test_what_spreadsheets_write_is_read(file: Path, content: bytes) -> None:
    """R-26: byte order marks, semicolons, tabs, quotes, blank lines, capital letters."""
    file.write_bytes(content)
    rows = [row.as_json() for row in read_rows(file)]
    assert rows == [{"point": "+15550000001", "occurred_at": "2026-11-21T08:30:00Z"}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"phone\n1\n", "line 1, column 1: 'phone' is not known"),
        (b"point,point\n1,2\n", "line 1, column 2: point stands there twice"),
        (b"channel\nsms\n", "line 1: the column point is missing"),
        (b'point\n"+1555\n', "line 2"),
        (b"point\n+1555\n\xff\n", "line 3: not UTF-8"),
        (b"point\n+1555\n\xc3", "line 3: the file ends inside a character"),
        ("point\n1\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_by_line_and_column(
    concord: Cli, api: FakeApi, file: Path, content: bytes, words: str
) -> None:
    file.write_bytes(content)
    result = concord(*_WORDS, file, *_ATTEST)
    assert result.exit_code == 2
    assert words in result.stderr.replace("\n", " ")
    assert api.requests == []


def test_memory_does_not_grow_with_the_file(file: Path) -> None:
    """R-26: streaming; ten times the rows, the same peak."""

    def peak(count: int) -> int:
        write(file, count)
        tracemalloc.start()
        scan(file)
        assert sum(map(len, parts())) == count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    def parts() -> Iterator[list[Any]]:
        return cut(read_rows(file), ROWS_PER_PART, 1 << 19)

    small, large = peak(4_000), peak(40_000)
    assert large < 1.5 * small + 2 * (1 << 20)
    assert large < 6 * (1 << 20)


def test_long_evidence_ends_a_part_early(file: Path) -> None:
    file.write_text("point,evidence\n" + f"{number(1)},{'x' * 1900}\n" * 600)
    sizes = [len(part) for part in cut(read_rows(file), ROWS_PER_PART, 100_000)]
    assert sum(sizes) == 600
    assert max(sizes) == 50


def test_an_answer_for_other_rows_is_not_believed(concord: Cli, api: FakeApi, file: Path) -> None:
    write(file, 3)
    api.on("POST", _PATH, {"results": [{"row": 1, "result": "accepted"}]})
    result = concord(*_WORDS, file, *_ATTEST)
    assert result.exit_code == 1
    assert "the API answered for 1 rows of 3" in result.stderr
    assert not file.with_name("optins.csv.import.json").exists()  # no part is done


def test_the_errors_file_is_for_its_owners_eyes(
    concord: Cli, importer: Importer, file: Path
) -> None:
    """It repeats numbers, and a shared machine has other users."""
    file.write_text("point\n12\n")
    concord(*_WORDS, file, *_ATTEST)
    assert file.with_name("optins.csv.errors.csv").stat().st_mode & 0o077 == 0
