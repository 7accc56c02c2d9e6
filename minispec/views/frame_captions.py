"""The sentences of the stepper: one per frame, short enough for the last row of a lecture hall.

Invariant: each function returns one sentence, whose numbers are the round's own.  No picture, no second sentence.
"""

from ..trace import Round, Trace
from .frame_data import Cell
from .frame_record import named, roll_back_right, rows_right, says
from .pieces import counted
from .text import STOPPED


def quoted(trace: Trace, tokens: tuple[int, ...]) -> str:
    """The tokens in quotation marks."""
    return " ".join(f"“{named(trace, token)}”" for token in tokens)


def prefill_caption(trace: Trace) -> str:
    """What both models read before the first round."""
    rows = trace.prefill.rows
    if rows == 0:
        return "The prompt is one token, so there is nothing to read ahead and both caches are empty."
    positions = counted(rows, "position")
    return f"Both models read the prompt but for its last token, which leaves {positions} in each cache."


def listed(cells: list[Cell], most: int = 4) -> str:
    """The cells' texts in quotation marks; of many the last ones, which stand next to the draft."""
    shown = " ".join(f"“{cell.text}”" for cell in cells[-most:])
    return shown if len(cells) <= most else f"{len(cells)} tokens, the last {shown}"


def draft_caption(trace: Trace, r: Round, t: int, missing: list[Cell], besides: list[Cell]) -> str:
    """Draft t, counted from 1, and what it was conditioned on; or what it did not read of that, or read besides."""
    guess, earlier = quoted(trace, r.proposed[t - 1:t]), r.proposed[:t - 1]
    place = len(r.tokens) + t - 1
    if missing or besides:
        lacks = [f"did not read {listed(missing, 3)}"] if missing else []
        extra = [f"read {listed(besides, 3)} besides the text"] if besides else []
        return f"The draft {' and '.join(lacks + extra)}; it guesses {guess} for position {place}."
    if not earlier:
        return f"Given the text so far, {counted(place, 'token')}, the draft guesses {guess} for position {place}."
    own = quoted(trace, earlier) if t <= 4 else f"{quoted(trace, earlier[:1])} … {quoted(trace, earlier[-1:])}"
    guesses = "its guess" if t == 2 else f"its {t - 1} guesses"
    return f"Given the text and {guesses} {own}, the draft guesses {guess} for position {place}."


def verify_caption(r: Round) -> str:
    """The one pass."""
    tau = len(r.proposed)
    if not rows_right(r):
        rows, length = counted(len(r.choices), "token"), r.target_cache[0]
        return f"The target's pass yields {rows} for {counted(tau, 'draft')}, and its cache holds {length} positions."
    if tau == 0:
        return (f"Nothing was drafted, so the target's pass has one row and yields its own token for position "
                f"{len(r.tokens)}, as in plain decoding.")
    places = "the drafted place" if tau == 1 else f"all {tau} drafted places"
    return f"ONE pass of the target over {tau + 1} rows yields its own token for {places} and the next."


def judge_caption(trace: Trace, r: Round, t: int) -> str:
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
        return f"The target's row {t} says {guess} as well, {so} the draft for position {place} is {verdict}."
    return f"The target's row {t} says {word} and not {guess}, {so} the draft for position {place} is {verdict}."


def discard_caption(r: Round, sound: bool) -> str:
    """The drafts that nobody judged.  sound: whether the text grew as it should."""
    number = len(r.discarded)
    last, them = ("last draft", "it is") if number == 1 else (f"last {number} drafts", "they are")
    if r.rejected is None and not sound:
        return f"Without a verdict on the {last}, {them} discarded."
    if r.rejected is None:
        return f"An accepted draft ended the text, so the {last} will not be judged: {them} discarded."
    return f"What the {last} built on was rejected, so {them} discarded without being judged."


def commit_caption(trace: Trace, r: Round) -> str:
    """What the text grew by."""
    before, kept, now = len(r.tokens), r.n_accepted, len(r.tokens) + len(r.committed)
    drafts = counted(kept, "accepted draft")
    if r.target_token is None:
        join = "joins the text and ends it" if kept == 1 else "join the text and end it"
        return f"{drafts} {join}, so that the target adds nothing and the text has {before} + {kept} = {now} tokens."
    kind = "correction" if r.correction is not None else "bonus token" if r.proposed else "own token"
    own = f"the target's {kind} {quoted(trace, (r.target_token,))}"
    both = f"{drafts} and {own} join" if kept else f"{own[0].upper()}{own[1:]} joins"
    return f"{both} the text: {before} + {kept} + 1 = {now} tokens."


def odd_commit_caption(trace: Trace, r: Round, recorded: int) -> str:
    """What the text grew by where that is not the accepted drafts and the target's own token.

    recorded: accepted drafts, as the round counted them.
    """
    tau, n = len(r.proposed), r.n_accepted
    grew = counted(len(r.committed), "token")
    joins = f"{grew} join{'s' if len(r.committed) == 1 else ''} the text"
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


def roll_back_caption(r: Round, reads_on: bool) -> str:
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


def end_of(trace: Trace) -> str:
    """Why the decode ended."""
    return STOPPED.get(trace.stopped, trace.stopped)


def totals_caption(trace: Trace) -> str:
    """The end."""
    why = end_of(trace)
    if trace.n_new == 0:
        leaves = "leaves no room" if trace.stopped in STOPPED else "came first"
        return f"No token was decoded, because {why} {leaves}."
    passes = counted(len(trace.rounds), "pass")
    tokens = counted(trace.n_new, "token")
    return f"{tokens} took {passes} of the target where plain decoding takes {trace.n_new}, up to {why}."
