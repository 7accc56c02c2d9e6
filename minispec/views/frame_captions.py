"""The sentences of the stepper: one a frame, short enough for the last row of a lecture hall.

Invariant: each function returns one sentence, whose numbers are the round's own.  No picture, no second sentence.
"""

from ..trace import Round, Trace
from .text import STOPPED, label


def count(number: int, noun: str) -> str:
    """`1 draft`, `2 drafts`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def quoted(trace: Trace, tokens: tuple[int, ...]) -> str:
    """The tokens in quotation marks."""
    return " ".join(f"“{label(trace, token)}”" for token in tokens)


def prefill_caption(trace: Trace) -> str:
    """What both models read before the first round."""
    rows = trace.prefill.rows
    if rows == 0:
        return "The prompt is one token, so there is nothing to read ahead and both caches are empty."
    return f"Both models read the prompt but for its last token, which leaves {count(rows, 'position')} in each cache."


def draft_caption(trace: Trace, each: Round, t: int) -> str:
    """Draft t, counted from 1, and what it was conditioned on."""
    guess, earlier = quoted(trace, each.proposed[t - 1:t]), each.proposed[:t - 1]
    place = len(each.tokens) + t - 1
    if not earlier:
        return f"Given the text so far, {count(place, 'token')}, the draft guesses {guess} for position {place}."
    own = quoted(trace, earlier) if t <= 4 else f"{quoted(trace, earlier[:1])} … {quoted(trace, earlier[-1:])}"
    guesses = "its guess" if t == 2 else f"its {t - 1} guesses"
    return f"Given the text and {guesses} {own}, the draft guesses {guess} for position {place}."


def verify_caption(each: Round) -> str:
    """The one pass."""
    tau = len(each.proposed)
    if tau == 0:
        return (f"Nothing was drafted, so the target's pass has one row and yields its own token for position "
                f"{len(each.tokens)}, as in plain decoding.")
    places = "the drafted place" if tau == 1 else f"all {tau} drafted places"
    return f"ONE pass of the target over {tau + 1} rows yields its own token for {places} and the next."


def judge_caption(trace: Trace, each: Round, t: int) -> str:
    """Draft t, counted from 0, against row t."""
    place = len(each.tokens) + t
    if t < each.n_accepted:
        same = quoted(trace, each.proposed[t:t + 1])
        return f"The target's row {t} says {same} as well, so the draft for position {place} is accepted."
    says, guess = quoted(trace, each.choices[t:t + 1]), quoted(trace, each.proposed[t:t + 1])
    return f"The target's row {t} says {says} and not {guess}, so the draft for position {place} is rejected."


def discard_caption(each: Round) -> str:
    """The drafts that nobody judged."""
    number = len(each.discarded)
    last, them = ("last draft", "it is") if number == 1 else (f"last {number} drafts", "they are")
    if each.rejected is None:
        return f"An accepted draft ended the text, so the {last} will not be judged: {them} discarded."
    return f"What the {last} built on was rejected, so {them} discarded without being judged."


def commit_caption(trace: Trace, each: Round) -> str:
    """What the text grew by."""
    before, kept, now = len(each.tokens), each.n_accepted, len(each.tokens) + len(each.committed)
    drafts = count(kept, "accepted draft")
    if each.own is None:
        join = "joins the text and ends it" if kept == 1 else "join the text and end it"
        return f"{drafts} {join}, so that the target adds nothing and the text has {before} + {kept} = {now} tokens."
    kind = "correction" if each.correction is not None else "bonus token" if each.proposed else "own token"
    own = f"the target's {kind} {quoted(trace, (each.own,))}"
    both = f"{drafts} and {own} join" if kept else f"{own[0].upper()}{own[1:]} joins"
    return f"{both} the text: {before} + {kept} + 1 = {now} tokens."


def roll_back_caption(each: Round) -> str:
    """Where both caches go, and the draft's gap."""
    target, draft = each.target_cache, each.draft_cache
    sentence = f"The target's cache {moved(*target)}, the draft's {moved(*draft)}"
    if draft[1] < target[1]:
        after = target[1] - draft[1]
        return f"{sentence}: {count(after, 'token')} short, which it reads first next time."
    return f"{sentence}; what lies after is stale." if target[0] > target[1] else f"{sentence}."


def moved(before: int, after: int) -> str:
    """A cache's way."""
    return f"stays at {after}" if before == after else f"goes from {before} back to {after}"


def totals_caption(trace: Trace) -> str:
    """The end."""
    why = STOPPED[trace.stopped]
    if trace.n_new == 0:
        return f"No token was decoded, because {why} leaves no room."
    passes = count(len(trace.rounds), "pass") if len(trace.rounds) == 1 else f"{len(trace.rounds)} passes"
    tokens = count(trace.n_new, "token")
    return f"{tokens} took {passes} of the target where plain decoding takes {trace.n_new}, up to {why}."
