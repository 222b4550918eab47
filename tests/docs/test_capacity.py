"""docs/capacity.md computes from what was measured, and from the sizes that the code makes."""

import json
import re
from math import ceil

from bench.capacity import item_size
from concord.adapters.dynamodb import broadcast_keys, group_keys
from concord.adapters.dynamodb.caps import _BITS
from concord.adapters.dynamodb.chunk_items import chunk_item
from concord.adapters.dynamodb.marshal import Item, to_item
from concord.domain.chunks import CHUNK_SIZE, Chunk, ChunkKey
from concord.domain.tasks import LONGEST_WAIT, RowKey
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "capacity.md").read_text()
RECORDED = json.loads((ROOT / "bench" / "baseline.json").read_text())
AUDIENCE = 5_000_000
CHUNKS = AUDIENCE // CHUNK_SIZE
KEY = ChunkKey("green-shop", "green-shop.k3j4h5k3j4", "20261122t090000-0123abcd", "000001")
POINTS = tuple(f"v1.{number:064x}" for number in range(CHUNK_SIZE))


def _size(row: RowKey, item: Item) -> int:
    return item_size(to_item({"pk": row.pk, "sk": row.sk, **item}))


def _counts() -> dict[str, int]:
    rows = re.findall(r"^\| ([a-z]+: [^|]+?) \| [^|]+ \| ([\d,]+) \| \$", PAGE, re.MULTILINE)
    return {name: int(count.replace(",", "")) for name, count in rows}


def test_what_was_measured_is_quoted() -> None:
    """Each name of the baseline stands with its figure."""
    quoted = re.findall(r"`(\w+\.\w+)` \(([\d.]+)\)", PAGE)
    assert len(quoted) == 10, "the pattern finds something else"
    for name, figure in quoted:
        assert float(figure) == RECORDED[name], name
    cpu = re.search(r"cpu_seconds_per_million` \| ([\d.]+) s", (ROOT / "docs/bench.md").read_text())
    assert cpu is not None
    assert f"{cpu[1]} s of CPU for a million recipients" in PAGE
    assert f"{5 * float(cpu[1]):.0f} s for five" in PAGE


def test_receipts_are_multiplied() -> None:
    counts, receipts = _counts(), 2 * AUDIENCE
    assert counts["receipts: write units"] == round(receipts * RECORDED["receipt.write_units"])
    assert counts["receipts: read units"] == round(receipts * RECORDED["receipt.read_units"])
    sent = receipts * RECORDED["receipt_webhook.requests"]
    assert counts["receipts: SQS"] == sent + receipts // 10 * 2


def test_sending_is_multiplied() -> None:
    counts = _counts()
    for unit in ("write", "read"):
        each = RECORDED[f"broadcast.{unit}_units_per_recipient"]
        assert counts[f"send: {unit} units"] == round(AUDIENCE * each)
    requests = AUDIENCE * RECORDED["broadcast.requests_per_recipient"]
    assert f"so {requests:,.0f} requests" in PAGE
    single = AUDIENCE * RECORDED["broadcast_single.write_units_per_recipient"]
    assert f"so {single / 1e6:.2f} million write units, ${single * 0.625 / 1e6:.2f}" in PAGE


def test_every_product_and_the_sum_are_right() -> None:
    rows = re.findall(
        r"^\| [a-z]+: [^|]+ \| [^|]+ \| ([\d,]+) \| \$([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE
    )
    assert len(rows) == len(_counts()) == 13, "the pattern finds something else"
    for count, price, dollars in rows:
        assert dollars == f"{int(count.replace(',', '')) * float(price) / 1e6:.2f}", count
    assert f"| **{sum(float(row[2]) for row in rows):.2f}** |" in PAGE


def test_a_chunk_costs_what_it_weighs() -> None:
    """Sizes are those of the items that the code makes."""
    regions = dict.fromkeys(range(CHUNK_SIZE), "US-CA")
    chunk = _size(broadcast_keys.chunk(KEY), chunk_item(Chunk(KEY, POINTS, regions)))
    kilobytes = ceil(chunk / 1024)
    units = (kilobytes + 3) * 2 + 1
    assert f"A chunk is {kilobytes} KB (computed), and its transaction {units} write units" in PAGE
    assert _counts()["plan: write units"] == units * CHUNKS

    row = group_keys.number(KEY.merchant_id, KEY.connection_id, "coffee-lovers", POINTS[0])
    number = _size(row, {"refs": 1, "since": 1_760_000_000_000, "region": "US-CA"})
    assert f"{number} bytes a row" in PAGE
    rows = round(1.83 * AUDIENCE)
    assert abs(_counts()["plan: read units, eventual"] - rows * number / 4096 / 2) < 100


def test_waiting_follows_from_the_rate() -> None:
    """At ten a second each chunk waits half of the time, and looks in every quarter of an hour."""
    looks = CHUNKS * (AUDIENCE / 10 / 2) / LONGEST_WAIT.total_seconds()
    counts = _counts()
    assert abs(counts["waiting: Lambda requests"] - looks) < 100
    for name, each in (("write units", 7), ("read units", 13), ("SQS", 3)):
        assert counts[f"waiting: {name}"] == each * counts["waiting: Lambda requests"]
    for rate, hours in ((1, "1,389"), (10, "139"), (100, "13.9")):
        assert float(hours.replace(",", "")) == round(AUDIENCE / rate / 3600, rate // 100)
        assert re.search(rf"^\| {rate} a second [^|]+ \| {hours} hours \|", PAGE, re.MULTILINE)


def test_cap_buckets_hold_what_is_said() -> None:
    most = 400 * 1024 // 16 * 2**_BITS
    assert f"{most // 1_000_000} million texts within the cap's days" in PAGE
    assert f"5 million points may have {most // AUDIENCE}" in PAGE
