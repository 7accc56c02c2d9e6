"""The state of a training run, and the checkpoint that keeps it.

Invariant: a TrainingRun that was loaded has every tensor of its model, in float32 and of the right shape, and belongs
to the run that asks for it; any other file is a ValueError that names it.
"""

import json
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arguments import short_repr
from ..config import Config
from ..shapes import weight_shapes
from .adamw import Moments
from .folder import check_resumable, whole_file

DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, EOFError,
          NotImplementedError, RecursionError)           # what np.load and json raise for bytes that are no checkpoint
PARTS = ("weights", "first", "second")


@dataclass(eq=False)
class TrainingRun:
    """The state of a run, and its result.  The number of updates done is `moments.step`."""

    weights: dict[str, np.ndarray]
    moments: Moments
    loss: float | None = None            # smoothed
    held_out_loss: float | None = None   # of the last time it was measured: at the end, if the run has ended
    seconds: float = 0.0                 # over all sittings


def save_checkpoint(path: Path, run: TrainingRun, identity: dict) -> None:
    """A crash or a full disk leaves the old checkpoint or the new one, never half of one."""
    arrays = {}
    for part, tensors in zip(PARTS, (run.weights, run.moments.first, run.moments.second)):
        for name, tensor in tensors.items():
            arrays[f"{part}/{name}"] = tensor
    scalars = {"step": run.moments.step, "loss": run.loss, "held_out_loss": run.held_out_loss,
               "seconds": run.seconds, "identity": identity}
    arrays["scalars"] = np.array(json.dumps(scalars, allow_nan=False))
    with whole_file(path) as file:
        np.savez(file, **arrays)


def load_checkpoint(path: Path, config: Config, identity: dict) -> TrainingRun:
    """Raises FileNotFoundError, or ValueError if the checkpoint is damaged or belongs to another run."""
    check_resumable(path.parent)
    parts = {part: {} for part in PARTS}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            scalars = json.loads(str(arrays["scalars"]))
            for key in arrays.files:
                part, _, name = key.partition("/")
                if part in parts:
                    parts[part][name] = arrays[key]
    except DAMAGE as error:
        raise ValueError(f"{path} cannot be read as a checkpoint of this program: {error}") from error
    check_scalars(path, scalars)
    check_identity(path, scalars["identity"], identity)
    for part, tensors in parts.items():
        check_tensors(f"{path}, {part}", config, tensors)
    moments = Moments(scalars["step"], parts["first"], parts["second"])
    return TrainingRun(parts["weights"], moments, scalars["loss"], scalars["held_out_loss"], scalars["seconds"])


def is_number(value) -> bool:
    """Whether a JSON value is a finite number (true is none)."""
    return type(value) in (int, float) and math.isfinite(value)


def check_scalars(path: Path, scalars) -> None:
    """Raise ValueError, naming the file, unless `scalars` is what save_checkpoint wrote."""
    if not isinstance(scalars, dict):
        raise ValueError(f"{path} is damaged: scalars is {short_repr(scalars)}; it must be a JSON object")
    if not isinstance(scalars.get("identity"), dict):
        raise ValueError(f"{path} is damaged: identity is {short_repr(scalars.get('identity'))}; it must be an object")
    if type(scalars.get("step")) is not int or scalars["step"] < 1:
        raise ValueError(f"{path} is damaged: step is {short_repr(scalars.get('step'))}; it must be at least 1")
    for name in ("loss", "seconds", "held_out_loss"):
        value = scalars.get(name, "missing")
        nothing = name == "held_out_loss" and value is None
        if not nothing and not is_number(value):
            raise ValueError(f"{path} is damaged: {name} is {short_repr(value)}; it must be a number")


def check_tensors(source: str, config: Config, tensors: dict[str, np.ndarray]) -> None:
    """Raise ValueError, naming `source`, unless `tensors` are those of a model of this config, finite, in float32."""
    shapes = dict(weight_shapes(config))
    odd = sorted(shapes.keys() ^ tensors.keys())
    if odd:
        raise ValueError(f"{source}: {odd[0]} is {'missing' if odd[0] in shapes else 'unexpected'}")
    for name, tensor in tensors.items():
        if tensor.shape != shapes[name]:
            raise ValueError(f"{source}: {name} has shape {tensor.shape}; it must be {shapes[name]}")
        if tensor.dtype != np.float32:
            raise ValueError(f"{source}: {name} is {tensor.dtype}; it must be float32")
        if not np.isfinite(tensor).all():
            raise ValueError(f"{source}: {name} has NaN or infinite numbers; all must be finite")


def check_identity(path: Path, stored: dict, identity: dict) -> None:
    """Raise ValueError, naming the setting, unless a checkpoint belongs to this run."""
    for name in sorted(stored.keys() | identity.keys()):
        if stored.get(name) != identity.get(name):
            raise ValueError(f"{path} was made with {name} = {stored.get(name)!r}, but this run has "
                             f"{identity.get(name)!r}; resume with the same settings, or choose another folder")
