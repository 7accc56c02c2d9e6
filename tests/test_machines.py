"""Every machine: what the test files import, and what is skipped where a system does not have it."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ONLY_ELSEWHERE, missing

from minispec.lab import blas

ROOT = Path(__file__).parent.parent
NOT_ON_WINDOWS = {"resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "posix", "readline"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/*.py")), ids=lambda path: path.name)
def test_a_test_file_can_be_imported_on_every_system(path):
    """One `import resource` at the top, and on Windows no test runs at all."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not {name.partition(".")[0] for name in names} & NOT_ON_WINDOWS


def test_what_a_system_does_not_have_is_skipped_with_the_reason():
    elsewhere = {word: (False, reason) for word, (_, reason) in ONLY_ELSEWHERE.items()}
    for source, reason in (
            ("os.mkfifo(path)", "named pipes"), ('run(["bash", "-c"])', "shell"), ("chmod(0o600)", "mode"),
                           ("{'arguments': ['--save', '/dev/full']}", "Linux"), ("link.symlink_to(a)", "links"),
                           ("open('/dev/null')", "/dev"), ("os.kill(os.getpid(), 9)", "os.kill")):
        assert reason in " ".join(missing(source, elsewhere)), source
    assert missing("def test(): assert 1 + 1 == 2", elsewhere) == []


def test_the_blas_library_is_named_with_the_kernel_where_it_is_openblas():
    name = blas.blas_name()
    assert name and ("openblas" not in name or f"kernel {blas.openblas_kernel()}" in name)


def test_a_blas_that_rounds_blocks_is_told_from_one_that_does_not(monkeypatch):
    """A product of doubles rounded once is the same for a row alone and in a block."""
    blas.blocks_round_differently.cache_clear()
    monkeypatch.setattr(blas, "row_products", np.matmul)
    assert not blas.blocks_round_differently()
    blas.blocks_round_differently.cache_clear()
    monkeypatch.setattr(blas, "row_products", lambda rows_TD, weight_DF: 2 * (rows_TD @ weight_DF))
    assert blas.blocks_round_differently()
    blas.blocks_round_differently.cache_clear()


def test_without_matplotlib_a_figure_says_what_to_install(tmp_path):
    code = """
import sys
sys.modules["matplotlib"] = None
from minispec.command import main
sys.exit(main(["bugs", "first-draft-only", "--figure", "figure.png"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "pip install matplotlib" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    """The package's code in a zip, as some programs ship it: there are no folders of models, bugs or notebooks."""
    folder = tmp_path_factory.mktemp("zipped")
    shutil.copytree(ROOT / "minispec", folder / "whole" / "minispec", ignore=shutil.ignore_patterns("__pycache__"))
    return shutil.make_archive(str(folder / "code"), "zip", folder / "whole")


@pytest.mark.parametrize("arguments", [["recall"], ["handout", "d"],
                                       ["bugs", "first-draft-only"]], ids=" ".join)
def test_from_a_zip_a_command_says_in_one_sentence_what_is_missing(arguments, zipped, tmp_path):
    done = subprocess.run([sys.executable, "-m", "minispec", *arguments], cwd=tmp_path, capture_output=True,
                          encoding="utf-8", env={**os.environ, "PYTHONPATH": zipped})
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "missing" in done.stderr or "no such file" in done.stderr or "no notebooks" in done.stderr
    assert list(tmp_path.iterdir()) == []
