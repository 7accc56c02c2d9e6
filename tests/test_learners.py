"""with_functions: the learner's own functions inside a copy of the package."""

from functools import cache
from importlib import import_module

import pytest
from answers import WRONG
from answers import first_right as right
from conftest import by_long

import minispec
from minispec.classroom import with_functions
from minispec.classroom.learners import PLACES
from minispec.lab.pays import formula_table
from minispec.trace_file import trace_to_dict
from minispec.views import to_html
from minispec.views.text import round_table


def decode(package, stop=None):
    """A decode on the bundled models, with the tokenizer's words."""
    target, tokenizer = package.load("tales-2")
    draft, _ = package.load("tales-1")
    return package.speculative(target, draft, tokenizer.encode("Tom was hungry and"), 14, 3, stop).with_texts(tokenizer)


@cache
def ours(stop=None):
    """The package's own decode."""
    return decode(minispec, stop)


def as_data(trace):
    """Everything of a trace but its seconds."""
    def timeless(value):
        if isinstance(value, dict):
            return {key: timeless(part) for key, part in value.items() if "seconds" not in key}
        return [timeless(part) for part in value] if isinstance(value, list) else value
    return timeless(trace_to_dict(trace, logits=True))


ALIKE = [name for name in PLACES if name not in ("policy", "attend", "softmax")]


@pytest.mark.parametrize("name", [*ALIKE[::3], *by_long(*ALIKE[1::3], *ALIKE[2::3])])
def test_a_right_function_makes_the_very_trace_of_the_package(name):
    """Drafts, choices, caches and logits to the last bit, so that every view has what it needs."""
    assert as_data(decode(with_functions(**{name: right(name)}))) == as_data(ours())


def test_all_right_functions_together_write_the_text_of_the_package():
    functions = {name: right(name) for name in PLACES if name not in ("attend", "speculative_round")}
    trace = decode(with_functions(**functions))
    assert trace.tokens == ours().tokens
    assert len({len(r.proposed) for r in trace.rounds[:-1]}) > 1, "the learner's policy chose tau"
    assert "✓" in round_table(trace) and "<script" in to_html(trace)


def test_the_learners_softmax_and_attention_run_in_every_layer():
    assert decode(with_functions(softmax=right("softmax"))).tokens == ours().tokens
    assert decode(with_functions(attend=right("attend"))).tokens == ours().tokens
    wrong = with_functions(attend=WRONG["attend"]["keys for values"])
    assert as_data(decode(wrong)) != as_data(ours())


def test_the_learners_formulas_make_the_table_of_the_package():
    package = with_functions(expected_tokens=right("expected_tokens"), speedup=right("speedup"))
    table = import_module(f"{package.__name__}.lab.pays").formula_table
    assert table((0.5, 0.9), (1, 4), 0.1) == formula_table((0.5, 0.9), (1, 4), 0.1)
    wrong = with_functions(expected_tokens=WRONG["expected_tokens"]["no bonus"])
    wrong_table = import_module(f"{wrong.__name__}.lab.pays").formula_table
    assert wrong_table((0.5, 0.9), (1, 4), 0.1) != formula_table((0.5, 0.9), (1, 4), 0.1)


def sampled_decode(package):
    """A sampled decode that a lookup drafts for, and plain sampling with the same seed."""
    target, tokenizer = package.load("tales-24")
    sampled = import_module(f"{package.__name__}.sampled").Sampled(target, 7, 0.5)
    draft = import_module(f"{package.__name__}.drafters").load_draft("lookup", target)
    tokens = tokenizer.encode("The cat sat on the mat. The cat sat")
    return package.speculative(sampled, draft, tokens, 20, 3), package.greedy(sampled, tokens, 20)


def test_the_learners_choice_samples_and_the_learners_lookup_drafts():
    expected, _ = sampled_decode(minispec)
    theirs, plain = sampled_decode(with_functions(gumbel_choice=right("gumbel_choice"), lookup=right("lookup")))
    assert as_data(theirs) == as_data(expected) and theirs.tokens == plain
    trace, plain = sampled_decode(with_functions(gumbel_choice=WRONG["gumbel_choice"]["the noise left out"]))
    assert trace.tokens == plain != expected.tokens
    trace, _ = sampled_decode(with_functions(lookup=WRONG["lookup"]["the last matching token"]))
    assert trace.tokens == expected.tokens and trace.n_accepted != expected.n_accepted


@pytest.mark.parametrize("wrong, exact", [({}, True), ({"ratio_test": "the fraction upside down"}, False),
                                         ({"residual": "the target itself"}, False)])
def test_the_learners_test_and_residual_are_tried_on_all_texts(wrong, exact):
    """Leviathan's rule with a part of it wrong writes something else than the target's distribution."""
    functions = {name: right(name) for name in ("ratio_test", "residual")}
    functions.update({name: WRONG[name][style] for name, style in wrong.items()})
    rules = import_module(f"{with_functions(**functions).__name__}.lab.four_rules")
    [row] = [row for row in rules.four_rules([0.5, 0.2, 0.3], [0.3, 0.5, 0.2]).split("\n") if "Leviathan" in row]
    assert (row.split()[2] == "yes") is exact


def test_a_wrong_function_shows_in_the_trace_and_the_clean_package_stays_clean():
    before = as_data(decode(minispec))
    lost = decode(with_functions(propose=WRONG["propose"]["no-earlier-drafts"]))
    assert lost.tokens == ours().tokens and lost.n_accepted < ours().n_accepted
    wrong = decode(with_functions(commit=WRONG["commit"]["rejected-token-committed"]))
    assert wrong.tokens != ours().tokens
    assert as_data(decode(minispec)) == before


def test_a_round_that_ends_inside_a_block_is_cut_for_the_learner():
    """Wherever the end stands: some of these are drafts that another draft of the block follows."""
    package, plain = with_functions(speculative_round=right("speculative_round")), ours()
    for end in plain.tokens[len(plain.prompt):]:
        assert as_data(decode(package, stop=end)) == as_data(ours(end)), end


def test_what_the_package_offers_by_name_is_the_learners_too():
    mine = with_functions(propose_literal=WRONG["propose_literal"]["one too many"])
    assert len(mine.propose_literal(mine.load("tales-1")[0], [1, 2], 3)) == 4


def test_what_is_not_written_yet_is_left_to_the_package(capsys):
    def stub(*arguments):
        raise NotImplementedError
    trace = decode(with_functions(propose=stub, verify=stub, commit=right("commit")))
    assert capsys.readouterr().out == "not written yet, so the package's own runs: propose, verify\n"
    assert as_data(trace) == as_data(ours())


def test_a_bug_of_the_gallery_can_be_put_elsewhere_in_the_copy():
    trace = decode(with_functions(bug="rolled-back-too-far", propose=right("propose")))
    assert trace.tokens == ours().tokens
    assert [r.target_cache[1] for r in trace.rounds] == [r.target_cache[1] - 1 for r in ours().rounds]


def test_a_function_without_a_place_is_refused():
    with pytest.raises(ValueError, match="'unheard_of' is not a function that with_functions can place; it can place"):
        with_functions(unheard_of=right("commit"))
