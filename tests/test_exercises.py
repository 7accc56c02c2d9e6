"""The exercises: right answers in every style pass, wrong ones fail and are named, and the counts are printed."""

import itertools
import json
import math
import re
from random import Random

import numpy as np
import pytest
from answers import RIGHT, WRONG, first_right

from minispec.classroom import caught_bugs, check
from minispec.classroom.calls import attempt
from minispec.classroom.drafting_steps import shares
from minispec.classroom.pays_steps import worth
from minispec.classroom.detective_steps import SEEN_IN, UNSEEN
from minispec.classroom.promises import PROMISES
from minispec.classroom.registry import EXERCISES, cases, judge, verdict
from minispec.classroom.verifying_steps import prefix_length
from minispec.teaching.bugs import list_bugs
from minispec.teaching.gallery import GALLERY


def seeds_of(exercise):
    """Two; one where the cases are decoded with every bug of the gallery, which takes its time."""
    return (0,) if exercise.startswith("check_") else (0, 1)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_in_every_style_pass(exercise, capsys):
    own = RIGHT[exercise]
    assert len(own) >= (2 if exercise.startswith("check_") else 6)
    for function in own.values():
        for seed in seeds_of(exercise):
            check(exercise, function, seed)
    printed = capsys.readouterr()
    assert printed.err == "" and len(printed.out.splitlines()) == len(seeds_of(exercise)) * len(own)
    print(f"{exercise}: {len(own)} right answers pass")


def plain(name):
    """A name as that of a function can be: words only."""
    return " ".join(re.findall(r"[^\W_]+", name.replace("'", "").replace("+", "plus")))


def known_mistakes(exercise):
    """The mistakes that an exercise knows, as plain names -> names."""
    return {plain(name): name for case in cases(exercise, 0) for name in EXERCISES[exercise].known(case)}


def problem_of(exercise, function, seed=0):
    """What check says of a function; "" where it is right."""
    try:
        check(exercise, function, seed)
    except AssertionError as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize("exercise", EXERCISES)
def test_wrong_answers_fail_with_a_sentence_and_the_name_of_a_known_mistake(exercise):
    own = WRONG[exercise]
    assert len(own) >= (5 if exercise.startswith("check_") else 8)
    known = known_mistakes(exercise)
    count = 0
    for style, function in own.items():
        style = plain(style)
        for seed in seeds_of(exercise):
            sentence = problem_of(exercise, function, seed)
            assert sentence, f"{exercise}, {style}, passes with seed {seed}"
            assert "\n" not in sentence and len(sentence) < 900, (style, sentence)
            if style in known:
                assert f"{known[style]}".replace("-", " ") in sentence.replace("-", " "), (style, sentence)
                assert "known mistake" in sentence or "of the gallery" in sentence, (style, sentence)
            else:
                assert "of the gallery" not in sentence, (style, sentence)
        count += style in known
    assert len(known) == count, sorted(set(known) - set(map(plain, own)))
    print(f"{exercise}: {len(own)} wrong answers fail, {count} of them by name")


def test_the_mistakes_with_a_name_are_bugs_of_the_gallery_or_of_the_course():
    """A bug that is renamed there must be renamed here."""
    to_come = {"accepted-drafts-forgotten", "rows-blind-to-drafts", "every-a-kept", "correction-lost"}
    names = {name for exercise in EXERCISES for name in known_mistakes(exercise).values() if "-" in name}
    assert len(names) > 20 and names - set(list_bugs()) <= to_come | {"the longest tau"}


def test_an_error_says_its_line_and_is_the_cause_and_nothing_goes_to_stderr(capfd):
    """The traceback that a notebook shows must end in the learner's own cell."""
    def softmax(scores):
        powers = [2.718 ** score for score in scores]
        return powers / sum(powers)
    with pytest.raises(AssertionError, match=r"stopped with TypeError: .* \(line \d+, in softmax\)") as problem:
        check("softmax", softmax)
    assert isinstance(problem.value.__cause__, TypeError)
    assert problem_of("softmax", lambda scores: np.exp(scores) / np.exp(scores).sum()) and capfd.readouterr().err == ""


def test_a_draft_that_read_something_else_is_told_what():
    def propose(draft, tokens, tau, cache):
        proposed = []
        for _ in range(tau):
            proposed.append(int(draft(tokens + proposed, cache)[-1].argmax()))
        return proposed
    [tokens] = re.findall(r"tokens=\[(\d+)\], tau=2", problem_of("propose", propose))
    assert f": it had read [{tokens}, {tokens}, " in problem_of("propose", propose)


def test_right_drafts_with_the_wrong_work_are_told_which_work():
    assert "the draft was fed [" in problem_of("propose", WRONG["propose"]["token by token"])
    assert "afterwards the draft's cache holds [" in problem_of("propose", WRONG["propose"]["rolled back at once"])
    assert "the target was fed [" in problem_of("verify", WRONG["verify"]["verified one by one"])


@pytest.mark.parametrize("answer, kind", [("2", "'2' (str) where a whole number belongs"), (None, "None (NoneType)"),
                                          (1.0, "1.0 (float)"), (True, "True (bool)"), ([1], "[1] (list)")])
def test_what_is_not_what_was_asked_for_is_said(answer, kind):
    assert f"your function returned {kind}" in problem_of("next_token", lambda logits: answer)


def test_nan_is_an_answer_that_json_can_carry_and_an_infinite_logit_a_case():
    """As NaN it would end the talk with a child, and the student would read nothing of the overflow."""
    with np.errstate(all="ignore"):
        answer = attempt("softmax", {"softmax": WRONG["softmax"]["overflows"]}, {"scores": [1000.0, 999.0]})
    assert json.loads(json.dumps(answer, allow_nan=False)) == ["nan", "nan"]
    assert "nan" in judge("softmax", {"scores": [1000.0, 999.0]}, answer)
    assert any(-math.inf in case["logits_V"] for case in cases("gumbel_choice", 0))


def test_the_same_seed_gives_the_same_cases_as_data_and_another_seed_others():
    for exercise in EXERCISES:
        if not exercise.startswith("check_"):
            made = EXERCISES[exercise].make(Random("cases 5"))
            assert json.loads(json.dumps(made)) == made == cases(exercise, 5)
            if exercise not in ("break_even", "causal_mask", "expected_tokens", "speedup"):
                assert made != cases(exercise, 6), exercise


def test_formulas_are_derived_twice_by_definition_and_by_going_through_all_cases():
    """The judges' own: tokens of a round, softmax, and the accepted prefix."""
    for alpha, tau in itertools.product((0.0, 0.3, 0.9, 1.0), range(7)):
        tokens = 0.0
        for right in itertools.product((True, False), repeat=tau):
            tokens += math.prod([alpha if r else 1 - alpha for r in right]) * (1 + [*right, False].index(False))
        assert abs(tokens - worth(alpha, tau)) < 1e-12
    for proposed in itertools.product(range(2), repeat=4):
        for choices in itertools.product(range(2), repeat=5):
            same = [guess == choice for guess, choice in zip(proposed, choices)]
            assert prefix_length(list(proposed), list(choices)) == sum(itertools.accumulate(same, min))
    assert np.allclose(shares([0.5, -2.0, 3.0]), np.exp([0.5, -2.0, 3.0]) / np.exp([0.5, -2.0, 3.0]).sum())


def test_the_caught_bugs_are_a_table_of_the_tests_that_are_written():
    def stub(run):
        raise NotImplementedError
    table = caught_bugs(check_work=first_right("check_work"), check_counters=WRONG["check_counters"]["ratio"],
                        check_text=stub)
    heading, *rows, missing = table.split("\n")
    assert heading.split() == ["work", "counters"] and missing == "not written yet: check_text"
    assert [row for row in rows if row.startswith("verified-one-by-one")][0].endswith("✓")
    assert "✗" in table and len(rows) > 5


@pytest.mark.parametrize("promise, fewest", [("text", 8), ("drafts", 6), ("work", 5), ("caches", 6), ("counters", 4)])
def test_every_bug_that_breaks_a_promise_and_can_be_seen_on_scripted_models_is_a_mutant(promise, fewest):
    """If the oracle of a promise went blind to a bug, its runs would silently be dropped."""
    exercise, (_, check_of_the_gallery) = f"check_{promise}", PROMISES[promise]
    broken = {case["_bug"] for case in cases(exercise, 0) if EXERCISES[exercise].problem(case, False) is None}
    expected = {bug.name for bug in GALLERY if check_of_the_gallery in bug.caught_by and bug.invariant not in UNSEEN
                and {file for file, _, _ in bug.edits} <= SEEN_IN}
    assert len(broken) >= fewest and broken <= expected
    spared = {case["_bug"] for case in cases(exercise, 0) if EXERCISES[exercise].problem(case, True) is None}
    assert spared - {None}, "a test must not refuse a run only because it has a bug"
    print(f"{exercise}: {len(broken)} bugs of the gallery")


@pytest.mark.parametrize("exercise", ["commit", "lengths_to_keep", "lookup"])
def test_a_mistake_is_not_named_where_two_known_ones_answer_alike(exercise):
    """Rolling back to [:-0] and resetting, say, where nothing is to be rolled back."""
    alike = 0
    for case in cases(exercise, 0):
        answers = list(EXERCISES[exercise].known(case).values())
        for answer in answers:
            sentence = verdict(exercise, [case], [answer])
            alone = answers.count(answer) == 1
            alike += sentence is not None and not alone
            assert sentence is None or alone == ("of the gallery" in sentence or "known mistake" in sentence), sentence
    assert alike or exercise == "commit"
