"""Guard: a handler needs nothing that Lambda does not give it.

MiniStack runs functions on its own interpreter and packages, so what the layer lacks passes there.
"""

import subprocess
import sys

import pytest

from sandbox.stack.build import TEMPLATE, build, source_hash
from sandbox.stack.layout import layout
from tests.template.cfn import functions

pytestmark = pytest.mark.e2e

IMPORT = "import importlib, sys; sys.path[:0] = sys.argv[2:]; importlib.import_module(sys.argv[1])"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build(source_hash(), layout())


@pytest.mark.parametrize("name", sorted(functions()))
def test_handler_imports_with_layer_and_function_alone(name: str) -> None:
    """No site packages, no checkout, and no environment but what Lambda itself sets."""
    module = functions()[name]["Handler"].rpartition(".")[0]
    output = TEMPLATE.parent
    paths = [str(output / name), str(output / "SharedLayer" / "python")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORT, module, *paths],
        env={"AWS_REGION": "us-east-1"},
        cwd=output,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
