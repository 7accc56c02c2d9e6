"""A trace as text, seen along its positions: the strips of both caches through one round, and words in columns.

Invariant: a token, a cell and a number in one column belong to one position; signs say what colour says elsewhere.
Nothing here is measured: the table of rounds and the totals are in `text.py`.
"""

from ..trace import Trace
from .palette import CACHE_STATES
from .pieces import round_at
from .strips import Strip
from .text import Word, display_width, painted

# by the recorded lengths: what a bug has put into a cell does not stand in a trace
STRIP_LEGEND = "   ".join(f"{state.glyph} {state.meaning}" for name, state in CACHE_STATES.items() if name != "foreign")
MARGIN = 26                              # characters to the left of a strip


def in_blocks(names: list[str], columns: list[list[Word]], width: int, colour: bool = False) -> list[str]:
    """Columns of words beside the names of their rows, folded to `width`: the lines of each block."""
    margin = max(len(name) for name in names) + 2
    blocks = []
    for start, end in folds(columns, max(width - margin, 24)):
        rows = []
        for row, name in enumerate(names):
            cells = [painted(column[row], colour) + " " * (column_width(column) - display_width(column[row].text))
                     for column in columns[start:end]]
            rows.append(f"{name:<{margin}}{'  '.join(cells)}".rstrip())
        blocks.append("\n".join(rows))
    return blocks


def column_width(column: list[Word]) -> int:
    """Columns of the terminal that the widest word takes."""
    return max(display_width(word.text) for word in column)


def folds(columns: list[list[Word]], width: int) -> list[tuple[int, int]]:
    """Where to fold: (start, end) of each block that `width` columns hold, two spaces between them."""
    cuts, used, start = [], 0, 0
    for place, column in enumerate(columns):
        needed = column_width(column) + 2
        if used and used + needed > width + 2:
            cuts.append((start, place))
            start, used = place, 0
        used += needed
    return cuts + [(start, len(columns))]


def cache_strip(trace: Trace, number: int = 1, width: int = 100) -> str:
    """Both caches in round `number`: before it, after reading, after rolling back; one character a position.

    Of a long text only the end is shown, as much as `width` characters hold.
    """
    r = round_at(trace, number)
    ends = max(r.target_cache[0], r.draft_cache[0], len(r.tokens) + len(r.proposed))
    room = max(width - MARGIN - len(f"  {ends}"), 30)
    first = 0 if ends <= room else -(-(ends - room) // 10) * 10       # the ruler begins with a ten
    rows = [f"round {number}: {len(r.tokens)} tokens of text before it, {len(r.proposed)} drafts, "
            f"{len(r.committed)} tokens committed", "", *ruler(first, ends)]
    for model, moments in round_strips(trace, number).items():
        rows += [f"{model + ', ' + moment:<{MARGIN}}{strip.cells(first, ends)}  {strip.length}"
                 for moment, strip in moments]
    return "\n".join(rows + ["", STRIP_LEGEND])


def ruler(first: int, ends: int) -> list[str]:
    """Two lines of digits: the tens where they change, the ones everywhere."""
    tens = "".join(f"{position // 10:<10}" for position in range(first, ends, 10))
    ones = "".join(str(position % 10) for position in range(first, ends))
    return [f"{'position':<{MARGIN}}{tens}".rstrip(), " " * MARGIN + ones]


def round_strips(trace: Trace, number: int) -> dict[str, list[tuple[str, Strip]]]:
    """For each model three moments of its cache in a round: what each is called, and the strip."""
    before, r = trace.rounds[:number - 1], trace.rounds[number - 1]
    text, grown = len(r.tokens), len(r.tokens) + len(r.committed)
    gap_end = min(r.target_cache[1], grown - 1)              # of the draft's; the target reads all of the text
    found = {}
    for model, past, (read, kept), reading, lacks in (
            ("target", [each.target_cache for each in before], r.target_cache, "after verifying", 0),
            ("draft", [each.draft_cache for each in before], r.draft_cache, "after drafting", gap_end)):
        start = past[-1][1] if past else trace.prefill.rows
        written = max([trace.prefill.rows] + [longest for longest, _ in past])
        found[model] = []
        for moment, length, valid, end in (("before the round", start, text, 0), (reading, read, text, 0),
                                           ("rolled back", kept, grown, lacks)):
            written = max(written, length)
            found[model].append((moment, Strip(length, valid, written, end)))
    return found
