"""What pre-commit asks of a file: YAML and JSON parse, no conflict marks, no secrets."""

import json
import re
import sys
from pathlib import Path

import yaml

_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
# Shapes that only a real secret has; test values are written so that they do not match.
_SECRETS = {
    "AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "GitHub token": re.compile(r"\bgh[pousr]_[0-9A-Za-z]{36}\b"),
    "Slack token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
    "Twilio key": re.compile(r"\bSK[0-9a-f]{32}\b"),
}


def faults(path: Path) -> list[str]:
    """Return what is wrong with one file; never the text that was found."""
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return []
    found = [f"looks like a {name}" for name, shape in _SECRETS.items() if shape.search(text)]
    if _CONFLICT.search(text):
        found.append("merge conflict marks")
    try:
        if path.suffix == ".json":
            json.loads(text)
        elif path.suffix in {".yaml", ".yml"}:
            # Composed and not loaded: CloudFormation's tags are no mistake.
            list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (ValueError, yaml.YAMLError) as error:
        found.append(f"does not parse: {type(error).__name__}")
    return found


def main(names: list[str]) -> int:
    """Check the named files; 1 if one of them has a fault."""
    lines = [f"{name}: {fault}" for name in names for fault in faults(Path(name))]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
