"""Two runs of one prompt in words and tables: the texts, the numbers, the first rounds that differ.

Invariant: every number is of these two runs, and a rate is what the run's own copy of the package says of it.
"""

from ..views.text import folded, round_table
from ..views.text_lines import STRIP_LEGEND, cache_strip
from .runs import SideBySide

ROUNDS = 3                               # shown, from the first one in which the runs differ
COLUMN = 22
UNSEEN = ":\nthis run does not show the bug; the checks find where it can be seen"


def text_section(pair: SideBySide, columns: int = 100) -> str:
    """Both texts: the same, or on one ruler around the first difference."""
    if pair.error:
        kept = len(pair.broken.trace.rounds)
        return folded(f"{pair.error}  It stopped in round {kept + 1}; what follows is what came before.", columns)
    if pair.same_text:
        return f"the text is the same in all {len(pair.greedy)} positions"
    position = pair.first_difference
    for after in range(6, 0, -1):        # as much of what follows as the lines hold
        shown = pair.aligned(6, after)
        if max(map(len, shown.splitlines())) <= columns:
            break
    return f"a different text from position {position} on (≠)\n\n{shown}"


def numbers(pair: SideBySide) -> str:
    """Tokens, passes, rows and rates of both, as each copy of the package tells them."""
    wide = max(COLUMN, len(pair.bug.name))
    rows = [("", pair.correct.name, pair.broken.name), *pair.numbers()]
    return "\n".join(f"{name:<24}{left:>{wide}}{right:>{wide + 2}}".rstrip() for name, left, right in rows)


def law_section(pair: SideBySide, columns: int = 100) -> str:
    """Of a bug in a sampling rule, what no run can show: the exact chances of the texts that the rule writes."""
    words = "The decoder does not use this rule, so no run shows the bug.  What the rule writes, over all its cases:"
    return f"{folded(words, columns)}\n\n{pair.law}"


def rounds_part(pair: SideBySide, columns: int = 100) -> str:
    """The rounds from the first one that differs, and the caches in it."""
    number = pair.first_other_round
    if number is None:
        return "drafts, verdicts and caches are the same in every round of this run" + UNSEEN * pair.unseen
    parts = [f"the runs differ from round {number} on"]
    for run in pair.with_rounds():
        table = round_table(run.trace, first=number, count=ROUNDS)
        parts.append(f"{run.name}\n{table}" if len(run.trace.rounds) >= number
                     else f"{run.name}: ended before round {number}")
    shown = pair.round_to_show
    for run in pair.with_rounds():
        parts.append(f"{run.name}, {cache_strip(run.trace, shown, columns).removesuffix(STRIP_LEGEND).rstrip()}")
    return "\n\n".join(parts + [STRIP_LEGEND])
