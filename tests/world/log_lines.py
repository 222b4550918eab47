"""What the functions log, for a test to look through: capfd sees none of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from concord.entrypoint.observability import LOG


@contextmanager
def log_lines() -> Iterator[StringIO]:
    """Catch what our logger writes: its handler holds the stdout of the time of its import."""
    handler = LOG.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    caught = StringIO()
    before = handler.setStream(caught)
    try:
        yield caught
    finally:
        handler.setStream(before or sys.stdout)
