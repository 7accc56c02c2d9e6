"""The detection matrix: clean code passes every check, no bug survives them all, and every claim is measured."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minispec
from minispec.teaching.bug import Bug
from minispec.teaching.bugs import load_bug
from minispec.teaching.cases import ARCHITECTURES, LONG_RUNS, PROMPTS, SEEDS, TIED, all_cases
from minispec.teaching.evidence import consult, gather
from minispec.teaching.checks import CHECKS, bits_problem, fresh_bits
from minispec.teaching.gallery import GALLERY
from minispec.teaching.matrix import CAUGHT, CLEAN, CRASHED, SURVIVED, detection_matrix
from minispec.teaching.matrix_figure import matrix_figure
from minispec.teaching.observer import contents

NAMES = tuple(check.name for check in CHECKS)
CASES = all_cases()


@pytest.fixture(scope="module")
def matrix():
    """With two of ten short prompts, which takes a third of the time and says the same (see the last test)."""
    return detection_matrix()


@pytest.fixture(scope="module")
def unnamed():
    """One matrix of them all: the cases are decoded by the clean package only once."""
    return detection_matrix(tuple(Bug(name, "I6", (edit,)) for name, edit in UNNAMED.items()))


@pytest.fixture(scope="module")
def clean():
    """What the clean package leaves behind on every case."""
    return [gather(minispec, case, consult(minispec, case)) for case in CASES]


def test_clean_code_passes_every_check(matrix):
    row = matrix.rows[0]
    assert row.name == CLEAN and set(row.signs) == {SURVIVED} and row.outcome == ""


def test_no_bug_survives_all_checks(matrix):
    assert [row.name for row in matrix.bugs] == [bug.name for bug in GALLERY]
    assert matrix.survivors(NAMES) == []


def test_the_matrix_stands_on_two_architectures_two_sets_of_weights_and_ten_prompts():
    short = [case for case in CASES if not case.long]
    pairs = {case.pair.name for case in short}
    assert len(ARCHITECTURES) == 2 and len(SEEDS) == 2 and len(pairs) == 4
    for name in pairs:
        prompts = {case.prompt for case in short if case.pair.name == name and not case.perfect}
        assert len(prompts) == PROMPTS == 10
        assert any(case.perfect for case in short if case.pair.name == name)


def test_the_long_cases_cross_what_windows_pages_rings_and_bytes_have_for_boundaries(clean):
    """Every boundary up to 128, blocks of 13 rows, ids above a byte, default and custom ends, a second request."""
    long = [evidence for evidence in clean if evidence.case.long]
    assert len(long) == len(LONG_RUNS)
    assert max(len(evidence.trace.tokens) for evidence in long) > 160
    assert max(len(r.choices) for evidence in long for r in evidence.trace.rounds) == 13
    assert any(token > 255 for evidence in long for token in evidence.case.prompt)
    assert any(token > 255 for evidence in long for token in evidence.trace.tokens[len(evidence.case.prompt):])
    ended = [evidence for evidence in long if not evidence.case.options]
    assert "end-of-text" in {evidence.trace.stopped for evidence in ended}
    assert any(evidence.case.before for evidence in ended) and any(len(e.trace.rounds) > 4 for e in long)
    draft_end = ended[0].case.pair.draft_sizes["eos_token_id"]
    new = ended[0].trace.tokens[len(ended[0].case.prompt):]
    assert draft_end in new[:-1] and new[-1] == ended[0].case.end_token != draft_end


@pytest.mark.parametrize("bug", GALLERY, ids=lambda bug: bug.name)
def test_what_the_gallery_says_of_a_bug_is_what_was_measured(bug, matrix):
    """Its outcome, and the checks that see it."""
    row = next(row for row in matrix.bugs if row.name == bug.name)
    assert (row.outcome, row.caught_by) == (bug.outcome, bug.caught_by)
    for sign, sentence in zip(row.signs, row.sentences):
        assert bool(sentence) == (sign != SURVIVED)


def test_every_check_sees_bugs_and_all_but_the_budget_some_that_leave_the_text_alone(matrix):
    """A text that is too long is not the greedy text either; `budget` only says better what is wrong."""
    for column, name in enumerate(NAMES[1:], start=1):
        seen = [row for row in matrix.bugs if row.signs[column] == CAUGHT]
        assert seen, name
        assert name == "budget" or any(row.signs[0] == SURVIVED for row in seen), name


def test_equality_with_greedy_is_not_enough(matrix):
    """The course's own bugs are among those that leave the text as it is."""
    survivors = matrix.survivors(("greedy",))
    assert set(survivors) == {row.name for row in matrix.bugs if row.signs[0] == SURVIVED}
    assert {"first-draft-only", "no-earlier-drafts", "last-draft-only"} <= set(survivors) and len(survivors) >= 10


def test_the_fewest_checks_that_stop_all_bugs_are_the_fewest(matrix):
    chosen = matrix.fewest()
    assert matrix.survivors(chosen) == []
    for name in chosen:
        assert matrix.survivors(tuple(set(chosen) - {name}))


def test_the_printed_matrix_has_every_sign_in_its_column(matrix):
    lines = repr(matrix).split("\n")
    starts = [lines[0].index(name) for name in NAMES] + [lines[0].index("outcome")]
    for row, line in zip(matrix.rows, lines[1:]):
        assert line.startswith(row.name)
        assert tuple(line[start:end].strip() for start, end in zip(starts, starts[1:])) == row.signs
        assert line[starts[-1]:] == row.outcome
    assert "surviving all: none" in lines[-1]


def test_the_picture_has_a_cell_for_every_bug_and_check(matrix):
    pytest.importorskip("matplotlib")
    figure = matrix_figure(matrix)
    cells = [artist.get_gid() for artist in figure.figure.findobj() if (artist.get_gid() or "").startswith("cell ")]
    for sign in (CAUGHT, CRASHED, SURVIVED):
        assert cells.count(f"cell {sign}") == sum(row.signs.count(sign) for row in matrix.rows)
    assert f"{len(GALLERY)} bugs" in figure.alt and "Surviving all: none" in figure.alt


# ------------------------------------------------------------------------------------------------- the cases

def test_the_cases_have_in_them_what_bugs_need_to_show(clean):
    """Rejections and full acceptance, ends inside a block, the context limit, ties."""
    rounds = [r for evidence in clean if not evidence.case.perfect for r in evidence.trace.rounds]
    judged, accepted = sum(r.n_judged for r in rounds), sum(r.n_accepted for r in rounds)
    assert 0.3 < accepted / judged < 0.9
    assert sum(r.bonus is not None and len(r.proposed) > 1 for r in rounds) > 20
    ended = [r for r in rounds if r.target_token is None and r.proposed]
    assert len(ended) >= 3 and any(r.discarded for r in ended)
    assert {evidence.trace.stopped for evidence in clean} == {"budget", "context", "end-of-text"}
    tied = [evidence for evidence in clean if evidence.case.pair.name.endswith(str(TIED))]
    logits_TV = tied[0].trace.rounds[0].target_logits_TV
    assert (logits_TV[:, ::2] == logits_TV[:, 1::2]).all()


def test_watching_changes_nothing(clean):
    for evidence in clean[::7]:
        case = evidence.case
        target, draft = case.models(minispec)
        trace = minispec.speculative(target, draft, list(case.prompt), case.new_tokens, case.tau, case.stop)
        for mine, watched in zip(trace.rounds, evidence.trace.rounds, strict=True):
            assert mine.proposed == watched.proposed and mine.committed == watched.committed
            assert mine.target_logits_TV.tobytes() == watched.target_logits_TV.tobytes()
        assert len(evidence.target_passes) == len(trace.rounds)


def test_the_oracle_is_never_the_code_under_test():
    """A bug in the model must not move the ruler with which it is measured."""
    package = load_bug("positions-restarted")
    case = CASES[4]
    oracle = consult(minispec, case)
    assert type(oracle.target) is minispec.Transformer is not package.Transformer
    evidence = gather(package, case, oracle)
    assert type(evidence.trace) is importlib.import_module(f"{package.__name__}.trace").Trace


def test_a_decode_that_does_not_end_is_stopped_and_named():
    """Without the correction a round may commit nothing."""
    bug = Bug("endless", "I7", (("speculation.py", "proposed[:n_accepted] + [choices[n_accepted]]",
                                 "proposed[:n_accepted]"),))
    row = detection_matrix((bug,), CASES[:8]).bugs[0]
    of_the_decode = {sign for sign, check in zip(row.signs, CHECKS) if not check.own_models}
    assert row.outcome == "endless" and of_the_decode <= {CRASHED, CAUGHT}
    assert any("does not end" in sentence for sentence in row.sentences)


def test_an_edit_that_changes_nothing_survives_all():
    """The checks find bugs, not edits."""
    harmless = Bug("harmless", "I7", (("speculation.py", "    n_accepted = 0\n", "    n_accepted = len(proposed[:0])\n"),))
    matrix = detection_matrix((harmless,), CASES[:6])
    assert matrix.survivors(NAMES) == ["harmless"] and "surviving all: harmless" in repr(matrix)
    assert matrix.bugs[0].caught_by == ()


@pytest.mark.parametrize("name", ["bonus-lost"])
def test_a_bug_of_ones_own_goes_through_the_matrix_like_ours(name, matrix):
    mine = replace(next(bug for bug in GALLERY if bug.name == name), name="mine")
    row = detection_matrix((mine,)).bugs[0]
    theirs = next(row for row in matrix.bugs if row.name == name)
    assert (row.signs, row.sentences, row.outcome) == (theirs.signs, theirs.sentences, theirs.outcome)


@pytest.mark.parametrize("name, check, words", [
    ("positions-restarted", "greedy", "has token"),
    ("end-inside-the-block-missed", "greedy", "the text has"),
    ("first-draft-only", "perfect draft", "drafts of a perfect draft were accepted"),
    ("bonus-lost", "perfect draft", "rounds with a perfect draft"),
    ("verified-one-by-one", "work", "passes of the target have"),
    ("first-draft-only", "work", "passes of the draft have"),
    ("target-not-rolled-back", "cache", "positions and not"),
    ("stale-cells-attended", "cache", "holds other numbers"),
    ("budget-overshot", "budget", "the limit was"),
    ("end-inside-the-block-missed", "budget", "after the end of the text"),
    ("survival-over-all-rounds", "counters", "survival says"),
    ("reason-lost", "record", "the trace says it stopped with"),
    ("draft-logits-a-row-late", "record", "draft logits are not those"),
    ("seconds-swapped", "record", "took less time"),
    ("callers-list-grows", "record", "the caller's list"),
    ("default-end-dropped", "record", "the trace says ("),
    ("ties-to-the-last", "record", "target logits are not those"),
    ("plain-positions-doubled", "baseline", "plain decoding parts"),
])
def test_a_check_says_what_is_wrong(name, check, words, matrix):
    """Two halves of a claim must not stand in for each other."""
    row = next(row for row in matrix.bugs if row.name == name)
    assert words in row.sentences[NAMES.index(check)]


@pytest.mark.parametrize("array", ["keys_LHPC", "values_LHPC"])
def test_a_cache_with_one_other_bit_is_not_a_fresh_one(array):
    oracle = consult(minispec, CASES[0])
    tokens = CASES[1].prompt
    cache = minispec.KVCache(oracle.target.config)
    oracle.target(list(tokens), cache)
    assert contents(cache) == (len(tokens), fresh_bits(oracle, "target", tokens, tokens))
    cells = getattr(cache, array)
    place = (0, 0, 0, 0)
    cells[place] = np.nextafter(cells[place], np.float32(9))
    assert contents(cache) != (len(tokens), fresh_bits(oracle, "target", tokens, tokens))


def test_one_other_bit_in_a_row_that_chose_a_token_is_seen(clean):
    """And one in a row that judged nothing is not."""
    evidence = next(each for each in clean if each.trace.rounds[0].discarded)
    first, *others = evidence.trace.rounds
    for row, seen in ((0, True), (len(first.committed) - 1, True), (len(first.choices) - 1, False)):
        logits_TV = first.target_logits_TV.copy()
        logits_TV[row, 0] = np.nextafter(logits_TV[row, 0], np.float32(99))
        trace = replace(evidence.trace, rounds=(replace(first, target_logits_TV=logits_TV), *others))
        assert bool(bits_problem(replace(evidence, trace=trace))) == seen


def test_the_readme_shows_the_end_of_this_matrix(matrix):
    """Its counts, the fewest checks, and each check's claim."""
    readme = (Path(__file__).parent.parent / "minispec" / "teaching" / "README.md").read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"```text\n(.*?)```", readme, re.S) if "caught (of" in block)
    printed = repr(matrix).split("\n")
    head, stopped, _, fewest, _, *claims = block.rstrip().split("\n")
    assert printed[0].startswith(head) and stopped in printed and fewest in printed
    assert claims == [f"{check.name:<14} {check.claim}" for check in CHECKS]
    survivors = len(matrix.survivors(("greedy",)))
    assert "more than half" in readme and 0.5 < survivors / len(matrix.bugs) < 0.6


# --------------------------------------------------------------- classes of mistakes that small cases do not see

CHOOSE = "    choices = np.argmax(target_logits_TV, axis=-1).tolist()\n"
PRIME = "    prefill(draft, tokens, draft_cache)\n"
WEIGH = "        attention_HTP = softmax(scores_HTP)\n"
UNNAMED = {
    "window-of-128": ("model.py", WEIGH, "        scores_HTP[:, :, :max(0, cache.length - 128)] = -np.inf\n" + WEIGH),
    "page-of-32": ("speculation.py", "    verified = perf_counter()\n",
                   "    verified = perf_counter()\n    target_cache.values_LHPC[:, :, 32:33] *= target_cache.length <= 32\n"),
    "primed-by-64": ("decoding.py", PRIME, PRIME + "    draft_cache.values_LHPC[:, :, 64:] = 0\n"),
    "ten-rows": ("speculation.py", CHOOSE, CHOOSE + "    choices[10:] = choices[10:11] * len(choices[10:])\n"),
    "choices-in-a-byte": ("speculation.py", CHOOSE, CHOOSE + "    choices = [choice & 255 for choice in choices]\n"),
    "one-clock": ("speculation.py", "verify_seconds=verified - drafted", "verify_seconds=verified - started"),
    "shared-list": ("speculation.py", "return Round(tokens=tuple(tokens),", "return Round(tokens=tokens,"),
    "hundred-drafts": ("speculation.py", "min(tau, end - len(tokens) - 1) ", "min(tau, end - len(tokens) - 1, 100) "),
    "length-assumed": ("speculation.py", "(draft_read, draft_cache.length)", "(draft_read, keep)"),
    "plain-unprimed": ("decoding.py", "    if cached:\n", "    if not cached:\n"),
    "target-rows-moved": ("speculation.py", "draft_logits_TV=draft_logits_TV, target_logits_TV=target_logits_TV",
                          "draft_logits_TV=draft_logits_TV, target_logits_TV=target_logits_TV[::-1]"),
    "no-first-logits": ("decoding.py", "        if logits is not None:\n", "        if logits:\n"),
    "uncached-once": ("decoding.py", "        if not cached:\n", "        if not cached and not pass_seconds:\n"),
    "tie-is-context": ("decoding.py", "    if context < budget:\n", "    if context <= budget:\n"),
    "shorter-is-equal": ("trace.py", "None if len(left) == len(right) else min(len(left), len(right))", "None"),
    "copy-shares": ("cache.py", "        return copy.deepcopy(self)\n",
                    "        twin = KVCache(self.config)\n        vars(twin).update(vars(self))\n"
                    "        return twin\n"),
    "ends-forgotten": ("speculation.py", "started, ends=ends)", "started)"),
    "short-baseline": ("decoding.py", "length_limit(tokens, new_tokens, model)", "length_limit(tokens, new_tokens - 1, model)"),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_a_mistake_that_is_not_in_the_gallery_is_stopped_too(name, unnamed):
    """Not one case per known bug: other sizes and places of the same kinds."""
    row = next(row for row in unnamed.bugs if row.name == name)
    assert CAUGHT in row.signs


@pytest.mark.long
def test_two_of_ten_short_prompts_say_what_all_say(matrix):
    full = detection_matrix(GALLERY, CASES)
    assert [(row.name, row.signs, row.outcome) for row in full.rows] == \
           [(row.name, row.signs, row.outcome) for row in matrix.rows]
