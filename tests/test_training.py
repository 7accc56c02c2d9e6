"""The trainer: gradients against finite differences, and runs that can be stopped and resumed without a trace."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import types
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_model import reference_pass

from minispec import command
from minispec.checkpoint import MODELS
from minispec.config import Config
from minispec.commands import recall_command, train_command
from minispec.train import making, training
from minispec.train.adamw import adamw_update, clip_gradients, initial_weights, learning_rate, zero_moments
from minispec.train.backward import loss_and_gradients, mean_loss
from minispec.train.batches import PackedBatches
from minispec.train.folder import locked_folder
from minispec.train.forward import forward, logits
from minispec.train.training import Recipe, train_model
from minispec.shapes import weight_shapes

TINY = Config(n_layer=2, n_head=2, n_embd=6, n_positions=7, vocab_size=11)
END = 10


def tiny_weights(seed=0):
    """Off their initial zeros and ones, in float64: a gain of 1 or a bias of 0 can hide a forgotten factor."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, weight in initial_weights(TINY, seed).items():
        weights[name] = weight + 0.3 * generator.standard_normal(weight.shape)
    return weights


def tiny_batch():
    """Two rows of five, with repeated tokens and with targets to be ignored."""
    tokens_BT = np.array([[3, 7, 7, 0, 10], [3, 1, 4, 1, 5]])
    targets_BT = np.array([[7, 7, 0, 10, 2], [-1, 4, 1, -1, -1]])
    return tokens_BT, targets_BT


# the forward pass


def reference_logits(config, weights, tokens):
    """GPT-2 once more, with straight loops: nothing shared with the package."""
    return reference_pass(config, weights, tokens)[0]


def batched_logits(config, weights, tokens_BT):
    saved = forward(config, weights, tokens_BT)
    return logits(weights, saved.hidden_ND).reshape(*tokens_BT.shape, config.vocab_size)


def test_the_batched_forward_pass_is_gpt2_by_its_definition():
    weights = tiny_weights()
    tokens_BT, _ = tiny_batch()
    logits_BTV = batched_logits(TINY, weights, tokens_BT)
    for row in range(len(tokens_BT)):
        expected_TV = reference_logits(TINY, weights, tokens_BT[row].tolist())
        np.testing.assert_allclose(logits_BTV[row], expected_TV, rtol=0, atol=1e-12)


def test_the_batched_forward_pass_is_the_model_that_will_decode():
    from minispec.cache import KVCache
    from minispec.model import Transformer
    config = Config(n_layer=3, n_head=4, n_embd=32, n_positions=48, vocab_size=60)
    generator = np.random.default_rng(5)
    weights = initial_weights(config, seed=5)
    for weight in weights.values():
        weight += 0.1 * generator.standard_normal(weight.shape, dtype=np.float32)
    tokens_BT = generator.integers(0, 60, (3, 40))
    logits_BTV = batched_logits(config, weights, tokens_BT)
    for row in range(3):
        model_TV = Transformer(config, weights)(tokens_BT[row].tolist(), KVCache(config))
        assert np.abs(logits_BTV[row] - model_TV).max() <= 1e-4


def test_the_loss_is_the_mean_surprise_of_the_targets_that_count():
    weights = tiny_weights()
    tokens_BT, targets_BT = tiny_batch()
    surprises = []
    for row in range(2):
        logits_TV = reference_logits(TINY, weights, tokens_BT[row].tolist())
        for t, target in enumerate(targets_BT[row]):
            if target != -1:
                surprises.append(np.log(np.exp(logits_TV[t]).sum()) - logits_TV[t, target])
    assert len(surprises) == 7
    assert mean_loss(TINY, weights, tokens_BT, targets_BT) == pytest.approx(np.mean(surprises), rel=1e-12)


# the backward pass


def finite_differences(weights, name, tokens_BT, targets_BT, step=1e-5):
    """(loss(w + step) - loss(w - step)) / (2 step), for one element of one tensor after the other."""
    weight = weights[name]
    slopes = np.zeros_like(weight)
    for index in np.ndindex(weight.shape):
        middle = weight[index]
        weight[index] = middle + step
        above = mean_loss(TINY, weights, tokens_BT, targets_BT)
        weight[index] = middle - step
        below = mean_loss(TINY, weights, tokens_BT, targets_BT)
        weight[index] = middle
        slopes[index] = (above - below) / (2 * step)
    return slopes


@pytest.mark.parametrize("name", [name for name, shape in weight_shapes(TINY)])
def test_the_gradient_of_every_element_is_its_finite_difference(name):
    weights = tiny_weights()
    tokens_BT, targets_BT = tiny_batch()
    loss, gradients = loss_and_gradients(TINY, weights, tokens_BT, targets_BT)
    assert loss == mean_loss(TINY, weights, tokens_BT, targets_BT)
    slopes = finite_differences(weights, name, tokens_BT, targets_BT)
    error = np.abs(gradients[name] - slopes).max() / np.abs(slopes).max()
    assert error < 1e-7, f"{name}: relative error {error:.1e}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_names_shapes_and_dtype_of_the_weights_and_nearly_the_same_values(dtype):
    weights = {name: weight.astype(dtype) for name, weight in tiny_weights().items()}
    _, gradients = loss_and_gradients(TINY, weights, *tiny_batch())
    _, from_double = loss_and_gradients(TINY, tiny_weights(), *tiny_batch())
    assert gradients.keys() == weights.keys()
    for name, weight in weights.items():
        assert (gradients[name].shape, gradients[name].dtype) == (weight.shape, weight.dtype), name
        np.testing.assert_allclose(gradients[name], from_double[name], rtol=0, atol=1e-5, err_msg=name)


def test_ignored_targets_contribute_nothing():
    """Tokens behind the last target that counts may be anything: padding moves neither the loss nor a gradient."""
    weights = tiny_weights()
    tokens_BT, targets_BT = tiny_batch()
    loss, gradients = loss_and_gradients(TINY, weights, tokens_BT, targets_BT)
    padded_BT = tokens_BT.copy()
    padded_BT[1, 3:] = 9
    padded_loss, padded_gradients = loss_and_gradients(TINY, weights, padded_BT, targets_BT)
    assert padded_loss == loss
    for name, gradient in gradients.items():
        np.testing.assert_allclose(padded_gradients[name], gradient, rtol=0, atol=1e-15, err_msg=name)


def test_a_row_does_not_see_the_other_rows_of_its_batch():
    weights = tiny_weights()
    tokens_BT, targets_BT = tiny_batch()
    targets_BT[0] = -1
    _, together = loss_and_gradients(TINY, weights, tokens_BT, targets_BT)
    _, alone = loss_and_gradients(TINY, weights, tokens_BT[1:], targets_BT[1:])
    for name, gradient in alone.items():
        np.testing.assert_allclose(together[name], gradient, rtol=0, atol=1e-15, err_msg=name)


def test_large_scores_and_logits_do_not_overflow():
    """exp(89) is infinite in float32; softmax and loss take the maximum off first."""
    weights = {name: (30 * weight).astype(np.float32) for name, weight in tiny_weights().items()}
    tokens_BT, targets_BT = tiny_batch()
    saved = forward(TINY, weights, tokens_BT)
    assert np.abs(logits(weights, saved.hidden_ND)).max() > 200
    assert np.abs(saved.blocks[0].qkv_N3D).max() > 200
    loss, gradients = loss_and_gradients(TINY, weights, tokens_BT, targets_BT)
    assert math.isfinite(loss)
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all(), name


@pytest.mark.parametrize("tokens, targets, message", [
    ([[1, 11]], [[1, 2]], "tokens_BT holds 1 to 11; tokens go from 0 to 10"),
    ([[1, -1]], [[1, 2]], "tokens_BT holds -1 to 1"),
    ([[1, 2]], [[-1, -1]], "targets_BT holds nothing but -1"),
    ([[1, 2]], [[-2, 2]], "targets_BT holds -2 to 2"),
    ([[1, 2]], [[1, 11]], "targets_BT holds 1 to 11"),
    ([[1] * 8], [[1] * 8], "tokens_BT has rows of 8; the model has 7 positions"),
])
def test_a_batch_the_model_cannot_take_is_refused(tokens, targets, message):
    """NumPy reads embedding -1 as the last one, so a stray padding token would train in silence."""
    with pytest.raises(ValueError, match=message):
        loss_and_gradients(TINY, tiny_weights(), np.array(tokens), np.array(targets))


# the optimiser


def test_adamw_is_the_two_steps_worked_out_by_hand():
    """g = 0.5, then -0.25; rate 0.1, betas 0.9 and 0.99, decay 0.1.

    Step 1: m' = 0.5, v' = 0.25, so the change is 0.1 * 0.5 / 0.5 = 0.1; the decay takes 1 % of the weight first.
    Step 2: m = 0.02, m' = 0.02 / 0.19; v = 0.0031, v' = 0.0031 / 0.0199: the change is 0.026670.
    """
    decayed = "h.0.mlp.c_fc.weight"
    free = {"h.0.mlp.c_fc.bias": (1,), "h.0.ln_1.weight": (1,), "wte.weight": (1, 1), "wpe.weight": (1, 1)}
    weights = {name: np.ones(shape) for name, shape in free.items()}
    weights[decayed] = np.ones((1, 1))
    moments = zero_moments(weights)
    for gradient, expected_decayed, expected_free in ((0.5, 0.89, 0.9), (-0.25, 0.854430, 0.873330)):
        gradients = {name: np.full(weight.shape, gradient) for name, weight in weights.items()}
        adamw_update(weights, gradients, moments, 0.1, (0.9, 0.99), weight_decay=0.1)
        assert weights[decayed].item() == pytest.approx(expected_decayed, abs=1e-6)
        for name in free:
            assert weights[name].item() == pytest.approx(expected_free, abs=1e-6), name
    assert moments.step == 2


def test_clipping_scales_all_gradients_by_one_factor_and_only_down():
    gradients = {"a": np.array([3.0]), "b": np.array([[0.0], [4.0]])}
    assert clip_gradients(gradients, 10.0) == 5.0
    assert gradients["a"].tolist() == [3.0]
    assert clip_gradients(gradients, 1.0) == 5.0
    assert gradients["a"].tolist() == pytest.approx([0.6])
    assert gradients["b"].ravel().tolist() == pytest.approx([0.0, 0.8])


def test_the_learning_rate_climbs_to_the_peak_and_ends_at_the_floor():
    rates = [learning_rate(step, 100, 1e-2, 10, 1e-3) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[4] == pytest.approx(5e-3)
    assert rates[9] == pytest.approx(1e-2) == max(rates)
    assert rates[54] == pytest.approx((1e-2 + 1e-3) / 2)      # half of the cosine
    assert rates[99] == pytest.approx(1e-3)
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_the_initial_weights_are_those_of_gpt2_at_the_width_of_the_model():
    """GPT-2's 0.02 belongs to 768 channels; 48 channels, a sixteenth, need four times as much."""
    config = Config(n_layer=8, n_head=2, n_embd=48, n_positions=64, vocab_size=100)
    weights = initial_weights(config, seed=3)
    assert {name: weight.shape for name, weight in weights.items()} == dict(weight_shapes(config))
    for name, weight in weights.items():
        assert weight.dtype == np.float32
        if name.endswith("bias"):
            assert not weight.any(), name
        elif weight.ndim == 1:
            assert (weight == 1).all(), name
        else:
            deviation = 0.08 / 4 if name.endswith("c_proj.weight") else 0.08      # 4 = sqrt(2 * 8 layers)
            assert weight.std() == pytest.approx(deviation, rel=0.1), name
    np.testing.assert_array_equal(weights["wte.weight"], initial_weights(config, seed=3)["wte.weight"])
    assert (weights["wte.weight"] != initial_weights(config, seed=4)["wte.weight"]).any()


# the batches


SHORT = [[1, 2, 3], [4, 5], [6, 7, 8, 9, 1, 2], [5]]
DATA = PackedBatches(SHORT, END, seed=0, rows=4, length=16)


def test_a_batch_is_a_function_of_seed_and_step():
    tokens_BT, targets_BT = DATA.batch(5)
    others = [replace(DATA, seed=seed).batch(step)[0] for seed, step in ((0, 6), (1, 5), (5, 0))]
    assert tokens_BT.shape == targets_BT.shape == (4, 16)
    np.testing.assert_array_equal(DATA.batch(5), (tokens_BT, targets_BT))
    assert all((tokens_BT != other_BT).any() for other_BT in others)


def test_every_row_starts_at_a_document_start_and_holds_whole_documents():
    started = set()
    for step in range(20):
        tokens_BT, targets_BT = DATA.batch(step)
        np.testing.assert_array_equal(tokens_BT[:, 1:], targets_BT[:, :-1])
        for row in range(4):
            packed = tokens_BT[row].tolist() + [int(targets_BT[row, -1])]
            pieces = "".join(map(chr, packed)).split(chr(END))
            documents = [list(map(ord, piece)) for piece in pieces]
            started.add(tuple(documents[0]))
            assert all(document in SHORT for document in documents[:-1])
            assert any(document[:len(documents[-1])] == documents[-1] for document in SHORT)
    assert started == set(map(tuple, SHORT))


def test_a_document_longer_than_a_row_is_read_from_its_start_and_from_all_over():
    data = PackedBatches([list(range(100))], END, seed=0, rows=2, length=20)
    rows = [row_T.tolist() for step in range(200) for row_T in data.batch(step)[0]]
    begins = [row[0] for row in rows]
    assert rows == [list(range(begin, begin + 20)) for begin in begins]
    assert 40 <= begins.count(0) <= 120                        # one in five of 400
    assert min(begins) == 0 and max(begins) == 80
    assert len(set(begins)) > 60


def test_a_document_just_as_long_as_a_row_starts_at_its_start_and_is_followed_by_end_of_text():
    tokens_BT, targets_BT = PackedBatches([[1, 2, 3, 4]], END, seed=0, rows=3, length=4).batch(0)
    assert tokens_BT.tolist() == [[1, 2, 3, 4]] * 3
    assert targets_BT.tolist() == [[2, 3, 4, END]] * 3


@pytest.mark.parametrize("documents", [[], [[1, 2], []]])
def test_documents_without_tokens_are_refused(documents):
    with pytest.raises(ValueError, match="documents"):
        replace(DATA, documents=documents).batch(0)


# the run


CONFIG = Config(n_layer=2, n_head=2, n_embd=16, n_positions=16, vocab_size=11, eos_token_id=END)
RECIPE = Recipe(steps=24, batch=4, length=16, peak=1e-2, warmup=4, floor=1e-3, checkpoint_every=10, held_out_every=8)


def assert_same_bits(one, other):
    assert one.tensors().keys() == other.tensors().keys()
    for name, mine in one.tensors().items():
        assert mine.dtype == np.float32
        np.testing.assert_array_equal(mine.view(np.uint32), other.tensors()[name].view(np.uint32), err_msg=name)
    assert (one.moments.step, one.loss, one.held_out_loss) == (other.moments.step, other.loss, other.held_out_loss)


def checkpoint_step(folder):
    with np.load(folder / "checkpoint.npz") as arrays:
        return json.loads(str(arrays["scalars"]))["step"]


class Interrupting:
    """The same batches; asking for number `at` sends this process a signal."""

    def __init__(self, at, number):
        self.at = at
        self.number = number

    def batch(self, step):
        if step == self.at:
            os.kill(os.getpid(), self.number)
        return DATA.batch(step)


@pytest.mark.skipif(os.name != "posix", reason="on Windows os.kill ends the process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_interrupted_and_resumed_ends_in_the_same_bits_as_one_uninterrupted(tmp_path, number):
    held_out = (DATA.batch(1000),)
    handler = signal.getsignal(number)
    whole = train_model(CONFIG, DATA.batch, RECIPE, tmp_path / "whole", held_out)
    with pytest.raises(KeyboardInterrupt, match="stopped after step 14 of 24"):
        train_model(CONFIG, Interrupting(13, number).batch, RECIPE, tmp_path / "parts", held_out)
    assert signal.getsignal(number) == handler
    assert checkpoint_step(tmp_path / "parts") == 14
    parts = train_model(CONFIG, DATA.batch, RECIPE, tmp_path / "parts", held_out, resume=True)
    assert_same_bits(whole, parts)
    assert whole.moments.step == 24


def test_a_run_that_dies_without_warning_resumes_from_its_last_regular_checkpoint(tmp_path, monkeypatch):
    whole = train_model(CONFIG, DATA.batch, RECIPE, tmp_path / "whole")
    real_step = training.train_step

    def failing_step(config, batches, recipe, run):
        if run.moments.step == 13:
            raise MemoryError
        real_step(config, batches, recipe, run)

    monkeypatch.setattr(training, "train_step", failing_step)
    with pytest.raises(MemoryError):
        train_model(CONFIG, DATA.batch, RECIPE, tmp_path / "parts")
    monkeypatch.undo()
    assert checkpoint_step(tmp_path / "parts") == 10
    assert_same_bits(whole, train_model(CONFIG, DATA.batch, RECIPE, tmp_path / "parts", resume=True))


@pytest.mark.parametrize("scalars", [None, "{", "[1]", "{}", '{"identity": 7}'])
def test_an_archive_that_is_no_checkpoint_is_a_sentence_that_names_the_file(tmp_path, scalars):
    arrays = {"weights/wte.weight": np.zeros(3, np.float32)} | ({} if scalars is None else {"scalars": scalars})
    np.savez(tmp_path / "checkpoint.npz", **arrays)
    with pytest.raises(ValueError, match=r"checkpoint\.npz cannot be read as a checkpoint"):
        train_model(CONFIG, DATA.batch, RECIPE, tmp_path, resume=True)


def test_no_flipped_bit_of_a_checkpoint_is_taken_for_its_state(tmp_path):
    """NumPy stops before a member's end, so its checksum was never compared: a run went on with other weights."""
    recipe = replace(RECIPE, steps=1)
    config = replace(CONFIG, n_layer=1, n_embd=64)           # zip reads, and checks, what is small at one go
    run = train_model(config, DATA.batch, recipe, tmp_path)
    path = tmp_path / "checkpoint.npz"
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    headers = [match.start() for match in re.finditer(rb"\x93NUMPY", whole)]
    header = headers[1]                  # of the first weight; headers[0] is that of the scalars
    # byte 8 is a header's length: 16 less, and the array began and ended 16 bytes early
    places = [149, *[start + 8 for start in headers], *random.integers(header, header + 130, size=20),
              *random.integers(len(whole), size=50)]
    for place in places:
        damaged_bytes = bytearray(whole)
        damaged_bytes[place] ^= 0x10
        path.write_bytes(damaged_bytes)
        try:
            loaded = train_model(config, DATA.batch, recipe, tmp_path, resume=True)
        except (ValueError, OSError) as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert_same_bits(run, loaded)            # a bit that nobody reads, such as a date
    for cut in (0, 1, 100, 3000):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="checkpoint.npz cannot be read as a checkpoint"):
            train_model(config, DATA.batch, recipe, tmp_path, resume=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("name", ["checkpoint.npz", "training.lock"])
def test_a_pipe_as_checkpoint_or_lock_is_refused_and_not_waited_for(tmp_path, capsys, name):
    os.mkfifo(tmp_path / name)
    assert f"{tmp_path / name}: this is a device, a pipe" in refusal(capsys, *MODEL_40, "--resume", "--output", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("changed, message", [
    (dict(config=replace(CONFIG, n_head=4)), "config.n_head = 2, but this run has 4"),
    (dict(recipe=replace(RECIPE, steps=25)), "recipe.steps = 24, but this run has 25"),
    (dict(recipe=replace(RECIPE, betas=(0.9, 0.95))), "recipe.betas = .0.9, 0.99., but this run has .0.9, 0.95."),
])
def test_a_run_is_not_resumed_with_other_settings(tmp_path, changed, message):
    train_model(CONFIG, DATA.batch, RECIPE, tmp_path)
    other = dict(config=CONFIG, recipe=RECIPE) | changed
    with pytest.raises(ValueError, match=message):
        train_model(other["config"], DATA.batch, other["recipe"], tmp_path, resume=True)
    # How often a checkpoint is written may change: it does not touch the weights.
    train_model(CONFIG, DATA.batch, replace(RECIPE, checkpoint_every=3), tmp_path, resume=True)


def test_the_digest_of_documents_shows_where_one_ends():
    digests = {replace(DATA, documents=documents).digest
               for documents in (SHORT, SHORT[::-1], [[1, 2], [3]], [[1], [2, 3]], [[1, 2, 3]], [])}
    assert len(digests) == 6
    assert DATA.digest == replace(DATA, documents=[list(document) for document in SHORT]).digest


def test_a_checkpoint_is_neither_invented_nor_overwritten(tmp_path):
    with pytest.raises(FileNotFoundError, match="checkpoint.npz"):
        train_model(CONFIG, DATA.batch, RECIPE, tmp_path, resume=True)
    (tmp_path / "checkpoint.npz").write_bytes(b"PK not really")
    with pytest.raises(FileExistsError, match="checkpoint.npz"):
        train_model(CONFIG, DATA.batch, RECIPE, tmp_path)
    assert (tmp_path / "checkpoint.npz").read_bytes() == b"PK not really"


def test_a_run_outside_the_main_thread_trains_too(tmp_path):
    """Only the main thread may set signal handlers; in a notebook's worker thread train must not try."""
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train_model(CONFIG, DATA.batch, RECIPE, tmp_path)))
    thread.start()
    thread.join()
    assert runs[0].moments.step == 24


def test_the_loss_falls_on_a_text_that_can_be_memorised(tmp_path):
    text = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]]
    data = PackedBatches(text, END, seed=0, rows=2, length=16)
    before = mean_loss(CONFIG, initial_weights(CONFIG, seed=0), *data.batch(0))
    run = train_model(CONFIG, data.batch, replace(RECIPE, steps=120, batch=2), tmp_path, held_out=(data.batch(0),))
    assert before == pytest.approx(math.log(11), abs=0.4)      # knowing next to nothing: 11 tokens, about as likely
    assert run.held_out_loss < 0.1
    assert run.loss < 0.2


@pytest.mark.filterwarnings("error")
def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(FloatingPointError, match="loss is no longer finite after step"):
        train_model(CONFIG, DATA.batch, replace(RECIPE, peak=1e30, warmup=0), tmp_path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("held_out, message", [((DATA.batch(1000),), "held-out loss is no longer finite after step 1"),
                                               ((), "is no longer finite after step 1")])
def test_a_run_that_diverges_in_its_last_step_fails_and_leaves_no_checkpoint(tmp_path, held_out, message):
    """The loss of a step is that of the weights before it: the last update is judged by nobody else."""
    with pytest.raises(FloatingPointError, match=message):
        train_model(CONFIG, DATA.batch, replace(RECIPE, steps=1, peak=1e38, floor=1e38, warmup=0, weight_decay=1e5),
              tmp_path, held_out)
    assert not (tmp_path / "checkpoint.npz").exists()


# the command


def run_command(*options):
    """The status of `train`, as the command line gives it."""
    return command.main(["train", *[str(option) for option in options]])


SMALL = ("--steps", 3, "--layers", 1, "--width", 8, "--heads", 2, "--context", 16, "--batch", 2)


def test_the_command_leaves_a_model_folder_and_says_how_it_was_made(tmp_path):
    from minispec.checkpoint import load
    assert run_command("--tales", 40, "--vocab", 300, *SMALL, "--output", tmp_path / "target") == 0
    recipe = json.loads((tmp_path / "target" / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["steps"], recipe["tokens_seen"], recipe["seed"]) == (3, 3 * 2 * 16, 0)
    assert recipe["numpy"] == np.__version__
    assert recipe["command"].startswith("python -m minispec")
    assert 4 < recipe["held_out_loss"] < 8 and 4 < recipe["training_loss"] < 8
    assert recipe["wall_seconds"] >= 0
    target, target_words = load(tmp_path / "target")

    assert run_command("--tales", 40, "--tokenizer", tmp_path / "target", *SMALL, "--output", tmp_path / "draft") == 0
    draft, draft_words = load(tmp_path / "draft")
    assert draft_words == target_words
    assert draft.config.vocab_size == target.config.vocab_size == 300
    assert draft.config.eos_token_id == target_words.end_of_text


def test_the_command_trains_on_ones_own_text(tmp_path):
    (tmp_path / "poem.txt").write_text("Ein Männlein\nsteht im Walde\n\nganz still und stumm\n", encoding="utf-8")
    assert run_command("--texts", tmp_path / "poem.txt", "--vocab", 270, *SMALL, "--output", tmp_path / "model") == 0
    recipe = json.loads((tmp_path / "model" / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["corpus"]["documents"] == 2
    assert recipe["held_out_loss"] is None


@pytest.mark.parametrize("text, documents", [
    ("one\ntwo\n\n \nthree\n", ["one\ntwo", "three"]),
    ("one\n\ntwo\n<|endoftext|>\nthree", ["one\n\ntwo", "three"]),
    ("<|endoftext|>\none\n<|endoftext|>\n", ["one"]),
    ("\n\n", []),
])
def test_documents_are_separated_by_end_of_text_lines_or_else_by_blank_lines(text, documents):
    assert making.split_text(text) == documents


def test_no_held_out_document_is_trained_on():
    texts = [f"tale {number % 30}" for number in range(200)]
    training_texts, held_out = making.split_documents(texts)
    assert not set(training_texts) & set(held_out)
    texts = [f"tale {number}" for number in range(200)]
    training_texts, held_out = making.split_documents(texts)
    assert (len(training_texts), len(held_out)) == (190, 10)
    assert set(training_texts) | set(held_out) == set(texts)


def test_the_command_reports_an_error_in_one_sentence(tmp_path, capsys):
    (tmp_path / "latin.txt").write_bytes("Männlein".encode("latin-1"))
    for options, message in (
            (("--length", 17, *SMALL), "--length"),
            (("--texts", tmp_path / "latin.txt", *SMALL), "latin.txt: not UTF-8"),
            (("--texts", tmp_path / "none.txt", *SMALL), "none.txt"),
            (("--tales", 5, "--resume", *SMALL), "checkpoint.npz is not there")):
        assert run_command(*options, "--output", tmp_path / "model") == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1


def test_a_stopped_command_can_be_resumed(tmp_path, monkeypatch, capsys):
    options = ("--tales", 40, "--vocab", 300, *SMALL, "--output", tmp_path)
    real_batch = PackedBatches.batch

    def interrupted_batch(self, step):
        if step == 1 and not (tmp_path / "checkpoint.npz").exists():
            signal.raise_signal(signal.SIGTERM)
        return real_batch(self, step)

    # Without held-out batches, batch 1 is the second step of the training.
    monkeypatch.setattr(making, "HELD_OUT_EVERY", 1000)
    monkeypatch.setattr(PackedBatches, "batch", interrupted_batch)
    assert run_command(*options) == 130
    assert "can be resumed" in capsys.readouterr().err
    assert not (tmp_path / "recipe.json").exists()
    assert run_command(*options, "--resume") == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["steps"] == 3


MODEL_40 = ("--tales", 40, "--vocab", 300, *SMALL)


def refusal(capsys, *options):
    """The sentence of a command that does nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_command(*options) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and " error: " in shown.err and shown.err.count("\n") == 1, shown.err
    return shown.err


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "checkpoint.npz"])
def test_a_model_or_checkpoint_is_not_overwritten_and_no_work_is_done_before_saying_so(
        tmp_path, capsys, monkeypatch, name):
    monkeypatch.setattr(making, "generate", None)             # calling it would be a TypeError
    (tmp_path / name).write_bytes(b"precious")
    assert f"{tmp_path / name} is there already" in refusal(capsys, *MODEL_40, "--output", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("wrong, message", [
    (("--output", ""), "--output is empty"),
    (("--width", 9), "--width is 9; .* a multiple of --heads, .* 2"),
    (("--length", 17), "--length is 17; .* --context, .* 16"),
    *[((f"--{name}", value), f"--{name} is {value}; .* {least} to {most}")
      for name, (least, most) in train_command.LIMITS.items() for value in (least - 1, most + 1)],
    *[(("--learning-rate", value), f"--learning-rate is {value}; .* above 0") for value in ("nan", "inf", "0.0")],
])
def test_what_cannot_be_trained_is_refused_by_the_name_of_the_option_before_any_work(
        tmp_path, capsys, monkeypatch, wrong, message):
    monkeypatch.setattr(making, "generate", None)
    assert re.search(message, refusal(capsys, *MODEL_40, "--output", tmp_path / "a" / "b", *wrong))
    assert list(tmp_path.iterdir()) == []


def test_memory_that_ends_on_the_way_is_one_sentence_and_leaves_no_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(train_command.LIMITS, "batch", (1, 10 ** 14))
    assert "not enough memory" in refusal(capsys, *MODEL_40, "--output", tmp_path / "a" / "b", "--batch", 10 ** 13)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_before_the_first_step_says_so(tmp_path, capsys, monkeypatch):
    """During the tales it printed two empty lines."""
    def stopped(seed, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "generate", stopped)
    assert run_command(*MODEL_40, "--output", tmp_path / "model") == 130
    assert capsys.readouterr().err.strip() == "stopped"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such lock")
def test_a_second_training_into_one_folder_is_refused_while_the_first_one_runs(tmp_path, capsys):
    with locked_folder(tmp_path):
        for options in ((), ("--resume",)):
            (tmp_path / "checkpoint.npz").touch()
            assert f"{tmp_path / 'training.lock'}: another training" in refusal(
                capsys, *MODEL_40, *options, "--output", tmp_path)
        (tmp_path / "checkpoint.npz").unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such lock")
def test_the_lock_of_a_killed_process_is_taken_over_and_no_lock_is_left(tmp_path):
    code = (f"import os, pathlib\nfrom minispec.train.folder import locked_folder\n"
            f"with locked_folder(pathlib.Path({str(tmp_path)!r})):\n    os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, timeout=100)
    assert [path.name for path in tmp_path.iterdir()] == ["training.lock"]
    with locked_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert "file is a file; a model must have a folder" in refusal(capsys, *MODEL_40, "--output", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_command_does_not_resume_with_a_changed_text(tmp_path, capsys):
    """The tokens are the same bytes but for one, in a document that the first batch need not show."""
    poem = tmp_path / "poem.txt"
    poem.write_text("\n\n".join(f"line {number}" for number in range(60)))
    command_words = ("--texts", poem, "--vocab", 257, *SMALL, "--output", tmp_path / "model")
    assert run_command(*command_words) == 0
    for old, new, name in (("line 58", "line 5x", "digest.texts"), ("line 19", "line 1x", "held_out")):
        text = poem.read_text()
        poem.write_text(text.replace(old, new))
        capsys.readouterr()
        assert name in refusal(capsys, *command_words, "--resume")
        poem.write_text(text)
    assert run_command(*command_words, "--resume") == 0


def test_the_recipe_keeps_the_command_that_began_the_run(tmp_path, monkeypatch):
    first = ["train", "--tales", "40", "--output", "x"]
    monkeypatch.setattr(sys, "argv", ["minispec", *first])
    assert run_command(*MODEL_40, "--output", tmp_path) == 0
    before = (tmp_path / "recipe.json").read_bytes()
    monkeypatch.setattr(sys, "argv", ["minispec", *first, "--resume", "--steps", "3"])
    assert run_command(*MODEL_40, "--output", tmp_path, "--resume") == 0
    assert (tmp_path / "recipe.json").read_bytes() == before
    # Stopped before it was ever written, it is written later; to resume is no way to make a model from nothing.
    (tmp_path / "recipe.json").unlink()
    assert run_command(*MODEL_40, "--output", tmp_path, "--resume") == 0
    written = json.loads((tmp_path / "recipe.json").read_bytes())["command"]
    assert written == "python -m minispec train --tales 40 --output x --steps 3"


@pytest.mark.parametrize("name", ["tales-1", "tales-2", "tales-24"])
def test_the_command_of_every_committed_recipe_is_still_accepted(name):
    recipe = json.loads((MODELS / name / "recipe.json").read_text(encoding="utf-8"))
    words = recipe["command"].split()
    assert words[:4] == ["python", "-m", "minispec", "train"]
    arguments = command.parse(words[3:])[1]
    train_command.check_options(arguments)
    assert (arguments.steps, arguments.width) == (recipe["steps"], recipe["config"]["n_embd"])


def test_recall_refuses_an_unknown_model_before_it_makes_tales_and_shows_its_heading_first(monkeypatch, capsys):
    def no_tales(count):
        raise KeyError("made")

    monkeypatch.setattr(recall_command, "held_out_tales", no_tales)
    with pytest.raises(ValueError, match="no model 'nope'"):
        recall_command.run(types.SimpleNamespace(models=["tales-1", "nope"], tales=200))
    assert capsys.readouterr().out == ""
    with pytest.raises(KeyError):
        recall_command.run(types.SimpleNamespace(models=["tales-1"], tales=200))
    assert "on 200 held-out tales" in capsys.readouterr().out


# the progress line


def test_a_run_without_standard_error_trains_in_silence(tmp_path, monkeypatch, capsys):
    """sys.stderr is None under pythonw and after 2>&-; print would then turn to standard output."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        assert train_model(CONFIG, DATA.batch, replace(RECIPE, steps=2), tmp_path).moments.step == 2
    assert capsys.readouterr().out == ""


def test_the_progress_line_says_how_far_how_well_how_fast_and_how_long():
    from minispec.train.progress import progress_line
    line = progress_line(1200, 4000, 1.2345, 1.3, seconds_per_step=0.5, tokens_per_step=2048)
    assert line == "step 1200/4000  loss 1.234  held-out 1.300  4096 tokens/s  0:23:20 left"
    assert "held-out   n/a" in progress_line(1, 2, 1.0, None, 0.5, 16)
