"""A GPT-2 in a Hugging Face folder: config.json, model.safetensors and the tokenizer's vocab.json and merges.txt.

Invariant: a folder that loads computes here what it computes in transformers; any other is one sentence that names
the file.  A folder that was saved here opens there.
But: no downloads, and a GPT-2 of another kind (untied head, other activation, ...) is refused by name.
"""

import json
import os
from pathlib import Path

import numpy as np

from .arguments import check_path, shown
from .config import Config
from .model import Transformer
from .files.safetensors import write_tensors
from .tokenizer import Tokenizer
from .files.weights import WEIGHTS, check_numbers, check_names, read_object, read_weights
from .files.writing import write_whole

MODELS = Path(__file__).parent / "models"    # beside this file: a copied package finds its own copies

# GPT2Config's defaults, for keys that config.json leaves out.
DEFAULTS = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257, "n_inner": None,
            "layer_norm_epsilon": 1e-5, "eos_token_id": 50256}
# What would change the numbers, and the values that model.py computes.  The first is the default.
# reorder_and_upcast_attn is not here: it reorders a half-precision product, and in float32 says the same.
SUPPORTED = {"model_type": ("gpt2",), "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
             "scale_attn_weights": (True,), "scale_attn_by_inverse_layer_idx": (False,),
             "add_cross_attention": (False,), "tie_word_embeddings": (True,)}


def list_models() -> list[str]:
    """The names of the models that came with the package."""
    return sorted(path.parent.name for path in MODELS.glob("*/config.json"))


def bundled_folder(name) -> Path:
    """The folder of a bundled model.  Raises ValueError for another name."""
    if not MODELS.is_dir():              # as where the package is run from a zip or a wheel that was not unpacked
        raise FileNotFoundError(f"{MODELS}: the package's models folder is missing; there is no model {shown(name)}")
    if name not in list_models():
        names = ", ".join(list_models()) or "none here"
        raise ValueError(f"there is no model {shown(name)}; say a bundled one ({names}) or the path of a GPT-2 folder")
    return MODELS / name


def load(name_or_path) -> tuple[Transformer, Tokenizer]:
    """A bundled model by its name, or any GPT-2 folder by its path.  Raises ValueError or OSError naming the fault."""
    check_path("name_or_path", name_or_path)
    is_path = not isinstance(name_or_path, str) or os.path.dirname(name_or_path) or os.path.exists(name_or_path)
    if name_or_path in list_models() or not is_path:
        folder = bundled_folder(name_or_path)
    else:
        folder = Path(name_or_path)
    config, weights, tokenizer = load_folder(folder)
    model = Transformer(config, weights, folder.resolve().name, tokenizer.fingerprint)
    return model, tokenizer


def load_folder(folder) -> tuple[Config, dict[str, np.ndarray], Tokenizer]:
    """Configuration, weights (float32, named as weight_shapes names them) and tokenizer of a GPT-2 folder.

    Raises ValueError naming the file for anything damaged or unsupported, OSError for what is missing or unreadable.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: this is a file; a model is a folder with config.json in it")
    config = read_config(folder / "config.json")
    tokenizer = Tokenizer.from_files(folder)
    check_vocab_size(folder, config, tokenizer)
    return config, read_weights(folder, config), tokenizer


def check_vocab_size(folder, config, tokenizer):
    """Raise ValueError unless every row of the embedding has a text and every text a row."""
    if tokenizer.vocab_size != config.vocab_size:
        raise ValueError(f"{folder / 'config.json'}: vocab_size is {config.vocab_size} but the tokenizer has "
                         f"{tokenizer.vocab_size} tokens; they must be equal")


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


def config_json(config) -> dict:
    """What config.json says of a model: every key that GPT2Config would otherwise fill with gpt2's own sizes."""
    return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
            "n_layer": config.n_layer, "n_head": config.n_head, "n_embd": config.n_embd, "n_inner": config.n_inner,
            "n_positions": config.n_positions, "vocab_size": config.vocab_size,
            "layer_norm_epsilon": config.layer_norm_epsilon,
            "bos_token_id": config.eos_token_id, "eos_token_id": config.eos_token_id}


def tokenizer_json(config, tokenizer) -> dict:
    """What tokenizer_config.json says.  A special token that is not in the vocabulary would be added to it: null."""
    special = None if tokenizer.end_of_text is None else tokenizer.token_text(tokenizer.end_of_text)
    return {"tokenizer_class": "GPT2Tokenizer", "model_max_length": config.n_positions, "add_prefix_space": False,
            "bos_token": special, "eos_token": special, "unk_token": special}


def save(folder, config, weights, tokenizer):
    """Write a folder that load and transformers open, replacing a model that is there.

    Raises ValueError, before anything is written, for weights that are not a GPT-2 of this config; or OSError.
    """
    folder = Path(folder)
    path = folder / WEIGHTS
    check_names(path, config, {name: array.shape for name, array in weights.items()})
    check_numbers(path, weights)
    check_vocab_size(folder, config, tokenizer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.to_files(folder)
    # transformers prefers a tokenizer.json, so one left by an earlier model would win over the files just written.
    (folder / "tokenizer.json").unlink(missing_ok=True)
    write_object(folder / "tokenizer_config.json", tokenizer_json(config, tokenizer))
    write_object(folder / "generation_config.json",
                 {"bos_token_id": config.eos_token_id, "eos_token_id": config.eos_token_id})
    named = {"transformer." + name: weights[name] for name in sorted(weights)}
    write_tensors(path, named, {"format": "pt"})
    write_object(folder / "config.json", config_json(config))    # last: list_models looks for it


def write_object(path, value):
    """Write a JSON object to file `path`, whole or not at all."""
    write_whole(path, json.dumps(value, indent=2) + "\n")
