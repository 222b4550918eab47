"""The emulator's scratch folder: every worker unpacks code into it, and none of it is kept."""

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Linux's folder in memory. A worker is three thousand files, and there are disks on which deleting
# them takes ten seconds: the emulator does that for each function of a deployment.
_MEMORY: Final = Path("/dev/shm")
# Twenty workers and as much again. A container often has 64 MB there: it unpacks on its disk.
_ROOM: Final = 4 * 1024**3

# Nobody waits for it, so it lets everybody else go first.
_DELETE: Final = """
import os, shutil, sys
os.nice(19)
for folder in sys.argv[1:]:
    shutil.rmtree(folder, ignore_errors=True)
"""


def make(folder: Path, memory: Path = _MEMORY, room: int = _ROOM) -> None:
    """Make the folder: a link into memory where there is room, else one on disk."""
    discard(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if memory.is_dir() and shutil.disk_usage(memory).free >= room:
        try:
            folder.symlink_to(tempfile.mkdtemp(prefix="concord-", dir=memory))
        except PermissionError:
            folder.mkdir()
    else:
        folder.mkdir()


def discard(folder: Path) -> None:
    """Let the folder be gone at once; a process that outlives us deletes what was in it.

    After a burst it holds gigabytes in a hundred thousand files. What an earlier process did not
    finish (somebody switched the machine off) is deleted with it.
    """
    gone = []
    if folder.is_symlink():
        gone.append(folder.readlink())
        folder.unlink()
    elif folder.exists():
        folder.rename(folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.gone"))
    if gone := sorted([*gone, *leftovers(folder)]):
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _DELETE, *map(str, gone)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield what is left to delete of this folder on disk."""
    yield from folder.parent.glob(f"{folder.name}.*.gone")
