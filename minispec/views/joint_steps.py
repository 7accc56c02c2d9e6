"""Two runs of one prompt in step: the frames of both, aligned by round and micro-step.

Invariant: every frame of either run is in exactly one joint step as the one that acts, in its own order; a run that
has no such micro-step waits at its latest frame.  Nothing here knows HTML or why the runs differ.
"""

from dataclasses import dataclass

from ..trace import Trace, parting
from .frame_data import Frame

KINDS = ("prefill", "draft", "verify", "judge", "discard the rest", "commit", "roll back", "totals")
IN_TEXT = ("prompt", "committed", "accepted", "correction", "bonus")


@dataclass(frozen=True, order=True)
class Place:
    """Where a micro-step stands: the round, the kind of step, and which of that kind in the round, from 0."""

    totals: bool
    round: int
    kind: int
    index: int

    @property
    def title(self) -> str:
        """The place in words, such as `Round 2 · draft 3`."""
        kind = KINDS[self.kind]
        if kind in ("prefill", "totals"):
            return kind.capitalize()
        return f"Round {self.round} · {kind}" + (f" {self.index + 1}" if kind in ("draft", "judge") else "")


@dataclass(frozen=True)
class Step:
    """A micro-step of both runs: the frame that each shows, and whether it only waits there."""

    place: Place
    frames: tuple[Frame, Frame]
    waits: tuple[bool, bool]
    last: tuple[bool, bool]              # whether a run has no frame after this one but its totals


def places(frames: list[Frame]) -> list[Place]:
    """The place of every frame of a run; all totals are one place, however many rounds there were."""
    found, counted = [], {}
    for frame in frames:
        kind = "discard the rest" if any(cell.state == "discarded" for cell in frame.cells) else frame.phase
        kind = frame.phase if frame.phase != "judge" else kind
        totals = frame.phase == "totals"
        key = (frame.round, kind)
        found.append(Place(totals, 0 if totals else frame.round, KINDS.index(kind), counted.get(key, 0)))
        counted[key] = counted.get(key, 0) + 1
    return found


def joint_steps(first: list[Frame], second: list[Frame]) -> list[Step]:
    """The two runs' frames in one order.  Both begin with a prefill and end with the totals."""
    runs = [dict(zip(places(frames), frames)) for frames in (first, second)]
    ends = [max(place for place in run if not place.totals) for run in runs]
    shown, steps = [first[0], second[0]], []
    for place in sorted({*runs[0], *runs[1]}):
        acts = [place in run for run in runs]
        shown = [run.get(place, frame) for run, frame in zip(runs, shown)]
        steps.append(Step(place, tuple(shown), tuple(not each for each in acts),
                          tuple(place >= end for end in ends)))
    return steps


def first_difference(first: Trace, second: Trace, broke_off: bool) -> int | None:
    """The first position at which the texts differ; None where there is none.

    broke_off: the second run ended with an error, so that its text may be short without being another one.
    """
    texts = [list(trace.tokens) for trace in (first, second)]
    position = parting(*texts)
    return None if broke_off and position == min(map(len, texts)) else position


def reached(frame: Frame, position: int | None) -> bool:
    """Whether the frame shows a token of the text at that position."""
    cells = frame.cells + ((frame.target_token,) if frame.target_token is not None else ())
    return any(cell.position == position and cell.state in IN_TEXT for cell in cells)
