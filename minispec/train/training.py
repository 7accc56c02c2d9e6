"""The training loop: batches in, weights out, and a checkpoint (run_state.py) that a stopped run goes on from.

Invariant: the weights after a step are a function of config, recipe, batches and the step alone.  A run stopped by
Ctrl-C or SIGTERM and resumed therefore ends in the same weights, bit for bit, as one that was never stopped.
It knows neither tokenizers nor model folders: `making.py` does.
"""

import json
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..config import Config
from .adamw import adamw_update, clip_gradients, initial_weights, learning_rate, zero_moments
from .backward import loss_and_gradients, mean_loss
from .folder import CHECKPOINT, check_folder
from .progress import Progress
from .run_state import TrainingRun, load_checkpoint, save_checkpoint

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


def train_model(config: Config, batches: Callable[[int], Batch], recipe: Recipe, folder: str | Path,
          held_out: tuple[Batch, ...] = (), resume: bool = False, digests: dict[str, str] | None = None) -> TrainingRun:
    """All steps of the recipe.  `batches(step)` must be a pure function of the step.

    Raises KeyboardInterrupt after Ctrl-C or SIGTERM, once a checkpoint is in the folder; `resume` goes on from there,
    if all that decides the run is the same: also `digests`, by which the caller tells one set of texts from another.
    Raises FloatingPointError when the run diverges, before anything of that is saved.
    But: it locks nothing; a caller who may have company in the folder uses locked_folder.
    """
    path = Path(folder) / CHECKPOINT
    check_folder(path.parent, resume)
    identity = run_identity(config, recipe, digests or {})
    weights = initial_weights(config, recipe.seed)
    run = TrainingRun(weights, zero_moments(weights))
    if resume:
        load_checkpoint(path, run, identity)
    path.parent.mkdir(parents=True, exist_ok=True)     # not before: a model too large for the memory leaves no folder
    progress = Progress(recipe.steps, run.moments.step, recipe.batch * recipe.length)
    started = time.perf_counter() - run.seconds
    # A run that diverges ends in one error; NumPy's warnings before it would say the same many times over.
    with StopRequest() as stop, np.errstate(all="ignore"):
        while run.moments.step < recipe.steps:
            train_step(config, batches, recipe, run)
            step = run.moments.step
            last = step == recipe.steps
            if held_out and (last or step % recipe.held_out_every == 0):
                losses = [mean_loss(config, run.weights, *batch) for batch in held_out]
                run.held_out_loss = sum(losses) / len(losses)
                check_finite_at(step, recipe, {"held-out loss": run.held_out_loss})
            run.seconds = time.perf_counter() - started
            progress.report(step, run.loss, run.held_out_loss)
            if last or stop.requested or step % recipe.checkpoint_every == 0:
                check_finite_at(step, recipe, run.tensors())     # an update that no loss has shown yet
                save_checkpoint(path, run, identity)
            if stop.requested and not last:
                raise KeyboardInterrupt(f"stopped after step {step} of {recipe.steps}; {path} can be resumed")
    return run


def train_step(config: Config, batches: Callable[[int], Batch], recipe: Recipe, run: TrainingRun) -> None:
    """One update of the weights in `run`.  Raises FloatingPointError when the loss is no number any more."""
    step = run.moments.step
    tokens_BT, targets_BT = batches(step)
    loss, gradients = loss_and_gradients(config, run.weights, tokens_BT, targets_BT)
    check_finite_at(step, recipe, {"loss": loss})
    clip_gradients(gradients, recipe.clip)
    rate = learning_rate(step, recipe.steps, recipe.peak, recipe.warmup, recipe.floor)
    adamw_update(run.weights, gradients, run.moments, rate, recipe.betas, recipe.weight_decay)
    if run.loss is None:
        run.loss = loss
    run.loss = SMOOTHING * run.loss + (1 - SMOOTHING) * loss


def check_finite_at(step: int, recipe: Recipe, values: dict) -> None:
    """Raise FloatingPointError when a number, or one in an array, is no longer finite after so many steps."""
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise FloatingPointError(f"{name} is no longer finite after step {step}; the peak rate, {recipe.peak}, is "
                                     "too high")


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


def run_identity(config: Config, recipe: Recipe, digests: dict[str, str]) -> dict:
    """What must be the same for a run to go on, as JSON values by name."""
    identity = {f"config.{name}": value for name, value in asdict(config).items()}
    for name, value in asdict(recipe).items():
        if name not in FREE_TO_CHANGE:
            identity[f"recipe.{name}"] = value
    for name, digest in digests.items():
        identity[f"digest.{name}"] = digest
    return json.loads(json.dumps(identity))      # as a checkpoint gives it back: a tuple is a list there
