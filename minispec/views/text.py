"""A trace as text: one line per round, then the totals; for a terminal, a debugger, a failing test.

Invariant: everything printed is a function of the Trace (and of costs measured apart); state is told by a glyph,
colour only repeats it.  ✓ accepted   ✗ rejected   · discarded, never judged   ↳ correction   ★ bonus
"""

from dataclasses import dataclass
from unicodedata import category, east_asian_width

from ..rates import conditional_acceptance, draft_efficiency, mean_acceptance_length, ratio, tokens_per_round
from ..trace import Round, Trace
from .palette import GLYPHS, sign_meanings

# of the fixed palette of 256 colours those that can be read on black and on white; the glyph says the same without
CODES = {"accepted": "38;5;29", "rejected": "9;38;5;130", "discarded": "38;5;243", "own": "1;38;5;31", "plain": "",
         "result": "1"}
LONGEST = 18                             # columns of a token in a table; the decoded text has all of it
LEGEND = "   ".join(sign_meanings("✓✗·↳★"))
JOINED = "(+ goes on with the word to its left)"


@dataclass(frozen=True)
class Word:
    """A piece of a line: its text, and the state that colours it."""

    text: str
    state: str = "plain"


def token_label(text: str) -> str:
    """A token for a table: without the space before it; `+` before what goes on with the word to its left."""
    if text.strip(" ") == "":
        return {0: "nothing", 1: "space"}.get(len(text), f"{len(text)} spaces")
    shown = text.removeprefix(" ")
    if text[0].islower() or text[0].isdigit():
        shown = "+" + text
    # whatever a token is, it cannot break a line of the table
    pieces = [piece if piece.isprintable() else piece.encode("unicode_escape").decode("ascii") for piece in shown]
    shown = "".join(pieces)
    return shown if display_width(shown) <= LONGEST else beginning(shown, LONGEST - 1) + "…"


def display_width(text: str) -> int:
    """The columns of a terminal that the text takes: two for a wide character, none for a mark on the one before."""
    if text.isascii():
        return len(text)
    return sum(0 if category(letter) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(letter) in "WF")
               for letter in text)


def padded(text: str, width: int) -> str:
    """The text, and spaces behind it up to so many columns."""
    return text + " " * (width - display_width(text))


def beginning(text: str, width: int) -> str:
    """As many characters as `width` columns hold, one at least."""
    end = len(text)
    while end > 1 and display_width(text[:end]) > width:
        end -= 1
    return text[:end]


def label(trace: Trace, token: int) -> str:
    """The token's text, or its number where there is none."""
    known = trace.texts is not None and 0 <= token < len(trace.texts)
    return token_label(trace.texts[token]) if known else str(token)


def draft_state(r: Round, t: int) -> str:
    """The state of proposed[t] after the round: accepted, rejected, or discarded."""
    if t < r.n_accepted:
        return "accepted"
    return "rejected" if t < r.n_judged else "discarded"


def flags(r: Round) -> str:
    """A for each draft that equals the target's choice of its row, R for each other: "AARAAA" (course row C20).

    Only the A before the first R are accepted; a later row read a rejected draft.
    """
    return "".join("A" if draft == choice else "R" for draft, choice in zip(r.proposed, r.choices))


def draft_words(trace: Trace, r: Round) -> list[Word]:
    """The drafts of a round, each with its glyph."""
    words = []
    for t, token in enumerate(r.proposed):
        state = draft_state(r, t)
        words.append(Word(f"{GLYPHS[state]} {label(trace, token)}", state))
    return words


def target_word(trace: Trace, r: Round) -> Word:
    """What the target adds to a round: a correction, a bonus token, or nothing after an end of text."""
    if r.target_token is None:
        return Word("(end of text)")
    kind = "bonus" if r.correction is None else "correction"
    return Word(f"{GLYPHS[kind]} {label(trace, r.target_token)}", "own")


def painted(word: Word, colour: bool) -> str:
    """The word, in the colour of its state if wanted."""
    code = CODES[word.state]
    return f"\033[{code}m{word.text}\033[0m" if colour and code else word.text


def wrapped(words: list[Word], width: int, apart: int = 2) -> list[list[Word]]:
    """The words in lines of at most `width` columns, `apart` spaces between them; a long word has its own line."""
    lines = [[]]
    used = 0
    for word in words:
        if lines[-1] and used + apart + display_width(word.text) > width:
            lines.append([])
            used = 0
        used += display_width(word.text) + (apart if lines[-1] else 0)
        lines[-1].append(word)
    return lines


def round_table(trace: Trace, width: int = 100, colour: bool = False, first: int = 1, count: int | None = None) -> str:
    """One line per round (more where the drafts do not fit): context length, drafts with their verdicts, own token.

    first, count: only so many rounds, from round `first` on.
    """
    rounds = trace.rounds[first - 1:] if count is None else trace.rounds[first - 1:first - 1 + count]
    owns = [target_word(trace, r) for r in rounds]
    own_width = max([display_width(own.text) for own in owns] + [len("target adds")])
    room = max(width - own_width - 18, 20)
    columns = [wrapped(draft_words(trace, r), room) for r in rounds]
    used = max([line_length(line) for lines in columns for line in lines] + [len("drafts")])
    rows = [f"round  context  {'drafts':<{used}}  target adds"]
    for number, (r, own, lines) in enumerate(zip(rounds, owns, columns), start=first):
        for index, line in enumerate(lines):
            head = f"{number:>5}  {len(r.tokens):>7}" if index == 0 else " " * 14
            drafts = "  ".join(painted(word, colour) for word in line) + " " * (used - line_length(line))
            tail = painted(own, colour) if index == len(lines) - 1 else ""
            rows.append(f"{head}  {drafts}  {tail}".rstrip())
    return "\n".join(rows)


def in_lines(entries: str, width: int) -> str:
    """Entries with three spaces between them as lines of at most `width` columns; none is cut in two."""
    lines = wrapped([Word(entry) for entry in entries.split("   ")], width, 3)
    return "\n".join("   ".join(word.text for word in line) for line in lines)


def table_lines(rows: list, left: int | None = None) -> list[str]:
    """Rows of cells as lines: columns two spaces apart, the first `left` of them to the left and the others to the
    right; all to the left where `left` is None."""
    left = len(rows[0]) if left is None else left
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    signs = "<" * left + ">" * (len(widths) - left)
    return ["  ".join(f"{cell:{sign}{width}}" for cell, sign, width in zip(row, signs, widths)).rstrip()
            for row in rows]


def line_length(line: list[Word]) -> int:
    """The columns of a line, two spaces between words."""
    return sum(display_width(word.text) for word in line) + 2 * max(len(line) - 1, 0)


def folded(text: str, width: int, head: str = "") -> str:
    """The text in lines of at most `width` columns, broken between words; its own line breaks stay.

    head: what stands to its left, beside an empty margin; only a word that no line holds is cut.
    """
    if head and width - display_width(head) < 24:            # no room beside it
        return folded(head + text, width)
    room, lines = width - display_width(head), []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            if line and display_width(f"{line} {word}") > room:
                lines.append(line.rstrip())
                line = word
            else:
                line = f"{line} {word}" if line else word
            while display_width(line) > room:
                lines.append(beginning(line, room))
                line = line[len(lines[-1]):]
        lines.append(line.rstrip())
    return head + ("\n" + " " * display_width(head)).join(lines)


def rate(value: float | None, digits: int = 3) -> str:
    """A rate with fixed digits; n/a where nothing was counted."""
    return "n/a" if value is None else f"{value:.{digits}f}"


STOPPED = {"budget": "the token budget", "end-of-text": "the end of the text", "context": "the context limit",
           "error": "an error"}


def summary_facts(trace: Trace) -> list[tuple[str, str, str]]:
    """The totals that follow from the trace alone, each as name, value and meaning; what is called acceptance rate by
    somebody stands three times, each under its own name."""
    accepted, rounds = trace.n_accepted, len(trace.rounds)
    return [
        ("tokens", str(trace.n_new), f"decoded, up to {STOPPED.get(trace.stopped, trace.stopped)}"),
        ("target passes", str(rounds),
         f"one per round, {rate(tokens_per_round(trace), 2)} tokens each; plain decoding takes {trace.n_new}"),
        ("conditional acceptance", rate(conditional_acceptance(trace)),
         f"accepted / judged = {accepted} / {trace.n_judged}"),
        ("draft efficiency", rate(draft_efficiency(trace)), f"accepted / drafted = {accepted} / {trace.n_drafted}"),
        ("mean acceptance length", rate(mean_acceptance_length(trace), 2),
         f"1 + accepted / rounds = 1 + {accepted} / {rounds}"),
    ]


def summary(trace: Trace, width: int = 100) -> str:
    """The totals as lines."""
    return fact_lines(summary_facts(trace), width)


def fact_lines(facts: list[tuple[str, str, str]], width: int) -> str:
    """A line for each name, value and meaning; more where the meaning does not fit."""
    return "\n".join(folded(meaning, width, f"{name:<24} {value:>6}   ").rstrip() for name, value, meaning in facts)


def speed_facts(trace: Trace, baseline_seconds: float, speculative_seconds: float, c: float | None, v: float | None,
                predicted: float | None) -> list[tuple[str, str, str]]:
    """Seconds both ways, the measured speed-up, and the predicted one with what it is made of."""
    speedup = ratio(baseline_seconds, speculative_seconds) if trace.n_new else None
    made_of = "" if predicted is None else (
        f"{rate(tokens_per_round(trace), 2)} / ({trace.tau} * {c:.3f} + {v:.2f}) = tokens per round / (tau * c + v)\n"
        f"c: one draft token, v: a pass of {trace.tau + 1} rows, in plain passes")
    return [("seconds", f"{speculative_seconds:.3f}",
             f"plain decoding {baseline_seconds:.3f} (medians, after the prompt was read)"),
            ("speed-up", rate(speedup, 2), "plain / speculative seconds"),
            ("predicted", rate(predicted, 2), made_of)]


def identity_line(same_tokens: bool, n_tokens: int, differing_rows: int, way: str = "plain greedy") -> str:
    """Whether the text is that of plain decoding, and how far the comparison went."""
    if not same_tokens:
        return f"identical to {way}: NO: the tokens differ"
    if differing_rows:
        return (f"identical to {way}: yes, all {n_tokens} tokens; but {differing_rows} of {n_tokens} rows of "
                f"logits differ in their last bits (try: python -m minispec check)")
    return f"identical to {way}: yes ({n_tokens} of {n_tokens} tokens, and their logits bit for bit)"
