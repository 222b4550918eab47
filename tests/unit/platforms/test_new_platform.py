"""The scaffold makes a platform that works, in a copy of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.new_platform import FILES, REGISTRY, ScaffoldError, main, scaffold
from tests.unit.platforms.kit import ROOT

COPIED = ["layers/shared/concord", "events/webhooks", "tests/unit/platforms", "sandbox"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what a platform touches, and what its tests need."""
    for folder in COPIED:
        # Without this module, which would scaffold in the copy in turn.
        ignored = shutil.ignore_patterns("__pycache__", Path(__file__).name)
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(checkout), str(checkout / "layers" / "shared")])
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": path, "CONCORD_FUZZ": "quick"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_platform_passes_the_conformance_suite(checkout: Path) -> None:
    """Promise 6: a new platform is one folder and one registry line."""
    name = "zeta_text"
    before = (checkout / REGISTRY).read_text()
    written = scaffold(name, checkout)
    assert all(path.is_file() for path in written)
    after = (checkout / REGISTRY).read_text()
    assert set(after.splitlines()) - set(before.splitlines()) == {f'    "{name}": "{name}",'}
    suite = ["tests/unit/platforms", "-k", name]
    tests = _run(checkout, "pytest", "-rA", "-p", "no:cacheprovider", *suite)
    assert tests.returncode == 0, tests.stdout
    passed = [line for line in tests.stdout.splitlines() if line.startswith("PASSED")]
    for proof in ("is_complete", "fixture_parses", "stale", "wrong_secret", "sender_says"):
        assert any(proof in line and name in line for line in passed), proof


@pytest.mark.parametrize("name", ["acme", "zeta_text"])
def test_the_scaffold_is_clean(checkout: Path, name: str) -> None:
    written = [str(path) for path in scaffold(name, checkout) if path.suffix == ".py"]
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        result = _run(checkout, "ruff", *command, *written)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["", "Acme", "acme-text", "1st", "acme__x", "class", "../x"])
def test_a_name_that_is_no_folder_is_refused(checkout: Path, name: str) -> None:
    with pytest.raises(ScaffoldError):
        scaffold(name, checkout)


def test_nothing_is_overwritten(checkout: Path) -> None:
    before = (checkout / REGISTRY).read_text()
    for taken in ("twilio", "aws"):
        with pytest.raises(ScaffoldError):
            scaffold(taken, checkout)
    assert (checkout / REGISTRY).read_text() == before


def test_the_command_says_what_it_wrote(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["acme", "--root", str(checkout)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FILES) + 1 + 2
    assert main(["acme", "--root", str(checkout)]) == 1
    assert "exists already" in capsys.readouterr().err
