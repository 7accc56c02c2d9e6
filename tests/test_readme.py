"""The README tells the truth: its code runs, its output is the real one, its commands exist."""

import argparse
import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from minispec.command import COMMANDS, decode_parser, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = README.splitlines()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """The arguments of every `python -m minispec …` in the README, in code blocks and in the text."""
    found = re.findall(r"python -m minispec([^`&\n)]*)", README)
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


def test_the_printed_result_is_what_the_command_prints(capsys, monkeypatch):
    """Text, rounds and counts to the letter; the seconds are this machine's own."""
    monkeypatch.setenv("COLUMNS", "100")
    assert main([]) == 0
    printed = capsys.readouterr().out.splitlines()
    shown = blocks("text")[0].splitlines()
    timed = re.compile(r"(seconds|speed-up|predicted) ")
    assert [line for line in shown if not timed.match(line)] == [line for line in printed if not timed.match(line)]
    assert sum(bool(timed.match(line)) for line in shown) == 3


def test_the_printed_result_has_a_round_of_every_kind():
    """The first decode that a class sees must show what its legend names: all five verdicts."""
    rounds = blocks("text")[0].split("target adds\n")[1].split("\n\n")[0]
    for glyph in "✓✗·↳★":
        assert f"{glyph} " in rounds


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_in_the_readme_is_understood(arguments):
    """An option that was renamed would otherwise live on in the README."""
    if arguments and arguments[0] in COMMANDS:
        parser = argparse.ArgumentParser()
        COMMANDS[arguments[0]][0].add_arguments(parser)
        if "--output" in arguments or arguments[0] != "train":
            parser.parse_args(arguments[1:])
    else:
        decode_parser().parse_args(arguments)


def test_every_file_that_the_readme_names_exists():
    named = re.findall(r"minispec/[a-z_]+(?:/|\.py)", README)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
