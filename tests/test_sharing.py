"""A run that two processes share says what one process would say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HANGS

CONFTEST = """
import os, sys
sys.path.insert(0, {folder!r})
from sharing import CLAIMS, Sharing

DIES = {dies} and CLAIMS in os.environ

def pytest_configure(config):
    config.pluginmanager.register(Sharing(config, []))

def pytest_runtest_call(item):
    if DIES:
        with open("ran", "a") as file:
            file.write(f"nothing {{os.getpid()}}\\n")
        os._exit(0)
"""
FILE = """
import os, time
from pathlib import Path
import pytest

def test_ran(request):
    with open("ran", "a") as file:
        file.write(f"{request.node.nodeid} {os.getpid()}\\n")
    end = time.monotonic() + 20          # so that both processes get a file
    while "WAIT" in os.environ and time.monotonic() < end:
        if len({line.split()[1] for line in Path("ran").read_text().splitlines()}) == 2:
            break

def test_fails():
    assert "a" == "b"

@pytest.mark.skip(reason="not here")
def test_skipped():
    pass
"""
two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="on one core nothing is shared")


def run(folder, *arguments, dies=False):
    """Run pytest over four files; returns its output, its status, and (test, process) of what ran."""
    for number in range(4):
        (folder / f"test_{number}.py").write_text(FILE, encoding="utf-8")
    conftest = CONFTEST.format(folder=str(Path(__file__).parent), dies=dies)
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -rfs\n", encoding="utf-8")
    waiting = {} if arguments else {"WAIT": "1"}
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder, capture_output=True,
                          encoding="utf-8", timeout=HANGS, env={**os.environ, **waiting})
    ran = (folder / "ran").read_text(encoding="utf-8").splitlines()
    return done.stdout, done.returncode, [line.split() for line in ran]


@two_cores
def test_every_test_runs_once_in_one_of_two_processes_and_the_first_reports_all(tmp_path):
    output, status, ran = run(tmp_path)
    assert sorted(test for test, _ in ran) == [f"test_{number}.py::test_ran" for number in range(4)]
    assert len({process for _, process in ran}) == 2
    assert status == 1 and "4 failed, 4 passed, 4 skipped" in output and output.count(": not here") == 4
    for number in range(4):
        assert f"FAILED test_{number}.py::test_fails - AssertionError: assert 'a' == 'b'" in output


@pytest.mark.parametrize("arguments", [("-x",), ("test_0.py", "test_1.py")], ids=str)
def test_what_needs_one_process_gets_one(arguments, tmp_path):
    _, status, ran = run(tmp_path, *arguments)
    assert status == 1 and len({process for _, process in ran}) == 1


@two_cores
def test_a_second_process_that_dies_is_an_error_and_no_smaller_run(tmp_path):
    output, status, _ = run(tmp_path, dies=True)
    assert status == 3 and "the second process ended with status 0 before test_" in output
