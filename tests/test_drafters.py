"""Drafters without a network of their own: they propose, the target decides, and the text stays the target's."""

import numpy as np
import pytest
from conftest import bundled, random_model, random_tokens

from minispec import greedy, propose_literal, speculative
from minispec.drafters import first_layers, load_draft
from minispec.lab.drafter_table import acceptance_of, drafter_table, kinds_of_text, priced_drafters
from minispec.lab.replay import chances
from minispec.scripted import Lookup, Mix, scripted


def test_lookup_says_what_followed_the_last_tokens_when_they_stood_there_before():
    assert Lookup(2)([1, 2, 3, 9, 1, 2]) == 3
    assert Lookup(2)([1, 2, 3, 1, 2, 4, 1, 2]) == 4              # the latest of two places
    assert Lookup(3)([7, 1, 2, 3, 8, 1, 2]) == 3                 # two of three tokens are found
    assert Lookup(3)([5, 6, 7]) == 7 and Lookup(3)([5]) == 5     # nothing is found


def test_lookup_equals_a_search_by_the_definition():
    """500 random texts over three tokens: the longest suffix that has stood before, at its latest earlier place."""
    for seed in range(500):
        prefix = random_tokens(seed, 1 + seed % 12, 3)
        found = prefix[-1]
        for length in range(min(3, len(prefix) - 1), 0, -1):
            places = [start for start in range(len(prefix) - length) if prefix[start:start + length] == prefix[-length:]]
            if places:
                found = prefix[places[-1] + length]
                break
        assert Lookup(3)(prefix) == found, prefix


def test_a_lookup_draft_has_a_repeated_text_accepted_whole():
    """The target recites a cycle; once round, the draft has seen it all."""
    target = scripted(lambda prefix: (prefix[-1] + 1) % 6, 6)
    trace = speculative(target, scripted(Lookup(2), 6), [0, 1, 2, 3, 4, 5, 0, 1], 30, tau=5, stop=None)
    assert all(r.n_accepted == len(r.proposed) for r in trace.rounds)


def test_the_first_layers_are_the_targets_own_arrays_and_all_of_them_are_the_target():
    target = random_model(1, n_layer=3)
    for layers in (1, 2, 3):
        draft = first_layers(target, layers)
        assert draft.config.n_layer == layers and draft.token_embeddings_VD is target.token_embeddings_VD
        assert all(mine is own for mine, own in zip(draft.blocks, target.blocks, strict=False))
    assert np.array_equal(first_layers(target, 3)([1, 2, 3]), target([1, 2, 3]))
    assert target.config.n_layer == 3 and len(target.blocks) == 3


def test_the_first_layers_end_where_the_recorded_layers_stand():
    """The draft's logits are the head's, of what the target's layer k hands on."""
    target = random_model(2, n_layer=3)
    record = []
    target([4, 5, 6], record=record)
    drafted = []
    first_layers(target, 2)([4, 5, 6], record=drafted)
    assert np.array_equal(drafted[-1].hidden_TD, record[1].hidden_TD)


@pytest.mark.parametrize("tau", [1, 4, 7])
def test_the_text_is_the_targets_whatever_drafts(tau):
    target, tokenizer = bundled("tales-24")
    tokens = tokenizer.encode("12 + 7 =")
    baseline = greedy(target, tokens, 40)
    vocab_size, positions = target.config.vocab_size, target.config.n_positions
    for draft in (first_layers(target, 3), scripted(Lookup(3), vocab_size, positions), scripted(Mix(vocab_size), vocab_size, positions)):
        assert list(speculative(target, draft, tokens, 40, tau=tau).tokens) == baseline


@pytest.mark.parametrize("layers, error", [(0, ValueError), (4, ValueError), (1.0, TypeError), (True, TypeError)])
def test_layers_that_the_target_does_not_have_are_one_sentence(layers, error):
    with pytest.raises(error, match="layers is "):
        first_layers(random_model(0, n_layer=3), layers)


def test_the_first_layers_of_a_scripted_model_are_refused():
    with pytest.raises(TypeError, match="target is "):
        first_layers(scripted(Mix(5), 5), 1)


def test_drafts_have_names_on_the_command_line_too():
    target, _ = bundled("tales-24")
    assert load_draft("lookup", target).config.vocab_size == target.config.vocab_size
    assert load_draft("first-6-layers", target).config.n_layer == 6 and load_draft("first-1-layer", target)
    assert load_draft("tales-1", target).name == "tales-1"
    with pytest.raises(ValueError, match="layers is 25"):
        load_draft("first-25-layers", target)


def test_the_table_of_drafters_says_where_each_pays_and_where_none_does():
    """Two of its drafters, two prompts of each kind: lookup lives on copied text, and an early exit on none."""
    target, tokenizer = bundled("tales-24")
    found = [drafter for drafter in priced_drafters(target) if drafter.name in ("lookup", "first-6-layers")]
    kinds = kinds_of_text(target, tokenizer, 2)
    lookup, early = drafter_table(target, found, kinds, 24).splitlines()[2:]
    assert lookup.count("does not pay") == 2 and "tau" in lookup.split("does not pay")[1]
    assert early.count("does not pay") == 3


def test_the_acceptance_of_the_table_is_that_of_rounds_that_begin_everywhere():
    """By the definition: at every place of the text, draft tau tokens and count."""
    target, draft = random_model(5), random_model(5, scale=0.28)
    table = chances(target, draft, [1, 2, 3], 15, 4)
    right = judged = 0
    for place in range(3, 18):
        made = min(4, 17 - place)
        drafts = propose_literal(draft, list(table.text[:place]), made)
        kept = next((t for t in range(made) if drafts[t] != table.text[place + t]), made)
        right, judged = right + kept, judged + min(kept + 1, made)
    assert acceptance_of([table]) == right / judged
