"""Where the local stack keeps its files, and the versions of the tools it runs."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SAM = "aws-sam-cli==1.170.0"
MINISTACK = "ministack==1.5.33"
# Without the translator MiniStack refuses SAM templates. Pinned: every machine runs the same.
MINISTACK_WITH = ("aws-sam-translator==1.115.0", "boto3==1.43.106")

REGION = "us-east-1"
ACCOUNT = "000000000000"  # MiniStack's only account
STACK_NAME = "concord-local"
STAGE = "local"
OPERATOR = "concord-operator"


@dataclass(frozen=True)
class Layout:
    """The files of one instance; CONCORD_LOCAL_DIR names another one beside it."""

    directory: Path

    @property
    def stack_file(self) -> Path:
        return self.directory / "stack.json"

    @property
    def pids_file(self) -> Path:
        return self.directory / "pids.json"

    def log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    @property
    def scratch(self) -> Path:
        return self.directory / "tmp"


# One build serves every instance: it depends on the sources and on nothing else.
BUILD = ROOT / ".local" / "build"


def layout() -> Layout:
    """Return the files of the instance that the environment names."""
    named = os.environ.get("CONCORD_LOCAL_DIR") or ".local"
    return Layout((ROOT / named).resolve())
