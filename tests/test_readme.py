"""The README tells the truth: its code runs, its output is the real one, its commands exist."""

import inspect
import io
import re
import shlex
import textwrap
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from minispec import speculative_round
from minispec.command import COMMANDS, main, parse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = README.splitlines()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """The arguments of every `python -m minispec …` in the README, in code blocks and in the text."""
    pages = (ROOT / "README.md", *sorted((ROOT / "minispec").rglob("README.md")))
    texts = [path.read_text(encoding="utf-8") for path in pages]
    found = re.findall(r"python -m minispec([^`&\n)]*)", "\n".join(texts))
    return [shlex.split(each, comments=True) for each in found]


def test_the_first_25_lines_say_what_it_is_how_to_run_it_and_what_it_prints():
    """Who opens the page on a projector has the two commands and the beginning of the result without scrolling."""
    beginning = "\n".join(LINES[:25])
    assert "python -m pip install -r requirements.txt && python -m minispec\n" in beginning
    assert "python -m pip install -r requirements.txt && python -m pytest\n" in beginning
    assert "round  context  drafts" in beginning
    assert "✓" in beginning


def test_the_python_examples_run_and_print_what_their_comments_say():
    for source in blocks("python"):
        expected = re.findall(r"^print\(.*\)  +# (.*)$", source, flags=re.MULTILINE)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(source, "README.md", "exec"), {})
        lines = printed.getvalue().splitlines()
        assert len(lines) == len(expected) > 0
        for line, comment in zip(lines, expected):
            assert comment.startswith(line), (line, comment)


def untimed(line: str) -> str:
    """A line without what another machine measures."""
    return re.sub(r"[\d.]+ × (faster|slower)", r"N × \1", line)


def test_the_printed_result_is_what_the_command_prints(capsys, monkeypatch):
    """Rounds and counts to the letter, where "…" stands for lines left out; how much faster is this machine's own."""
    monkeypatch.setenv("COLUMNS", "100")
    assert main([]) == 0
    printed = iter(map(untimed, capsys.readouterr().out.splitlines()))
    shown = [untimed(line) for line in blocks("text")[0].splitlines() if line != "…"]
    assert shown[0] == "Same text, 19 target passes instead of 152, N × faster."
    for line in shown:
        assert line in printed, line                         # `in` reads on: the order counts too
    for glyph in "✓✗·↳★":
        assert any(f"{glyph} " in line for line in shown), "all five verdicts"


def test_the_round_in_the_readme_is_the_source_without_its_clock():
    source = inspect.getsource(speculative_round)
    start, end = source.index("    # 1. "), source.index("    return Round(")
    lines = [line for line in textwrap.dedent(source[start:end]).splitlines() if "perf_counter" not in line]
    assert blocks("py") == ["\n".join(lines).rstrip() + "\n"]


def test_the_readme_fits_a_sitting():
    assert len(LINES) <= 120


def test_the_line_counts_of_the_reading_path_are_about_right():
    """Within a dozen lines: nobody counts them again for a comment."""
    rows = re.findall(r"^\| \[\S+\]\((\S+\.py)\) \|.*\| (\d+) \|$", README, re.M)
    assert len(rows) == 8
    for name, count in rows:
        assert abs(len((ROOT / name).read_text(encoding="utf-8").splitlines()) - int(count)) <= 12, name


READMES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("README.md")
                 if not {".git", "node_modules", "golden"} & set(path.parts))


@pytest.mark.parametrize("name", READMES)
def test_every_link_of_a_readme_leads_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert link.startswith("http") or (ROOT / name).parent.joinpath(link).exists(), link


def test_the_notebooks_are_listed_as_they_list_themselves():
    """One question for each, and the minutes, in README.md as in notebooks/README.md."""
    listed = re.findall(r"^\| (\d\d) \| \[([^\]]+)\]\(notebooks/([^)]+)\) \| (.*) \| (\d+) \|$", README, re.M)
    assert [file for _, _, file, _, _ in listed] == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    own = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    for number, title, file, question, minutes in listed:
        assert f"| [{number} · {title}]({file}) | {minutes} | {question} |" in own, number


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_in_the_readme_is_understood(arguments):
    """An option that was renamed would otherwise live on in the README."""
    needed = ["--output", "model"] if arguments[:1] == ["train"] and "--output" not in arguments else []
    parse(arguments + needed)


def test_every_file_that_the_readme_names_exists():
    named = re.findall(r"minispec/[a-z_]+(?:/|\.py)", README)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
