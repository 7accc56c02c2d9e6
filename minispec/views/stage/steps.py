"""A trace as steps: the five beats of every round, each with its sentence and what is on show; for page and terminal.

Invariant: every number in a step is recorded in the trace or follows from it; the run is recorded first, then
replayed, so that one can step back.  What is on show is in the step as signs of the palette; who draws decides nothing.

A trace has the drafts that were made, and by the formula what each was conditioned on.  What a draft with a bug really
read is not in it: who has watched it gives it as `read`.
"""

from dataclasses import dataclass, replace

from ...trace import Round, Trace
from .. import record
from ..palette import GLYPHS
from ..beside import first_disagreement, laid_beside
from ..strips import Strip
from . import sentences

Read = tuple[tuple[tuple[int, ...], ...], ...]   # round by round, draft by draft: the whole text that was read
BEATS = ("prefill", "draft", "verify", "judge", "commit", "roll back", "totals")
BEFORE = 12                              # of the text before a round, so many positions of the caches are given
SAYS, HIDDEN = "→", " "                  # a token that the target says, not yet compared; nothing on show yet


@dataclass(frozen=True)
class Step:
    """One step: which, its sentence, and the signs of all that it shows."""

    round: int                           # from 1; 0 before the first, one more than the last for the totals
    beat: str
    t: int                               # the draft that it is about, from 1; 0 for none
    level: str                           # "short": for the quick way only, "details": for the slow one only, "": both
    say: str
    drafts: str = ""                     # a sign for each draft
    choices: str = ""                    # a sign for each of the target's tokens
    strips: tuple[str, str] = ("", "")   # a sign for each position of both caches, the target's first
    lengths: tuple[int, int] = (0, 0)
    first: int = 0                       # the position of the strips' first sign
    missing: tuple[int, ...] = ()        # positions that the draft should have read and has not
    besides: tuple[tuple[int, int], ...] = ()    # (position, token) that it has read and should not have

    @property
    def title(self) -> str:
        """Where it stands, such as `Round 2 · draft 3`."""
        if self.beat in ("prefill", "totals"):
            return self.beat.capitalize()
        return f"Round {self.round} · {self.beat}" + (f" {self.t}" if self.t and self.level != "short" else "")


@dataclass(frozen=True)
class Scene:
    """A round, and what stood in both caches before it."""

    trace: Trace
    r: Round
    number: int
    counted: int                         # accepted drafts as recorded, which may be more than were drafted
    cached: tuple[int, int]              # lengths, the target's first
    written: tuple[int, int]             # the furthest positions ever written
    read: tuple[tuple[int, ...], ...] | None     # for each draft the whole text that was read; None: not recorded
    reads_on: bool                       # whether the next round's first draft has the whole text
    foreign: int | None                  # from this position on the draft's cache holds other tokens than the text

    def step(self, beat: str, t: int, level: str, say: str, strips: tuple[Strip, Strip], **shown) -> Step:
        """A step of this round."""
        start = len(self.r.tokens)
        first, end = max(0, start - BEFORE), start + max(len(self.r.proposed) + 1, len(self.r.committed))
        return Step(self.number, beat, t, level, say, strips=tuple(strip.cells(first, end) for strip in strips),
                    lengths=tuple(strip.length for strip in strips), first=first, **shown)

    def caches(self, target: int, draft: int, valid: int, gap_end: int = 0, foreign: int | None = None):
        """Both caches at these lengths."""
        return (Strip(target, valid, max(self.written[0], target)),
                Strip(draft, valid, max(self.written[1], draft), gap_end, foreign))

    def verified(self) -> tuple[Strip, Strip]:
        """Both caches between verification and rolling back."""
        length = self.r.draft_cache[0]
        return self.caches(self.r.target_cache[0], length, len(self.r.tokens),
                           foreign=self.foreign_in(self.r.tokens + self.r.proposed, length))

    def foreign_in(self, text: tuple[int, ...], length: int) -> int | None:
        """After the drafting: the first position, of `length`, where the draft's cache has not this text's token."""
        if not self.read:
            return self.foreign
        place = first_disagreement(text, self.read[-1][:max(length, 0)])
        return len(self.read[-1]) if place is None and length > len(self.read[-1]) else place     # never written

    @property
    def commits(self) -> bool:
        """Whether the text grew as it should."""
        ends = self.number == len(self.trace.rounds) and self.trace.stopped == "end-of-text"
        return record.commit_right(self.r, self.counted, ends)


def steps(trace: Trace, read: Read | None = None) -> list[Step]:
    """Every step: prefill; for each round its drafts, the pass, the verdicts, commit, roll back; the totals.

    read: for each round, for each of its drafts, the whole text that the draft model had really read; then a draft is
    shown with that, and without it with what the formula asks for.
    """
    if read is not None and len(read) < len(trace.rounds):
        raise ValueError(f"read has {len(read)} rounds; it must have those of the trace, {len(trace.rounds)}")
    shown = [Step(0, "prefill", 0, "details", sentences.prefill_sentence(trace))]
    cached = written = (trace.prefill.rows, trace.prefill.rows)
    foreign = None
    for number, recorded in enumerate(trace.rounds, start=1):
        r = record.clamped(recorded)
        scene = Scene(trace, r, number, recorded.n_accepted, cached, written,
                      None if read is None else read[number - 1], reads_on(trace, read, number), foreign)
        shown += steps_of_drafts(scene) + judge_steps(scene)
        written = (max(written[0], r.target_cache[0]), max(written[1], r.draft_cache[0]))
        cached = (r.target_cache[1], r.draft_cache[1])
        shown += last_steps(replace(scene, written=written))
        foreign = scene.foreign_in(r.tokens + r.committed, cached[1])
    shown.append(Step(len(trace.rounds) + 1, "totals", 0, "", sentences.totals_sentence(trace)))
    return shown


def reads_on(trace: Trace, read: Read | None, number: int) -> bool:
    """Whether nothing is known against it that the draft reads first, in the next round, what it has not read yet."""
    if read is None or number >= len(trace.rounds) or not read[number]:
        return True
    return tuple(read[number][0]) == tuple(trace.rounds[number].tokens)


def steps_of_drafts(scene: Scene) -> list[Step]:
    """One step a draft, and one for all of them; of drafts that misread, the first is part of the quick way."""
    r, tau, shown, odd = scene.r, len(scene.r.proposed), [], []
    nothing = HIDDEN * len(r.choices)
    one_each = r.draft_cache[0] == len(r.tokens) + tau - 1    # the formula: read are all but the last draft
    for t in range(1, tau + 1):
        asked = r.tokens + r.proposed[:t - 1]
        length = r.draft_cache[0] - (tau - t) if one_each else r.draft_cache[0]
        foreign, missing, besides = scene.foreign, (), ()
        if scene.read is not None and t <= len(scene.read):
            got = tuple(scene.read[t - 1])
            length, foreign = len(got), first_disagreement(asked, got)
            pairs = laid_beside(asked, got)
            missing = tuple(place for place, at in pairs if at is None)
            besides = tuple((at, got[at]) for place, at in pairs if place is None)
        if missing or besides:
            odd.append(t)
        say = sentences.draft_sentence(scene.trace, r, t, [asked[place] for place in missing],
                                       [token for _, token in besides])
        level = "" if odd == [t] else "details"
        shown.append(scene.step("draft", t, level, say, scene.caches(scene.cached[0], length, len(r.tokens),
                                                                     foreign=foreign),
                                drafts=GLYPHS["pending"] * t + HIDDEN * (tau - t), choices=nothing, missing=missing,
                                besides=besides))
    if tau and not odd:
        shown.append(replace(shown[-1], level="short", say=sentences.drafts_sentence(scene.trace, r, odd)))
    elif tau:
        about = shown[odd[0] - 1]
        shown.append(replace(shown[-1], level="short", say=sentences.drafts_sentence(scene.trace, r, odd), t=odd[0],
                             missing=about.missing, besides=about.besides))
    return shown


def judge_steps(scene: Scene) -> list[Step]:
    """The one pass; one step a verdict; one for all verdicts together."""
    trace, r, tau, strips = scene.trace, scene.r, len(scene.r.proposed), scene.verified()
    rows, judged = len(r.choices), scene.r.n_judged
    pending, accepted, rejected = GLYPHS["pending"], GLYPHS["accepted"], GLYPHS["rejected"]
    shown = [scene.step("verify", 0, "", sentences.verify_sentence(r), strips, drafts=pending * tau,
                        choices=SAYS * rows)]
    for t in range(judged):
        kept = t < r.n_accepted
        drafts = accepted * t + (accepted if kept else rejected) + pending * (tau - t - 1)
        choices = SAYS * rows if kept else SAYS * t + GLYPHS["correction"] + SAYS * (rows - t - 1)
        shown.append(scene.step("judge", t + 1, "details", sentences.judge_sentence(trace, r, t), strips,
                                drafts=drafts, choices=choices[:rows]))
    drafts, choices = verdict_signs(r)
    shown.append(scene.step("judge", 0, "" if r.discarded or not tau else "short",
                            sentences.verdicts_sentence(trace, r, scene.commits), strips, drafts=drafts,
                            choices=choices))
    return shown


def verdict_signs(r: Round) -> tuple[str, str]:
    """The signs after the judging: of the drafts, and of the target's tokens."""
    n, judged, rows = r.n_accepted, r.n_judged, len(r.choices)
    drafts = (GLYPHS["accepted"] * n + GLYPHS["rejected"] * (judged - n)
              + GLYPHS["discarded"] * (len(r.proposed) - judged))
    added = "correction" if r.correction is not None else "bonus" if r.bonus is not None else "discarded"
    choices = SAYS * n + GLYPHS[added] + GLYPHS["discarded"] * rows
    return drafts, choices[:rows]


def last_steps(scene: Scene) -> list[Step]:
    """The text grows; then both caches lose what is not in it, and the data stay where they are."""
    trace, r = scene.trace, scene.r
    drafts, choices = verdict_signs(r)
    say = sentences.commit_sentence(trace, r) if scene.commits else \
        sentences.odd_commit_sentence(trace, r, scene.counted)
    shown = [scene.step("commit", 0, "", say, scene.verified(), drafts=drafts, choices=choices)]
    text = r.tokens + r.committed
    target, draft = r.target_cache[1], r.draft_cache[1]
    strips = scene.caches(target, draft, len(text), min(target, len(text) - 1), scene.foreign_in(text, draft))
    say = sentences.roll_back_sentence(r, scene.reads_on)
    return shown + [scene.step("roll back", 0, "", say, strips, drafts=drafts, choices=choices)]
