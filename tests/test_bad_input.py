"""Arguments that cannot be run: every public function says in one line which one, its value, and what is allowed."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minispec
from minispec import (Config, KVCache, Tokenizer, Transformer, greedy, load, load_trace, greedy_baseline, propose,
                      propose_literal, save_trace, speculative, speculative_round, verify)
from minispec.checkpoint import load_folder
from minispec.scripted import Mix, scripted
from minispec.train.merges import train_merges

GOLDEN = Path(__file__).parent / "golden"
VOCAB = 400
CONTEXT = 64


@cache
def golden(name):
    return load(GOLDEN / name)


def target():
    return golden("target")[0]


def draft():
    return golden("draft")[0]


def tokenizer():
    return golden("target")[1]


def caches():
    return KVCache(target().config), KVCache(draft().config)


def assert_refused(call, argument, *mentions, kinds=(TypeError, ValueError)):
    """`call` raises; the message is one line that begins with the argument's name and mentions the rest."""
    with pytest.raises(kinds) as error:
        call()
    message = str(error.value)
    assert "\n" not in message and 10 < len(message) < 300, message
    assert message.split(" ")[0].split("[")[0] == argument, message
    for mention in mentions:
        assert mention in message, message


# What is called with tokens, each as a function of these.
WITH_PROMPT = {
    "greedy": lambda tokens: greedy(target(), tokens, 3),
    "greedy_baseline": lambda tokens: greedy_baseline(target(), tokens, 3),
    "speculative": lambda tokens: speculative(target(), draft(), tokens, 3),
    "propose_literal": lambda tokens: propose_literal(draft(), tokens, 2),
    "Transformer": lambda tokens: target()(tokens),
    "scripted model": lambda tokens: scripted(Mix(VOCAB), VOCAB, CONTEXT)(tokens),
}

# one of each class: name -> (value, what the message shows of it, what it says is allowed)
BAD_TOKENS = {
    "nothing": ([], "empty", "at least one"),
    "a text": ("The cat", "'The cat'", "list of token ids"),
    "an array of no dimension": (np.array(7), "7", "list of token ids"),
    "a generator": ((token for token in [1, 2]), "generator", "list of token ids"),
    "floats": ([1, 2.0], "tokens[1] is 2.0", "int"),
    "truth values": ([1, True], "tokens[1] is True", "int"),
    "a text in a list": (["The", "cat"], "tokens[0] is 'The'", "int"),
    "a list in a list": ([[1, 2], [3, 4]], "tokens[0] is [1, 2]", "int"),
    "a negative token": ([3, -1], "tokens[1] is -1", "0 to 399"),
    "one beyond the vocabulary": ([3, 400], "tokens[1] is 400", "0 to 399"),
    "more than the context": ([1] * (CONTEXT + 1), "65", "64"),
}


@pytest.mark.parametrize("bad", BAD_TOKENS)
@pytest.mark.parametrize("name", WITH_PROMPT)
def test_what_are_no_tokens_is_refused_by_name_with_the_value_and_what_is_allowed(name, bad):
    """A text in place of its tokens is everybody's first mistake; a traceback out of NumPy names no argument."""
    value, *mentions = BAD_TOKENS[bad]
    assert_refused(lambda: WITH_PROMPT[name](value), "tokens", *mentions)


@pytest.mark.parametrize("name", WITH_PROMPT)
@pytest.mark.parametrize("tokens", [(5, 7), np.array([5, 7]), np.array([5, 7], dtype=np.uint16), range(5, 9, 2),
                                    [np.int64(5), np.int32(7)]], ids=["tuple", "array", "uint16", "range", "int64"])
def test_any_list_of_whole_numbers_is_a_prompt_and_means_the_same(name, tokens):
    """NumPy indexes with a tuple as with coordinates, so a tuple of two could silently be one number of a table."""
    expected, result = [WITH_PROMPT[name](each) for each in ([5, 7], tokens)]
    assert np.array_equal(getattr(expected, "tokens", expected), getattr(result, "tokens", result))


# ------------------------------------------------------------------------------------------------- numbers

WITH_COUNT = {
    ("new_tokens", "greedy"): lambda value: greedy(target(), [1], value),
    ("new_tokens", "greedy_baseline"): lambda value: greedy_baseline(target(), [1], value),
    ("new_tokens", "speculative"): lambda value: speculative(target(), draft(), [1], value),
    ("tau", "speculative"): lambda value: speculative(target(), draft(), [1], 3, value),
    ("tau", "propose_literal"): lambda value: propose_literal(draft(), [1], value),
}
BAD_COUNTS = {"negative": -1, "float": 1.5, "text": "4", "True": True, "None": None, "array": np.array([1, 2])}


@pytest.mark.parametrize("bad", BAD_COUNTS)
@pytest.mark.parametrize("argument, name", WITH_COUNT)
def test_what_is_no_count_is_refused_by_name_with_the_value_and_what_is_allowed(argument, name, bad):
    """True is 1 in Python: speculative(…, 20, True) would be tau = 1, and nobody would see why it is slow."""
    value = BAD_COUNTS[bad]
    shown = " ".join(repr(value).split())[:20]
    assert_refused(lambda: WITH_COUNT[argument, name](value), argument, shown, "at least 0")


@pytest.mark.parametrize("argument, name", WITH_COUNT)
def test_numpy_integers_and_zero_are_counts(argument, name):
    results = [WITH_COUNT[argument, name](value) for value in (2, np.int64(2), np.uint8(2))]
    baseline = [result.tokens if hasattr(result, "tokens") else result for result in results]
    assert baseline[0] == baseline[1] == baseline[2]
    WITH_COUNT[argument, name](0)


WITH_STOP = {
    "greedy": lambda stop: greedy(target(), [1], 2, stop=stop),
    "greedy_baseline": lambda stop: greedy_baseline(target(), [1], 2, stop=stop),
    "speculative": lambda stop: speculative(target(), draft(), [1], 2, stop=stop),
    "speculative_round": lambda stop: speculative_round(target(), draft(), [1, 2], 2, *caches(), stop),
}


@pytest.mark.parametrize("stop", [-1, 400, 10 ** 20, 1.0, 1.5, True, "the", "", b"x", [0, 400], [251, None], ["0"], [[1]],
                                  {"a": 1}, np.array([1.5]), np.float64(3), object()], ids=repr)
@pytest.mark.parametrize("name", WITH_STOP)
def test_a_stop_that_is_no_token_is_refused(name, stop):
    """It would never be met, so the text would run on; "the" is a text, not a token."""
    assert_refused(lambda: WITH_STOP[name](stop), "stop", "0 to 399", "several", "None")


@pytest.mark.parametrize("name", WITH_STOP)
def test_every_token_and_none_at_all_can_be_the_stop(name):
    for stop in (0, 399, np.int64(7), None, "end-of-text"):
        WITH_STOP[name](stop)


# ------------------------------------------------------------------------------------------------- models

@pytest.mark.parametrize("bad", [None, "tales-24", 3, "pair"])
def test_what_is_no_model_is_refused(bad):
    """load returns a model and its tokenizer; the pair in place of the model is the second mistake everybody makes."""
    value = golden("target") if bad == "pair" else bad
    assert_refused(lambda: greedy(value, [1], 2), "model", "load")
    assert_refused(lambda: greedy_baseline(value, [1], 2), "model", "load")
    assert_refused(lambda: speculative(value, draft(), [1], 2), "target", "load")
    assert_refused(lambda: speculative(target(), value, [1], 2), "draft", "load")
    assert_refused(lambda: propose_literal(value, [1], 2), "model", "load")


def test_two_vocabularies_are_refused_whatever_else_is_wrong():
    """bugs.md #43: nobody checked, and 0 % acceptance was blamed on the draft."""
    other = scripted(Mix(7), 7, name="another")
    assert_refused(lambda: speculative(target(), other, [1], 2), "draft", "another", "7", "400", "vocabulary")
    assert_refused(lambda: speculative(target(), other, [8], 2), "draft", "vocabulary")
    renamed = Transformer(draft().config, load_folder(GOLDEN / "draft")[1], "renamed", vocabulary="other words")
    assert_refused(lambda: speculative(target(), renamed, [1], 2), "draft", "renamed", "vocabulary")


# ------------------------------------------------------------------------------------------------- phases of a round

@pytest.mark.parametrize("bad", ["floats", "truth values", "a negative token", "one beyond the vocabulary",
                                 "a text in a list", "a list in a list"])
def test_the_phases_of_a_round_refuse_what_is_no_token(bad):
    """They are called one by one in a debugger; the model that reads the tokens is the one that refuses them."""
    value, shown, _ = BAD_TOKENS[bad]
    for call in (lambda: propose(draft(), value, 2, KVCache(draft().config)),
                 lambda: verify(target(), value, [1, 2], KVCache(target().config)),
                 lambda: verify(target(), [1, 2], value, KVCache(target().config)),
                 lambda: speculative_round(target(), draft(), value, 2, *caches())):
        with pytest.raises((TypeError, ValueError)) as error:
            call()
        assert "tokens[" in str(error.value) and shown.split(" is ")[-1][:20] in str(error.value)


def test_a_cache_cannot_be_truncated_to_less_than_nothing():
    """-1 as a length would be Python's "all but the last", and the invariant would be gone without a word."""
    cache = KVCache(target().config)
    target()([1, 2, 3], cache)
    assert_refused(lambda: cache.truncate(-1), "length", "-1", "at least 0")
    assert_refused(lambda: cache.truncate(1.5), "length", "1.5", "a whole number")
    assert cache.length == 3


# ------------------------------------------------------------------------------------------------- configurations

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 4, "n_positions": 8, "vocab_size": 5}


@pytest.mark.parametrize("value", [0, 1.5, "3", True, None, np.float32(2)], ids=repr)
@pytest.mark.parametrize("field", [*SIZES, "n_inner"])
def test_a_size_that_cannot_be_is_refused_by_name(field, value):
    """A Config that exists describes a network that can run; else the fault shows up layers later as a shape."""
    if field == "n_inner" and value is None:
        assert Config(**SIZES, n_inner=None).inner_size == 16
        return
    assert_refused(lambda: Config(**{**SIZES, field: value}), field, "at least 1")


BAD_FIELDS = [("n_embd", 5, "multiple of n_head", "2")]
BAD_FIELDS += [("eos_token_id", value, "0 to 4", "None") for value in (-1, 5, 1.0, True, np.int64(2), np.zeros((3, 3)))]
BAD_FIELDS += [("layer_norm_epsilon", value, "between 0 and 1")
               for value in (0.0, 1.0, float("nan"), 1, "1e-5", np.float64(1e-5))]


@pytest.mark.parametrize("bad", BAD_FIELDS, ids=str)
def test_a_width_an_end_or_an_epsilon_that_cannot_be_is_refused(bad):
    """True is token 1; np.float64(1e-5) is a float to Python, and in NumPy 2 it turns the residual stream into float64."""
    field, value, *mentions = bad
    assert_refused(lambda: Config(**{**SIZES, field: value}), field, *mentions)


# ------------------------------------------------------------------------------------------------- text and tokenizers

def test_nothing_decodes_to_nothing_and_encodes_to_nothing():
    """Empty is a text; it is only no prompt."""
    assert tokenizer().encode("") == []
    assert tokenizer().decode([]) == ""


@pytest.mark.parametrize("vocab, mention", [(None, "NoneType"), ([], "list"), ({}, "256"), ({"a": 0}, "256"),
                                            ({"a": "0"}, "'0'"), ({1: 0}, "1")])
def test_a_vocabulary_that_is_none_is_refused(vocab, mention):
    assert_refused(lambda: Tokenizer(vocab, []), "vocab", mention)


@pytest.mark.parametrize("merges, mention", [([("a",)], "two tokens"), ([("a", "b", "c")], "two tokens"),
                                             ([("q", "zzz")], "'zzz'")])
def test_merges_that_do_not_fit_the_vocabulary_are_refused(merges, mention):
    with pytest.raises(ValueError, match="merges: merge 1.*" + mention):
        Tokenizer(tokenizer().vocab, merges)


@pytest.mark.parametrize("text, size, argument", [
    (None, 300, "text"), (b"a", 300, "text"), ("\ud800", 300, "text"), ("a", 256, "vocab_size"),
    ("a", -1, "vocab_size"), ("a", 300.0, "vocab_size"), ("a", "300", "vocab_size"),
    ("a", True, "vocab_size"), ("a", None, "vocab_size")])
def test_merges_are_learned_from_text_only_and_with_room_for_the_bytes(text, size, argument):
    assert_refused(lambda: train_merges(text, size), argument)


# ------------------------------------------------------------------------------------------------- files

@pytest.mark.parametrize("bad", [None, b"tales-1", ["tales-1"]], ids=repr)
def test_what_is_no_path_is_refused_by_every_function_that_takes_one(bad):
    """os.fspath's own words name no argument: "expected str, bytes or os.PathLike object, not NoneType"."""
    trace = speculative(target(), draft(), [1], 1)
    assert_refused(lambda: load(bad), "name_or_path", repr(bad), "str", kinds=TypeError)
    assert_refused(lambda: load_trace(bad), "path", repr(bad), "str", kinds=TypeError)
    assert_refused(lambda: save_trace(trace, bad), "path", repr(bad), "str", kinds=TypeError)


@pytest.mark.parametrize("bad", [None, "trace.json"])
def test_only_a_trace_can_be_saved_as_one(bad, tmp_path):
    """save_trace(path, trace), the wrong way round, is easily written; nothing may be left on the disk."""
    assert_refused(lambda: save_trace(bad, tmp_path / "trace.json"), "trace", repr(bad), "Trace", kinds=TypeError)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_was_refused_has_changed_anything():
    """A cache that was handed to a refused call is as it was: the checks come before the first write."""
    cache = KVCache(target().config)
    target()([1, 2], cache)
    before = cache.keys_LHPC.copy()
    for bad in ([1, 400], [1.5], [], "x", [1] * 63):
        with pytest.raises((TypeError, ValueError)):
            target()(bad, cache)
    assert (cache.length, cache.written) == (2, 2)
    assert np.array_equal(cache.keys_LHPC, before)


def test_every_public_function_of_the_package_is_asked_here():
    """Whoever adds one must decide what it refuses."""
    asked = {"greedy", "greedy_baseline", "speculative", "propose_literal", "propose", "verify", "speculative_round",
             "load", "load_trace", "save_trace", "KVCache", "Config", "Tokenizer", "Transformer"}
    nothing_to_refuse = {"list_models", "count_accepted", "Round", "Trace"}
    public = {name for name, value in vars(minispec).items()
              if callable(value) and not name.startswith("_") and value.__module__.startswith("minispec.")}
    assert public == asked | nothing_to_refuse
