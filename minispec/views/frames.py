"""A trace as frames: one for every micro-step of every round, each with its picture as plain data and one sentence.

Invariant: every number in a frame is recorded in the trace or follows from it; the run is recorded first, then
replayed, so that one can step back.  Nothing is drawn here: see `html.py` and `terminal.py`.

What a trace does not hold is not shown: it has the drafts that were made, and by the formula what each was conditioned
on; what a draft with a bug really read is not recorded.
"""

import re
from dataclasses import dataclass, replace

from ..trace import Round, Trace
from . import frame_captions as captions
from .frame_bars import top_bars
from .frame_data import Cell, Frame, Mask, MaskRow, Strip
from .text import acceptance_lines, count_lines, label, token_label

ACROSS = 12                              # positions in one row of the ruler
BEHIND = 3                               # of the text before the round, so many tokens are shown at least


@dataclass(frozen=True)
class Scene:
    """A round, with what stood in the caches of target and draft before it, and the furthest ever written."""

    trace: Trace
    each: Round
    number: int
    held: tuple[int, int]
    written: tuple[int, int]

    def frame(self, phase: str, title: str, caption: str, states: list[str], **others) -> Frame:
        """A frame of this round: the text before it, and as many drafts as there are states."""
        start, tau = len(self.each.tokens), len(self.each.proposed)
        cells = text_cells(self.trace, self.each.tokens) + place(self.trace, start, self.each.proposed, states)
        rows = -(-(tau + 1 + BEHIND) // ACROSS)
        window = (max(0, start + tau + 1 - ACROSS * rows), start + tau + 1)
        return Frame(0, self.number, phase, f"Round {self.number} · {title}", caption, cells, window=window, **others)

    def strips(self, target: int, draft: int, valid: int, hole: int = 0) -> tuple[Strip, Strip]:
        """Both caches at these lengths, the target's not yet or no longer as long as it gets in this round."""
        return (Strip("target", target, valid, max(self.written[0], target)),
                Strip("draft", draft, valid, max(self.written[1], draft), hole))

    def verified(self, valid: int) -> tuple[Strip, Strip]:
        """Both caches between verification and rolling back."""
        return self.strips(self.each.target_cache[0], self.each.draft_cache[0], valid)


def place(trace: Trace, start: int, tokens: tuple[int, ...], states: list[str]) -> tuple[Cell, ...]:
    """Cells from position `start` on, as many as there are states."""
    pairs = zip(tokens, states)
    return tuple(Cell(start + t, token, label(trace, token), state) for t, (token, state) in enumerate(pairs))


def text_cells(trace: Trace, tokens: tuple[int, ...]) -> tuple[Cell, ...]:
    """The text so far: prompt, then committed."""
    prompt = len(trace.prompt)
    return place(trace, 0, tokens, ["prompt"] * prompt + ["committed"] * (len(tokens) - prompt))


def frames(trace: Trace) -> list[Frame]:
    """Every micro-step: prefill; for each round each draft, verify, each verdict, commit, roll back; the totals."""
    shown = [prefill_frame(trace)]
    held = written = (trace.prefill.rows, trace.prefill.rows)
    for number, each in enumerate(trace.rounds, start=1):
        scene = Scene(trace, each, number, held, written)
        shown += draft_frames(scene)
        shown.append(verify_frame(scene))
        shown += judge_frames(scene)
        written = (max(written[0], each.target_cache[0]), max(written[1], each.draft_cache[0]))
        held = (each.target_cache[1], each.draft_cache[1])
        shown += [commit_frame(scene), roll_back_frame(replace(scene, written=written))]
    shown.append(totals_frame(trace, held, written))
    return [replace(frame, number=number) for number, frame in enumerate(shown, start=1)]


def prefill_frame(trace: Trace) -> Frame:
    """Before the first round."""
    rows, n_prompt = trace.prefill.rows, len(trace.prompt)
    strips = tuple(Strip(model, rows, n_prompt, rows) for model in ("target", "draft"))
    return Frame(0, 0, "prefill", "Prefill", captions.prefill_caption(trace), text_cells(trace, trace.prompt), strips,
                 (max(0, n_prompt - 3 * ACROSS), n_prompt), ("draft", "target"), tuple(range(rows)),
                 facts=(("target", printable(trace.target)), ("draft", printable(trace.draft)),
                        ("drafts a round (tau)", str(trace.tau)),
                        ("prompt", captions.count(n_prompt, "token")),
                        ("read ahead", f"{captions.count(rows, 'token')} by each model")))


def draft_frames(scene: Scene) -> list[Frame]:
    """One frame a draft: what it was conditioned on, its likeliest tokens, the one it guessed."""
    each, shown = scene.each, []
    tau, before = len(each.proposed), scene.held[1]
    for t in range(1, tau + 1):
        length = each.draft_cache[0] - (tau - t)         # each step reads what the one before it guessed
        frame = scene.frame("draft", f"draft {t} of {tau}", captions.draft_caption(scene.trace, each, t),
                            ["pending"] * t, strips=scene.strips(scene.held[0], length, len(each.tokens)),
                            active=("draft",), focus=(len(each.tokens) + t - 1,))
        context = frame.cells[:-1]
        fed = context[before:length]
        named = " ".join(f"“{cell.text}”" for cell in fed) if len(fed) <= 4 else f"{len(fed)} tokens"
        facts = (("read in this step", named or "nothing"), ("read before, cached", captions.count(before, "token")))
        bars, gaps = top_bars(scene.trace, each, t - 1, ("draft",))
        shown.append(replace(frame, context=context, bars=bars, gaps=gaps, facts=facts))
        before = length
    return shown


def verify_frame(scene: Scene) -> Frame:
    """The target's one pass: its rows and its mask."""
    trace, each = scene.trace, scene.each
    first, fed = len(each.tokens) - 1, each.tokens[-1:] + each.proposed
    rows = []
    for j, choice in enumerate(each.choices):
        judged = label(trace, each.proposed[j]) if j < len(each.proposed) else None
        rows.append(MaskRow(first + j, label(trace, fed[j]), label(trace, choice), judged))
    return scene.frame("verify", "verify", captions.verify_caption(each), ["pending"] * len(each.proposed),
                       strips=scene.verified(len(each.tokens)), active=("target",),
                       focus=tuple(range(first, first + len(rows))), mask=Mask(first, tuple(rows)))


def judge_frames(scene: Scene) -> list[Frame]:
    """One frame a verdict, and one for all drafts that get none."""
    trace, each, shown = scene.trace, scene.each, []
    start, tau = len(each.tokens), len(each.proposed)
    for t in range(each.n_examined):
        right = t < each.n_accepted
        states = ["accepted"] * t + ["accepted" if right else "rejected"] + ["pending"] * (tau - t - 1)
        own = None if right else own_cell(scene)
        bars, gaps = top_bars(trace, each, t, ("draft", "target"))
        shown.append(scene.frame("judge", f"judge {t + 1} of {tau}", captions.judge_caption(trace, each, t), states,
                                 strips=scene.verified(start + t + right), active=("target",), focus=(start + t,),
                                 own=own, bars=bars, gaps=gaps))
    if each.discarded:
        judged = start + each.n_examined
        shown.append(scene.frame("judge", "discard the rest", captions.discard_caption(each), verdicts(each),
                                 strips=scene.verified(start + each.n_accepted), active=("target",),
                                 focus=tuple(range(judged, start + tau)), own=own_cell(scene, "correction")))
    return shown


def verdicts(each: Round) -> list[str]:
    """The state of every draft after the judging."""
    rejected = ["rejected"] * (each.rejected is not None)
    return ["accepted"] * each.n_accepted + rejected + ["discarded"] * len(each.discarded)


def own_cell(scene: Scene, *kinds: str) -> Cell | None:
    """The target's own token of the round; None if it has none, or not one of these kinds."""
    each = scene.each
    kind = "bonus" if each.correction is None else "correction"
    if each.own is None or kinds and kind not in kinds:
        return None
    return Cell(len(each.tokens) + each.n_accepted, each.own, label(scene.trace, each.own), kind)


def commit_frame(scene: Scene) -> Frame:
    """The text grows: what was kept, what the target added, what was dropped."""
    each, own = scene.each, own_cell(scene)
    before, now = len(each.tokens), len(each.tokens) + len(each.committed)
    dropped = len(each.proposed) - each.n_accepted
    facts = (("text before, i", f"{captions.count(before, 'token')} (prompt {len(scene.trace.prompt)})"),
             ("accepted drafts, n_a", str(each.n_accepted)),
             ("the target's own token", "none" if own is None else "1"),
             ("text now", captions.count(now, "token") + ("" if own is None else " = i + n_a + 1")),
             ("dropped drafts", str(dropped)))
    bars, gaps = top_bars(scene.trace, each, each.n_accepted, ("target",)) if own is not None else ((), ())
    joined = before + each.n_accepted + (each.bonus is not None)     # a correction is marked by its own border
    return scene.frame("commit", "commit", captions.commit_caption(scene.trace, each), verdicts(each),
                       strips=scene.verified(before + each.n_accepted), active=("target",), own=own, bars=bars,
                       gaps=gaps, focus=tuple(range(before, joined)), facts=facts)


def roll_back_frame(scene: Scene) -> Frame:
    """Both caches lose what is not in the text; the data stay where they are."""
    each, trace = scene.each, scene.trace
    target, draft = each.target_cache, each.draft_cache
    own = own_cell(scene)
    start, states = len(each.tokens), ["accepted"] * each.n_accepted
    frame = scene.frame("roll back", "roll back both caches", captions.roll_back_caption(each), states,
                        strips=scene.strips(target[1], draft[1], start + len(each.committed), target[1]),
                        active=("draft", "target"))
    facts = []
    for strip, (before, after) in zip(frame.strips, (target, draft)):
        went = f"{before} → {after}" if before != after else f"{after}, unchanged"
        stale = strip.written - max(after, strip.hole)
        facts.append((f"{strip.model}'s cache", f"{went}; {max(stale, 0)} stale"))
    gap = target[1] - draft[1]
    facts.append(("the draft lacks", captions.count(gap, "position") if gap > 0 else "nothing"))
    if own is not None:
        frame = replace(frame, cells=frame.cells + (own,))
    return replace(frame, facts=tuple(facts))


def totals_frame(trace: Trace, held: tuple[int, int], written: tuple[int, int]) -> Frame:
    """The end: the three figures that are all called acceptance rate, each under its own name."""
    facts = []
    for line in count_lines(trace) + acceptance_lines(trace):
        name, value, meaning = re.split(" {2,}", line, maxsplit=2)
        facts.append((name, f"{value} ({meaning})"))
    strips = tuple(Strip(model, held[n], len(trace.tokens), written[n]) for n, model in enumerate(("target", "draft")))
    end = len(trace.tokens)
    return Frame(0, len(trace.rounds) + 1, "totals", "Totals", captions.totals_caption(trace),
                 text_cells(trace, tuple(trace.tokens)), strips, (max(0, end - ACROSS), end), facts=tuple(facts),
                 text=readable(trace))


def readable(trace: Trace) -> str:
    """The whole text; without token texts it is the numbers."""
    if trace.texts is None:
        return " ".join(str(token) for token in trace.tokens)
    lines = "".join(trace.texts[token] for token in trace.tokens).split("\n")
    return "\n".join(printable(line) for line in lines)


def printable(text: str) -> str:
    """The text with everything escaped that a terminal or a file could not show."""
    return "".join(letter if letter.isprintable() else token_label(" " + letter) for letter in text)
