"""The watch over all that tests put out is tried on tests that let something out."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.canaries import FIRST_NAME

_CONFTEST = """
from tests.support import canary_watch
def pytest_configure(config):
    canary_watch.install(config)
"""
NUMBER = "+1" + "5551234567"
LEAKS = {
    "stdout": f"def test_it(): print('to {NUMBER}')",
    "stderr": "import sys\ndef test_it(): print('ck_' + 'a' * 43, file=sys.stderr)",
    "taken": "def test_it(capsys): print('ana@' + 'example.com'); capsys.readouterr()",
    "log": f"import logging\ndef test_it(): logging.getLogger().error('{FIRST_NAME} is here')",
    "import": f"print('{NUMBER}')\ndef test_it(): pass",
    "setup": "import pytest\n@pytest.fixture\ndef a(): print('whsec_' + 'a' * 44)\n"
    "def test_it(a): pass",
    "marked_without_a_reason": "import pytest\n@pytest.mark.prints_canaries\ndef test_it(): pass",
}
_WARNED = "+1" + "5550009999"
FINE = {
    "warning": f"import warnings\ndef test_it(): warnings.warn('no {_WARNED}')",
    "nothing": "def test_it(): print('ev_cef5e5ce45584df6502e8d91 1795294715152')",
    "marked": "import pytest\n@pytest.mark.prints_canaries('on purpose')\n"
    f"def test_it(): print('{NUMBER}')",
}


@pytest.fixture(scope="module", name="judged")
def _judged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run all of them, each a module of its own, and return what pytest said."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "conftest.py").write_text(_CONFTEST)
    for name, source in {**LEAKS, **FINE}.items():
        (folder / f"test_{name}.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", str(folder)]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command.append("--continue-on-collection-errors")
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=alone
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    return run.stdout


@pytest.mark.parametrize("name", LEAKS)
def test_whatever_lets_a_canary_out_fails(judged: str, name: str) -> None:
    """Reliability 37: each way out is searched, or a green run would prove nothing."""
    assert f"PASSED test_{name}.py" not in judged
    assert re.search(rf"(FAILED|ERROR) test_{name}\.py", judged)


@pytest.mark.parametrize("name", FINE)
def test_the_others_pass(judged: str, name: str) -> None:
    assert f"PASSED test_{name}.py" in judged


def test_a_warning_fails_the_run(judged: str) -> None:
    """Reliability 37: pytest hands warnings on when their test is judged already."""
    assert "canaries in warnings" in judged
    assert _WARNED in judged.partition("canaries in warnings")[2].splitlines()[1]
