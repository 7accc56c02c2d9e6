"""config.json and generation_config.json: the shape of a GPT-2 and the ends of its texts, read and written.

Invariant: a Config that comes out describes what transformers computes from the same file; a GPT-2 of a kind that
is not computed here is an error that names the key.
"""

import os
from dataclasses import replace

from ..config import Config
from .reading import read_object

# GPT2Config's defaults, for keys that config.json leaves out.
DEFAULTS = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257, "n_inner": None,
            "layer_norm_epsilon": 1e-5}
GPT2_END = 50256                         # GPT2Config's default for the end of text
# What would change the numbers, and the values that model.py computes.  The first is the default.
# reorder_and_upcast_attn is not here: it reorders a half-precision product, and in float32 says the same.
SUPPORTED = {"model_type": ("gpt2",), "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
             "scale_attn_weights": (True,), "scale_attn_by_inverse_layer_idx": (False,),
             "add_cross_attention": (False,), "tie_word_embeddings": (True,)}


def read_config(path) -> Config:
    """The Config that config.json states.  Raises ValueError naming the key for a GPT-2 that is not computed here."""
    stated = read_object(path)
    for key, allowed in SUPPORTED.items():
        value = stated.get(key, allowed[0])
        if value not in allowed:
            raise ValueError(f"{path}: {key} is {value!r:.60}; it must be one of {list(allowed)}")
    sizes = {key: stated.get(key, default) for key, default in DEFAULTS.items()}
    epsilon = sizes["layer_norm_epsilon"]
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 < epsilon < 1:
        raise ValueError(f"{path}: layer_norm_epsilon is {epsilon!r:.60}; it must be a number between 0 and 1")
    try:
        return Config(**sizes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def read_ends(folder, config) -> int | tuple[int, ...] | None:
    """The end-of-text tokens of a model folder: generation_config.json decides, if it is there; else config.json.

    That is transformers' precedence, even where the first file says nothing of them.
    """
    path, default = folder / "generation_config.json", None
    if not os.path.lexists(path):
        path, default = folder / "config.json", GPT2_END if config.vocab_size > GPT2_END else None
    ends = read_object(path).get("eos_token_id", default)
    ends = tuple(ends) if isinstance(ends, list) else ends
    try:
        replace(config, eos_token_id=ends)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    if isinstance(ends, tuple) and len(ends) < 2:
        return ends[0] if ends else None
    return ends


def config_object(config) -> dict:
    """What config.json says of a model: every key that GPT2Config would otherwise fill with gpt2's own sizes."""
    return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
            "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd, "n_inner": config.n_inner,
            "n_positions": config.n_positions, "vocab_size": config.vocab_size,
            "layer_norm_epsilon": config.layer_norm_epsilon, **generation_object(config)}


def generation_object(config) -> dict:
    """What generation_config.json says: where a text begins and ends, one token or several."""
    first = config.eos_token_id[0] if isinstance(config.eos_token_id, tuple) else config.eos_token_id
    return {"bos_token_id": first, "eos_token_id": config.eos_token_id}
