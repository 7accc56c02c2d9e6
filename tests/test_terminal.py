"""The same steps in a terminal, forward and back, and the commands that show and write them."""

import io
import os
import re
import select
import subprocess
import sys
from dataclasses import replace

import pytest
from stage_cases import NASTY, many_traces, mixed_trace, moon_trace

from minispec.command import main
from minispec.views import terminal
from minispec.views.keys import command_of
from minispec.views.stage.steps import steps
from minispec.views.text import display_width


def slow(trace):
    return [step for step in steps(trace) if step.level != "short"]


def session(trace, typed):
    """The numbers of the steps that were shown, and everything written."""
    out = io.StringIO()
    assert terminal.step_through(trace, io.StringIO(typed), out) == 0
    return [int(number) for number in re.findall(r"(?m)^(?:> ?)?(\d+) of \d+ · ", out.getvalue())], out.getvalue()


def test_enter_goes_on_b_goes_back_numbers_jump_and_q_ends():
    shown = slow(moon_trace())
    total = len(shown)
    first = {step.round: place for place, step in reversed(list(enumerate(shown, start=1)))}
    assert session(moon_trace(), "\n\nb\n9\nq\n\n\n")[0] == [1, 2, 3, 2, 9]
    assert session(moon_trace(), f"b\n{total}\n\nb\n")[0] == [1, 1, total, total, total - 1]
    assert session(moon_trace(), "r\nr\n\nR\nR\nR\nR\n")[0] == [
        1, first[1], first[2], first[2] + 1, first[2], first[1], 1, 1]
    numbers, text = session(moon_trace(), "0\n999\n99999999999999999999\nwhat\nq\n")
    assert numbers == [1] * 5 and text.count(f"There are steps 1 to {total}.") == 3
    assert "'what' does nothing here" in text


def test_the_end_of_the_input_ends_it_also_where_it_is_closed():
    """As in `python -m minispec step < /dev/null`, in a test, and with `<&-`, where Python has no sys.stdin at all."""
    assert session(moon_trace(), "")[0] == [1] and session(moon_trace(), "\n")[0] == [1, 2]
    out = io.StringIO()
    assert terminal.step_through(moon_trace(), None, out) == 0 and out.getvalue().endswith("> \n")


@pytest.mark.parametrize("width", [40, 100])
def test_no_line_is_wider_than_the_terminal_and_no_sentence_is_lost(width):
    for trace in many_traces()[::3]:
        shown = slow(trace)
        for place, step in enumerate(shown):
            text = terminal.screen(trace, shown, place, width)
            assert max(map(display_width, text.split("\n"))) <= width
            assert step.say in " ".join(text.split("\n"))


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rows", [8, 12, 24])
def test_on_a_low_screen_the_sentence_stays_and_what_is_left_off_is_said(monkeypatch, rows):
    for name, value in (("COLUMNS", "80"), ("LINES", str(rows)), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    cut = 0
    for trace in (moon_trace(), mixed_trace(2, 30, new_tokens=50, wrong=25)):
        out = Screen()
        terminal.step_through(trace, io.StringIO("\n" * (len(slow(trace)) - 1)), out)
        for step, text in zip(slow(trace), out.getvalue().split("\033[2J\033[H")[1:], strict=True):
            assert len(text.rstrip("\n").split("\n")) <= rows and step.say in " ".join(text.split("\n"))
            cut += "more lines" in text
    assert cut > 0


def test_a_page_shows_the_drafts_what_the_target_says_and_both_caches():
    trace = moon_trace()
    shown = slow(trace)
    place = [(step.round, step.beat) for step in shown].index((1, "roll back"))
    rolled = terminal.screen(trace, shown, place, 100)
    for part in ("✓ jumped", "✓ over", "✗ the", "· moon", "↳ a", "target 4, draft 4"):
        assert part in rolled
    for name in ("target’s", "draft’s"):
        [cells] = [line for line in rolled.split("\n") if line.startswith(name)]
        assert re.sub("[^■░_|]", "", cells) == ("■■■■|░░_" if name == "target’s" else "■■■■|░__")
    judged = terminal.screen(trace, shown, place - 3, 100)
    assert "draft: highest logit" in judged and "target: highest logit" in judged


@pytest.mark.parametrize("width", [60, 79, 130])
def test_every_cell_of_both_caches_stands_under_the_word_of_its_position(width):
    """By columns of the terminal, in which some characters are two wide; and the carets stand at the lengths."""
    texts = ("今天天气", " 😀", " word", " a\u0301cute", " longer-than-others", ".", " tale")
    for trace in (replace(mixed_trace(seed, 6, new_tokens=30, wrong=30), texts=texts * 3) for seed in range(2)):
        shown = slow(trace)
        for place, step in list(enumerate(shown))[1:-1:3]:
            lines = terminal.screen(trace, shown, place, width).split("\n")
            starts = [number for number, line in enumerate(lines) if line.startswith("position  ")]
            seen = {}
            for start in starts:
                heads = [(display_width(lines[start][:found.start()]), int(found[0]))
                         for found in re.finditer(r"\d+", lines[start])]
                row = lines[start + 1] + " " * width
                widths = [display_width(row[:end]) for end in range(len(row) + 1)]
                for at, _ in heads:      # no word begins before its column
                    assert row[:widths.index(at)].endswith("  ")
                for model, line in enumerate(lines[start + 3:start + 5]):
                    cells = [(display_width(line[:found.start()]), found[0])
                             for found in re.finditer(r"\|?[■▨≠□░_]", line[15:])]
                    assert [at + 15 for at, _ in cells] == [at for at, _ in heads]
                    seen.update({(model, position): cell for (_, position), (_, cell) in zip(heads, cells)})
            assert seen
            for (model, position), cell in seen.items():
                assert cell.strip("|") == step.strips[model][position - step.first]
                assert cell.startswith("|") == (position == step.lengths[model])


def test_n_and_p_lead_to_the_rejections():
    trace = mixed_trace(2, 4, new_tokens=40, wrong=30)
    shown = slow(trace)
    wrong = [place for place, step in enumerate(shown, start=1) if step.beat == "judge" and "rejected" in step.say]
    assert len(wrong) > 1
    numbers, text = session(trace, "n\n" * (len(wrong) + 1) + "p\np\n")
    assert numbers == [1, *wrong, wrong[-1], *wrong[-2::-1], *[wrong[0]] * (3 - len(wrong))] and "There is no rejection after this step." in text


def test_every_key_of_a_presenter_is_a_command():
    keys = {"\x1b[C": "", "\x1b[6~": "", " ": "", "\r": "", "\x1b[D": "b", "\x1b[5~": "b", "\x7f": "b", "\x1b[B": "r",
            "\x1b[A": "R", "\x1bOC": "", "\x1bOD": "b", "\x04": "q", "n": "n", "p": "p", "x": "x"}
    assert {key: command_of(key) for key in keys} == keys


def read_until(terminal, sign):
    """Read what a terminal shows until the sign has come, and the prompt behind it."""
    heard = ""
    while sign not in heard or not heard.endswith("> "):
        assert select.select([terminal], [], [], 60)[0], (sign, heard[-300:])
        heard += os.read(terminal, 65536).decode("utf-8", "ignore")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_in_a_terminal_single_keys_are_enough_and_it_is_left_as_it_was():
    """Arrows, space, PageDown, a wrong key, a number and Enter; no key needs Enter, and q ends it."""
    import pty
    import termios
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    arguments = [sys.executable, "-m", "minispec", "step", "The cat sat", "--tau", "3", "--new-tokens", "6"]
    with subprocess.Popen(arguments, stdin=slave, stdout=slave, stderr=slave) as process:
        try:
            read_until(master, "[H1 of ")
            for key, sign in ((b" ", "[H2 of "), (b"\x1b[C", "[H3 of "), (b"\x1b[D", "[H2 of "), (b"\x1b[6~", "[H3 of "),
                              (b"x", "'x' does nothing here"), (b"\x1b[5~", "[H2 of "), (b"7\r", "[H7 of "),
                              (b"\x1b[A", "[H2 of "), (b"  ", "[H4 of ")):
                os.write(master, key)
                read_until(master, sign)
            os.write(master, b"q")
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_colour_is_for_terminals_only_and_no_color_switches_it_off(monkeypatch):
    """Codes in a file or for a screen reader are noise; the glyph says the same."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033" not in session(moon_trace(), "9\n")[1]
    painted, plain = Screen(), Screen()
    terminal.step_through(moon_trace(), io.StringIO("9\n"), painted)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.step_through(moon_trace(), io.StringIO("9\n"), plain)
    assert "\033[38;5;29m" in painted.getvalue() and "m" not in re.findall("\033\\[[0-9;]*([a-zA-Z])", plain.getvalue())
    assert re.sub("\033\\[[0-9;]*m", "", painted.getvalue()) == plain.getvalue()


def test_no_token_can_send_codes_to_the_terminal():
    trace = replace(moon_trace(NASTY), target="\x1b[2J")
    shown = slow(trace)
    for place in range(len(shown)):
        text = terminal.screen(trace, shown, place, 80).replace("\n", "")
        assert text.isprintable(), repr(text)


def test_page_and_terminal_need_numpy_only():
    """No figure library and no widgets: they must open where only the core is installed."""
    code = ("import sys, minispec.views, minispec.views.terminal\n"
            "assert not {'matplotlib', 'IPython', 'ipywidgets'} & {name.split('.')[0] for name in sys.modules}")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ------------------------------------------------------------------------------------------------- the command line

def test_the_step_command_steps_through_a_decode_by_lines(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("\nb\n\n\nq\n"))
    assert main(["step", "The cat sat", "--tau", "3", "--new-tokens", "6"]) == 0
    written = capsys.readouterr()
    shown = re.findall(r"(?m)^(?:> )?(\d+) of \d+ · (.*)$", written.out)
    assert [number for number, _ in shown] == ["1", "2", "1", "2", "3"] and written.err == ""
    assert shown[-1][1] == "Round 1 · draft 2" and main(["step", ""]) == 2


def test_the_html_option_writes_the_page_with_the_race_beside_the_table(tmp_path, capsys):
    prompt = "<script>alert(1)</script> & a cat"
    assert main([prompt, "--new-tokens", "9", "--html", str(tmp_path / "trace.html")]) == 0
    assert "mean acceptance length" in capsys.readouterr().out
    page = (tmp_path / "trace.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2 and '"kind":"race"' in page
    assert main(["--html", str(tmp_path / "nowhere" / "trace.html"), "--new-tokens", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
