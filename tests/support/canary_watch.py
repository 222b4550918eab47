"""Searches all that the run of any test puts out (stdout, stderr, log, warnings) for canaries."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any, Final

import pytest

from tests.support.canaries import found_in

MARKER: Final = "prints_canaries"
_READ: Final = "readouterr"
_HELP: Final = f"{MARKER}(why): this test puts personal data out on purpose"


def install(config: pytest.Config) -> None:
    """Watch every test of this run."""
    watch = CanaryWatch(config)
    watch.watch_fixtures()
    config.pluginmanager.register(watch, "canary_watch")


class CanaryWatch:
    """Fails what let a canary out, whatever else it proved.

    What a test takes from capsys or capfd is searched too. Without capturing (-s) there is nothing
    to search but warnings.
    """

    def __init__(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", _HELP)
        # With xdist the controller hears of every worker's warnings.
        self._is_worker = hasattr(config, "workerinput")
        self._taken: list[str] = []
        self._in_warnings: set[str] = set()
        self._read = pytest.CaptureFixture.readouterr

    def watch_fixtures(self) -> None:
        """Note what tests read off their capture fixtures: pytest itself shows only the rest."""
        watch, read = self, self._read

        def readouterr(fixture: pytest.CaptureFixture[Any]) -> Any:
            result = read(fixture)
            watch._taken += [part for part in result if isinstance(part, str)]
            return result

        setattr(pytest.CaptureFixture, _READ, readouterr)

    def pytest_unconfigure(self) -> None:
        setattr(pytest.CaptureFixture, _READ, self._read)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge one phase of a test by what it put out."""
        report = yield
        said = [text for name, text in report.sections if name.endswith(f" {report.when}")]
        said, self._taken = said + self._taken, []
        marker = item.get_closest_marker(MARKER)
        if marker is not None and not "".join(map(str, marker.args)).strip():
            report.outcome, report.longrepr = "failed", f"say why: {_HELP}"
        if report.passed and marker is None and (hits := _hits(*said)):
            report.outcome, report.longrepr = "failed", f"{item.name} let out {hits}"
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Judge an import of a test module."""
        report = yield
        if report.passed and (hits := _hits(*(text for _, text in report.sections))):
            report.outcome = "failed"
            report.longrepr = f"{collector.name} let out {hits}"
        return report

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Remember what a warning says: its test is judged already when pytest hands it on."""
        self._in_warnings |= set(_hits(str(warning_message.message)))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._in_warnings and not self._is_worker:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._in_warnings:
            terminalreporter.section("canaries in warnings")
            terminalreporter.line(str(sorted(self._in_warnings)), red=True)


def _hits(*texts: str) -> list[str]:
    return sorted({hit for text in texts for hit in found_in(text)})
