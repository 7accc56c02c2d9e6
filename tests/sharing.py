"""Two processes for one run of several files: each takes the next file that the other has not taken.

Invariant: both collect the same tests, and the first reports all of them; a test that neither has run is an error.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

CLAIMS = "MINISPEC_CLAIMS"               # tells the second process the folder that holds a folder for each file taken
# begun first, so that nobody waits for them at the end
LONGEST = ("test_notebooks", "test_matrix", "test_browser", "test_bugs", "test_figures", "test_site", "test_verdict")
# options for which one process is right: a debugger, a run that stops early, what only one may write
ALONE = ("collectonly", "usepdb", "trace", "maxfail", "stepwise", "xmlpath", "setuponly", "setupplan")


class Sharing:
    """This process's part of the run."""

    def __init__(self, config, measured: list[str]):
        """measured: lines to print behind the tests, which the second process hands on."""
        folder = os.environ.pop(CLAIMS, None)        # not for a pytest that a test starts
        self.config, self.measured = config, measured
        self.folder = folder and Path(folder)
        self.is_second = folder is not None
        self.second, self.read = None, 0             # the other process, and how much of its report was read
        self.ours, self.not_reported, self.found = {}, set(), []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """The longest files first; the rest as they stand."""
        items.sort(key=lambda item: item.path.stem not in LONGEST)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtestloop(self, session):
        """Start the second process before the tests, and wait for it behind them."""
        files = {item.path for item in session.items}
        alone = any(self.config.getoption(name, None) for name in ALONE) or self.config.getoption("capture") == "no"
        if self.is_second or alone or len(files) < 4 or (os.cpu_count() or 1) < 2:
            yield
            return
        self.not_reported = {item.nodeid for item in session.items}
        with tempfile.TemporaryDirectory(prefix="minispec-tests-") as folder:
            self.folder = Path(folder)
            self.second = subprocess.Popen(
                [sys.executable, "-m", "pytest", *self.config.invocation_params.args],
                cwd=self.config.invocation_params.dir, env={**os.environ, CLAIMS: folder}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL)
            try:
                yield
                while self.second.poll() is None:
                    self.show()
                    time.sleep(0.2)
                self.show()
            finally:
                self.second.kill()
                self.second.wait()
        if self.not_reported:
            raise RuntimeError(f"the second process ended with status {self.second.returncode} before "
                               f"{min(self.not_reported)} was run")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        """Pass over a test whose file is the other's."""
        return None if self.folder is None or self.takes(item.path.stem) else True

    def takes(self, file: str) -> bool:
        """Whether the file is ours, which is asked once: who makes its folder has it."""
        if file not in self.ours:
            self.hand_on()
            self.show()
            try:
                (self.folder / file).mkdir()
                self.ours[file] = True
            except FileExistsError:
                self.ours[file] = False
        return self.ours[file]

    def pytest_runtest_logreport(self, report):
        """The first process ticks off what is reported; the second keeps it until a file is done."""
        self.not_reported.discard(report.nodeid)
        if self.is_second:
            self.found.append(self.config.hook.pytest_report_to_serializable(config=self.config, report=report))

    def pytest_sessionfinish(self):
        """What was measured goes after the reports."""
        self.found.append(self.measured)
        self.hand_on()

    def hand_on(self) -> None:
        """In the second process: write what was found for the first, a line each."""
        if self.is_second:
            with open(self.folder / "reports", "a", encoding="utf-8") as file:
                file.writelines([json.dumps(data) + "\n" for data in self.found])
            self.found = []

    def show(self) -> None:
        """Report what the second process has written since the last time, as if it had been found here."""
        path = self.folder / "reports"
        if self.is_second or not path.exists():
            return
        found = path.read_bytes()[self.read:]
        whole = found[:found.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.splitlines():
            data = json.loads(line)
            if isinstance(data, list):
                self.measured += data
                continue
            if isinstance(data["longrepr"], list):   # of a skip: file, line and reason, in JSON no tuple any more
                data["longrepr"] = tuple(data["longrepr"])
            report = self.config.hook.pytest_report_from_serializable(config=self.config, data=data)
            self.config.hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
            self.config.hook.pytest_runtest_logreport(report=report)
