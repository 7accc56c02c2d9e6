"""The state of a training run, and the checkpoint that keeps it.

Invariant: a run that was loaded is, bit for bit, one that was saved, and belongs to the run that asks for it; any
other file is an error of one sentence that names it.
"""

import io
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import Config
from ..files.reading import check_regular
from ..files.writing import write_parts
from ..shapes import check_names, check_numbers
from .adamw import Moments

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
    file = io.BytesIO()                  # NumPy before 2.2 leaves a file of its own open when a write fails
    np.savez(file, **arrays)
    write_parts(path, [file.getbuffer()])


def load_checkpoint(path: Path, config: Config, identity: dict, steps: int) -> TrainingRun:
    """Raises OSError, or ValueError if the checkpoint is damaged or belongs to a different run of `steps` steps."""
    check_regular(path)
    try:
        run, stored = read_run(path, steps)
    except (OSError, MemoryError):
        raise
    except Exception as error:           # whatever zipfile, NumPy and json raise for bytes that are not a checkpoint
        raise ValueError(f"{path} cannot be read as a checkpoint of this program: {error}") from None
    for name in sorted(stored.keys() | identity.keys()):
        if stored.get(name) != identity.get(name):
            raise ValueError(f"{path} was made with {name} = {stored.get(name)!r:.100}, but this run has "
                             f"{identity.get(name)!r:.100}; resume with the same settings, or choose another folder")
    for part, tensors in zip(PARTS, (run.weights, run.moments.first, run.moments.second)):
        check_names(f"{path}, {part}", config, {name: tensor.shape for name, tensor in tensors.items()})
        check_numbers(f"{path}, {part}", tensors)
    return run


def read_run(path: Path, steps: int) -> tuple[TrainingRun, dict]:
    """The run in a checkpoint and its identity.  Raises what the libraries raise for what is not one."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()      # NumPy reads no member to its end, and so compares no checksum
    if damaged is not None:
        raise ValueError(f"{damaged} is damaged")
    parts = {part: {} for part in PARTS}
    with np.load(path, allow_pickle=False) as arrays:
        scalars = json.loads(str(arrays["scalars"]))
        for key in arrays.files:
            part, _, name = key.partition("/")
            if part in parts:
                parts[part][name] = arrays[key]
    step = scalars["step"]
    if type(step) is not int or not 1 <= step <= steps:
        raise ValueError(f"step is {step!r:.60}; it must be 1 to {steps}")
    held_out_loss = scalars["held_out_loss"] or 0.0
    numbers = [float(value) for value in (scalars["loss"], held_out_loss, scalars["seconds"])]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"loss, held-out loss and seconds are {numbers}; they must be finite")
    moments = Moments(step, parts["first"], parts["second"])
    run = TrainingRun(parts["weights"], moments, numbers[0], scalars["held_out_loss"], numbers[2])
    return run, dict(scalars["identity"])
