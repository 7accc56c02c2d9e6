"""The forward pass: GPT-2's numbers, and the same bits however the text is cut into blocks."""

import tracemalloc

import numpy as np
import pytest
from conftest import (GOLDEN, PROMPTS, assert_fresh, assert_same_bits, bundled, by_long, golden, random_model, random_tokens,
                      same_bits)

from minispec import KVCache, Transformer
from minispec.checkpoint import load_folder
from minispec.layers import output_products, row_products

LOGITS = np.load(GOLDEN / "logits.npz")

# sizes that have nothing in common: one head and five, channels of 8 and 3, one token of context more than needed
ODD_SIZES = ({"n_layer": 1, "n_head": 1, "n_embd": 8, "n_positions": 17, "vocab_size": 11},
             {"n_layer": 3, "n_head": 5, "n_embd": 15, "n_positions": 29, "vocab_size": 37, "n_inner": 23},
             {"n_layer": 2, "n_head": 4, "n_embd": 48, "n_positions": 33, "vocab_size": 101, "n_inner": 7,
              "layer_norm_epsilon": 0.02},
             # real GPT-2's 64 channels a head and more: with fewer, a product of a block can have the bits of its rows
             {"n_layer": 2, "n_head": 2, "n_embd": 128, "n_positions": 40, "vocab_size": 60},
             {"n_layer": 1, "n_head": 1, "n_embd": 97, "n_positions": 25, "vocab_size": 19, "n_inner": 130})


SMALL = ("target", "draft", "random-0", "random-1", "random-2", "random-3", "random-4")
EVERY = (*SMALL, "tales-1", "tales-24")


@pytest.fixture
def model(request):
    """A golden, random or bundled model, by name."""
    name = request.param
    if name.startswith("tales"):
        return bundled(name)[0]
    if name.startswith("random"):
        seed = int(name[-1])
        return random_model(seed, **ODD_SIZES[seed])
    return golden(name)


def alone(model, tokens):
    """The logits of every token, fed one at a time: what every other way to feed must equal."""
    cache = KVCache(model.config)
    return np.concatenate([model([token], cache) for token in tokens])


# -------------------------------------------------------------------------------------------------- GPT-2's own numbers

@pytest.mark.parametrize("name", ["target", "draft", "noisy"])
@pytest.mark.parametrize("number", range(len(PROMPTS)))
def test_the_logits_are_those_of_transformers(name, number):
    """Nobody here wrote the other side: torch computed it, from the same folder."""
    logits_TV = golden(name)(PROMPTS[number])
    expected_TV = LOGITS[f"{name}_{number}"]
    assert logits_TV.shape == expected_TV.shape
    assert np.abs(logits_TV - expected_TV).max() < 1e-4


def reference_norm(rows, gain, bias, epsilon):
    """Layer norm of rows, in float64."""
    out = np.empty_like(rows)
    for t, row in enumerate(rows):
        deviation = np.sqrt(np.mean((row - np.mean(row)) ** 2) + epsilon)
        out[t] = (row - np.mean(row)) / deviation * gain + bias
    return out


def reference_attention(x, w, b, heads):
    """Causal self-attention with loops over heads and places; returns the joined heads and the weights [h][t, s]."""
    length, width = x.shape
    channels = width // heads
    qkv = np.einsum("ti,io->to", x, w) + b
    joined = np.zeros((length, width))
    weights = np.zeros((heads, length, length))
    for h in range(heads):
        first = h * channels
        for t in range(length):
            query = qkv[t, first:first + channels]
            scores = []
            for s in range(t + 1):
                key = qkv[s, width + first:width + first + channels]
                scores.append(sum(query[c] * key[c] for c in range(channels)) / np.sqrt(channels))
            shares = np.exp(np.array(scores) - max(scores))
            shares /= shares.sum()
            for s in range(t + 1):
                weights[h, t, s] = shares[s]
                joined[t, first:first + channels] += shares[s] * qkv[s, 2 * width + first:2 * width + first + channels]
    return joined, weights


def reference_pass(config, weights, tokens):
    """GPT-2 once more, in float64 and with straight loops: logits, attention weights and hidden rows of each layer."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}
    x = np.array([w["wte.weight"][token] + w["wpe.weight"][place] for place, token in enumerate(tokens)])
    attentions, hiddens = [], []
    for layer in range(config.n_layer):
        h = f"h.{layer}."
        normal = reference_norm(x, w[h + "ln_1.weight"], w[h + "ln_1.bias"], config.layer_norm_epsilon)
        joined, attention = reference_attention(normal, w[h + "attn.c_attn.weight"], w[h + "attn.c_attn.bias"],
                                                config.n_head)
        x = x + np.einsum("ti,io->to", joined, w[h + "attn.c_proj.weight"]) + w[h + "attn.c_proj.bias"]
        attended = x
        normal = reference_norm(x, w[h + "ln_2.weight"], w[h + "ln_2.bias"], config.layer_norm_epsilon)
        up = np.einsum("ti,io->to", normal, w[h + "mlp.c_fc.weight"]) + w[h + "mlp.c_fc.bias"]
        active = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up ** 3)))
        x = x + np.einsum("ti,io->to", active, w[h + "mlp.c_proj.weight"]) + w[h + "mlp.c_proj.bias"]
        attentions.append(attention)
        hiddens.append((attended, x))
    final = reference_norm(x, w["ln_f.weight"], w["ln_f.bias"], config.layer_norm_epsilon)
    return np.einsum("ti,vi->tv", final, w["wte.weight"]), attentions, hiddens


def weights_of(model):
    """The weights under the names of a checkpoint, gathered from the model's fields by hand."""
    weights = {"wte.weight": model.token_embeddings_VD, "wpe.weight": model.position_embeddings_PD,
               "ln_f.weight": model.final_gain_D, "ln_f.bias": model.final_bias_D}
    for layer, block in enumerate(model.blocks):
        named = {"ln_1.weight": block.ln_1_gain_D, "ln_1.bias": block.ln_1_bias_D,
                 "attn.c_attn.weight": block.qkv_weight_DE, "attn.c_attn.bias": block.qkv_bias_E,
                 "attn.c_proj.weight": block.project_weight_DD, "attn.c_proj.bias": block.project_bias_D,
                 "ln_2.weight": block.ln_2_gain_D, "ln_2.bias": block.ln_2_bias_D,
                 "mlp.c_fc.weight": block.up_weight_DF, "mlp.c_fc.bias": block.up_bias_F,
                 "mlp.c_proj.weight": block.down_weight_FD, "mlp.c_proj.bias": block.down_bias_D}
        weights.update({f"h.{layer}.{name}": array for name, array in named.items()})
    return weights


@pytest.mark.parametrize("sizes", ODD_SIZES)
@pytest.mark.parametrize("scale", [0.05, 0.15])
def test_an_independent_float64_pass_agrees(sizes, scale):
    """Same formula, other code, other precision; every bias is off 0 and every gain off 1, so none can be missing."""
    model = random_model(7, scale, **sizes)
    tokens = random_tokens(8, model.config.n_positions, model.config.vocab_size)
    record = []
    logits_TV = model(tokens, record=record)
    expected, attentions, hiddens = reference_pass(model.config, weights_of(model), tokens)
    assert np.abs(logits_TV - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    assert len(record) == model.config.n_layer
    for layer, (attention, (attended, hidden)) in zip(record, zip(attentions, hiddens)):
        assert np.abs(layer.attention_HTP[:, :, :len(tokens)] - attention).max() < 1e-5
        assert np.abs(layer.attended_TD - attended).max() < 1e-5 * max(1, np.abs(attended).max())
        assert np.abs(layer.hidden_TD - hidden).max() < 1e-5 * max(1, np.abs(hidden).max())


def test_scores_in_the_hundreds_do_not_overflow():
    """exp(89) is infinite in float32; the highest score is taken off first."""
    model = random_model(9, scale=4)
    tokens = random_tokens(9, 20, 30)
    record = []
    logits_TV = model(tokens, record=record)
    assert np.isfinite(logits_TV).all()
    _, attentions, _ = reference_pass(model.config, weights_of(model), tokens)
    assert np.abs(record[0].attention_HTP[:, :, :20] - attentions[0]).max() < 1e-2


# ------------------------------------------------------------------------------------- the same bits, however it is fed

@pytest.mark.parametrize("model", EVERY, indirect=True)
def test_a_row_has_the_same_bits_in_blocks_of_every_size(model):
    """transformers#39421, vllm#54506: kernels for one row and for several round differently, so near ties flip."""
    tokens = random_tokens(1, min(45, model.config.n_positions), model.config.vocab_size)
    alone_TV = alone(model, tokens)
    sizes = range(1, 17) if model.config.n_layer < 4 else (1, 2, 5, 9, 16)
    for size in (*sizes, len(tokens)):
        cache = KVCache(model.config)
        for start in range(0, len(tokens), size):
            block_TV = model(tokens[start:start + size], cache)
            assert_same_bits(block_TV, alone_TV[start:start + size], f"{model.name}, block of {size} at {start}")
        assert cache.length == len(tokens)
        assert_fresh(model, cache, tokens, f"{model.name} in blocks of {size}")


@pytest.mark.parametrize("model", EVERY, indirect=True)
def test_without_a_cache_the_logits_are_the_same_bits(model):
    """The uncached pass is the oracle of the whole package, so it must not be another arithmetic."""
    tokens = random_tokens(2, min(24, model.config.n_positions), model.config.vocab_size)
    alone_TV = alone(model, tokens)
    for length in range(1, len(tokens) + 1, 1 + model.config.n_layer // 6):
        assert_same_bits(model(tokens[:length]), alone_TV[:length], f"{model.name}, {length} tokens at once")


BLOCKS = [*[(name, seed) for seed in range(3) for name in SMALL], ("tales-24", 0), ("tales-1", 1),
          *by_long(*[(name, seed) for seed in range(3, 6) for name in EVERY])]


@pytest.mark.parametrize("model, seed", BLOCKS, indirect=["model"])
def test_random_blocks_between_rejected_garbage_leave_no_trace(model, seed):
    """mlx-lm#1109: after the first rejection the text was corrupt, as the rollback did nothing; aprender#2014 rolled
    back to nothing at all."""
    random = np.random.default_rng(seed)
    limit = model.config.n_positions
    tokens = random_tokens([3, seed], min(40, limit), model.config.vocab_size)
    alone_TV = alone(model, tokens)
    cache = KVCache(model.config)
    rollbacks = 0
    while cache.length < len(tokens):
        length = cache.length
        if random.random() < 0.6:
            garbage = random_tokens([seed, length], int(random.integers(1, 1 + min(9, limit - length))),
                                    model.config.vocab_size)
            model(garbage, cache)
            cache.truncate(length)
            rollbacks += 1
        end = min(len(tokens), length + int(random.integers(1, 9)))
        block_TV = model(tokens[length:end], cache)
        assert_same_bits(block_TV, alone_TV[length:end], f"{model.name}, seed {seed}, rows {length} to {end}")
        if random.random() < 0.3:
            cache.truncate(int(random.integers(0, cache.length + 1)))
            rollbacks += 1
    assert rollbacks > 0
    assert_fresh(model, cache, tokens, f"{model.name}, seed {seed}")


def test_what_lies_behind_the_length_cannot_be_seen():
    """The mask hides stale cells altogether: no wild number behind the text may reach a logit (mlx-vlm#2113)."""
    model = golden("target")
    tokens = random_tokens(4, 20, 400)
    alone_TV = alone(model, tokens)
    cache = KVCache(model.config)
    model(tokens[:10], cache)
    cache.keys_LHPC[:, :, 10:] = 1e6
    cache.values_LHPC[:, :, 10:] = -1e6
    assert_same_bits(model(tokens[10:14], cache), alone_TV[10:14], "before poisoned cells")
    assert_same_bits(model(tokens[14:], cache), alone_TV[14:], "after poisoned cells")


@pytest.mark.parametrize("model", EVERY, indirect=True)
def test_recording_changes_no_bits(model):
    """A look at the attention must not be another computation."""
    tokens = random_tokens(5, 12, model.config.vocab_size)
    record = []
    assert_same_bits(model(tokens, record=record), model(tokens), "with and without a record")
    assert len(record) == model.config.n_layer


# -------------------------------------------------------------------------------------------------- types and attention

@pytest.mark.parametrize("model", EVERY, indirect=True)
def test_everything_is_float32(model):
    """In NumPy 2 `x / np.sqrt(16)` turns a float32 array into float64: twice the memory, and other bits."""
    cache = KVCache(model.config)
    record = []
    for tokens in ([1, 2, 3], [4]):
        assert model(tokens, cache, record).dtype == np.float32
    assert cache.keys_LHPC.dtype == cache.values_LHPC.dtype == np.float32
    for layer in record:
        assert layer.attention_HTP.dtype == layer.attended_TD.dtype == layer.hidden_TD.dtype == np.float32


@pytest.mark.parametrize("model", SMALL, indirect=True)
def test_attention_looks_back_only_and_its_rows_sum_to_one(model):
    """gpt-fast#233: a causal mask without the query's offset takes the query for position 0."""
    cache = KVCache(model.config)
    tokens = random_tokens(6, 12, model.config.vocab_size)
    start = 0
    for count in (5, 1, 4, 2):
        record = []
        model(tokens[start:start + count], cache, record)
        for layer in record:
            assert layer.attention_HTP.shape == (model.config.n_head, count, model.config.n_positions)
            assert layer.attended_TD.shape == layer.hidden_TD.shape == (count, model.config.n_embd)
            assert np.abs(layer.attention_HTP.sum(axis=-1) - 1).max() < 1e-6
            for t in range(count):
                own = start + t
                assert (layer.attention_HTP[:, t, :own + 1] > 0).all(), "a token cannot see its own past"
                assert (layer.attention_HTP[:, t, own + 1:] == 0).all(), "a token sees the future, or stale cells"
        start += count


# --------------------------------------------------------------------------------------------------- what cannot be run

def test_the_context_limit_is_exact():
    """vllm#5342, lorax#474: drafts ran over the limit, and crashed; the last position must be usable all the same."""
    model = golden("target")
    tokens = random_tokens(7, 65, 400)
    whole_TV = model(tokens[:64])
    assert whole_TV.shape == (64, 400)
    with pytest.raises(ValueError, match="tokens end at position 65; the context limit is 64 tokens"):
        model(tokens)
    cache = KVCache(model.config)
    model(tokens[:62], cache)
    with pytest.raises(ValueError, match="tokens end at position 65"):
        model(tokens[62:65], cache)
    # the refused call left nothing behind: the same cache goes on as if it had not been made
    assert cache.length == 62
    assert_same_bits(model(tokens[62:64], cache), whole_TV[62:], "after a refused call")


def test_weights_that_are_not_float32_are_refused():
    weights = weights_of(golden("draft"))
    weights["h.0.mlp.c_fc.bias"] = weights["h.0.mlp.c_fc.bias"].astype(np.float64)
    with pytest.raises(TypeError, match=r"weights\['h.0.mlp.c_fc.bias'\] is float64; every weight must be float32"):
        Transformer(golden("draft").config, weights)


def test_reading_changes_no_weight_and_no_argument():
    """The model holds nothing that changes: two texts at a time need two caches, not two models."""
    model = random_model(11)
    before = {name: array.copy() for name, array in weights_of(model).items()}
    tokens = [1, 2, 3]
    one, two = KVCache(model.config), KVCache(model.config)
    for _ in range(3):
        model([5], one)
        model(tokens, two)
    assert tokens == [1, 2, 3]
    assert one.length == 3 and two.length == 9
    assert_fresh(model, one, [5, 5, 5], "one")
    assert_fresh(model, two, tokens * 3, "two")
    assert all(same_bits(array, before[name]) for name, array in weights_of(model).items())


def test_weights_that_are_not_a_gpt2_of_the_config_are_refused():
    """A NaN decoded to token 0 without complaint, and a single row of positions was broadcast over the context."""
    model = golden("target")
    config, weights, _ = load_folder(GOLDEN / "target")
    Transformer(config, weights)
    spoilt = {**weights, "ln_f.bias": np.full_like(weights["ln_f.bias"], np.nan)}
    short = {**weights, "wpe.weight": weights["wpe.weight"][:1]}
    missing = {name: array for name, array in weights.items() if name != "ln_f.bias"}
    for bad, name in ((spoilt, "ln_f.bias"), (short, "wpe.weight"), (missing, "ln_f.bias")):
        with pytest.raises(ValueError, match=f"weights: {name}"):
            Transformer(model.config, bad)


@pytest.mark.parametrize("positions", [1, 2, 3, 17, 64])
def test_the_mask_is_the_lower_triangle_for_every_row_and_block(positions):
    model = random_model(0, n_positions=positions)
    triangle_PP = np.triu(np.full((positions, positions), -np.inf, dtype=np.float32), k=1)
    assert model.mask_PP.dtype == np.float32 and np.array_equal(model.mask_PP, triangle_PP)
    for start in range(positions):
        assert np.array_equal(model.mask_PP[start:start + 5], triangle_PP[start:start + 5])


def test_the_mask_of_a_long_context_takes_no_memory():
    """At 16,384 positions it peaked at 2.7 GB, at 200,000 it was a MemoryError, from a file of a few bytes."""
    tracemalloc.start()
    model = random_model(0, n_positions=200_000, n_embd=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.mask_PP.shape == (200_000, 200_000) and model.mask_PP[199_999, 0] == 0
    assert peak < 40 * 200_000 * 2 * 4, "the position embeddings, drawn as float64, and little else"


@pytest.mark.parametrize("width", [1, 3, 4, 8, 15, 48, 97, 100])
def test_the_logits_have_the_same_bits_whatever_the_blocks_of_the_vocabulary(width, monkeypatch):
    """Sizes that leave every kind of rest: none, one token, three, nearly a block."""
    random = np.random.default_rng(width)
    for vocab_size in (1, 5, 63, 64, 65, 127, 129, 131, 400, 577, 1169):
        embeddings_VD = random.normal(size=(vocab_size, width)).astype(np.float32)
        rows_TD = random.normal(size=(3, width)).astype(np.float32)
        whole_TV = row_products(rows_TD, embeddings_VD.T)
        for blocks in (1, 64, 128, 192, 512, 10_000):
            what = f"{vocab_size} tokens, blocks of {blocks}"
            monkeypatch.setattr("minispec.layers.BLOCK_WEIGHTS", blocks * width)
            assert_same_bits(output_products(rows_TD, embeddings_VD), whole_TV, what)
            for row_TD, whole_V in zip(rows_TD[:, None], whole_TV):
                assert_same_bits(output_products(row_TD, embeddings_VD)[0], whole_V, what)


def test_a_large_vocabulary_is_multiplied_in_blocks_and_a_small_one_at_once(monkeypatch):
    """A block is read once for all rows; the bundled models' vocabularies are one block, so they lose no time."""
    widths = []
    monkeypatch.setattr("minispec.layers.row_products",
                        lambda rows_TD, weight_DF: widths.append(weight_DF.shape[1]) or rows_TD @ weight_DF)
    output_products(np.ones((2, 768), np.float32), np.ones((1000, 768), np.float32))
    assert widths == [1000], "a rest of less than a block joins the last one"
    widths.clear()
    output_products(np.ones((2, 768), np.float32), np.ones((2000, 768), np.float32))
    assert widths == [512, 512, 976]
    widths.clear()
    for name in ("tales-1", "tales-2", "tales-24"):
        model = bundled(name)[0]
        output_products(np.ones((2, model.config.n_embd), np.float32), model.token_embeddings_VD)
    assert widths == [1169] * 3
