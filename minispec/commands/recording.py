"""Decodes for the page: one for each asked combination of tau, draft and bug, with the race beside those without one.

Invariant: what is asked for is checked before anything is decoded; every error is one sentence.
"""

from dataclasses import dataclass, replace
from itertools import product

from ..arguments import check_count, short_repr
from ..checkpoint import list_models, load
from ..decoding import MODEL_EOS, Stop, greedy_baseline
from ..defaults import DRAFT, NEW_TOKENS, TARGET
from ..speculation import TAU, speculative
from ..teaching.gallery import GALLERY
from ..teaching.runs import decode_both, load_both
from ..views.stage.page import Show, show
from .request import with_noise

MOST_RUNS = 48                           # in one page: about 3 MB
MOST_TAU = 16
MOST_LETTERS = 400                       # of a prompt
WITH_SHARES = 6                          # runs, up to which both models' likeliest tokens go with them
BUGS = ("", *[bug.name for bug in GALLERY])
FIELDS = ("prompt", "tau", "draft", "target", "bug")     # what a page lets one choose


@dataclass(frozen=True)
class Asked:
    """One decode."""

    prompt: str
    tau: int = TAU
    draft: str = DRAFT
    target: str = TARGET
    bug: str = ""                        # a name of the gallery, "" for none
    new_tokens: int = NEW_TOKENS
    noise: tuple[int, float, float] | None = None    # seed, temperature and nucleus; None is greedy decoding
    stop: Stop = MODEL_EOS


def check_asked(asked: Asked) -> None:
    """Raise TypeError or ValueError for what no page decodes."""
    if not isinstance(asked.prompt, str):
        raise TypeError(f"prompt is {type(asked.prompt).__name__}; it must be a text")
    if not 1 <= len(asked.prompt) <= MOST_LETTERS:
        raise ValueError(f"prompt has {len(asked.prompt)} letters; it must have 1 to {MOST_LETTERS}")
    check_count("tau", asked.tau)
    if asked.tau > MOST_TAU:
        raise ValueError(f"tau is {asked.tau}; it must be 0 to {MOST_TAU}")
    for name, value, allowed in (("draft", asked.draft, list_models()), ("target", asked.target, list_models()),
                                 ("bug", asked.bug, BUGS)):
        if value not in allowed:
            choice = ", ".join(allowed) if name != "bug" else "empty or a name that `python -m minispec bugs` lists"
            raise ValueError(f"{name} is {short_repr(value)}; it must be {choice}")


def decode_for_page(asked: Asked, logits: bool = True) -> Show:
    """Decode, and give the page of it: both runs in step where there is a bug, else with the race first."""
    check_asked(asked)
    shown = {name: getattr(asked, name) for name in FIELDS}
    if asked.bug:
        models = load_both(asked.bug, asked.target, asked.draft)
        pair = decode_both(models, asked.prompt, asked.tau, asked.new_tokens, asked.stop, asked.noise)
        return pair.show(asked=shown, logits=logits)
    target, tokenizer = load(asked.target)
    draft, _ = load(asked.draft)
    tokens = tokenizer.encode(asked.prompt, most=min(target.config.n_positions, draft.config.n_positions))
    target, draft = with_noise((target, draft), asked.noise)
    speculative(target, draft, tokens, min(asked.new_tokens, 3), asked.tau)     # warm: a first pass is slower
    baseline = greedy_baseline(target, tokens, asked.new_tokens, asked.stop)
    trace = speculative(target, draft, tokens, asked.new_tokens, asked.tau, asked.stop)
    trace = replace(trace, baseline=baseline, texts=tokenizer.texts)
    return show(trace, asked=shown, logits=logits)


def combinations(first: Asked, taus: list[int], drafts: list[str], bugs: list[str]) -> list[Show]:
    """One show for each combination, in the order given.  Raises ValueError where they are too many for a page."""
    asked = [replace(first, tau=tau, draft=draft, bug=bug) for bug, draft, tau in product(bugs, drafts, taus)]
    if len(asked) > MOST_RUNS:
        raise ValueError(f"--tau, --draft and --bug make {len(asked)} runs; a page holds at most {MOST_RUNS}")
    for one in asked:
        check_asked(one)
    return [decode_for_page(one, logits=len(asked) <= WITH_SHARES) for one in asked]
