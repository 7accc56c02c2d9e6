"""A GPT-2 in a Hugging Face folder: config.json, model.safetensors, and tokenizer.json or vocab.json and merges.txt.

Invariant: a folder that loads computes here what it computes in transformers; any other is one sentence that names
the file.  A folder that was saved here opens there.
But: no downloads, and a GPT-2 of another kind (untied head, other activation, ...) is refused by name.
"""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np

from .arguments import check_path, short_repr
from .config import Config
from .files.config_files import config_object, generation_object, read_config, read_ends
from .files.reading import named_error
from .files.safetensors import write_tensors
from .files.weights import WEIGHTS, read_weights
from .files.writing import write_whole
from .model import Transformer
from .shapes import check_names, check_numbers
from .splitting import END_OF_TEXT
from .tokenizer import Tokenizer

MODELS = Path(__file__).parent / "models"    # beside this file: a copied package finds its own copies


def list_models() -> list[str]:
    """The names of the models that came with the package."""
    return sorted(path.parent.name for path in MODELS.glob("*/config.json"))


def bundled_folder(name) -> Path:
    """The folder of a bundled model.  Raises ValueError for another name."""
    if not MODELS.is_dir():              # as where the package is run from a zip or a wheel that was not unpacked
        raise FileNotFoundError(f"{MODELS}: the package's models folder is missing, and so is {short_repr(name)}")
    if name not in list_models():
        names = ", ".join(list_models()) or "none here"
        raise ValueError(f"there is no model {short_repr(name)}; say a bundled one ({names}) or the path of a folder")
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
    try:
        is_folder = stat.S_ISDIR(os.stat(folder).st_mode)
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder}: there is no such folder") from None
    except OSError as error:             # such as a link that leads to itself
        raise named_error(folder, error) from None
    if not is_folder:
        raise NotADirectoryError(f"{folder}: this is a file; a model is a folder with config.json in it")
    config = read_config(folder / "config.json")
    config = replace(config, eos_token_id=read_ends(folder, config))
    tokenizer = Tokenizer.from_files(folder, rows=config.vocab_size)
    check_vocab_size(folder, config, tokenizer)
    return config, read_weights(folder, config), tokenizer


def check_vocab_size(folder, config, tokenizer):
    """Raise ValueError unless every token has a row of the embedding.  Rows without a token are only padding."""
    if len(tokenizer.vocab) > config.vocab_size:
        raise ValueError(f"{folder / 'config.json'}: vocab_size is {config.vocab_size} but the tokenizer has "
                         f"{len(tokenizer.vocab)} tokens; they must not be more")


def tokenizer_config(config, tokenizer) -> dict:
    """What tokenizer_config.json says.  A special token that is not in the vocabulary would be added to it: null."""
    roles = {"bos_token": None, "eos_token": None, "unk_token": None}
    return {"tokenizer_class": "GPT2Tokenizer", "model_max_length": config.n_positions, "add_prefix_space": False,
            **roles, **special_tokens(tokenizer)}


def special_tokens(tokenizer) -> dict:
    """The roles of the special tokens, which transformers 4 reads from special_tokens_map.json."""
    roles = {}
    others = [token for token in tokenizer.special if token != END_OF_TEXT]
    if tokenizer.end_of_text is not None:
        roles = {"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT, "unk_token": END_OF_TEXT}
    if others:
        roles["additional_special_tokens"] = others
    return roles


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
    write_object(folder / "tokenizer_config.json", tokenizer_config(config, tokenizer))
    write_object(folder / "special_tokens_map.json", special_tokens(tokenizer))
    write_object(folder / "generation_config.json", generation_object(config))
    named = {"transformer." + name: weights[name] for name in sorted(weights)}
    write_tensors(path, named, {"format": "pt"})
    write_object(folder / "config.json", config_object(config))    # last: list_models looks for it


def write_object(path, value):
    """Write a JSON object to file `path`, whole or not at all."""
    write_whole(path, json.dumps(value, indent=2) + "\n")
