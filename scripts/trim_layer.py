"""Take out of a built layer what our code cannot import, and compile the rest.

`python -m scripts.trim_layer FOLDER`, after `sam build`; FOLDER is the layer's `python/`. A layer
that was not trimmed works the same: it is bigger, and slower to start.
"""

import argparse
import compileall
import shutil
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

# The services whose clients we build; tests/template/test_layer.py builds each of them.
SERVICES: Final = ("cloudwatch", "dynamodb", "pinpoint-sms-voice-v2", "sesv2", "sqs", "ssm")

# What goes, as patterns below the layer, each with the reason why nothing misses it.
UNUSED: Final = {
    "bin": "console scripts: a layer's python/ is on sys.path, not on PATH",
    "phonenumbers/geodata": "names of places; read by phonenumbers.geocoder alone",
    "phonenumbers/carrierdata": "names of carriers; read by phonenumbers.carrier alone",
    "phonenumbers/tzdata": "time zones of numbers; read by phonenumbers.timezone alone",
    "phonenumbers/shortdata/region_*.py": "emergency and short numbers; shortnumberinfo alone",
    "boto3/data": "models of boto3 resources: we use clients",
    "boto3/examples": "documentation",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js": "enable_swagger alone reads it",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css": "enable_swagger alone reads it",
    "certifi/tests": "tests",
    "**/*.pyi": "for type checkers",
    "*-stubs": "for type checkers",
    # The rest of *.dist-info stays: pydantic asks it for plugins, scanners for versions.
    "*.dist-info/RECORD": "the list for pip uninstall, which is no longer true",
}


def trim(layer: Path) -> None:
    """Remove what is not used below `layer`. Safe to repeat."""
    for path in [*_models(layer), *_named(layer)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            # It may have gone with its folder.
            path.unlink(missing_ok=True)


def _models(layer: Path) -> Iterator[Path]:
    """Yield the services that we do not call.

    The files beside their folders (endpoints, partitions, retries, defaults) serve every client.
    """
    for path in layer.glob("botocore/data/*"):
        if path.is_dir() and path.name not in SERVICES:
            yield path


def _named(layer: Path) -> Iterator[Path]:
    for pattern in UNUSED:
        yield from layer.glob(pattern)


def precompile(layer: Path) -> None:
    """Compile in advance: Lambda cannot write, so it would compile at every cold start.

    By hash and unchecked, because zip files do not keep times. What compileall cannot compile is
    left as it is: the interpreter says it better.
    """
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(layer, quiet=2, force=True, workers=0, invalidation_mode=mode)


def main() -> None:
    """Trim and compile the layer that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m scripts.trim_layer")
    parser.add_argument("layer", type=Path, help="the built layer's folder python/")
    layer = parser.parse_args().layer
    # Patterns remove things: not from a folder that is something else.
    if not (layer / "concord").is_dir():
        parser.error("this is no built layer of ours")
    trim(layer)
    precompile(layer)


if __name__ == "__main__":
    main()
