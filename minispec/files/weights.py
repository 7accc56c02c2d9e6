"""The weights of a GPT-2 folder: model.safetensors, or the shards that model.safetensors.index.json lists.

Invariant: weights that come out are complete, finite, float32 and of the shapes the config says, under the names of
weight_shapes.  Names and shapes are checked on the file headers, before any weight is read.
But: nothing is unpickled or executed, so pytorch_model.bin is refused; no quantised weights, no untied head.
"""

import os
import re
from pathlib import Path

import numpy as np

from ..shapes import check_names, check_numbers
from .reading import read_object
from .safetensors import read_header, read_tensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
HEAD = "lm_head.weight"
BUFFER = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")    # causal masks that old exports stored; not weights
SHARD = re.compile(r"[\w-][\w.-]*\.safetensors")             # a plain file name: no folder, no dot in front


def weight_files(folder) -> list[Path]:
    """The file, or the shards, that hold the weights.  Raises if there is none, or a shard is outside the folder."""
    # lexists: a link that leads nowhere is there, and whoever opens it says where it should lead
    if os.path.lexists(folder / WEIGHTS):
        return [folder / WEIGHTS]
    if os.path.lexists(folder / INDEX):
        weight_map = read_object(folder / INDEX).get("weight_map")
        if not isinstance(weight_map, dict) or not weight_map:
            raise ValueError(f"{folder / INDEX}: weight_map is {weight_map!r:.60}; it must map weights to files")
        for shard in weight_map.values():
            if not isinstance(shard, str) or not SHARD.fullmatch(shard):
                raise ValueError(f"{folder / INDEX}: shard {shard!r:.100}; it must be a plain .safetensors file name")
        return [folder / shard for shard in sorted(set(weight_map.values()))]
    for pickle in sorted(folder.glob("pytorch_model*.bin")):
        raise ValueError(f"{pickle}: a pickle, which can run code, so it is never opened; convert it to safetensors")
    raise FileNotFoundError(f"{folder / WEIGHTS}: there is no such file; a model folder must have it")


def read_weights(folder, config) -> dict[str, np.ndarray]:
    """The weights of a folder, checked.  Holds them once, and the largest tensor (or the head) once more."""
    files = weight_files(folder)
    stored_names = {}                    # file -> {stored name: our name}
    shapes = {}
    for file in files:
        stored_names[file] = {}
        for stored, entry in read_header(file).items():
            name = stored.removeprefix("transformer.")
            if BUFFER.fullmatch(name):
                continue
            if name in shapes:
                raise ValueError(f"{file}: {name!r:.100} is stored twice; each weight must be there once")
            stored_names[file][stored] = name
            shapes[name] = entry.shape
    source = files[0] if len(files) == 1 else folder / INDEX
    has_head = shapes.pop(HEAD, None) is not None
    check_names(source, config, shapes)
    weights = {}
    for file, names in stored_names.items():
        for stored, array in read_tensors(file, names).items():
            weights[names[stored]] = array
    check_numbers(source, weights)
    if has_head:
        head = weights.pop(HEAD)
        # Compared as whole numbers, because as floats -0.0 == 0.0.
        if not np.array_equal(head.view(np.uint32), weights["wte.weight"].view(np.uint32)):
            raise ValueError(f"{source}: {HEAD} differs from wte.weight; an untied head is not supported")
    return weights
