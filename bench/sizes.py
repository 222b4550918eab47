"""What a function unzips to: the layer and its own code, as `sam build` makes them."""

from __future__ import annotations

from typing import Final

from bench.figures import Figure
from sandbox.stack.build import TEMPLATE, build, source_hash
from sandbox.stack.layout import layout

_MEGABYTE: Final = 1024 * 1024
_GOAL: Final = 120.0  # reliability.md 36; Lambda itself refuses more than 250
_LAYER: Final = "SharedLayer"


def sizes() -> list[Figure]:
    """Return the sizes of the build of these sources; it is made first if there is none."""
    build(source_hash(), layout())
    folders = sorted(each.name for each in TEMPLATE.parent.iterdir() if each.is_dir())
    functions = [name for name in folders if name != _LAYER]
    layer = _size(_LAYER)
    largest = max(functions, key=_size)
    return [
        Figure("size.layer", layer, "MB", note="unzipped, .pyc files included"),
        *(Figure(f"size.{name}", _size(name) * 1024, "KB") for name in functions),
        Figure("size.total", layer + _size(largest), "MB", goal=_GOAL, note=f"layer + {largest}"),
    ]


def _size(folder: str) -> float:
    files = (each for each in (TEMPLATE.parent / folder).rglob("*") if each.is_file())
    return sum(each.stat().st_size for each in files) / _MEGABYTE
