"""The exercises: right answers in every style pass, wrong ones fail and are named, and the counts are printed."""

import inspect
import re

import pytest
import right_answers
import wrong_answers

from minispec.classroom import check
from minispec.classroom.registry import EXERCISES, cases
from minispec.teaching.bugs import list_bugs


def answers_in(module):
    """(exercise, style, function) of every `<exercise>__<style>` of a module, in order."""
    found = []
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if "__" in name:
            exercise, _, style = name.partition("__")
            assert exercise in EXERCISES, name
            found.append((exercise, style, function))
    return found


RIGHT = answers_in(right_answers)


def seeds_of(exercise):
    """Two; one where the cases are decoded with every bug of the gallery, which takes its time."""
    return (0,) if exercise.startswith("check_") else (0, 1)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_in_every_style_pass(exercise, capsys):
    own = [(style, function) for name, style, function in RIGHT if name == exercise]
    assert len(own) >= (2 if exercise.startswith("check_") else 6)
    for style, function in own:
        for seed in seeds_of(exercise):
            check(exercise, function, seed)
    printed = capsys.readouterr()
    assert printed.err == "" and len(printed.out.splitlines()) == len(seeds_of(exercise)) * len(own)
    print(f"{exercise}: {len(own)} right answers pass")


WRONG = answers_in(wrong_answers)


def known_mistakes(exercise):
    """style -> name of the mistakes that an exercise knows, spelt as the styles of the answers are."""
    names = {bug for case in cases(exercise, 0) for bug in EXERCISES[exercise].known(case)}
    return {re.sub(r"\W+", "_", name.replace("'", "").replace("+", "plus")): name for name in names}


def problem_of(exercise, function, seed):
    """What check says of a function; "" where it is right."""
    try:
        check(exercise, function, seed)
    except AssertionError as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize("exercise", EXERCISES)
def test_wrong_answers_fail_with_a_sentence_and_the_name_of_a_known_mistake(exercise):
    own = [(style, function) for name, style, function in WRONG if name == exercise]
    assert len(own) >= (5 if exercise.startswith("check_") else 8)
    known = known_mistakes(exercise)
    count = 0
    for style, function in own:
        for seed in seeds_of(exercise):
            sentence = problem_of(exercise, function, seed)
            assert sentence, f"{exercise}__{style} passes with seed {seed}"
            assert "\n" not in sentence and len(sentence) < 900, (style, sentence)
            if style in known:
                assert f"{known[style]}".replace("-", " ") in sentence.replace("-", " "), (style, sentence)
                assert "known mistake" in sentence or "of the gallery" in sentence, (style, sentence)
            else:
                assert "of the gallery" not in sentence, (style, sentence)
        count += style in known
    assert len(known) == count, sorted(set(known) - {style for style, _ in own})
    print(f"{exercise}: {len(own)} wrong answers fail, {count} of them by name")


def test_the_mistakes_with_a_name_are_bugs_of_the_gallery_or_of_the_course():
    """A bug that is renamed there must be renamed here."""
    to_come = {"accepted-drafts-forgotten", "rows-blind-to-drafts", "every-a-kept", "correction-lost"}
    names = {name for exercise in EXERCISES for name in known_mistakes(exercise).values() if "-" in name}
    assert len(names) > 20 and names - set(list_bugs()) <= to_come | {"the longest tau"}
