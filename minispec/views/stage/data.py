"""A trace, or two, as plain data for the page: numbers, short lists and texts that `json.dumps` writes.

Invariant: nothing is decided by the script that draws: what each draft read, every verdict, every cell of a cache and
every sentence is here.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...layers import softmax
from ...trace import Round, Trace
from .. import record
from ..palette import CACHE_STATES, TOKEN_STATES
from ..pieces import highest, percent, top_gap
from ..text import label, summary_facts, token_label
from .steps import BEATS, SAYS, Read, Step, steps

TOP = 5


class Words:
    """The table of texts that a run needs: each token once, as a label and as it stands in the text."""

    def __init__(self, trace: Trace):
        self.trace = trace
        self.places = {}
        self.table = []

    def __call__(self, token: int) -> int:
        """The token's place in the table."""
        token = int(token)
        if token not in self.places:
            texts = self.trace.texts
            known = texts is not None and 0 <= token < len(texts)
            self.places[token] = len(self.table)
            self.table.append([label(self.trace, token), printable(texts[token]) if known else f" {token}"])
        return self.places[token]


def printable(text: str) -> str:
    """The text with everything escaped that a terminal or a file could not show; its line breaks stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else token_label(" " + letter) for letter in text)


def run_data(trace: Trace, read: Read | None = None, shown: list[Step] | None = None, logits: bool = True) -> dict:
    """One run.  read: as in `steps`.  logits: whether the likeliest tokens of both models are given for each place."""
    words, shown = Words(trace), steps(trace, read) if shown is None else shown
    facts = [list(fact) for fact in totals_facts(trace)]
    rounds = [round_data(trace, record.clamped(r), words, logits) for r in trace.rounds]
    plain = None if trace.baseline is None else {
        "seconds": [round(seconds, 6) for seconds in trace.baseline.pass_seconds], "total": trace.baseline.seconds,
        "tokens": [words(token) for token in trace.baseline.tokens]}
    return {"target": printable(trace.target), "draft": printable(trace.draft), "tau": trace.tau,
            "seconds": trace.seconds if plain else None, "prompt": [words(token) for token in trace.prompt],
            "rounds": rounds, "plain": plain, "facts": facts, "steps": [step_data(step, words) for step in shown],
            "words": words.table}


def totals_facts(trace: Trace) -> list[tuple[str, str, str]]:
    """The counts and the rates; no rates where a round counts more accepted drafts than it has."""
    rounds = tuple(record.clamped(r) for r in trace.rounds)
    facts = sampled_facts(trace) + summary_facts(replace(trace, rounds=rounds))
    for number, (r, recorded) in enumerate(zip(rounds, trace.rounds), start=1):
        if r.n_accepted != recorded.n_accepted:
            odd = f"round {number} counts {recorded.n_accepted} accepted of {len(r.proposed)} drafts"
            return [fact for fact in facts if "acceptance" not in fact[0] and "efficiency" not in fact[0]] \
                + [("acceptance", "n/a", odd)]
    return facts


def sampled_facts(trace: Trace) -> list[tuple[str, str, str]]:
    """What was sampled, which a model that samples has in its name, and whether the text is that of plain sampling."""
    model, sampled, settings = trace.target.partition(" (temperature ")
    if not sampled:
        return []
    same = "n/a" if trace.baseline is None else "yes" if list(trace.baseline.tokens) == trace.tokens else "NO"
    return [("as plain sampling", same, f"{model} sampled: temperature {settings.rstrip(')')}")]


def round_data(trace: Trace, r: Round, words: Words, logits: bool) -> dict:
    """What the steps of a round share."""
    data = {"proposed": [words(token) for token in r.proposed], "choices": [words(token) for token in r.choices],
            "committed": [words(token) for token in r.committed], "accepted": r.n_accepted,
            "judged": r.n_judged}
    if trace.baseline is not None:       # only a race needs them; without, equal runs give equal pages
        data["seconds"] = [round(r.draft_seconds, 6), round(r.verify_seconds, 6)]
    if logits:
        data["likely"] = [likely(r, t, words) for t in range(len(r.choices))]
    return data


def likely(r: Round, t: int, words: Callable[[int], int]) -> list:
    """For draft and target: the likeliest tokens of place t as [word, share, its text], and the gap of the two
    highest logits, None where the nucleus leaves but one; None where no logits were recorded.

    words: gives the number that stands for a token.
    """
    found = []
    for logits_TV, chosen in ((r.draft_logits_TV, r.proposed), (r.target_logits_TV, r.choices)):
        if not record.usable(logits_TV, t):
            found.append(None)
            continue
        share_V = softmax(logits_TV[t].astype(np.float64))
        tokens = highest(logits_TV[t], TOP)
        tokens += [token for token in chosen[t:t + 1] if token not in tokens and 0 <= token < len(share_V)]
        rows = [[words(token), round(float(share_V[token]), 4), percent(float(share_V[token]))] for token in tokens]
        gap = top_gap(logits_TV[t])
        found.append([rows, round(gap, 2) if np.isfinite(gap) else None])    # JSON has no infinity
    return found


def step_data(step: Step, words: Words) -> list:
    """A step as a short list; the script names its places in the same order."""
    return [step.round, BEATS.index(step.beat), step.t, step.level, step.say, step.drafts, step.choices,
            list(step.strips), list(step.lengths), step.first, list(step.missing),
            [[place, words(token)] for place, token in step.besides]]


def joint(first: list[Step], second: list[Step]) -> list[list[int]]:
    """The steps of two runs in one order: [place in first, place in second]; a run without such a step waits at its
    latest one."""
    runs = [{key(step): place for place, step in enumerate(run)} for run in (first, second)]
    now, order = [0, 0], []
    for place in sorted({*runs[0], *runs[1]}):
        now = [run.get(place, latest) for run, latest in zip(runs, now)]
        order.append(list(now))
    return order


def key(step: Step) -> tuple:
    """Where a step stands among those of any run: all totals last; of a beat, single drafts before all of them."""
    totals, whole = step.beat == "totals", step.level == "short" or step.t == 0
    return (totals, 0 if totals else step.round, BEATS.index(step.beat), whole, 0 if whole else step.t)


def vocabulary() -> dict:
    """The signs and their meanings, from the one table of each kind."""
    return {"tokens": {state.glyph: [name, state.meaning] for name, state in TOKEN_STATES.items() if state.glyph},
            "says": SAYS, "beats": list(BEATS),
            "cells": {state.glyph: [name, state.meaning] for name, state in CACHE_STATES.items()}}
