"""A trace as frames: one for every micro-step of every round, each with its picture as plain data and one sentence.

Invariant: every number in a frame is recorded in the trace or follows from it; the run is recorded first, then
replayed, so that one can step back.  Nothing is drawn here: see `html.py` and `terminal.py`.

A trace has the drafts that were made, and by the formula what each was conditioned on.  What a draft with a bug really
read is not in it: who has watched it gives it as `read`.
"""

from dataclasses import replace

from ..trace import Round, Trace
from . import frame_captions as captions
from .frame_bars import top_bars
from .frame_context import Read, agreement, of_state, read_context
from .frame_data import Cell, Frame, Mask, MaskRow
from .frame_ends import prefill_frame, totals_frame
from .frame_record import drafted_right, clamped, named
from .frame_scene import Scene, text_cells
from .pieces import counted


def frames(trace: Trace, read: Read | None = None) -> list[Frame]:
    """Every micro-step: prefill; for each round each draft, verify, each verdict, commit, roll back; the totals.

    read: for each round, for each of its drafts, the whole text that the draft model had really read, as
    `teaching.pair.Run.read` has it; then a draft is shown with that, and without it with what the formula asks for.
    """
    if read is not None and len(read) < len(trace.rounds):
        raise ValueError(f"read has {len(read)} rounds; it must have those of the trace, {len(trace.rounds)}")
    shown = [prefill_frame(trace)]
    cached = written = (trace.prefill.rows, trace.prefill.rows)
    foreign = None
    for number, recorded in enumerate(trace.rounds, start=1):
        r = clamped(recorded)
        scene = Scene(trace, r, number, recorded.n_accepted, cached, written,
                      None if read is None else read[number - 1], reads_on(trace, read, number), foreign)
        shown += draft_frames(scene)
        shown.append(verify_frame(scene))
        shown += judge_frames(scene)
        written = (max(written[0], r.target_cache[0]), max(written[1], r.draft_cache[0]))
        cached = (r.target_cache[1], r.draft_cache[1])
        shown += [commit_frame(scene), roll_back_frame(replace(scene, written=written))]
        foreign = scene.foreign_in(r.tokens + r.committed, cached[1])
    shown.append(totals_frame(trace, cached, written, foreign))
    return [replace(frame, number=number) for number, frame in enumerate(shown, start=1)]


def reads_on(trace: Trace, read: Read | None, number: int) -> bool:
    """Whether nothing is known against it that the draft reads first, in the next round, what it has not read yet."""
    if read is None or number >= len(trace.rounds) or not read[number]:
        return True
    return tuple(read[number][0]) == tuple(trace.rounds[number].tokens)


def draft_frames(scene: Scene) -> list[Frame]:
    """One frame a draft: what it was conditioned on, its likeliest tokens, the one it guessed."""
    trace, r, shown = scene.trace, scene.round, []
    tau, before = len(r.proposed), scene.cached[1]
    for t in range(1, tau + 1):
        read = scene.read_at(t)
        cells = text_cells(trace, r.tokens) + scene.drafted(["pending"] * t)
        context, foreign = cells[:-1], scene.foreign
        length = r.draft_cache[0] - (tau - t) if drafted_right(r) else r.draft_cache[0]
        if read is not None:
            length, foreign = len(read), agreement([cell.token for cell in context], read)
            context = read_context(trace, context, read)
        missing, besides = of_state(context, "missing"), of_state(context, "besides")
        frame = scene.frame("draft", f"draft {t} of {tau}", captions.draft_caption(trace, r, t, missing, besides),
                            ["pending"] * t, active=("draft",), focus=(len(r.tokens) + t - 1,), context=context,
                            strips=scene.strips(scene.cached[0], length, len(r.tokens), foreign=foreign))
        bars, gaps = top_bars(trace, r, t - 1, ("draft",))
        facts = draft_facts(scene, t, context, (max(min(before, length - 1), 0), length))
        shown.append(replace(frame, bars=bars, gaps=gaps, facts=facts))
        before = length                                  # each step reads what the one before it guessed
    return shown


def draft_facts(scene: Scene, t: int, context: tuple[Cell, ...], lengths: tuple[int, int]) -> tuple:
    """What the step read: as the formula asks, or what was read instead, or that the record says otherwise.

    lengths: of the draft's cache before the step and after it.
    """
    before, length = lengths
    missing, besides = of_state(context, "missing"), of_state(context, "besides")
    if missing or besides:
        facts = [("asked for", counted(len(context) - len(besides), "token")),
                 ("really read", counted(length, "token"))]
        return tuple(facts + [(name, captions.listed(cells)) for name, cells in
                              (("not read", missing), ("read besides", besides)) if cells])
    if scene.read is not None and scene.read_at(t) is None:
        return (("really read", "not recorded"),)
    if scene.read is None and not drafted_right(scene.round):
        needed = len(scene.round.tokens) + len(scene.round.proposed) - 1
        return (("cache after drafting", f"{length}, and not {needed} as the formula asks"),)
    fed = context[before:length]
    named_fed = " ".join(f"“{cell.text}”" for cell in fed) if len(fed) <= 4 else f"{len(fed)} tokens"
    return (("read in this step", named_fed or "nothing"), ("read before, cached", counted(before, "token")))


def verify_frame(scene: Scene) -> Frame:
    """The target's one pass: its rows and its mask."""
    trace, r = scene.trace, scene.round
    first, fed = max(len(r.tokens) - 1, 0), r.tokens[-1:] + r.proposed
    rows = []
    for j, (token, choice) in enumerate(zip(fed, r.choices)):
        judged = named(trace, r.proposed[j]) if j < len(r.proposed) else None
        rows.append(MaskRow(first + j, named(trace, token), named(trace, choice), judged))
    return scene.frame("verify", "verify", captions.verify_caption(r), ["pending"] * len(r.proposed),
                       strips=scene.verified(len(r.tokens)), active=("target",),
                       focus=tuple(range(first, first + len(rows))), mask=Mask(first, tuple(rows)) if rows else None)


def judge_frames(scene: Scene) -> list[Frame]:
    """One frame a verdict, and one for all drafts that get none."""
    trace, r, shown = scene.trace, scene.round, []
    start, tau = len(r.tokens), len(r.proposed)
    for t in range(r.n_judged):
        right = t < r.n_accepted
        states = ["accepted"] * t + ["accepted" if right else "rejected"] + ["pending"] * (tau - t - 1)
        own = None if right else scene.correction()
        bars, gaps = top_bars(trace, r, t, ("draft", "target"))
        shown.append(scene.frame("judge", f"judge {t + 1} of {tau}", captions.judge_caption(trace, r, t), states,
                                 strips=scene.verified(start + t + right), active=("target",), focus=(start + t,),
                                 target_token=own, bars=bars, gaps=gaps))
    if r.discarded:
        judged = start + r.n_judged
        shown.append(scene.frame("judge", "discard the rest", captions.discard_caption(r, scene.commits),
                                 verdicts(r), strips=scene.verified(start + r.n_accepted), active=("target",),
                                 focus=tuple(range(judged, start + tau)), target_token=scene.correction()))
    return shown


def verdicts(r: Round) -> list[str]:
    """The state of every draft after the judging."""
    rejected = ["rejected"] * (r.rejected is not None)
    return ["accepted"] * r.n_accepted + rejected + ["discarded"] * len(r.discarded)


def commit_frame(scene: Scene) -> Frame:
    """The text grows: what was kept, what the target added, what was dropped."""
    r, trace = scene.round, scene.trace
    before, now = len(r.tokens), len(r.tokens) + len(r.committed)
    shared = {"strips": scene.verified(before + r.n_accepted), "active": ("target",)}
    facts = [("text before, i", f"{counted(before, 'token')} (prompt {len(trace.prompt)})"),
             ("accepted drafts, n_a", str(scene.counted))]
    if not scene.commits:
        facts += [("drafts", str(len(r.proposed))), ("committed", counted(len(r.committed), "token")),
                  ("text now", counted(now, "token"))]
        frame = scene.frame("commit", "commit", captions.odd_commit_caption(trace, r, scene.counted), [],
                            focus=tuple(range(before, now)), facts=tuple(facts), **shared)
        return replace(frame, cells=frame.cells + scene.grown())
    own = scene.grown()[r.n_accepted:]
    facts += [("the target's own token", "1" if own else "none"),
              ("text now", counted(now, "token") + (" = i + n_a + 1" if own else "")),
              ("dropped drafts", str(len(r.proposed) - r.n_accepted))]
    bars, gaps = top_bars(trace, r, r.n_accepted, ("target",)) if own else ((), ())
    joined = before + r.n_accepted + (r.bonus is not None)     # a correction is marked by its own border
    return scene.frame("commit", "commit", captions.commit_caption(trace, r), verdicts(r),
                       target_token=own[0] if own else None, bars=bars, gaps=gaps, focus=tuple(range(before, joined)),
                       facts=tuple(facts), **shared)


def roll_back_frame(scene: Scene) -> Frame:
    """Both caches lose what is not in the text; the data stay where they are."""
    r = scene.round
    target, draft = r.target_cache, r.draft_cache
    now = len(r.tokens) + len(r.committed)
    keep = min(target[1], now - 1)
    frame = scene.frame("roll back", "roll back both caches", captions.roll_back_caption(r, scene.reads_on), [],
                        strips=scene.strips(target[1], draft[1], now, keep,
                                            scene.foreign_in(r.tokens + r.committed, draft[1])),
                        active=("draft", "target"))
    facts = []
    for strip, (before, after) in zip(frame.strips, (target, draft)):
        went = f"{before} → {after}" if before != after else f"{after}, unchanged"
        stale = strip.written - max(after, strip.gap)
        facts.append((f"{strip.model}'s cache", f"{went}; {max(stale, 0)} stale"))
    gap = keep - draft[1]
    facts.append(("the draft lacks", counted(gap, "position") if gap > 0 else "nothing"))
    return replace(frame, cells=frame.cells + scene.grown(), facts=tuple(facts))
