"""`make requirements`: what the layer ships, exported from uv.lock."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "layers" / "shared" / "requirements.txt"
HEADER = "# Exported from uv.lock by `make requirements`; do not edit.\n"


def export() -> str:
    """Return the content that requirements.txt should have."""
    # As text of a command and not by uv's own header, which names the command's paths.
    choice = ["--no-dev", "--no-default-groups", "--no-emit-project"]
    form = ["--no-hashes", "--no-header", "--no-annotate"]
    command = [str(Path(sys.prefix, "bin", "uv")), "export", "--quiet", "--frozen", *choice, *form]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return HEADER + done.stdout


if __name__ == "__main__":
    REQUIREMENTS.write_text(export())
