"""config.json: the shape of a GPT-2, read and written.

Invariant: a Config that comes out describes what transformers computes from the same file; a GPT-2 of a kind that
is not computed here is an error that names the key.
"""

from ..config import Config
from .reading import read_object

# GPT2Config's defaults, for keys that config.json leaves out.
DEFAULTS = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257, "n_inner": None,
            "layer_norm_epsilon": 1e-5, "eos_token_id": 50256}
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
    eos = sizes["eos_token_id"]
    if eos is not None and (isinstance(eos, bool) or not isinstance(eos, int)):
        raise ValueError(f"{path}: eos_token_id is {eos!r:.60}; it must be one whole number or null")
    try:
        return Config(**sizes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def config_object(config) -> dict:
    """What config.json says of a model: every key that GPT2Config would otherwise fill with gpt2's own sizes."""
    return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
            "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd, "n_inner": config.n_inner,
            "n_positions": config.n_positions, "vocab_size": config.vocab_size,
            "layer_norm_epsilon": config.layer_norm_epsilon,
            "bos_token_id": config.eos_token_id, "eos_token_id": config.eos_token_id}
