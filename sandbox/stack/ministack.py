"""MiniStack alone, for as long as somebody needs it: nothing is deployed to it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.stack import scratch
from sandbox.stack.layout import MINISTACK
from sandbox.stack.processes import answers, free_ports, start, stop, wait_for
from sandbox.stack.tools import ministack_command, ministack_environment


@contextmanager
def running() -> Iterator[str]:
    """Start it on a free port, yield its address, stop it; StackError when it cannot be had.

    It gets a folder of its own, so it disturbs no stack that is up.
    """
    with tempfile.TemporaryDirectory() as folder:
        log, work = Path(folder) / "ministack.log", Path(folder) / "tmp"
        scratch.make(work)
        (port,) = free_ports(1)
        server = start("MiniStack", ministack_command(), ministack_environment(port, work), log)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(server, lambda: answers(f"{url}/_ministack/health"), log, 60)
            yield url
        finally:
            stop(server)
            scratch.discard(work)


def version() -> str:
    """Return the version that is pinned."""
    return MINISTACK.partition("==")[2]
