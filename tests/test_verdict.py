"""Bug or rounding: the bound is above all rounding that was measured, and no bug that changes a text passes for it.

The confusion table of the labelled cases is printed (`pytest -s`); the long sweep has more models, prompts and drafts.
"""

import copy
import importlib
import json
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import pytest
from conftest import HELD_OUT, bundled, golden, random_model, random_tokens

import minispec
from minispec import KVCache, Transformer, greedy, load, load_trace, greedy_baseline, save_trace, speculative
from minispec.checkpoint import bundled_folder, load_folder
from minispec.command import main
from minispec.shapes import weight_shapes
from minispec.compare.audit import (ACCEPTING, CHOOSING, COMMITTING, COUNTING, DANGEROUS, DRAFT_CACHE, DRAFTING, HARMLESS,
                                PREFILL, ROLLING_BACK, SHIFTED, STOPPING, WRONG, audit)
from minispec.compare.rounded import ROUNDINGS, UNTRAINED, demonstrate, flip_table, flips, rounded, untrained
from minispec.commands.diffing import verdict_json
from minispec.compare.rows import BLOCK, CACHED, DOUBTFUL, FACTORS, MODEL, UNITS, Distance, distance, used_rows
from minispec.compare.verdict import verdict
from minispec.model import Block
from minispec.scripted import Mix, scripted
from minispec.teaching.bug import Bug
from minispec.teaching.bugs import load_bug
from minispec.teaching.gallery import GALLERY as ALL_BUGS
from minispec.teaching.gallery.sizes import SIZES
from minispec.teaching.observer import recorded_rounds
from minispec.teaching.runs import adopted, decode_both, load_both

GALLERY = tuple(bug for bug in ALL_BUGS if not (bug.of_noise or bug.of_rule))     # greedy decoding meets them
KINDS = ("identical", "rounding", "bug")
LINES = HELD_OUT.read_text(encoding="utf-8").splitlines()


# ------------------------------------------------------------------------------------------------- the bound, measured

def with_weights(model, change):
    """The model with every weight changed: in double precision, or to what a folder saved in 16 bits would hold."""
    other = copy.copy(model)
    for name in ("token_embeddings_VD", "position_embeddings_PD", "final_gain_D", "final_bias_D"):
        setattr(other, name, change(getattr(model, name)))
    other.blocks = [Block(*[change(getattr(block, field.name)) for field in fields(Block)]) for block in model.blocks]
    return other


def float64_cache(config):
    made = KVCache(config)
    made.values_LHPC = made.values_LHPC.astype(np.float64)
    made.keys_LHPC = made.keys_LHPC.astype(np.float64)
    return made


def all_at_once(rows_TD, weight_DF):
    """One product of the whole block, as nearly everybody takes it."""
    return rows_TD @ weight_DF


def backwards(rows_TD, weight_DF):
    """The same sums in the other order."""
    return np.ascontiguousarray(rows_TD[:, ::-1]) @ np.ascontiguousarray(weight_DF[::-1])


def other_arithmetic(model, tokens, monkeypatch):
    """(dtype, what was done, logits) of one text in every other arithmetic."""
    yield "float32", "float64", with_weights(model, np.float64)(tokens, float64_cache(model.config))
    for products in (all_at_once, backwards):
        with monkeypatch.context() as patched:
            patched.setattr("minispec.model.row_products", products)
            yield "float32", products.__name__, model(tokens)
    for dtype, to_nearest in ROUNDINGS.items():
        yield dtype, "activations", rounded(model, dtype)(tokens)
        with monkeypatch.context() as patched:
            # everything that rounds in a 16-bit program: weights, and the result of every operation
            for name in ("row_products", "layer_norm", "gelu", "softmax"):
                exact = getattr(minispec.model, name)
                patched.setattr(f"minispec.model.{name}", Nearest(exact, to_nearest))
            yield dtype, "everything", rounded(with_weights(model, to_nearest), dtype)(tokens)


class Nearest:
    """A function whose result is rounded."""

    def __init__(self, function, to_nearest):
        self.function, self.to_nearest = function, to_nearest

    def __call__(self, *arguments):
        return self.to_nearest(self.function(*arguments))


def texts_to_measure():
    """(model, text) of the bundled, the golden and some random models: their own greedy texts."""
    for name in ("tales-24", "tales-2", "tales-1"):
        model, tokenizer = bundled(name)
        for line in LINES[:2]:
            yield model, greedy(model, tokenizer.encode(line), 60)
    for name in ("target", "draft", "noisy"):
        for seed in range(3):
            yield golden(name), greedy(golden(name), random_tokens(seed, 5, 400), 50, stop=None)
    for seed in range(2):
        yield random_model(seed), greedy(random_model(seed), random_tokens(seed, 5, 30), 19, stop=None)
        yield untrained(seed), greedy(untrained(seed), random_tokens(seed, 3, 400), 61, stop=None)


def test_the_bound_is_above_all_rounding_that_was_measured(monkeypatch):
    """The factors of the bound come from here: if this fails on a machine, its arithmetic is less exact than thought.

    In units of unit roundoff times the highest |logit| of the row; the bound allows FACTORS of them.
    """
    worst, flipped, rows = {}, Counter(), 0
    for model, tokens in texts_to_measure():
        logits_TV = model(tokens)
        rows += len(logits_TV)
        for dtype, what, others_TV in other_arithmetic(model, tokens, monkeypatch):
            flipped[dtype, what] += int((np.argmax(logits_TV, -1) != np.argmax(others_TV, -1)).sum())
            for row_V, other_V in zip(logits_TV, others_TV):
                share = distance(0, row_V, other_V, dtype).share
                worst[dtype, what] = max(worst.get((dtype, what), 0.0), share)
    print(f"\n{rows} rows; largest difference in units of roundoff * max |logit|, and argmaxes that flipped:")
    for (dtype, what), share in worst.items():
        used = f"{share * FACTORS[dtype]:5.1f} of {FACTORS[dtype]}"
        print(f"  {dtype:<9} {what:<12} {used}   {flipped[dtype, what]:3} flips")
    assert len(worst) == 7 and rows > 1000
    assert max(worst.values()) < DOUBTFUL < 1
    # and a bound that is never approached would say little: each dtype uses a tenth of its own at least
    assert all(max(share for (name, _), share in worst.items() if name == dtype) > 0.1 for dtype in FACTORS)


def test_rounding_is_to_the_nearest_number_of_the_format_and_of_two_to_the_even():
    """Truncating instead would double the error, and lean to one side."""
    exact = np.array([1.0, -2.5, 0.0, 3 / 4], dtype=np.float32)
    for to_nearest in ROUNDINGS.values():
        assert to_nearest(exact).tobytes() == exact.tobytes() and to_nearest(exact).dtype == np.float32
    step = 2.0 ** -7                     # of bfloat16 between 1 and 2
    values = np.array([1 + 0.49 * step, 1 + 0.51 * step, 1 + 0.5 * step, 1 + 1.5 * step, -1 - 0.51 * step], np.float32)
    assert ROUNDINGS["bfloat16"](values).tolist() == [1, 1 + step, 1, 1 + 2 * step, -1 - step]
    random = np.random.default_rng(0).normal(size=1000).astype(np.float32) * 50
    for dtype, to_nearest in ROUNDINGS.items():
        error = np.abs(to_nearest(random) - random) / np.abs(random)
        assert 0.8 * UNITS[dtype] < error.max() <= UNITS[dtype]


def test_a_rounded_model_rounds_row_by_row_and_leaves_the_model_alone():
    """Or the same text would get other logits with another tau, and every verdict on it would be about that."""
    model = golden("target")
    tokens = random_tokens(3, 30, 400)
    before = model(tokens)
    low = rounded(model, "float16")
    block_TV = low(tokens)
    store = KVCache(low.config)
    alone_TV = np.concatenate([low([token], store) for token in tokens])
    assert block_TV.tobytes() == alone_TV.tobytes()
    assert block_TV.tobytes() == block_TV.astype(np.float16).astype(np.float32).tobytes()
    assert 0 < np.abs(block_TV - before).max() < 0.1
    assert model(tokens).tobytes() == before.tobytes() and type(model) is Transformer


def test_only_a_transformer_can_be_rounded_and_only_to_16_bits():
    with pytest.raises(TypeError, match="model is .*it must be a Transformer"):
        rounded(scripted(Mix(5), 5))
    with pytest.raises(ValueError, match="dtype is 'float8'; it must be one of float16, bfloat16"):
        rounded(golden("target"), "float8")


# ------------------------------------------------------------------------------------------------- the labelled cases

# products of blocks instead of rows: rounding by another name, and no bug of decoding, so its texts are judged as such
ROUNDING_BUGS = ("block-products",)
TINY = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 64, "vocab_size": 32}


@dataclass(frozen=True)
class Task:
    """One decode: which models, what prompt, how many drafts and tokens, and which token ends it."""

    models: str                          # "scripted", "tiny", "untrained", or the names of two bundled models
    seed: int
    prompt: tuple[int, ...]
    tau: int
    new_tokens: int
    stop: int | str | None = "end-of-text"


class OftenWrong:
    """The rule of a draft: the target's own, but wrong where another mix says so."""

    def __init__(self, vocab_size, seed, one_in=3):
        self.right, self.lie, self.vocab_size = Mix(vocab_size, seed), Mix(one_in, seed + 1), vocab_size

    def __call__(self, prefix):
        right = self.right(prefix)
        return (right + 1) % self.vocab_size if self.lie(prefix) == 0 else right


@cache
def tiny_weights(seed):
    """(target, draft): random weights, and the same with noise; with odd seeds, tokens 2k and 2k + 1 always tie."""
    random = np.random.default_rng(seed)
    target, draft = {}, {}
    for name, shape in weight_shapes(minispec.Config(**TINY)):
        scale = 1.0 if name in ("wte.weight", "wpe.weight") else 0.4
        weight = random.normal(0, scale, shape) + name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight"))
        noisy = weight + 0.1 * scale * random.normal(0, 1, shape)
        if name == "wte.weight" and seed % 2:
            weight[1::2], noisy[1::2] = weight[::2], noisy[::2]
        target[name], draft[name] = weight.astype(np.float32), noisy.astype(np.float32)
    return target, draft


@cache
def models_of(package, names, seed):
    """(target, draft), made by that copy of the package."""
    if names == "scripted":
        doubles = importlib.import_module(f"{package.__name__}.scripted")
        target = doubles.scripted(doubles.Mix(12, seed), 12, 64, "target")
        return target, doubles.scripted(OftenWrong(12, seed), 12, 64, "draft")
    if names == "tiny":
        config = package.Config(**TINY)
        return tuple(package.Transformer(config, weights, name)
                     for weights, name in zip(tiny_weights(seed), ("target", "draft")))
    if names == "untrained":
        model = importlib.import_module(f"{package.__name__}.compare.rounded").untrained(seed)
        return model, model
    read = [(name, *files_of(name)[:2]) for name in names.split()]
    return tuple(package.Transformer(package.Config(**vars(config)), weights, name) for name, config, weights in read)


@cache
def files_of(name):
    """Configuration, weights and tokenizer of a bundled model, read once for all copies of the package."""
    return load_folder(bundled_folder(name))


def decode(package, task, dtype="float32"):
    """The run; None where a bug stopped it with an error."""
    target, draft = models_of(package, task.models, task.seed)
    if dtype != "float32":
        target = importlib.import_module(f"{package.__name__}.compare.rounded").rounded(target, dtype)
    try:
        with recorded_rounds(package, task.new_tokens):              # which stops a decode that does not end
            return package.speculative(target, draft, list(task.prompt), task.new_tokens, task.tau, task.stop)
    except (AssertionError, IndexError, ValueError, RuntimeError):
        return None


@cache
def clean(task, dtype="float32"):
    """The run of the correct code."""
    return decode(minispec, task, dtype)


def small_tasks(seeds=(1, 2)):
    """Scripted models, which have no floats, and tiny ones, which have nothing else; some end in the middle."""
    tasks = []
    for seed in seeds:
        for models, tau, new_tokens in (("scripted", 1, 30), ("scripted", 4, 33), ("tiny", 2, 30), ("tiny", 5, 32)):
            task = Task(models, seed, tuple(random_tokens(seed, 4, 12)), tau, new_tokens, None)
            tasks.append(task)
            if tau > 2:
                tasks.append(replace(task, stop=clean(task).tokens[4 + new_tokens // 2]))
    return tasks


def trained_tasks(names, count, tau, new_tokens):
    """The first held-out prompts, every other one cut in the middle, where more is open."""
    _, tokenizer = bundled("tales-1")
    prompts = [tokenizer.encode(line) for line in LINES[:count]]
    prompts = [tokens[:len(tokens) // 2] if number % 2 else tokens for number, tokens in enumerate(prompts)]
    return [Task(names, 0, tuple(tokens), tau, new_tokens) for tokens in prompts]


class Table:
    """Counts by label and verdict, and what was judged wrongly."""

    def __init__(self):
        self.counts, self.wrong = Counter(), []

    def add(self, label, found, what):
        self.counts[label, found.kind] += 1
        if found.kind != label:
            self.wrong.append((what, label, found))

    def __str__(self):
        lines = [f"{'':<12}" + "".join(f"{kind:>12}" for kind in KINDS) + "   <- the verdict"]
        lines += [f"{label:<12}" + "".join(f"{self.counts[label, kind]:>12}" for kind in KINDS) for label in KINDS]
        return "\n".join(lines)

    @property
    def total(self):
        return sum(self.counts.values())


def add_bugs(table, bugs, tasks, core_only=False):
    """Every bug on every task, against the correct code; a run that stopped with an error is no case."""
    seen = Counter()
    for bug in bugs:
        package = load_bug(bug, core_only)
        for task in tasks:
            run, right = decode(package, task), clean(task)
            if run is None:
                continue
            changed = list(run.tokens) != right.tokens
            label = ("rounding" if bug.name in ROUNDING_BUGS else "bug") if changed else "identical"
            seen[bug.name, label] += 1
            table.add(label, verdict(right, run, new_tokens=task.new_tokens), (bug.name, task))
    return seen


def add_rounded(table, tasks):
    """The same models with rounded activations."""
    for task in tasks:
        for dtype in ROUNDINGS:
            exact, low = clean(task), clean(task, dtype)
            label = "identical" if exact.tokens == low.tokens else "rounding"
            table.add(label, verdict(exact, low, dtype, task.new_tokens), (dtype, task))


def add_clean(table, tasks):
    """The correct code with other taus, among them none, and with the other model as the draft."""
    for task in tasks:
        for tau in (0, 1, 3, 7):
            table.add("identical", verdict(clean(task), clean(replace(task, tau=tau))), (tau, task))
        target, draft = models_of(minispec, task.models, task.seed)
        other = speculative(target, target, list(task.prompt), task.new_tokens, task.tau, task.stop)
        table.add("identical", verdict(other, clean(task)), ("target drafts", task))


def untrained_tasks(count):
    """Random models whose logits are near to each other, so that rounding flips some."""
    return [Task("untrained", seed, tuple(random_tokens(seed, 3, 400)), 3, 60, None) for seed in range(count)]


def test_no_bug_that_changes_a_text_passes_for_rounding_and_no_rounding_for_a_bug():
    """The promise of the command, over every bug of the gallery: not one false verdict."""
    table = Table()
    seen = add_bugs(table, GALLERY, small_tasks(seeds=(1,)), core_only=True)
    wrong_text = [bug for bug in GALLERY if bug.outcome == "wrong text"]
    seen += add_bugs(table, wrong_text, trained_tasks("tales-2 tales-1", 1, 4, 36), core_only=True)
    seen += add_bugs(table, SIZES, trained_tasks("tales-2 tales-1", 1, 9, 170), core_only=True)
    add_rounded(table, untrained_tasks(24) + trained_tasks("tales-2 tales-1", 2, 4, 40))
    add_clean(table, small_tasks())
    print(f"\n{table.total} labelled cases\n{table}")
    assert [(what, label, str(found)) for what, label, found in table.wrong] == []
    assert table.total >= 200
    assert table.counts["bug", "bug"] >= 60 and table.counts["rounding", "rounding"] >= 5
    # two of these models have one end of text, so that it cannot matter whose it is
    changing = {bug.name for bug in wrong_text} - {"the-drafts-end-used"}
    assert {name for name, label in seen if label == "bug"} >= changing, "a bug that changed no text proves nothing"


@pytest.mark.long
def test_no_false_verdict_in_the_long_sweep():
    """The same with the deep target, more prompts and more taus."""
    table = Table()
    tasks = [replace(task, tau=tau) for task in small_tasks() for tau in (1, 3, 6)]
    for names, tau in (("tales-24 tales-1", 6), ("tales-24 tales-2", 3), ("tales-2 tales-1", 2)):
        tasks += trained_tasks(names, 12, tau, 80)
    add_bugs(table, GALLERY, tasks)
    add_rounded(table, untrained_tasks(200) + trained_tasks("tales-24 tales-1", 50, 8, 100))
    add_clean(table, tasks)
    print(f"\n{table.total} labelled cases\n{table}")
    assert [(what, label, str(found)) for what, label, found in table.wrong] == []
    assert table.counts["bug", "bug"] > 500 and table.counts["rounding", "rounding"] > 40


# ------------------------------------------------------------------------------------------------- the hard cases

ROOT = ("layers.py", "np.sqrt(variance_T1 + epsilon)")
PLACES = ("model.py", "self.position_embeddings_PD[start:end]")
SMALL = (
    Bug("epsilon-ten-times-too-small", "I12", edits=((*ROOT, "np.sqrt(variance_T1 + 1e-6)"),)),
    Bug("epsilon-outside-the-root", "I12", edits=((*ROOT, "np.sqrt(variance_T1) + epsilon"),)),
    Bug("epsilon-a-thousandth", "I12", edits=((*ROOT, "np.sqrt(variance_T1 + 1e-3)"),)),
    Bug("gelu-by-the-sigmoid", "I12", edits=(("layers.py", "    return up_TF * gate_TF * 0.5\n",
                                              "    return up_TF / (1 + np.exp(-1.702 * up_TF))\n"),)),
    Bug("late-positions-off-by-one", "I3",
        edits=((*PLACES, "self.position_embeddings_PD[[place - (place >= 40) for place in range(start, end)]]"),)),
)


def cause(task, run, dtype):
    """Why a run in `dtype` with a bug in it writes a different text than the correct code in float32; "" if it does not."""
    exact, low, tokens = clean(task).tokens, clean(task, dtype).tokens, list(run.tokens)
    if tokens == exact:
        return ""
    end = next((place for place, pair in enumerate(zip(exact, tokens)) if pair[0] != pair[1]), len(exact)) + 1
    return "bug" if low[:end] == exact[:end] else "rounding"     # which alone would have changed this token


@cache
def small_findings(dtype):
    """(bug, why its text differs from that of the correct code in float32, the verdict on the two)."""
    found = []
    tasks = untrained_tasks(4) + trained_tasks("tales-2 tales-1", 2, 4, 50)
    for bug in SMALL:
        package = load_bug(bug)
        for task in tasks:
            run = decode(package, task, dtype)
            found.append((bug.name, cause(task, run, dtype), verdict(clean(task), run, dtype, task.new_tokens)))
    return found


def test_the_smallest_mistakes_in_the_arithmetic_are_beyond_the_bound_of_float32():
    """A wrong epsilon hardly ever changes a text; when it does, it is a bug, and when not, it is told as luck."""
    by_luck = changed = 0
    for name, why, found in small_findings("float32"):
        assert found.kind == ("bug" if why else "identical"), name
        changed += found.kind == "bug"
        if found.kind == "identical" and found.beyond is not None:
            assert any(remark.startswith("the same text by luck") for remark in found.remarks), name
            by_luck += 1
    count = len(small_findings("float32"))
    print(f"\n{count} runs with a small mistake in float32: {changed} texts changed, all called a bug; {by_luck} the "
          f"same by luck, and told so")
    assert changed > 3 and by_luck > 12


@pytest.mark.long
def test_in_16_bits_a_small_mistake_can_hide_and_a_large_one_cannot():
    """The limit of the method, in numbers: what is smaller than the rounding is not seen through it."""
    for dtype in ROUNDINGS:
        counts = Counter((name, found.kind) for name, why, found in small_findings(dtype) if why == "bug")
        print(f"\nsmall mistakes that changed a text in {dtype}:")
        for bug in SMALL:
            print(f"  {bug.name:<28} bug {counts[bug.name, 'bug']:2}   rounding {counts[bug.name, 'rounding']:2}")
        # a position that is off by one is no small matter for the logits
        assert counts["late-positions-off-by-one", "rounding"] == 0 < counts["late-positions-off-by-one", "bug"]
        assert all(kind != "identical" for _, kind in counts)


def both_at_once(dtype, tasks, bugs):
    """Bugs in runs that are rounded as well: counts of (cause of the difference, verdict), and the missed bugs."""
    counts, missed = Counter(), []
    for bug in bugs:
        package = load_bug(bug)
        for task in tasks:
            run = decode(package, task, dtype)
            why = "" if run is None or bug.name in ROUNDING_BUGS else cause(task, run, dtype)
            if why:
                found = verdict(clean(task), run, dtype, task.new_tokens)
                counts[why, found.kind] += 1
                if why == "bug" and found.kind != "bug":
                    missed.append((bug.name, task, found))
    return counts, missed


def test_a_bug_in_a_rounded_run_is_told_from_its_rounding():
    """With the bound of float16, which is two thousand times as wide as that of float32."""
    tasks = [task for task in small_tasks() if task.models == "tiny"][::2]
    tasks += trained_tasks("tales-2 tales-1", 1, 4, 36)
    bugs = [bug for bug in GALLERY if bug.outcome == "wrong text"][::2]      # the others in the long sweep
    counts, missed = both_at_once("float16", tasks, bugs)
    print(f"\nruns in float16 with a bug, whose texts are not those of float32, (cause, verdict): {dict(counts)}")
    assert counts["bug", "bug"] > 20 and missed == []


@pytest.mark.long
def test_a_bug_in_a_rounded_run_is_told_from_its_rounding_in_the_long_sweep():
    tasks = [Task("tiny", seed, tuple(random_tokens(seed, 4, 32)), 1 + seed % 5, 50, None) for seed in range(40)]
    tasks += trained_tasks("tales-24 tales-1", 6, 6, 80)
    for dtype, share in (("float16", 0.01), ("bfloat16", 0.05)):
        counts, missed = both_at_once(dtype, tasks, GALLERY)
        print(f"\nruns in {dtype} with a bug, whose texts are not those of float32, (cause, verdict): {dict(counts)}; "
              f"missed: {dict(Counter(name for name, _, _ in missed))}")
        assert len(missed) <= share * counts["bug", "bug"]


# ------------------------------------------------------------------------------------------------- one trace by itself

def sane(models="scripted", seed=1, tau=4, new_tokens=30, stop=None):
    """A run with rejections and bonus tokens."""
    return clean(Task(models, seed, tuple(random_tokens(seed, 4, 12)), tau, new_tokens, stop))


def edited(trace, number, **changes):
    """The trace with some fields of one round changed."""
    rounds = list(trace.rounds)
    rounds[number - 1] = replace(rounds[number - 1], **changes)
    return replace(trace, rounds=tuple(rounds))


def last_with(trace, n_accepted):
    """The number of the last round that accepted so many drafts, but not the very last round."""
    return max(number for number, r in enumerate(trace.rounds[:-1], start=1)
               if r.n_accepted == n_accepted and len(r.proposed) == trace.tau)


def cut(trace, number):
    """The trace up to and with one round, as if the context had ended there."""
    return replace(trace, rounds=trace.rounds[:number])


def test_the_correct_code_breaks_no_rule():
    """In whatever arithmetic, with any tau, budget, end of text or end of context: a false alarm here is a false bug
    everywhere."""
    runs = [clean(replace(task, tau=tau)) for task in small_tasks() for tau in range(7)]
    runs += [clean(task, dtype) for task in small_tasks() if task.models == "tiny" for dtype in ROUNDINGS]
    runs += [decode(minispec, Task("tiny", 1, (3,), tau, new, stop)) for tau in (0, 1, 5) for new in (0, 1, 2, 9, 90)
             for stop in (None, 7)]
    assert {run.stopped for run in runs} == {"budget", "end-of-text", "context"}
    assert sum(r.rejected is not None for run in runs for r in run.rounds) > 200
    assert sum(r.bonus is not None for run in runs for r in run.rounds) > 200
    for run in runs:
        assert audit(run) == [] and run.baseline is None
        new_tokens = run.n_new if run.stopped == "budget" else None
        assert audit(run, new_tokens) == []


def slips_of_every_kind():
    """name -> (a broken trace, its phase, its weight)."""
    run = sane(new_tokens=55)
    rejected, full = last_with(run, 1), last_with(run, 4)
    r = run.rounds[rejected - 1]
    start = len(r.tokens)
    other = (r.choices[0] + 5) % 12
    yield "another choice", edited(run, rejected, choices=(r.choices[0], other) + r.choices[2:]), CHOOSING, WRONG
    late = r.choices[:4] + ((r.choices[4] + 5) % 12,)
    yield "a choice nobody used", edited(run, rejected, choices=late), CHOOSING, HARMLESS
    highest = np.argmax(r.target_logits_TV, -1).tolist()
    yield "the row after", edited(run, rejected, choices=tuple(highest[1:] + [3])), SHIFTED, WRONG
    yield "the row before", edited(run, rejected, choices=tuple([3] + highest[:-1])), SHIFTED, WRONG
    yield "a row too few", edited(run, rejected, target_logits_TV=r.target_logits_TV[:-1]), SHIFTED, DANGEROUS
    kept = r.proposed[:3] + (r.choices[3],)
    ended = cut(run, rejected)
    yield "a draft after a mismatch", edited(ended, rejected, n_accepted=3, committed=kept), ACCEPTING, WRONG
    both = r.proposed[:2] + (r.choices[1],)
    yield "the rejected draft too", edited(ended, rejected, committed=both), COMMITTING, WRONG
    lost = edited(cut(run, full), full, committed=run.rounds[full - 1].committed[:-1])
    yield "an own token lost", lost, COMMITTING, HARMLESS
    fewer = edited(cut(run, full), full, n_accepted=2, committed=run.rounds[full - 1].committed[:3])
    yield "accepted too few", fewer, ACCEPTING, HARMLESS
    yield "counted too many", edited(run, rejected, n_accepted=2), COUNTING, HARMLESS
    four = edited(run, rejected, choices=r.choices[:4], target_logits_TV=r.target_logits_TV[:4])
    yield "a choice too few", four, COUNTING, DANGEROUS
    read, back = r.target_cache
    yield "not rolled back", edited(run, rejected, target_cache=(read, back + 1)), ROLLING_BACK, DANGEROUS
    yield "rolled back too far", edited(run, rejected, target_cache=(read, back - 1)), ROLLING_BACK, HARMLESS
    yield "read too much", edited(run, rejected, target_cache=(read + 1, back)), ROLLING_BACK, DANGEROUS
    yield "the draft's cache", edited(run, rejected, draft_cache=(start + 3, back + 1)), DRAFT_CACHE, HARMLESS
    guess = ((r.proposed[0] + 1) % 12,) + r.proposed[1:]
    yield "another draft", edited(run, rejected, proposed=guess), DRAFTING, HARMLESS
    yield "more drafts than tau", replace(run, tau=3), DRAFTING, HARMLESS
    yield "a short prefill", replace(run, prefill=replace(run.prefill, rows=1)), PREFILL, DANGEROUS
    yield "a different text before", edited(run, rejected, tokens=(0,) + r.tokens), COMMITTING, WRONG
    yield "drafts for no room", ended, STOPPING, DANGEROUS
    twice = replace(run, stopped="end-of-text")
    assert run.tokens[-1] in run.tokens[4:-1]
    yield "an end in the middle", twice, STOPPING, WRONG


def test_every_broken_rule_is_found_in_one_trace_alone():
    """Which phase, and whether it can have changed the text: that decides between a bug and a remark."""
    names = set()
    for name, trace, phase, weight in slips_of_every_kind():
        violations = audit(trace)
        assert (phase, weight) in [(violation.phase, violation.weight) for violation in violations], (name, violations)
        assert all(violation.sentence and violation.position >= len(trace.prompt) for violation in violations), name
        names.add(name)
    assert len(names) == 21


def test_a_tie_that_goes_to_the_higher_token_is_said_to_be_one():
    """vllm#7627, lattice#280: the one wrong choice that looks right in every table."""
    run = sane("tiny")                   # seed 1: tokens 2k and 2k + 1 have equal logits
    r = run.rounds[0]
    other = edited(run, 1, choices=(r.choices[0] + 1,) + r.choices[1:])
    assert r.choices[0] % 2 == 0
    assert [found.phase for found in audit(other) if "ties are broken differently" in found.sentence] == [CHOOSING]
    wrong = edited(run, 1, choices=((r.choices[0] + 2) % 32,) + r.choices[1:])
    assert [violation.phase for violation in audit(wrong) if "has a higher logit" in violation.sentence] == [CHOOSING]


def test_the_budget_is_checked_where_it_is_known():
    """From an argument, or from the greedy baseline that --save writes along; without one a longer text is a budget."""
    run = sane()
    baseline = greedy_baseline(models_of(minispec, "scripted", 1)[0], list(run.prompt), 27, stop=None)
    assert audit(run, 30) == [] and audit(replace(run, baseline=baseline)) == []
    for violations in (audit(run, 27), audit(run, 33)):
        assert [(violation.phase, violation.weight) for violation in violations] == [(STOPPING, WRONG)]
    ended = replace(baseline, stopped="end-of-text")
    assert [violation.position for violation in audit(replace(run, baseline=ended))] == [len(baseline.tokens)]
    longer = verdict(sane(new_tokens=27), run)
    assert longer.kind == "identical" and any("if both were given the same one" in remark for remark in longer.remarks)
    longer = verdict(sane(new_tokens=27), run, new_tokens=27)
    assert (longer.kind, longer.phase, longer.run, longer.position) == ("bug", STOPPING, "B", 31)
    longer = verdict(sane(new_tokens=27), replace(run, baseline=baseline))
    assert (longer.kind, longer.phase, longer.token_a, longer.token_b) == ("bug", STOPPING, None, run.tokens[31])
    shorter = verdict(run, sane(new_tokens=27), new_tokens=30)
    assert (shorter.kind, shorter.phase, shorter.run, shorter.position) == ("bug", STOPPING, "B", 31)


# ------------------------------------------------------------------------------------------------- two traces

ROLL_BACK = "    target_cache.truncate(keep)\n"
ROWS = "    target_logits_TV = logits_TV[first_row:]\n"
PHASES = {
    "positions in the block": (Bug("block-positions", "I3", edits=((*PLACES,
        "self.position_embeddings_PD[[start] * len(tokens) if start else list(range(end))]"),)), BLOCK),
    "cells of accepted drafts": (Bug("lost-cells", "I1", edits=(("speculation.py", ROLL_BACK, ROLL_BACK +
        "    if n_accepted == len(proposed):\n        target_cache.values_LHPC[:, :, :keep] *= 0.5\n"),)), CACHED),
    "cells of rejected drafts": (Bug("stale-cells", "I1", edits=(("speculation.py", ROLL_BACK, ROLL_BACK +
        "    if n_accepted < len(proposed):\n        target_cache.values_LHPC[:, :, keep - 1] = "
        "target_cache.values_LHPC[:, :, keep]\n"),)), ROLLING_BACK),
    "every row": (Bug("no-final-bias", "I12", edits=(("model.py",
        "output_products(final_TD, self.token_embeddings_VD)", "output_products(final_TD + 0.3, self.token_embeddings_VD)"
        ),)), MODEL),
    "the rows before": (Bug("rows-early", "I6", edits=(("speculation.py", ROWS,
        "    before = [max(row - 1, 0) for row in range(first_row, len(logits_TV))]\n"
        "    target_logits_TV = logits_TV[before]\n"),)), SHIFTED),
    "the rows after": (Bug("rows-late", "I6", edits=(("speculation.py", ROWS,
        "    target_logits_TV = np.roll(logits_TV[first_row:], -1, axis=0)\n"),)), SHIFTED),
}


@pytest.mark.parametrize("where", PHASES)
def test_the_place_of_the_first_wrong_row_says_in_which_phase_to_look(where):
    """Against plain decoding, which has no blocks and rolls nothing back, the traces also tell which run is wrong."""
    bug, phase = PHASES[where]
    package = load_bug(bug)
    phases = Counter()
    for seed in range(2, 12, 2):
        task = Task("tiny", seed, tuple(random_tokens(seed, 5, 32)), 4, 30, None)
        plainly, run = clean(replace(task, tau=0)), decode(package, task)
        found = verdict(plainly, run)
        back = verdict(run, plainly)
        if run.tokens == plainly.tokens:
            assert found.kind == back.kind == "identical"
            continue
        assert found.kind == back.kind == "bug"
        phases[found.phase] += 1
        if phase in (BLOCK, CACHED, ROLLING_BACK):
            assert (found.run, back.run, back.phase) == ("B", "A", found.phase)
            assert found.evidence[0].count("; B from row") == 1
        if found.phase == SHIFTED and where == "the rows before":
            assert found.evidence[0].endswith("They are A's logits of the last position")
            assert (found.run, back.run, back.phase) == ("B", "A", SHIFTED)
        if phase == MODEL:
            assert found.run == back.run == "" and found.beyond == len(task.prompt)
    assert phases[phase] == max(phases.values()) > 1, phases


def test_a_run_that_leaves_its_own_greedy_baseline_is_the_one_to_suspect():
    """Where both runs come by the row in the same way, only that can tell them apart."""
    package = load_bug(PHASES["positions in the block"][0])
    tasks = [Task("tiny", seed, tuple(random_tokens(seed, 5, 32)), 4, 30, None) for seed in range(2, 12, 2)]
    task = next(task for task in tasks if decode(package, task).tokens != clean(task).tokens)
    baseline = greedy_baseline(models_of(minispec, "tiny", task.seed)[0], list(task.prompt), 30, stop=None)
    right, wrong = clean(task), decode(package, task)
    assert verdict(right, wrong).run == verdict(wrong, right).run == ""
    right, wrong = replace(right, baseline=baseline), replace(adopted(wrong), baseline=baseline)
    assert (verdict(right, wrong).run, verdict(wrong, right).run) == ("B", "A")
    remarks = verdict(right, wrong).remarks
    assert any(remark.startswith("B leaves its own greedy baseline at position") for remark in remarks)


def test_rounding_shows_both_tokens_both_gaps_and_the_bound():
    """And the gaps obey the arithmetic: no argmax flips unless its gap is at most twice what the logits differ by."""
    seen = 0
    for task in untrained_tasks(24):
        found = verdict(clean(task), clean(task, "bfloat16"), "bfloat16")
        if found.kind != "rounding":
            continue
        seen += 1
        exact, low = clean(task).tokens, clean(task, "bfloat16").tokens
        assert exact[:found.position] == low[:found.position]
        assert (found.token_a, found.token_b) == (exact[found.position], low[found.position])
        assert found.token_a != found.token_b
        assert (found.top_a.tokens[0], found.top_b.tokens[0]) == (found.token_a, found.token_b)
        assert 0 <= found.top_a.gap <= 2 * found.at.difference and 0 <= found.top_b.gap <= 2 * found.at.difference
        assert found.at.position == found.position and found.at.difference <= found.at.bound
        assert found.compared == found.position - 3 + 1 and found.beyond is None and found.phase == found.run == ""
        highest = max(np.abs(used_rows(run)[found.position].logits_V).max()
                      for run in (clean(task), clean(task, "bfloat16")))
        assert found.at.bound == pytest.approx(32 * 2 ** -8 * highest)
        assert found.evidence[1].endswith(f"at most twice that, {2 * found.at.difference:.3g}")
        assert "the targets have two names, untrained and untrained in bfloat16" in found.remarks[-1]
        text = str(found)
        for part in (f"position {found.position}:", f"{found.top_a.gap:.3g}", f"bound {found.at.bound:.3g}",
                     "32 * 2**-8 *"):
            assert part in text, part
        assert text.startswith("rounding: ") and repr(found) == text
        # the same two runs, held against the bound of float32
        strict = verdict(clean(task), clean(task, "bfloat16"))
        assert strict.kind == "bug" and strict.phase == MODEL
        assert any("with dtype" in remark and "the logits alone" in remark for remark in strict.remarks)
    assert seen > 4


def test_equal_texts_are_identical_whatever_the_tau_the_draft_or_the_budget():
    for task in small_tasks():
        for other in (replace(task, tau=0), replace(task, tau=3), replace(task, new_tokens=11)):
            found = verdict(clean(other), clean(task))
            assert found.kind == "identical" and found.largest.difference == 0 and found.position is None
            assert "same bits" in found.evidence[0]
            shorter = len(clean(other).tokens) < len(clean(task).tokens)
            assert shorter == any(remark.startswith("A ends") for remark in found.remarks)
    nothing = clean(replace(small_tasks()[0], new_tokens=0))
    assert verdict(nothing, nothing).kind == "identical" and verdict(nothing, nothing).compared == 0


def test_a_text_that_goes_on_after_its_end_is_a_bug_of_stopping():
    """transformers#47912.  In the other order too: then it is A that went on."""
    task = next(task for task in small_tasks() if task.stop is not None)
    ended, going_on = clean(task), clean(replace(task, stop=None))
    found, back = verdict(ended, going_on), verdict(going_on, ended)
    assert ended.stopped == "end-of-text" and len(ended.tokens) < len(going_on.tokens)
    assert (found.kind, found.phase, found.run, found.position) == ("bug", STOPPING, "B", len(ended.tokens))
    assert (back.kind, back.phase, back.run) == ("bug", STOPPING, "A")
    assert found.token_a is None and "– (ended)" in str(found)
    # the budget happens to end where the text does: two reasons, and a remark
    found = verdict(ended, clean(replace(task, stop=None, new_tokens=ended.n_new)))
    assert found.kind == "identical" and "A ended because of end-of-text, B because of budget" in found.remarks


def test_logits_that_are_no_numbers_are_never_rounding():
    """nan compares as neither more nor less, so that a careless test lets it pass."""
    task = untrained_tasks(1)[0]
    run = clean(task)
    for value in (np.nan, np.inf):
        spoilt_TV = run.rounds[0].target_logits_TV.copy()
        spoilt_TV[1, 5] = value
        assert distance(0, run.rounds[0].target_logits_TV[1], spoilt_TV[1], "bfloat16").beyond
        assert not distance(0, spoilt_TV[1], spoilt_TV[1], "float32").beyond
        found = verdict(run, edited(run, 1, target_logits_TV=spoilt_TV), "bfloat16")
        assert found.beyond == 4 and found.kind == "identical" and any("by luck" in each for each in found.remarks)
        assert found.largest.position == 4 and found.largest.share == np.inf
        assert verdict_json(found)["largest"] == {"position": 4, "difference": None, "bound": 0.0}
        json.dumps(verdict_json(found), allow_nan=False)
    assert Distance(0, np.nan, 1.0).beyond and Distance(0, 1.0, np.nan).beyond


SLOW = {"first-draft-only": "what a draft reads of the earlier drafts (I5)",
        "no-earlier-drafts": "what a draft reads of the earlier drafts (I5)",
        "gaps-after-full-acceptance": "the draft's cache after full acceptance (I2)",
        "reset-instead-of-rollback": "B breaks a rule that did not change the text",
        "bonus-lost": "B breaks a rule that did not change the text"}


@pytest.mark.parametrize("name", [bug.name for bug in GALLERY if bug.name in SLOW])
def test_a_bug_that_is_only_slow_is_a_remark(name):
    """The text is right, so the verdict is "identical"; but who asked for a speed-up wants to know."""
    seen = 0
    for task in trained_tasks("tales-2 tales-1", 2, 4, 36) + small_tasks():
        run = decode(load_bug(name), task)
        found = verdict(clean(task), run)
        assert found.kind == "identical"
        seen += any(SLOW[name] in remark for remark in found.remarks)
        rounds = len(clean(task).rounds), len(run.rounds)
        reported = any(f"A took {rounds[0]} rounds and B {rounds[1]}, " in remark for remark in found.remarks)
        assert reported == (rounds[0] != rounds[1])
    assert seen > 2


def test_a_bug_that_is_only_slow_does_not_make_a_bug_of_rounding():
    """The rule that it breaks cannot have changed the text, and the logits say what can."""
    package = load_bug("reset-instead-of-rollback")
    flipped = [task for task in untrained_tasks(24) if clean(task).tokens != clean(task, "bfloat16").tokens]
    for task in flipped[:3]:
        found = verdict(clean(task), decode(package, task, "bfloat16"), "bfloat16", task.new_tokens)
        assert found.kind == "rounding"
        assert any(remark.startswith("B breaks a rule that did not change the text") for remark in found.remarks)


def test_rounding_that_uses_most_of_its_bound_is_called_doubtful():
    """A small bug in 16-bit arithmetic looks like that, and nothing else that was measured does."""
    task = next(task for task in untrained_tasks(24) if clean(task).tokens != clean(task, "bfloat16").tokens)
    low = clean(task, "bfloat16")
    for share, doubtful in ((0.5, False), (0.7, True)):
        rows_TV = low.rounds[0].target_logits_TV.copy()
        exact_V = clean(task).rounds[0].target_logits_TV[0]
        lowest = int(np.argmin(exact_V))
        bound = distance(3, exact_V, rows_TV[0], "bfloat16").bound
        rows_TV[0, lowest] = exact_V[lowest] + share * bound
        found = verdict(clean(task), edited(low, 1, target_logits_TV=rows_TV), "bfloat16")
        assert found.kind == "rounding" and found.largest.position == 3
        assert any("a small bug is as likely" in remark for remark in found.remarks) == doubtful


def test_the_first_reason_in_the_text_names_the_phase_and_many_of_a_kind_are_one_sentence():
    """What comes later may follow from it; and sixty rounds that all say the same are one fact."""
    task = next(task for task in small_tasks() if task.models == "tiny" and task.tau == 5 and task.stop is None)
    run = decode(load_bug("whole-text-fed-again"), task)
    run = run or decode(load_bug("whole-text-fed-again"), replace(task, new_tokens=8))
    found = verdict(clean(task), run)
    assert found.kind == "bug" and found.phase == ROLLING_BACK
    assert f"(and {len(run.rounds) - 1} more of this kind)" in found.evidence[0]
    assert sum("cache goes to" in sentence for sentence in found.evidence) == 1
    package = load_bug(PHASES["positions in the block"][0])
    tasks = [Task("tiny", seed, tuple(random_tokens(seed, 5, 32)), 4, 30, None) for seed in range(2, 12, 2)]
    task = next(task for task in tasks if decode(package, task).tokens != clean(task).tokens)
    wrong = decode(package, task)
    late = edited(wrong, len(wrong.rounds), target_cache=(1, 1))
    found = verdict(clean(replace(task, tau=0)), late)
    assert found.phase == BLOCK and len(found.evidence) == 2 and "target's cache goes to 1" in found.evidence[1]


def test_what_follows_a_shorter_text_is_judged_by_its_own_rules():
    """The other run ended before; but a rejected draft in the text is a bug without any comparison."""
    run = sane(new_tokens=55)
    number = last_with(run, 1)
    r = run.rounds[number - 1]
    kept = r.proposed[:3] + (r.choices[3],)
    broken = edited(cut(run, number), number, n_accepted=3, committed=kept)
    target, _ = models_of(minispec, "scripted", 1)
    broken = replace(broken, baseline=greedy_baseline(target, list(run.prompt), broken.n_new, stop=None))
    shorter = sane(new_tokens=len(r.tokens) - len(run.prompt))
    found = verdict(shorter, broken)
    assert (found.kind, found.phase, found.run) == ("bug", ACCEPTING, "B")
    assert found.position == len(r.tokens) + 1 and found.token_a is None
    assert verdict(shorter, run).kind == "identical"


def test_a_row_that_read_a_rejected_draft_is_compared_with_nothing():
    """It scored a different text; equal or not, it says nothing."""
    run = sane(new_tokens=55)
    number = last_with(run, 1)
    r = run.rounds[number - 1]
    broken = edited(cut(run, number), number, committed=r.proposed[:1] + r.choices[1:4])
    positions = [position - len(r.tokens) for position in used_rows(broken) if position >= len(r.tokens)]
    assert positions == [0, 1]


def test_traces_that_cannot_be_compared_are_refused_in_one_sentence():
    run = sane()
    other = sane(seed=2)
    wide = replace(sane("tiny"), prompt=run.prompt)
    bare = edited(run, 2, target_logits_TV=None)
    words = replace(run, texts=tuple("abcdefghijkl"))
    empty = edited(run, 2, target_logits_TV=run.rounds[1].target_logits_TV[:, :0])
    for pair, options, message in (
            ((run, other), {}, "run_a has a prompt of 4 tokens.*the two must be runs of one prompt"),
            ((run, wide), {}, "rows of 12 and 32 logits; the two must share one vocabulary"),
            ((run, bare), {}, "run_b has no logits in round 2; it must be saved with them"),
            ((empty, run), {}, "run_a has no logits in round 2"),
            ((words, replace(words, texts=tuple("lkjihgfedcba"))), {}, "other words with the same token ids"),
            ((run, run), {"dtype": "float64"}, "dtype is 'float64'; it must be one of float32, float16, bfloat16"),
            ((run, run), {"new_tokens": -1}, "new_tokens is -1; it must be at least 0")):
        with pytest.raises(ValueError, match=message):
            verdict(*pair, **options)
    with pytest.raises(TypeError, match="run_b is .*; it must be a Trace"):
        verdict(run, run.tokens)


# ------------------------------------------------------------------------------------------------- the command

@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Saved runs: the correct one, one without drafts, a broken one; another, and its rounded one with a different text."""
    folder = tmp_path_factory.mktemp("runs")
    task = trained_tasks("tales-2 tales-1", 1, 4, 36)[0]
    texts = bundled("tales-2")[1].texts
    runs = {"right": clean(task), "plain": clean(replace(task, tau=0)),
            "broken": adopted(decode(load_bug("positions-restarted"), task))}
    runs = {name: replace(run, texts=texts) for name, run in runs.items()}
    flipped = next(task for task in untrained_tasks(24)
                   if clean(task).tokens != clean(task, "bfloat16").tokens)
    runs |= {"exact": clean(flipped), "low": clean(flipped, "bfloat16")}
    for name, run in runs.items():
        save_trace(run, folder / f"{name}.json")
    return {name: str(folder / f"{name}.json") for name in runs}


def printed(capsys, *arguments):
    """Status, output and errors of `python -m minispec diff …`."""
    capsys.readouterr()
    status = main(["diff", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_command_says_which_in_its_first_word_and_by_its_status(capsys, files):
    for names, options, kind in ((("right", "plain"), (), "identical"), (("right", "broken"), (), "bug"),
                                 (("exact", "low"), ("--dtype", "bfloat16"), "rounding"),
                                 (("exact", "low"), (), "bug")):
        paths = [files[name] for name in names]
        status, out, err = printed(capsys, *paths, *options)
        assert (status, err) == (int(kind != "identical"), "")
        lines = out.splitlines()
        assert lines[0].startswith(f"A: {paths[0]}, target ") and lines[1].startswith(f"B: {paths[1]}, target ")
        assert lines[3].startswith(f"{kind}: ")
        dtype = options[1] if options else "float32"
        found = verdict(load_trace(paths[0]), load_trace(paths[1]), dtype)
        assert out.endswith(f"\n{found}\n")
        status, out, err = printed(capsys, *paths, *options, "--json")
        record = json.loads(out)
        assert (record["kind"], record["position"], record["phase"]) == (kind, found.position, found.phase)
        assert record["remarks"] == list(found.remarks) and record["evidence"] == list(found.evidence)
        if found.top_a:
            assert record["top_a"]["gap"] == found.top_a.gap and record["top_a"]["logits"][0] == found.top_a.logits[0]


def test_a_broken_run_from_a_file_gets_the_verdict_it_had_in_memory(files):
    """A buggy run is a trace, and its file must say no less than it did."""
    task = trained_tasks("tales-2 tales-1", 1, 4, 36)[0]
    texts = bundled("tales-2")[1].texts
    live = verdict(replace(clean(task), texts=texts), replace(adopted(decode(load_bug("positions-restarted"), task)),
                                                              texts=texts))
    assert repr(live) == repr(verdict(load_trace(files["right"]), load_trace(files["broken"])))
    words = [texts[live.token_a].strip(), texts[live.token_b].strip()]
    assert all(word in str(live) for word in words)


def test_bad_input_to_the_command_is_one_sentence_and_status_2(capsys, files, tmp_path):
    record = tmp_path / "bare.json"
    assert main(["The cat sat", "--target", "tales-2", "--new-tokens", "4", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    record.write_text(json.dumps(whole["trace"]), encoding="utf-8")
    for arguments, message in (
            ((files["right"],), "1 file named; it takes two recorded runs"), ((), "0 files named"),
            ((files["right"], files["exact"]), "one prompt"), ((files["right"], str(tmp_path / "no.json")), "no.json"),
            ((str(record), str(record)), "no logits in round 1"),
            ((files["right"], files["plain"], "--new-tokens", "-1"), "new_tokens is -1"),
            ((files["right"], files["plain"], "--prompts", "2"), "--prompts is 2; it goes with --demo only"),
            (("--demo", files["right"]), "--demo takes no files"),
            (("--demo", "--dtype", "float32"), "--dtype is float32"),
            (("--demo", "--prompts", "0"), "prompts is 0"), (("--demo", "--prompts", "51"), "prompts is 51")):
        status, out, err = printed(capsys, *arguments)
        assert status == 2 and out == "" and message in err and err.count("\n") == 1, (arguments, err)


def test_what_save_writes_is_what_diff_reads(capsys, tmp_path):
    """The two commands that a user types."""
    for name, tau in (("a", "0"), ("b", "5")):
        assert main(["The cat sat", "--target", "tales-2", "--new-tokens", "12", "--tau", tau,
                     "--save", str(tmp_path / f"{name}.json")]) == 0
    status, out, err = printed(capsys, str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert (status, err) == (0, "") and "\nidentical: the same text\n" in out and "same bits" in out


def test_the_demonstration_counts_flips_and_calls_none_a_bug(capsys):
    status, out, err = printed(capsys, "--demo", "--prompts", "2", "--dtype", "bfloat16")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[:4]]
    assert rows[0][:6] == ["target", "activations", "runs", "identical", "rounding", "bug"]
    assert [row[-7] if row[-3] == "to" else row[-5] for row in rows[1:]] == ["0", "0", "0"]
    assert "bfloat16: 32 * 2**-8 * the highest |logit| of the row" in out


def test_the_table_of_flips_adds_up():
    """Against a count of one's own."""
    tasks = untrained_tasks(12)
    pairs = [(*models_of(minispec, "untrained", task.seed), list(task.prompt)) for task in tasks]
    [found] = flips("untrained", pairs, UNTRAINED.n_positions, ("bfloat16",))
    texts = [(greedy(target, tokens, 64), greedy(rounded(target, "bfloat16"), tokens, 64))
             for target, _, tokens in pairs]
    different = [pair for pair in texts if pair[0] != pair[1]]
    compared = 0
    for left, right in texts:
        same = next((place for place, pair in enumerate(zip(left, right)) if pair[0] != pair[1]), len(left) - 1)
        compared += same + 1 - 3
    assert found.count("rounding") == len(found.gaps) == len(different) > 2 and found.count("bug") == 0
    assert found.compared == compared and found.per_thousand == 1000 * len(different) / compared
    assert found.gaps == sorted(found.gaps) and found.gaps[0] >= 0
    line = flip_table([found]).splitlines()[1].split()
    assert line[:6] == ["untrained", "bfloat16", "12", str(found.count("identical")), str(len(different)), "0"]


@pytest.mark.long
def test_the_whole_demonstration():
    """What the README may say: flips of the bundled target are rare, and none is called a bug."""
    rows = demonstrate(50)
    print("\n" + flip_table(rows))
    assert all(row.count("bug") == 0 and len(row.verdicts) == 50 for row in rows)
    assert sum(len(row.gaps) for row in rows if row.name == "untrained models") > 10


def test_a_run_that_broke_off_is_judged_by_what_went_before():
    """A crash is not another budget: the caches had been too long for rounds."""
    pair = decode_both(load_both("target-not-rolled-back", "tales-24", "tales-1"), "The ocean is", 4, 40)
    assert pair.error and pair.broken.trace.stopped == "error"
    found = verdict(pair.correct.trace, pair.broken.trace)
    assert (found.kind, found.run) == ("bug", "B") and "I1" in found.phase
    assert "stopped with an error" in found.evidence[0]


def test_a_run_that_broke_off_is_a_trace_like_others(tmp_path):
    pair = decode_both(load_both("one-cache-for-both", "tales-24", "tales-1"), "The ocean is", 4, 40)
    save_trace(pair.broken.trace, tmp_path / "b.json")
    again = load_trace(tmp_path / "b.json")
    assert again.stopped == "error" and again.rounds == ()
    found = verdict(pair.correct.trace, again)
    assert found.kind == "bug" and found.evidence == ("B stopped with an error",)


def test_a_text_that_is_only_the_beginning_of_the_other_is_not_called_the_same():
    """Of two budgets: as far as both go."""
    target, tokenizer = load("tales-24")
    tokens = tokenizer.encode("The ocean is")
    short, long = [speculative(target, target, tokens, budget, 3) for budget in (10, 17)]
    for found in (verdict(short, long), verdict(long, short)):
        assert str(found).startswith("identical: the same text as far as both go, 10 of 17 tokens\n")
    assert str(verdict(short, short)).startswith("identical: the same text\n")
