"""The sentences of the page: one a step, short enough for the last row of a lecture hall.

Invariant: each function returns one sentence, whose numbers are the round's own.  No picture, no second sentence.
"""

from ...trace import Round, Trace
from ..pieces import counted
from ..text import STOPPED, label
from ..record import judged_right, roll_back_right, rows_right, says


def quoted(trace: Trace, tokens) -> str:
    """The tokens in quotation marks."""
    return " ".join(f"“{label(trace, token)}”" for token in tokens)


def prefill_sentence(trace: Trace) -> str:
    """What both models read before the first round."""
    rows = trace.prefill.rows
    if rows == 0:
        return "The prompt is one token, so there is nothing to read ahead and both caches are empty."
    left = counted(rows, "position")
    return f"Both models read the prompt but for its last token, which leaves {left} in each cache."


def listed(trace: Trace, tokens: list[int], most: int = 3) -> str:
    """The tokens in quotation marks; of many the last ones, which stand next to the draft."""
    shown = quoted(trace, tokens[-most:])
    return shown if len(tokens) <= most else f"{len(tokens)} tokens, the last {shown}"


def misread(trace: Trace, missing: list[int], besides: list[int]) -> str:
    """What a model did not read, and what it read besides the text; tokens."""
    lacks = [f"did not read {listed(trace, missing)}"] if missing else []
    extra = [f"read {listed(trace, besides)} besides the text"] if besides else []
    return " and ".join(lacks + extra)


def draft_sentence(trace: Trace, r: Round, t: int, missing: list[int], besides: list[int]) -> str:
    """Draft t, counted from 1, and what it was conditioned on; or what it did not read of that, or read besides."""
    guess, earlier = quoted(trace, r.proposed[t - 1:t]), r.proposed[:t - 1]
    place = len(r.tokens) + t - 1
    if missing or besides:
        return f"Draft {t} {misread(trace, missing, besides)}, and guesses {guess}."
    if not earlier:
        return f"Given the text so far, {counted(place, 'token')}, the draft guesses {guess}."
    own = quoted(trace, earlier) if t <= 4 else f"{quoted(trace, earlier[:1])} … {quoted(trace, earlier[-1:])}"
    guesses = "its guess" if t == 2 else f"its {t - 1} guesses"
    return f"Given the text and {guesses} {own}, the draft guesses {guess}."


def drafts_sentence(trace: Trace, r: Round, odd: list[int]) -> str:
    """All drafts of a round.  odd: the drafts, counted from 1, that read something else than they should."""
    tau = len(r.proposed)
    if odd:
        which = f"draft {odd[0]}" if len(odd) == 1 else f"drafts {', '.join(map(str, odd[:-1]))} and {odd[-1]}"
        return f"The draft makes {counted(tau, 'guess')}, and {which} did not read what the formula asks for."
    if tau == 1:
        return f"The small model, the draft, guesses the next token: {quoted(trace, r.proposed)}."
    return f"The small model, the draft, guesses {tau} tokens, each from the text and all its guesses before."


def verify_sentence(r: Round) -> str:
    """The one pass."""
    tau = len(r.proposed)
    if not rows_right(r):
        rows, length = counted(len(r.choices), "token"), r.target_cache[0]
        return f"The target's pass yields {rows} for {counted(tau, 'draft')}, and its cache holds {length} positions."
    if tau == 0:
        return "Nothing was drafted, so the target's pass has one row and yields one token, as in plain decoding."
    places = "the drafted place" if tau == 1 else f"all {tau} places"
    return f"One pass of the large model, the target, says its own token for {places} and for the next."


def judge_sentence(trace: Trace, r: Round, t: int) -> str:
    """Draft t, counted from 0, against row t."""
    place, own, drafted = len(r.tokens) + t, says(r, t), r.proposed[t]
    kept, guess = t < r.n_accepted, quoted(trace, (drafted,))
    verdict = "accepted" if kept else "rejected"
    if own is None:
        return f"The target has no row {t}, and yet the draft {guess} for position {place} is {verdict}."
    word = quoted(trace, (own,))
    if own != r.choices[t]:
        taken = quoted(trace, (r.choices[t],))
        return f"The target's row {t} has {word} highest, but {taken} was taken for it; draft {guess} is {verdict}."
    so = "so" if kept == (own == drafted) else "and yet"
    if own == drafted:
        return f"The target says {guess} as well, {so} the draft for position {place} is {verdict}."
    return f"The target says {word} and not {guess}, {so} the draft for position {place} is {verdict}."


def verdicts_sentence(trace: Trace, r: Round, sound: bool) -> str:
    """All verdicts of a round.  sound: whether the text grew as it should."""
    tau, n, rest = len(r.proposed), r.n_accepted, len(r.discarded)
    if not judged_right(r):
        return f"{counted(n, 'draft')} of {tau} {'is' if n == 1 else 'are'} accepted, and not as the target's rows say."
    if r.rejected is not None:
        goes = f"“{label(trace, r.rejected)}” is not what the target says"
        if rest == 0:
            return f"{goes}, so it goes and {quoted(trace, (r.choices[n],))} stands there."
        after = "the guess after it" if rest == 1 else f"the {rest} guesses after it"
        return f"{goes}, so it goes, and {after} with it: what they built on is gone."
    if rest:
        goes = "the last draft is" if rest == 1 else f"the last {rest} drafts are"
        if not sound:
            return f"{counted(n, 'draft')} accepted, and {goes} discarded without a verdict."
        return f"An accepted draft ended the text, so {goes} discarded without being judged."
    if tau == 0:
        return "There is no guess to judge."
    if r.bonus is None:
        return "Every guess is what the target says, and the last one ends the text."
    every = "The guess is" if tau == 1 else f"All {tau} guesses are"
    return f"{every} what the target says, and its next token {quoted(trace, (r.bonus,))} comes on top."


def commit_sentence(trace: Trace, r: Round) -> str:
    """What the text grew by."""
    before, kept, now = len(r.tokens), r.n_accepted, len(r.tokens) + len(r.committed)
    drafts = counted(kept, "accepted draft")
    if r.correction is None and r.bonus is None:
        join = "joins the text and ends it" if kept == 1 else "join the text and end it"
        return f"{drafts} {join}: {before} + {kept} = {now} tokens."
    kind = "correction" if r.correction is not None else "bonus token" if r.proposed else "own token"
    own = f"the target's {kind} {quoted(trace, r.committed[kept:])}"
    both = f"{drafts} and {own} join" if kept else f"{own[0].upper()}{own[1:]} joins"
    return f"{both} the text: {before} + {kept} + 1 = {now} tokens."


def odd_commit_sentence(trace: Trace, r: Round, recorded: int) -> str:
    """What the text grew by where that is not the accepted drafts and the target's own token.

    recorded: accepted drafts, as the round counted them.
    """
    tau, n = len(r.proposed), r.n_accepted
    joins = f"{counted(len(r.committed), 'token')} join{'s' if len(r.committed) == 1 else ''} the text"
    if recorded != n:
        return f"{joins}, where {counted(recorded, 'accepted draft')} of {tau} were counted."
    if r.committed[:n] != r.proposed[:n]:
        return f"{joins}, and not first of all the {counted(n, 'accepted draft')}."
    if len(r.committed) > n + 1:
        return f"{joins}, where {counted(n, 'accepted draft')} and the target's own token make {n + 1}."
    if len(r.committed) == n:
        return f"{joins}, and no token of the target's own."
    own, added = says(r, n), quoted(trace, r.committed[n:])
    if own is None:
        return f"{joins}, the last of them {added}, for which the target has no row."
    if own == r.committed[n]:
        return f"{joins}, the last of them {added}, where {quoted(trace, r.choices[n:n + 1])} was the choice taken."
    return f"{joins}, the last of them {added}, where the target says {quoted(trace, (own,))}."


def roll_back_sentence(r: Round, reads_on: bool) -> str:
    """Where both caches go, and the draft's gap.  reads_on: whether the draft fills it in the next round."""
    target, draft = r.target_cache, r.draft_cache
    sentence = f"The target's cache {moved(*target)}, the draft's {moved(*draft)}"
    keep = len(r.tokens) + len(r.committed) - 1
    if not roll_back_right(r):
        return f"{sentence}, where the text leaves {keep} to keep."
    if draft[1] < target[1]:
        gap = counted(target[1] - draft[1], "token")
        return f"{sentence}: {gap} short, which it {'reads first' if reads_on else 'does not read'} next time."
    return f"{sentence}; what lies after is stale." if target[0] > target[1] else f"{sentence}."


def moved(before: int, after: int) -> str:
    """A cache's way."""
    if before == after:
        return f"stays at {after}"
    return f"goes from {before} back to {after}" if after < before else f"goes from {before} on to {after}"


def totals_sentence(trace: Trace) -> str:
    """The end: where both ways were timed, the text, the passes and the seconds; else the passes and why it ended."""
    why, passes = STOPPED.get(trace.stopped, trace.stopped), counted(len(trace.rounds), "target pass")
    if trace.n_new == 0:
        leaves = "leaves no room" if trace.stopped in STOPPED else "came first"
        return f"No token was decoded, because {why} {leaves}."
    if trace.baseline is None or not trace.seconds:
        return f"{counted(trace.n_new, 'token')} took {passes} where plain decoding takes {trace.n_new}, up to {why}."
    return result_sentence(trace, list(trace.baseline.tokens) == trace.tokens, trace.baseline.seconds / trace.seconds)


def result_sentence(trace: Trace, same: bool, speedup: float | None) -> str:
    """What came of decoding both ways.  same: whether both texts are; speedup: None where it was not measured."""
    words = f"{'Same' if same else 'Not the same'} text, {counted(len(trace.rounds), 'target pass')} instead of " \
            f"{len(trace.baseline.pass_seconds)}"
    if speedup is None:
        return f"{words}."
    return f"{words}, {speedup:.1f} × faster." if speedup >= 1 else f"{words}, {1 / speedup:.1f} × slower."
