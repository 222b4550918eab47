"""The emulator's scratch folder: every worker unpacks code into it, and none of it is kept."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Nobody waits for it, so it lets everybody else go first.
_DELETE: Final = """
import os, shutil, sys
os.nice(19)
for folder in sys.argv[1:]:
    shutil.rmtree(folder, ignore_errors=True)
"""


def discard(folder: Path) -> None:
    """Let the folder be gone at once; a process that outlives us deletes what was in it.

    After a burst it holds gigabytes in a hundred thousand files. What an earlier process did not
    finish (somebody switched the machine off) is deleted with it.
    """
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.gone"))
    if gone := sorted(leftovers(folder)):
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _DELETE, *map(str, gone)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield what is left to delete of this folder."""
    yield from folder.parent.glob(f"{folder.name}.*.gone")
