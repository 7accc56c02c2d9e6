"""`python -m minispec bugs`: what it shows of a bug is what both runs did, for one bug of every kind."""

import contextlib
import io
import re
from functools import cache, partial

import pytest

from minispec import greedy, load
from minispec.command import main
from minispec.commands import bugs_command
from minispec.teaching.bug import INVARIANTS, OUTCOMES
from minispec.teaching.bugs import diff, find_bug, load_bug
from minispec.teaching.cases import few_cases
from minispec.teaching.checks import CHECKS
from minispec.teaching.gallery import GALLERY
from minispec.teaching.matrix import CAUGHT, CRASHED, detection_matrix
from minispec.teaching.runs import RATES, decode_both, load_both

SHOWN = ("first-draft-only", "target-not-rolled-back", "positions-restarted", "own-token-counted", "one-cache-for-both",
         "block-products")
SOME_CASES = partial(detection_matrix, cases=few_cases()[::5])    # test_matrix asks all of them


@cache
def output(*arguments):
    """Exit status and what the command printed, with a wide terminal and the checks run on some cases."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setenv("COLUMNS", "110")
        patch.setattr(bugs_command, "detection_matrix", SOME_CASES)
        status = main(["bugs", *arguments])
    return status, out.getvalue()


def numbers(text, name):
    """The two columns of the table, by row."""
    rows = re.findall(r"^([a-z][a-z ]+?) {2,}(\S+) +(\S+)$", text, re.M)
    return {row: (left, right) for row, left, right in rows if row != "correct"}


def test_the_list_has_every_bug_under_the_promise_that_it_breaks():
    status, text = output()
    assert status == 0 and text.startswith(f"{len(GALLERY)} bugs")
    heads = {key: text.index(f"\n{key}  {promise}\n") for key, promise in INVARIANTS.items()}
    order = sorted(heads.values()) + [len(text)]
    flat = " ".join(text.split())
    for bug in GALLERY:
        place = text.index(f"\n    {bug.name} ")
        start = heads[bug.invariant]
        assert start < place < order[order.index(start) + 1], bug.name
        assert f"{bug.name} {bug.outcome} {bug.symptom.split()[0]}" in flat
    for name, meaning in OUTCOMES.items():
        assert f"{name:<14}  {meaning}" in text
    assert max(map(len, text.split("\n"))) <= 110


@pytest.mark.parametrize("name", SHOWN)
def test_a_bug_is_shown_with_all_that_a_lecture_needs(name):
    status, text = output(name)
    bug = find_bug(name)
    flat = " ".join(text.split())
    assert status == 0
    for part in (bug.name, INVARIANTS[bug.invariant], OUTCOMES[bug.outcome], bug.symptom, bug.question, bug.reference):
        assert " ".join(part.split()) in flat
    assert str(diff(bug)) in text
    assert load_bug(bug, core_only=True) is load_bug(bug), "copied twice"
    row = SOME_CASES((bug,)).bugs[0]
    assert set(row.signs) & {CAUGHT, CRASHED}
    for check, sign in zip(CHECKS, row.signs):
        assert re.search(rf"^{re.escape(sign)} [a-z, ]*\b{check.name}\b.*:", text, re.M), check.name


@pytest.mark.parametrize("name", SHOWN[:5])
def test_the_numbers_are_those_of_both_runs(name):
    """Against a second decode of the same prompt."""
    _, text = output(name)
    bug = find_bug(name)
    pair = decode_both(load_both(bug, "tales-24", "tales-1"), bug.shown_on[0], 4, bug.shown_on[1])
    table = numbers(text, name)
    for column, run in enumerate((pair.correct, pair.broken)):
        assert table["tokens decoded"][column] == str(sum(len(r.committed) for r in run.trace.rounds))
        assert table["target passes"][column] == str(len(run.target_passes))
        assert table["rows the target read"][column] == str(sum(rows for _, rows in run.target_passes))
        assert table["rows the draft read"][column] == str(sum(rows for _, rows in run.draft_passes))
        for rate_name, (_, value) in zip(RATES, run.reported or [("", None)] * 4):
            assert table[rate_name.replace("_", " ")][column] == ("–" if value is None else f"{value:.3f}")
    assert ("the text is the same" in text) == pair.same_text
    assert bool(pair.error) == ("It stopped in round" in " ".join(text.split()))


def test_the_first_difference_is_flagged_on_the_ruler():
    _, text = output("positions-restarted")
    position = int(re.search(r"a different text from position (\d+) on", text)[1])
    lines = re.search(r"^(position .*)\n(plain greedy .*)\n(positions-restarted .*)\n( +≠.*)$", text, re.M)
    ruler, baseline, broken, flags = lines.groups()
    column = ruler.index(f"  {position}") + 2
    assert flags.index("≠") == column
    assert baseline[:column].split()[2:] == broken[:column].split()[1:]
    assert baseline[column:].split()[0] != broken[column:].split()[0]
    target, tokenizer = load("tales-24")
    prompt, budget = find_bug("positions-restarted").shown_on
    tokens = greedy(target, tokenizer.encode(prompt), budget)
    assert baseline[column:].split()[0] == tokenizer.texts[tokens[position]].strip()


def test_rounds_and_caches_are_shown_from_the_first_round_that_differs():
    """Of a target that is not rolled back: the strip after the rejection is as long as before."""
    _, text = output("target-not-rolled-back")
    number = int(re.search(r"the runs differ from round (\d+) on", text)[1])
    lengths = re.findall(r"^target, (after verifying|rolled back) .*?(\d+)$", text, re.M)
    read, kept, broken_read, broken_kept = [int(length) for _, length in lengths]
    assert kept < read == broken_read == broken_kept
    assert f"correct, round {number}:" in text and f"target-not-rolled-back, round {number}:" in text
    assert text.count(f"\n{number:>5}  ") == 2


def test_a_run_that_does_not_show_the_bug_says_so():
    """And what does."""
    _, text = output("block-products")
    assert "this run does not show the bug" in text and "\nX cache, bits: " not in text and "\nX bits: " in text
    assert "this run does not show the bug" not in output("first-draft-only")[1]


def test_a_prompt_of_ones_own():
    _, text = output("no-earlier-drafts", "The cat sat", "--tau", "3", "--new-tokens", "9")
    assert "The cat sat on the mat" in text and "tau 3" in text
    assert numbers(text, "no-earlier-drafts")["tokens decoded"] == ("9", "9")


def test_one_bug_in_the_matrix():
    status, text = output("bonus-lost", "--matrix")
    assert status == 0 and "\nbonus-lost " in text and "(the clean code)" in text and "surviving all: none" in text
    assert "first-draft-only" not in text and "a draft that is the target has every draft accepted" in text


@pytest.mark.parametrize("arguments, sentence", [
    (("first-draft-onyl",), "there is no bug 'first-draft-onyl'; the nearest is 'first-draft-only'"),
    (("bonus-lost", ""), "prompt is empty"),
    (("bonus-lost", "a", "--tau", "-1"), "tau is -1"),
    (("bonus-lost", "a", "--new-tokens", "-1"), "new-tokens is -1"),
    (("bonus-lost", "a", "--target", "nowhere"), "nowhere"),
    (("bonus-lost", "a", "--figure", "x.bmp"), "x.bmp"),
    (("bonus-lost", "a", "--figure", ""), "--figure is ''"),
    (("bonus-lost", "--matrix", "--figure", "x.bmp"), "x.bmp"),
])
def test_what_cannot_be_run_is_one_sentence_and_status_2(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["bugs", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and sentence in err and list(tmp_path.iterdir()) == []


def test_figures_are_written(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(bugs_command, "detection_matrix", SOME_CASES)
    for name, more in (("lanes.png", ["first-draft-only", "The cat sat"]), ("matrix.svg", ["bonus-lost", "--matrix"])):
        assert main(["bugs", *more, "--figure", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 5000
    capsys.readouterr()
