"""How far an import has come, kept beside the CSV, so that an interrupted one can go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cli.errors import usage_error


@dataclass
class ImportState:
    """A checkpoint: `parts` parts of `file_sha256` are done, with these counts by result.

    A file is always cut as it was when its import began: `rows_per_part` was 250 once.
    """

    file_sha256: str
    connection_id: str
    api_url: str
    attestation: str
    rows_per_part: int = 250
    parts: int = 0
    rows: int = 0
    errors_length: int = 0
    results: dict[str, int] = field(default_factory=dict)

    def is_of(self, other: ImportState) -> bool:
        """Whether both are the same file going to the same place."""
        mine = (self.file_sha256, self.connection_id, self.api_url)
        return mine == (other.file_sha256, other.connection_id, other.api_url)

    def count(self, result: str) -> None:
        """Count one row."""
        self.rows += 1
        self.results[result] = self.results.get(result, 0) + 1

    def save(self, file: Path) -> None:
        """Replace the checkpoint, whole or not at all."""
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        fresh.replace(file)


def load_state(file: Path) -> ImportState | None:
    """Return the checkpoint, if there is one. Raises CommandError for a file that is not ours."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        return ImportState(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise usage_error(f"{file} is not a checkpoint of an import", "use --restart") from error
