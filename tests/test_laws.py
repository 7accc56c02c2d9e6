"""The checks of sampling: exact laws and shared noise, with no random trial in them; and what is shown of such a bug."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import by_long

import minispec
from minispec.command import main
from minispec.lab.sampling_rounds import intervals, text_distance
from minispec.teaching.bug import Bug
from minispec.teaching.bugs import load_bug
from minispec.teaching.cases import all_cases
from minispec.teaching.gallery.samples import (ADD, CORRECT, DRAWN, NUCLEUS, PLACE, RESIDUAL, ROUNDS, ROW, RULES, SAMPLED,
                                                SAMPLING, TEST)
from minispec.teaching.laws import (FAILED, LAW_CASES, edges, law_found, noise_found, shown_law, target_law,
                                    written_law)
from minispec.teaching.report import law_section
from minispec.teaching.runs import NOISE, decode_both, load_both, side_by_side

OF_RULE = [bug for bug in SAMPLING if bug.of_rule]
OF_NOISE = [bug for bug in SAMPLING if bug.of_noise]
named = {"ids": lambda bug: bug.name}


@cache
def distances(bug):
    """Of every case, for a bug or for None."""
    package = minispec if bug is None else load_bug(bug, core_only=True)
    return [text_distance(written_law(package, case), target_law(case)) for case in LAW_CASES]


@pytest.mark.parametrize("case", LAW_CASES, ids=lambda case: case.name)
def test_the_clean_rule_writes_the_targets_law_in_every_case(case):
    law = written_law(minispec, case)
    assert text_distance(law, target_law(case)) <= 1e-12 and FAILED not in law
    assert sum(law.values()) == pytest.approx(1, abs=1e-12) and set(law) == {text for text, share in target_law(case).items() if share > 0}


def test_the_clean_package_passes_both_checks():
    assert law_found(minispec) == noise_found(minispec) == ""


# the matrix asks the same of all, but for the distance
@pytest.mark.parametrize("bug", [*SAMPLING[::3], *by_long(*SAMPLING[1::3], *SAMPLING[2::3])], **named)
def test_every_bug_of_sampling_is_stopped_by_its_check_and_by_no_chance(bug):
    assert bug.of_rule != bug.of_noise
    found = {"law": law_found, "noise": noise_found}
    package = load_bug(bug, core_only=True)
    assert [name for name, look in found.items() if look(package)] == list(bug.caught_by)
    if bug.of_rule:
        assert max(distances(bug)) > 1e-3, "far above the rounding, so that 1e-12 is no matter of taste"


@pytest.mark.parametrize("bug", [None, *OF_RULE[::3], *by_long(*OF_RULE[1::3], *OF_RULE[2::3])], ids=lambda bug: bug.name if bug else "clean")
def test_a_law_is_exact_because_finer_edges_leave_it_alone(bug):
    """More numbers inside the intervals, at places that have nothing to do with the shares: the same law, bug or not."""
    package = minispec if bug is None else load_bug(bug, core_only=True)

    def finer(case):
        return [sorted(points + [0.6411]) for points in edges(case)]
    differs = [case for case, distance in zip(LAW_CASES, distances(bug)) if distance > 1e-12] or list(LAW_CASES)
    assert text_distance(written_law(package, differs[0]), written_law(package, differs[0], finer)) <= 1e-12


def test_every_law_case_is_needed_by_a_bug_or_is_the_first():
    """A case that no bug needs costs time in every matrix."""
    first = {next(place for place, distance in enumerate(distances(bug)) if distance > 1e-12) for bug in OF_RULE}
    assert first == set(range(len(LAW_CASES)))


UNNAMED = {
    "bonus-from-the-draft": (ROUNDS, "    return tau, inverse_sample(target_TV[tau], uniforms[tau])\n",
                             "    return tau, inverse_sample(([*draft_TV] or target_TV)[-1], uniforms[tau])\n"),
    "test-sees-the-draw": (ROUNDS, "proposed, uniforms[tau:])", "proposed, uniforms[:tau] + uniforms[-1:])"),
    "always-accepted": (ROUNDS, f"if not {TEST}:", f"if {TEST} and False:"),
    "residual-of-the-draft": (RULES, "np.maximum(checked(target_V) - checked(draft_V), 0)",
                              "np.maximum(checked(draft_V) - checked(target_V), 0)"),
    "test-of-the-next-row": (ROUNDS, TEST, TEST.replace("target_TV[t]", "target_TV[t + 1]")),
    "drawn-from-the-target": (ROUNDS, DRAWN, DRAWN.replace("draft_V", "warped(target(prefix + tuple(proposed)), temperature, "
                                                           "top_p)")),
    "nucleus-on-the-draft-only": (ROUNDS, ROW, ROW.replace("top_p", "1.0")),
    "corrected-twice": (ROUNDS, RESIDUAL, RESIDUAL + "            residual_V = residual_V ** 2 / (residual_V ** 2).sum()\n"
                        "            residual_V = np.roll(residual_V, 1)\n"),
    "residual-of-the-first-row": (ROUNDS, RESIDUAL, RESIDUAL.replace("[t]", "[0]")),
    "correction-by-the-first-number": (ROUNDS, CORRECT, CORRECT.replace("uniforms[tau]", "uniforms[0]")),
    "inverse-off-by-one": (RULES, 'uniform, side="right"))', 'uniform, side="right")) or 1'),
    "temperature-multiplied": (RULES, "dtype=np.float64) / temperature", "dtype=np.float64) * temperature"),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_a_mistake_in_a_rule_that_is_not_in_the_gallery_is_stopped_too(name):
    assert law_found(load_bug(Bug(name, "I9", (UNNAMED[name],)), core_only=True)) != ""


@pytest.mark.parametrize("name, edit", [
    ("noise-without-seed", (PLACE, PLACE.replace("self.seed", "0"))),
    ("noise-a-place-late", (PLACE, PLACE.replace("start + t + 1", "start + t"))),
    ("noise-halved", (ADD, ADD.replace("noise_V", "noise_V / 2"))),
    ("nucleus-forgotten", (NUCLEUS, "")),
    ("temperature-forgotten", ("logits_TV / self.temperature", "logits_TV / 1.0")),
    ("nucleus-one-short", ("outside_V = likelier_V >=", "outside_V = likelier_V + shares_V >=")),
    ("other-bits", ("generator.random_raw(count)", "generator.random_raw(count)[::-1]")),
    ("first-row-only", ("for t in range(len(tokens)):", "for t in range(1):"))])
def test_a_mistake_in_the_noise_that_is_not_in_the_gallery_is_stopped_too(name, edit):
    try:
        assert noise_found(load_bug(Bug(name, "I9", ((SAMPLED, *edit),)), core_only=True)) != ""
    except (ValueError, IndexError) as error:
        raise AssertionError("a mistake that stops with an error proves nothing here") from error


def test_an_edit_that_changes_nothing_of_a_law_passes():
    harmless = Bug("harmless", "I9", ((RULES, "    return left_V / left_V.sum()\n", "    return left_V / sum(left_V)\n"),))
    assert law_found(load_bug(harmless, core_only=True)) == ""


def test_intervals_fill_the_line():
    for case in LAW_CASES:
        for points in edges(case):
            assert sum(length for _, length in intervals(points)) == pytest.approx(1, abs=1e-15)
            assert all(length > 0 for _, length in intervals(points)) and points == sorted(set(points))


# ------------------------------------------------------------------------------------------------- what is shown

@pytest.mark.parametrize("bug", OF_RULE, **named)
def test_the_shown_law_of_a_bug_is_that_of_the_case_that_differs(bug):
    law = shown_law(load_bug(bug, core_only=True))
    *texts, (last, zero, distance) = law.rows
    case = next(case for case, found in zip(LAW_CASES, distances(bug)) if found > 1e-12)
    assert last == "total variation" and float(zero) == 0 and float(distance) > 0
    assert f"{max(distances(bug)[LAW_CASES.index(case)], 0):.4f}" == distance and law.models == case.in_words
    assert any(left != right for _, left, right in texts)
    expected = target_law(case)
    for name, left, _ in texts:
        text = name.removeprefix("chance of ")
        tokens = tuple("abc".index(letter) for letter in text.strip("“”").split()) if text != FAILED else FAILED
        assert left == f"{expected.get(tokens, 0):.4f}"


def test_the_command_shows_the_law_of_a_rule_and_no_runs(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "110")
    page = str(tmp_path / "page.html")
    assert main(["bugs", "uniform-used-twice", "--target", "tales-2", "--new-tokens", "5", "--html", page]) == 0
    text = capsys.readouterr().out
    assert law_section(side_by_side("uniform-used-twice", "The", 4, 5, "tales-2"), 110) in text
    assert "total variation" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "no run shows the bug" in text and "total variation" in text and "\nX law: target [" in text
    assert "target passes" not in text and "rolled back" not in text


@pytest.mark.parametrize("bug", OF_NOISE, **named)
def test_a_bug_of_shared_noise_is_shown_with_sampled_models(bug):
    """And can be seen on the prompt that is shown first."""
    pair = side_by_side(bug, bug.shown_on[0])
    seed, temperature, top_p = NOISE
    assert f"(temperature {temperature:g}, top-p {top_p:g}, seed {seed})" in pair.correct.trace.target
    assert pair.correct.trace.tokens == list(pair.greedy) and not pair.same_text and not pair.error and pair.law is None
    assert "plain sampling" in pair.aligned() and "plain greedy" not in pair.aligned()


def test_the_texts_of_a_stream_depend_on_tau_and_those_of_the_clean_noise_do_not():
    models = load_both("noise-from-a-stream", "tales-2", "tales-1")
    pairs = [decode_both(models, "The ocean is", tau, 40) for tau in (1, 2, 4)]
    assert len({tuple(pair.correct.trace.tokens) for pair in pairs}) == 1
    assert len({tuple(pair.broken.trace.tokens) for pair in pairs}) > 1


def test_the_page_of_a_rule_says_what_the_rule_writes():
    page = side_by_side("corrected-from-the-target", "The", 4, 4, "tales-2").page()
    for name, left, right in shown_law(load_bug("corrected-from-the-target")).rows:
        assert left in page and right in page and name.split("“")[0] in page


def test_no_bug_of_the_sampling_code_changes_a_greedy_decode():
    """So the matrix may look at one case of theirs only."""
    case = all_cases()[4]
    clean = minispec.speculative(*case.models(minispec), case.prompt, case.new_tokens, case.tau)
    for bug in SAMPLING:
        package = load_bug(bug, core_only=True)
        broken = package.speculative(*case.models(package), case.prompt, case.new_tokens, case.tau)
        assert broken.tokens == clean.tokens
        assert all(np.array_equal(left.target_logits_TV, right.target_logits_TV)
                   for left, right in zip(clean.rounds, broken.rounds, strict=True))


def test_notebook_08_says_how_many_bugs_are_about_sampling():
    text = (Path(__file__).parent.parent / "notebooks" / "08_sampling.ipynb").read_text(encoding="utf-8")
    assert "fifteen are about sampling" in text and len(SAMPLING) == 15
