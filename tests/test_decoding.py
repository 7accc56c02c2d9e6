"""Plain greedy decoding: the oracle, so it is checked against transformers and against itself without a cache."""

import numpy as np
import pytest
from conftest import (GENERATED, PROMPTS, Reader, assert_same_bits, bundled, golden, prefixes_read, random_model,
                      random_tokens)

from minispec import KVCache, greedy, greedy_baseline
from minispec.decoding import prefill
from minispec.scripted import Mix, Recite, scripted

END = 9                                  # the end-of-text token of the scripted models below
NUMBERS = range(len(PROMPTS))


def reciter(text, end_of_text=END, n_positions=32):
    """A model that says `text`, and then fives."""
    return scripted(Recite(tuple(text), otherwise=5), vocab_size=10, n_positions=n_positions, end_of_text=end_of_text)


# ------------------------------------------------------------------------------------------------------ what it decodes

@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("cached", [True, False])
def test_greedy_decoding_is_that_of_transformers(number, cached):
    entry = GENERATED[number]
    tokens = greedy(golden("target"), entry["prompt"], entry["new_tokens"], stop=None, cached=cached)
    assert tokens == entry["greedy"]


def assert_cached_is_uncached(model, prompt, new_tokens):
    """Both ways of decoding: the same tokens, and the same bits behind each of them."""
    with_cache, without = [], []
    tokens = greedy(model, prompt, new_tokens, stop=None, logits=with_cache)
    again = greedy(model, prompt, new_tokens, stop=None, cached=False, logits=without)
    assert tokens == again
    assert len(with_cache) == len(without) == len(tokens) - len(prompt)
    for t, (left_V, right_V) in enumerate(zip(with_cache, without)):
        assert_same_bits(left_V, right_V, f"{model.name}, new token {t}")
        assert left_V.dtype == np.float32 and left_V.shape == (model.config.vocab_size,)
        assert tokens[len(prompt) + t] == int(left_V.argmax())


@pytest.mark.parametrize("name", ["target", "draft", "noisy"])
@pytest.mark.parametrize("number", NUMBERS)
def test_the_cache_changes_no_bit_of_the_logits(name, number):
    """A cache saves time and nothing else: "it is only a cache" is a claim about bits here."""
    assert_cached_is_uncached(golden(name), PROMPTS[number], 24)


@pytest.mark.parametrize("name", ["tales-1", "tales-24"])
def test_the_cache_changes_no_bit_of_the_bundled_models_either(name):
    model, tokenizer = bundled(name)
    assert_cached_is_uncached(model, tokenizer.encode("The cat sat"), 16)


def test_a_random_model_decodes_the_same_up_to_its_last_position():
    model = random_model(3, n_layer=3, n_head=3, n_embd=21, n_positions=19, vocab_size=17)
    assert_cached_is_uncached(model, [4], 18)


def test_of_equal_logits_the_lowest_id_wins():
    """lattice#280, #281: argmax took the last of equals in one place and the first in another, so texts differed."""
    model = random_model(4)
    model.final_gain_D[:] = 0
    model.final_bias_D[:] = 0                    # now all logits are 0
    assert not model([1, 2]).any()
    for cached in (True, False):
        assert greedy(model, [7, 8], 3, stop=None, cached=cached) == [7, 8, 0, 0, 0]


# -------------------------------------------------------------------------------------------------------- what it costs

@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_every_token_is_read_once(prompt):
    """romsto#4: the full prefix was fed again on top of the cache."""
    model = Reader(golden("target"), name="model")
    tokens = greedy(model, prompt, 10, stop=None)
    prefixes = prefixes_read(model.calls, "model")
    assert prefixes == [tuple(tokens[:end]) for end in range(1, len(tokens))]
    passes = model.calls[-10:]
    assert [len(fed) for _, _, fed in passes] == [1] * 10
    assert len(model.calls) == 10 + (len(prompt) > 1)


def test_without_a_cache_the_whole_text_is_read_for_each_token():
    model = Reader(golden("target"))
    tokens = greedy(model, PROMPTS[2], 4, stop=None, cached=False)
    assert [fed for _, _, fed in model.calls] == [tokens[:end] for end in range(5, 9)]


@pytest.mark.parametrize("length", range(1, 8))
@pytest.mark.parametrize("already", range(3))
def test_prefill_reads_what_is_unseen_but_for_the_last_token(length, already):
    """For one token there is nothing to read, and no call: an empty block would be an error."""
    model = Reader(golden("draft"), name="model")
    tokens = random_tokens(length, length, 400)
    already = min(already, length - 1)
    cache = KVCache(model.config)
    if already:
        model(tokens[:already], cache)
    rows = prefill(model, tokens, cache)
    assert rows == length - 1 - already
    assert cache.length == length - 1
    assert prefixes_read(model.calls, "model") == [tuple(tokens[:end]) for end in range(1, length)]


# -------------------------------------------------------------------------------------------------------- where it ends

@pytest.mark.parametrize("cached", [True, False])
def test_decoding_ends_behind_the_end_of_text_and_keeps_it(cached):
    model = reciter([1, 2, 3, END, 4])
    run = greedy_baseline(model, [1], 20, cached=cached)
    assert run.tokens == (1, 2, 3, END)
    assert run.stopped == "end-of-text"
    assert len(run.pass_seconds) == 3


def test_stop_none_goes_on_behind_the_end_of_text():
    run = greedy_baseline(reciter([1, 2, 3, END, 4]), [1], 6, stop=None)
    assert run.tokens == (1, 2, 3, END, 4, 5, 5)
    assert run.stopped == "budget"


def test_a_chosen_stop_token_takes_the_place_of_the_models_own():
    model = reciter([1, 2, END, 3, 4, 6])
    run = greedy_baseline(model, [1], 20, stop=4)
    assert run.tokens == (1, 2, END, 3, 4)
    assert run.stopped == "end-of-text"
    assert greedy(model, [1], 20, stop=np.int64(4)) == [1, 2, END, 3, 4]


def test_token_zero_can_be_the_stop_token():
    """`if stop:` would take token 0, which is end-of-text in every bundled model, for none."""
    model = reciter([1, 2, 0, 3], end_of_text=0)
    assert greedy(model, [1], 20) == [1, 2, 0]
    assert greedy(model, [1], 20, stop=0) == [1, 2, 0]
    assert bundled("tales-1")[0].config.eos_token_id == 0


def test_a_model_without_end_of_text_runs_to_its_budget():
    run = greedy_baseline(reciter([1, 2, 3], end_of_text=None), [1], 6)
    assert run.tokens == (1, 2, 3, 5, 5, 5, 5) and run.stopped == "budget"


def test_an_end_of_text_in_the_prompt_ends_nothing():
    """A prompt may well be two documents."""
    model = reciter([1, END, 2, 3, END, 4])
    assert greedy(model, [1, END], 20) == [1, END, 2, 3, END]


def test_an_end_of_text_at_the_end_of_the_budget_is_called_by_its_name():
    model = reciter([1, 2, 3, END, 4])
    assert greedy_baseline(model, [1], 3).stopped == "end-of-text"
    assert greedy_baseline(model, [1], 2).stopped == "budget"


@pytest.mark.parametrize("cached", [True, False])
def test_a_budget_of_none_and_of_one(cached):
    """lattice#242: the budget was looked at only at the top of the loop, and texts came out longer than asked."""
    model = golden("target")
    for prompt in PROMPTS:
        run = greedy_baseline(model, prompt, 0, cached=cached)
        assert run.tokens == tuple(prompt) and run.stopped == "budget" and run.pass_seconds == ()
        run = greedy_baseline(model, prompt, 1, stop=None, cached=cached)
        assert len(run.tokens) == len(prompt) + 1 and run.stopped == "budget"


@pytest.mark.parametrize("cached", [True, False])
def test_the_context_ends_the_text_and_the_run_says_so(cached):
    """exllamav2#274: a cache that is full must be an end, not a crash."""
    model = golden("target")
    prompt = random_tokens(5, 60, 400)
    run = greedy_baseline(model, prompt, 10, stop=None, cached=cached)
    assert len(run.tokens) == 64 and run.stopped == "context" and len(run.pass_seconds) == 4
    run = greedy_baseline(model, prompt, 4, stop=None, cached=cached)
    assert len(run.tokens) == 64 and run.stopped == "budget"


def test_a_prompt_of_exactly_the_context_has_room_for_no_token():
    model = golden("target")
    prompt = random_tokens(6, 64, 400)
    assert greedy_baseline(model, prompt, 1).stopped == "context"
    assert greedy_baseline(model, prompt, 0).stopped == "budget"
    assert greedy(model, prompt, 5) == prompt
    with pytest.raises(ValueError, match="tokens has 65 token ids; the context of target holds at most 64"):
        greedy(model, prompt + [1], 0)


# ------------------------------------------------------------------------------------------------- arguments and record

def test_the_record_has_a_time_for_every_pass():
    run = greedy_baseline(golden("target"), PROMPTS[3], 12, stop=None)
    assert len(run.pass_seconds) == 12
    assert run.prefill_seconds > 0
    assert all(seconds > 0 for seconds in run.pass_seconds)
    assert run.seconds >= sum(run.pass_seconds)


def test_the_prompt_is_not_modified_and_may_be_an_array():
    prompt = list(PROMPTS[3])
    expected = greedy(golden("target"), prompt, 6, stop=None)
    assert prompt == PROMPTS[3]
    for kind in (tuple, np.array, np.uint16):
        tokens = greedy(golden("target"), kind(prompt), np.uint8(6), stop=None)
        assert tokens == expected
        assert isinstance(tokens, list) and all(type(token) is int for token in tokens)


def test_a_small_integer_type_for_the_budget_does_not_overflow():
    """60 + np.uint8(200) is 4 in NumPy 2, and nothing would be decoded."""
    model = scripted(Mix(10), vocab_size=10, n_positions=300)
    assert len(greedy(model, [1] * 60, np.uint8(200))) == 260


@pytest.mark.parametrize("changes, error, sentence", [
    ({"new_tokens": -1}, ValueError, "new_tokens is -1; it must be at least 0"),
    ({"new_tokens": 2.0}, TypeError, "new_tokens is 2.0; it must be a whole number"),
    ({"new_tokens": True}, TypeError, "new_tokens is True; it must be a whole number"),
    ({"new_tokens": None}, TypeError, "new_tokens is None; it must be a whole number"),
    ({"tokens": []}, ValueError, "tokens is empty"),
    ({"tokens": "The cat"}, TypeError, "it must be a list of token ids, as tokenizer.encode"),
    ({"tokens": [1, 400]}, ValueError, r"tokens\[1\] is 400; a token id is 0 to 399"),
    ({"stop": 400}, ValueError, "stop is 400; .* 0 to 399"),
    ({"stop": "eos"}, TypeError, "stop is 'eos'; .* 0 to 399"),
])
def test_what_cannot_be_run_is_named(changes, error, sentence):
    arguments = {"tokens": [1, 2], "new_tokens": 3, **changes}
    with pytest.raises(error, match=sentence) as caught:
        greedy(golden("target"), **arguments)
    assert "\n" not in str(caught.value)
