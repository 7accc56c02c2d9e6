"""The state of a training run, and the checkpoint that keeps it.

Invariant: a run that was loaded is, bit for bit, one that was saved, and belongs to the run that asks for it; any
other file is an error of one sentence that names it.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files.reading import check_regular
from ..files.writing import write_parts
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

    def tensors(self) -> dict[str, np.ndarray]:
        """Every array of the state: `weights/wte.weight`, `first/wte.weight`, `second/wte.weight`, …"""
        parts = zip(PARTS, (self.weights, self.moments.first, self.moments.second))
        return {f"{part}/{name}": tensor for part, named in parts for name, tensor in named.items()}


def save_checkpoint(path: Path, run: TrainingRun, identity: dict) -> None:
    """A crash or a full disk leaves the old checkpoint or the new one, never half of one."""
    scalars = {"step": run.moments.step, "loss": run.loss, "held_out_loss": run.held_out_loss,
               "seconds": run.seconds, "identity": identity}
    file = io.BytesIO()                  # NumPy before 2.2 leaves a file of its own open when a write fails
    np.savez(file, scalars=np.array(json.dumps(scalars)), **run.tensors())
    write_parts(path, [file.getbuffer()])


def load_checkpoint(path: Path, run: TrainingRun, identity: dict) -> None:
    """Put the state of the checkpoint into `run`, one that has not made a step.

    Raises OSError, or ValueError if the checkpoint is damaged or belongs to a run of another identity.
    """
    check_regular(path)
    try:
        scalars, tensors = read_checkpoint(path)
        stored = dict(scalars["identity"])
    except (OSError, MemoryError):
        raise
    except Exception as error:           # whatever zipfile, NumPy and json raise for bytes that are not a checkpoint
        raise ValueError(f"{path} cannot be read as a checkpoint of this program: {error}") from None
    for name in sorted(stored.keys() | identity.keys()):
        if stored.get(name) != identity.get(name):
            raise ValueError(f"{path} was made with {name} = {stored.get(name)!r:.100}, but this run has "
                             f"{identity.get(name)!r:.100}; resume with the same settings, or choose another folder")
    run.moments.step, run.seconds = scalars["step"], scalars["seconds"]
    run.loss, run.held_out_loss = scalars["loss"], scalars["held_out_loss"]
    for name, tensor in run.tensors().items():
        np.copyto(tensor, tensors[name], casting="no")


def read_checkpoint(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The scalars and the arrays of a file.  Raises what the libraries raise for what is not a checkpoint."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()      # NumPy reads no member to its end, and so compares no checksum
    if damaged is not None:
        raise ValueError(f"{damaged} is damaged")
    with np.load(path, allow_pickle=False) as arrays:
        tensors = dict(arrays)
    return json.loads(str(tensors.pop("scalars"))), tensors
