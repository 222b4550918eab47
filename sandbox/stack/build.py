"""`sam build` for this machine, done again only when a source changed."""

import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from sandbox.stack.layout import BUILD, ROOT, Layout
from sandbox.stack.tools import architecture, sam
from scripts.trim_layer import precompile, trim

_SOURCES = (
    "template.yaml",
    "samconfig.toml",
    "functions",
    "layers/shared",
    # Not deployed, and decides what is.
    "scripts/trim_layer.py",
)
_HASH_FILE = BUILD / "source.sha256"
TEMPLATE = BUILD / "out" / "template.yaml"


def source_hash() -> str:
    """Return a hash over everything that says what is deployed."""
    digest = hashlib.sha256(architecture().encode())
    for path in _files():
        digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build(wanted: str, where: Layout) -> bool:
    """Build the sources of this hash; False when the last build was made of the same ones."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        # Two stacks of one checkout share the build, so they take turns.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if TEMPLATE.exists() and _HASH_FILE.exists() and _HASH_FILE.read_text() == wanted:
            return False
        _HASH_FILE.unlink(missing_ok=True)
        arguments = ["build", "--cached", "--parallel"]
        places = ["--build-dir", str(TEMPLATE.parent), "--cache-dir", str(BUILD / "cache")]
        overrides = ["--parameter-overrides", f"Architecture={architecture()}"]
        sam([*arguments, *places, *overrides], where.log("sam-build"))
        layer = TEMPLATE.parent / "SharedLayer" / "python"
        trim(layer)
        precompile(layer)
        _HASH_FILE.write_text(wanted)
        return True


def _files() -> Iterator[Path]:
    for name in _SOURCES:
        source = ROOT / name
        if source.is_file():
            yield source
            continue
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
