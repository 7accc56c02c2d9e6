"""A model whose activations are rounded to 16 bits, and how often that changes a text: real rounding, made to order.

Invariant: everything but the rounding is the core's own code; what enters and leaves a layer, what its attention reads
and returns, and the logits are rounded to the nearest number of the format and kept as float32.
But: weights, keys, values and what happens inside a product stay float32, as they do not in all 16-bit programs.
"""

from dataclasses import dataclass

import numpy as np

from ..arguments import check_count, check_kind, short_repr
from ..checkpoint import load
from ..config import Config
from ..defaults import DRAFT, NEW_TOKENS, TARGET
from ..model import Transformer
from ..prompts import held_out_prompts
from ..shapes import weight_shapes
from ..speculation import TAU, speculative
from ..views.text import table_lines
from .verdict import Verdict, verdict

UNTRAINED = Config(n_layer=2, n_head=4, n_embd=32, n_positions=64, vocab_size=400)


def to_float16(array: np.ndarray) -> np.ndarray:
    """The nearest float16 numbers, as float32."""
    return array.astype(np.float16).astype(np.float32)


def to_bfloat16(array: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 numbers, as float32: its upper half, rounded to nearest and, of two, to even."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    last = (bits >> np.uint32(16)) & np.uint32(1)
    rounded_bits = (bits + np.uint32(0x7FFF) + last) & np.uint32(0xFFFF0000)
    return rounded_bits.view(np.float32)


ROUNDINGS = {"float16": to_float16, "bfloat16": to_bfloat16}


class Rounded(Transformer):
    """A Transformer with the weights of another one, and its activations rounded."""

    def __init__(self, model: Transformer, dtype: str):
        vars(self).update(vars(model))
        self.name = f"{model.name} in {dtype}"
        self.to_nearest = ROUNDINGS[dtype]

    def __call__(self, tokens, cache=None, record=None):
        return self.to_nearest(super().__call__(tokens, cache, record))

    def run_layer(self, layer, hidden_TD, mask_TP, cache, record):
        """One layer from rounded activations to rounded ones."""
        return self.to_nearest(super().run_layer(layer, self.to_nearest(hidden_TD), mask_TP, cache, record))

    def attend(self, layer, normal_TD, mask_TP, cache):
        """Attention that reads rounded activations and returns rounded ones."""
        heads_TD, attention_HTP = super().attend(layer, self.to_nearest(normal_TD), mask_TP, cache)
        return self.to_nearest(heads_TD), attention_HTP


def rounded(model: Transformer, dtype: str = "float16") -> Rounded:
    """The model with its activations rounded to `dtype`, "float16" or "bfloat16".  It still does so row by row.

    Raises TypeError for what has no activations, ValueError for another dtype.
    """
    check_kind("model", model, Transformer)
    if dtype not in ROUNDINGS:
        raise ValueError(f"dtype is {short_repr(dtype)}; it must be one of {', '.join(ROUNDINGS)}")
    return Rounded(model, dtype)


def untrained(seed: int, config: Config = UNTRAINED) -> Transformer:
    """A GPT-2 with random weights, whose logits are close together, so that they flip more often."""
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config):
        array = 0.3 * random.standard_normal(shape)
        if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
            array = 1 + array
        weights[name] = array.astype(np.float32)
    return Transformer(config, weights, name="untrained")


@dataclass(frozen=True)
class Flips:
    """Verdicts on pairs of runs of one model, in float32 and rounded."""

    name: str
    dtype: str
    verdicts: tuple[Verdict, ...]

    def count(self, kind: str) -> int:
        """How many of the verdicts are of that kind."""
        return sum(each.kind == kind for each in self.verdicts)

    @property
    def compared(self) -> int:
        """Tokens chosen by both runs after the same text."""
        return sum(each.compared for each in self.verdicts)

    @property
    def gaps(self) -> list[float]:
        """The gap in float32 wherever the two runs chose two tokens, smallest first."""
        return sorted(each.top_a.gap for each in self.verdicts if each.top_a is not None)

    @property
    def per_thousand(self) -> float:
        """Flips in a thousand tokens that both runs chose."""
        return 1000 * len(self.gaps) / self.compared if self.compared else 0.0


def flips(name: str, pairs: list[tuple], new_tokens: int, dtypes: tuple[str, ...]) -> list[Flips]:
    """Decode in float32 and with the target rounded, for each dtype, and judge each pair of runs.

    pairs: one (target, draft, prompt) for every prompt.
    """
    verdicts = {dtype: [] for dtype in dtypes}
    for target, draft, tokens in pairs:
        exact = speculative(target, draft, tokens, new_tokens, TAU)
        for dtype in dtypes:
            low = speculative(rounded(target, dtype), draft, tokens, new_tokens, TAU)
            verdicts[dtype].append(verdict(exact, low, dtype, new_tokens))
    return [Flips(name, dtype, tuple(verdicts[dtype])) for dtype in dtypes]


def demonstrate(prompts: int, dtypes: tuple[str, ...] = tuple(ROUNDINGS)) -> list[Flips]:
    """The bundled target on held-out prompts, whole and without their last quarter; then untrained models.

    A whole prompt leaves the target little to choose.  Each untrained model reads three random tokens.
    """
    check_count("prompts", prompts, least=1)
    target, tokenizer = load(TARGET)
    draft, _ = load(DRAFT)
    whole = held_out_prompts(tokenizer, prompts)
    cut = [tokens[:3 * len(tokens) // 4] for tokens in whole]
    found = flips(f"{TARGET}, whole prompts", [(target, draft, tokens) for tokens in whole], NEW_TOKENS, dtypes)
    found += flips(f"{TARGET}, cut prompts", [(target, draft, tokens) for tokens in cut], NEW_TOKENS, dtypes)
    pairs = []
    for seed in range(prompts):
        model = untrained(seed)
        tokens = np.random.default_rng(seed).integers(model.config.vocab_size, size=3).tolist()
        pairs.append((model, model, tokens))
    return found + flips("untrained models", pairs, UNTRAINED.n_positions, dtypes)


def flip_table(rows: list[Flips]) -> str:
    """One line a model: verdicts, flips per 1,000 tokens, gaps at the flips, and how much of the bound was used."""
    head = ("target", "activations", "runs", "identical", "rounding", "bug", "tokens", "flips per 1,000", "gaps there",
            "of the bound")
    table = [head]
    for each in rows:
        gaps = f"{each.gaps[0]:.2g} to {each.gaps[-1]:.2g}" if each.gaps else "–"
        used = max((found.largest.share for found in each.verdicts if found.largest), default=0.0)
        table.append((each.name, each.dtype, str(len(each.verdicts)),
                      *[str(each.count(kind)) for kind in ("identical", "rounding", "bug")], str(each.compared),
                      f"{each.per_thousand:.2f}", gaps, f"{used:.0%}"))
    return "\n".join(table_lines(table, left=2))
