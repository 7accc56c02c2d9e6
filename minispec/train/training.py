"""The training loop: batches in, weights out, and a checkpoint that a stopped run goes on from.

Invariant: the weights after a step are a function of config, recipe, batches and the step alone.  A run stopped by
Ctrl-C or SIGTERM and resumed therefore ends in the same weights, bit for bit, as one that was never stopped.
It knows neither tokenizers nor model folders: `command.py` does.
"""

import hashlib
import json
import math
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..config import Config
from .adamw import Moments, adamw_update, clip_gradients, initial_weights, learning_rate, zero_moments
from .backward import loss_and_gradients, mean_loss
from .progress import Progress

CHECKPOINT = "checkpoint.npz"
SMOOTHING = 0.95                         # of the loss that is shown: about the last 20 steps
FREE_TO_CHANGE = ("checkpoint_every", "held_out_every")     # what does not alter the weights may differ on resuming

Batch = tuple[np.ndarray, np.ndarray]    # tokens_BT, targets_BT


@dataclass(frozen=True)
class Recipe:
    """All that decides a run besides the model's shape and the text."""

    steps: int
    batch: int = 8
    length: int = 256
    peak: float = 2e-3                   # the learning rate at the end of the warm-up
    warmup: int = 100                    # steps
    floor: float = 1e-4                  # the learning rate of the last step
    weight_decay: float = 0.1
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    seed: int = 0
    checkpoint_every: int = 500          # steps
    held_out_every: int = 250            # steps

    def __post_init__(self):
        for name in ("steps", "batch", "length", "checkpoint_every", "held_out_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("peak", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a number above 0")
        for name in ("warmup", "floor", "weight_decay", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a number of at least 0")


@dataclass(eq=False)
class Run:
    """The state of a run, and its result.  The number of updates done is `moments.step`."""

    weights: dict[str, np.ndarray]
    moments: Moments
    loss: float | None = None            # smoothed
    held_out_loss: float | None = None   # of the last time it was measured: at the end, if the run has ended
    seconds: float = 0.0                 # over all sittings


def train(config: Config, batches: Callable[[int], Batch], recipe: Recipe, folder: str | Path,
          held_out: tuple[Batch, ...] = (), resume: bool = False) -> Run:
    """All steps of the recipe.  `batches(step)` must be a pure function of the step.

    Raises KeyboardInterrupt after Ctrl-C or SIGTERM, once a checkpoint is in the folder; `resume` goes on from there.
    """
    path = Path(folder) / CHECKPOINT
    identity = run_identity(config, recipe, batches)
    run = begin(config, recipe, path, identity, resume)
    progress = Progress(recipe.steps, run.moments.step, recipe.batch * recipe.length)
    started = time.perf_counter() - run.seconds
    with StopRequest() as stop:
        while run.moments.step < recipe.steps:
            train_step(config, batches, recipe, run)
            step = run.moments.step
            last = step == recipe.steps
            if held_out and (last or step % recipe.held_out_every == 0):
                run.held_out_loss = held_out_mean(config, run.weights, held_out)
            run.seconds = time.perf_counter() - started
            progress.report(step, run.loss, run.held_out_loss)
            if last or stop.requested or step % recipe.checkpoint_every == 0:
                save_checkpoint(path, run, identity)
            if stop.requested and not last:
                raise KeyboardInterrupt(f"stopped after step {step} of {recipe.steps}; {path} can be resumed")
    return run


def begin(config: Config, recipe: Recipe, path: Path, identity: dict, resume: bool) -> Run:
    """A new run, or the one in the checkpoint.  A checkpoint is never overwritten by a run that did not resume it."""
    if resume:
        return load_checkpoint(path, identity)
    if path.exists():
        raise FileExistsError(f"{path} is there already; resume it, or choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = initial_weights(config, recipe.seed)
    return Run(weights, zero_moments(weights))


def train_step(config: Config, batches: Callable[[int], Batch], recipe: Recipe, run: Run) -> None:
    """One update of the weights in `run`.  Raises FloatingPointError when the loss is no number any more."""
    step = run.moments.step
    tokens_BT, targets_BT = batches(step)
    loss, gradients = loss_and_gradients(config, run.weights, tokens_BT, targets_BT)
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss of step {step} is {loss}; the peak rate, {recipe.peak}, is too high")
    clip_gradients(gradients, recipe.clip)
    rate = learning_rate(step, recipe.steps, recipe.peak, recipe.warmup, recipe.floor)
    adamw_update(run.weights, gradients, run.moments, rate, recipe.betas, recipe.weight_decay)
    if run.loss is None:
        run.loss = loss
    run.loss = SMOOTHING * run.loss + (1 - SMOOTHING) * loss


def held_out_mean(config: Config, weights: dict[str, np.ndarray], held_out: tuple[Batch, ...]) -> float:
    """The mean loss over batches that training never sees."""
    losses = []
    for tokens_BT, targets_BT in held_out:
        loss = mean_loss(config, weights, tokens_BT, targets_BT)
        losses.append(loss)
    return sum(losses) / len(losses)


class StopRequest:
    """Remembers Ctrl-C and SIGTERM until the step is over: in the middle of one the weights are neither old nor new.

    A second signal stops at once; the checkpoint on disk is then the last complete one.
    """

    def __init__(self):
        self.requested = False
        self.previous = {}               # the handlers to put back

    def __enter__(self):
        # Python lets only the main thread set handlers; elsewhere a run cannot be asked to stop.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.previous[number] = signal.signal(number, self.note)
        return self

    def note(self, number, frame):
        """The handler: the first signal asks the run to stop, the second one stops it."""
        if self.requested:
            raise KeyboardInterrupt("stopped at once, without a checkpoint")
        self.requested = True

    def __exit__(self, *exception):
        for number, handler in self.previous.items():
            signal.signal(number, handler)


def run_identity(config: Config, recipe: Recipe, batches: Callable[[int], Batch]) -> dict:
    """What must be the same for a run to go on, as flat JSON values; the data are known by the digest of one batch."""
    identity = {}
    for name, value in asdict(config).items():
        identity["config." + name] = value
    for name, value in asdict(recipe).items():
        if name not in FREE_TO_CHANGE:
            identity["recipe." + name] = list(value) if isinstance(value, tuple) else value
    tokens_BT, targets_BT = batches(0)
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(tokens_BT, dtype=np.int64))
    digest.update(np.ascontiguousarray(targets_BT, dtype=np.int64))
    identity["data"] = digest.hexdigest()[:16]
    return identity


def save_checkpoint(path: Path, run: Run, identity: dict) -> None:
    """Writes under another name first, so that a crash leaves the old checkpoint or the new one, never half of one."""
    arrays = {}
    for part, tensors in (("weights", run.weights), ("first", run.moments.first), ("second", run.moments.second)):
        for name, tensor in tensors.items():
            arrays[f"{part}/{name}"] = tensor
    scalars = {"step": run.moments.step, "loss": run.loss, "held_out_loss": run.held_out_loss,
               "seconds": run.seconds, "identity": identity}
    arrays["scalars"] = np.array(json.dumps(scalars))
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_checkpoint(path: Path, identity: dict) -> Run:
    """Raises FileNotFoundError, or ValueError if the checkpoint is damaged or belongs to another run."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; only a run that was begun can be resumed")
    parts = {"weights": {}, "first": {}, "second": {}}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            scalars = json.loads(str(arrays["scalars"]))
            for key in arrays.files:
                part, _, name = key.partition("/")
                if part in parts:
                    parts[part][name] = arrays[key]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as a checkpoint of this program: {error}") from error
    check_identity(path, scalars["identity"], identity)
    moments = Moments(scalars["step"], parts["first"], parts["second"])
    return Run(parts["weights"], moments, scalars["loss"], scalars["held_out_loss"], scalars["seconds"])


def check_identity(path: Path, stored: dict, identity: dict) -> None:
    """Raise ValueError, naming the setting, unless a checkpoint belongs to this run."""
    for name in sorted(stored.keys() | identity.keys()):
        if stored.get(name) != identity.get(name):
            raise ValueError(f"{path} was made with {name} = {stored.get(name)!r}, but this run has "
                             f"{identity.get(name)!r}; resume with the same settings, or choose another folder")
