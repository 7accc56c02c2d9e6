"""The KV cache: positions 0 … length - 1 hold the text, what lies behind is stale, and rolling back is a length."""

import copy
import pickle

import numpy as np
import pytest
from conftest import GOLDEN

from minispec import Config, KVCache, load
from minispec.arguments import check_round
from minispec.scripted import Mix, scripted

CONFIG = Config(n_layer=2, n_head=3, n_embd=12, n_positions=8, vocab_size=10)


def rows(count, value):
    """Keys or values of `count` positions, told apart by `value` and by their place."""
    places = np.arange(3 * count * 4, dtype=np.float32).reshape(3, count, 4)
    return places + np.float32(1000 * value)


def feed(cache, count, value):
    """What a forward pass does to the cache: every layer appends, then one advance."""
    for layer in range(2):
        cache.append(layer, rows(count, value + layer), -rows(count, value + layer))
    cache.advance(count)


def test_a_new_cache_is_empty_zero_and_float32():
    cache = KVCache(CONFIG)
    assert cache.length == 0 and cache.capacity == 8
    for array in (cache.keys_LHPC, cache.values_LHPC):
        assert array.shape == (2, 3, 8, 4)
        assert array.dtype == np.float32
        # zeros, not whatever was in memory: an attention weight of 0 times nan would be nan
        assert not array.any()


def test_every_layer_is_written_at_its_own_place():
    """mlx-swift-lm#173 trimmed the first layer only; a cache with one layer in its tests cannot tell."""
    cache = KVCache(CONFIG)
    feed(cache, 3, value=1)
    feed(cache, 2, value=5)
    assert cache.length == 5
    for layer in range(2):
        assert np.array_equal(cache.keys_LHPC[layer, :, :3], rows(3, 1 + layer))
        assert np.array_equal(cache.keys_LHPC[layer, :, 3:5], rows(2, 5 + layer))
        assert np.array_equal(cache.values_LHPC[layer, :, :3], -rows(3, 1 + layer))
        assert np.array_equal(cache.values_LHPC[layer, :, 3:5], -rows(2, 5 + layer))
    assert not cache.keys_LHPC[:, :, 5:].any() and not cache.values_LHPC[:, :, 5:].any()


def test_appending_does_not_move_the_length_only_advance_does():
    """Else the second layer would write behind the first one's positions, and each layer a place further."""
    cache = KVCache(CONFIG)
    cache.append(0, rows(3, 1), rows(3, 1))
    assert cache.length == 0
    cache.append(1, rows(3, 2), rows(3, 2))
    assert cache.length == 0
    cache.advance(3)
    assert cache.length == 3


@pytest.mark.parametrize("length", range(9))
def test_truncate_goes_to_a_length_and_never_lengthens(length):
    """A rewind by count has the trap `[:-0]`; one "to" a longer length would take stale cells for text (bugs.md)."""
    cache = KVCache(CONFIG)
    feed(cache, 5, value=1)
    cache.truncate(length)
    assert cache.length == min(5, length)
    cache.truncate(8)
    assert cache.length == min(5, length)


def test_truncating_to_zero_empties_and_to_less_is_an_error():
    cache = KVCache(CONFIG)
    feed(cache, 5, value=1)
    with pytest.raises(ValueError, match="length is -1; it must be at least 0"):
        cache.truncate(-1)
    assert cache.length == 5
    cache.truncate(0)
    assert cache.length == 0


def test_stale_cells_stay_visible_and_are_written_over():
    """mlx-vlm#2113 zeroed rejected keys instead: a zero key still adds exp(0) to the softmax.  Only length counts."""
    cache = KVCache(CONFIG)
    feed(cache, 5, value=1)
    before = cache.keys_LHPC.copy(), cache.values_LHPC.copy()
    cache.truncate(2)
    assert np.array_equal(cache.keys_LHPC, before[0])
    assert np.array_equal(cache.values_LHPC, before[1])
    feed(cache, 1, value=7)
    assert cache.length == 3
    assert np.array_equal(cache.keys_LHPC[0, :, 2:3], rows(1, 7))
    assert np.array_equal(cache.keys_LHPC[:, :, :2], before[0][:, :, :2])
    assert np.array_equal(cache.keys_LHPC[:, :, 3:], before[0][:, :, 3:])


def test_more_than_the_context_is_refused_before_anything_is_written():
    """exllamav2#274, vllm#5342: drafts ran over the end of the cache, and crashed."""
    cache = KVCache(CONFIG)
    feed(cache, 6, value=1)
    before = cache.keys_LHPC.copy()
    with pytest.raises(ValueError, match="keys_HTC ends at position 9; the cache holds at most 8 positions"):
        cache.append(0, rows(3, 2), rows(3, 2))
    assert cache.length == 6 and np.array_equal(cache.keys_LHPC, before)
    feed(cache, 2, value=3)
    assert cache.length == cache.capacity


def test_the_strip_shows_held_stale_and_free_positions():
    cache = KVCache(CONFIG)
    assert cache.strip() == "________"
    feed(cache, 5, value=1)
    assert cache.strip() == "■■■■■___"
    cache.truncate(2)
    assert cache.strip() == "■■░░░___"
    feed(cache, 1, value=2)
    assert cache.strip() == "■■■░░___"
    feed(cache, 5, value=3)
    assert cache.strip() == "■■■■■■■■"


def test_the_repr_says_the_shape_and_shows_the_strip():
    cache = KVCache(CONFIG)
    feed(cache, 5, value=1)
    cache.truncate(3)
    assert repr(cache) == ("KVCache(2 layers x 3 heads x 8 positions x 4 channels: 3 cached, 2 stale)\n"
                           "■■■░░_")             # what was never written is not drawn out


def test_two_caches_share_no_memory():
    """transformers#31644: the main model's cache was handed to the assistant."""
    one, two = KVCache(CONFIG), KVCache(CONFIG)
    feed(one, 4, value=1)
    assert two.length == 0 and not two.keys_LHPC.any() and not two.values_LHPC.any()


def test_a_cache_that_is_too_long_is_named_with_the_invariant_it_breaks():
    """atlas#699 had a debug_assert only, and erased committed tokens; here the sentence says what is wrong."""
    model = scripted(Mix(9), 9)
    empty, cache = KVCache(model.config), KVCache(model.config)
    model([1, 2, 3, 4, 5], cache)
    check_round(model, model, [0] * 6, 0, empty, cache)
    for tokens in ([0] * 5, [0] * 4):
        with pytest.raises(AssertionError) as error:
            check_round(model, model, tokens, 0, empty, cache)
        message = str(error.value)
        assert f"the draft cache holds 5 positions but there are only {len(tokens)} tokens" in message
        assert "tokens[:length]" in message and "the last token unread" in message and "rolled back" in message


def test_a_pickled_or_copied_cache_goes_on_with_the_same_bits():
    """A copy in another memory layout sent the product to another BLAS routine: 1138 of 1169 logits differed."""
    model = load(GOLDEN / "target")[0]
    cache = KVCache(model.config)
    model([1, 2, 3], cache)
    copies = [pickle.loads(pickle.dumps(cache)), copy.deepcopy(cache), copy.copy(cache)]
    expected = model([7], cache)
    for each in copies:
        assert each.length == 3
        assert model([7], each).tobytes() == expected.tobytes()
        assert not np.shares_memory(each.values_LHPC, cache.values_LHPC)


def test_a_cache_of_another_model_is_refused_by_name():
    small, large = load(GOLDEN / "draft")[0], load(GOLDEN / "target")[0]
    with pytest.raises(ValueError, match=r"cache is for .*; this model needs .*KVCache\(model.config\)"):
        large([1], KVCache(small.config))
    with pytest.raises(TypeError, match="cache is 5; it must be a KVCache"):
        large([1], 5)
    with pytest.raises(TypeError, match="config is 5; it must be a Config"):
        KVCache(5)
