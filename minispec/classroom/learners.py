"""The learner's own functions inside the real package: in a copy of it, as a bug is.

Invariant: the clean package is not touched; a function that is not written yet is left out, and the package's own runs.
The copy keeps what its views need, the logits, whatever the learner's function returns.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import count
from types import ModuleType

import numpy as np

from ..teaching.bug import Bug
from ..teaching.bugs import find_bug, load_bug
from ..trace import Round
from .checking import is_written
from .returned import converted

SPECULATION, MODEL, SAMPLED = "speculation.py", "model.py", "sampled.py"
# exercise -> the edits after which the package calls the learner's function there
EDITS = {
    "next_token": ((SPECULATION, "guess = int(np.argmax(logits_TV[-1]))\n        draft_logits_TV",
                    "guess = int(next_token(logits_TV[-1].tolist()))\n        draft_logits_TV"),),
    "draft_context": ((SPECULATION, "context = list(tokens) + proposed\n        unseen",
                       "context = list(draft_context(list(tokens), [], list(proposed), t))\n        unseen"),),
    "unseen": ((SPECULATION, "unseen = context[cache.length:]\n        logits_TV",
                "unseen = list(unseen_tokens(context, cache.length))\n        logits_TV"),
               (SPECULATION, "unseen = context[cache.length:]\n    logits_TV",
                "unseen = list(unseen_tokens(context, cache.length))\n    logits_TV")),
    "commit": ((SPECULATION, "committed = proposed[:n_accepted] + [choices[n_accepted]]",
                "committed = list(commit(list(tokens), proposed, choices, n_accepted))[len(tokens):]"),),
    "lengths_to_keep": ((SPECULATION, "    target_cache.truncate(keep)\n    draft_cache.truncate(keep)\n",
                         "    keep_both = lengths_to_keep(len(tokens), len(committed), target_read, draft_read)\n"
                         "    target_cache.truncate(int(keep_both[0]))\n"
                         "    draft_cache.truncate(int(keep_both[1]))\n"),),
    "policy": ((SPECULATION, "tau_now = min(tau, end - len(tokens) - 1)",
                "tau_now = min(int(policy([(len(r.proposed), r.n_accepted) for r in rounds])), "
                "end - len(tokens) - 1)"),),
    "causal_mask": ((MODEL, "mask_TP = self.mask_PP[start:end]",
                     "mask_TP = np.where(causal_mask(start, len(tokens), self.config.n_positions), 0, "
                     "-np.inf).astype(np.float32)"),),
    "gumbel_choice": ((SAMPLED, "noisy_TV[t] += noise_V",
                       "noisy_TV[t] = gumbel_row(logits_TV[t], noise_V, self.temperature)"),),
    "attend": ((MODEL, "heads_HTC = heads_HT1C[:, :, 0]",
                "heads_HTC = attend_all(query_HTC, cache.keys_LHPC[layer], cache.values_LHPC[layer], cache.length)"),),
}


class Listener:
    """A model that keeps what it was fed, and the rows of logits of every pass."""

    def __init__(self, model):
        self.model = model
        self.config, self.name, self.vocabulary = model.config, model.name, model.vocabulary
        self.rows, self.fed = [], []

    def __call__(self, tokens, cache=None, record=None):
        logits_TV = self.model(tokens, cache, record)
        self.rows += list(logits_TV)
        self.fed += list(tokens)
        return logits_TV

    def last_rows(self, most: int) -> np.ndarray:
        """The last rows of all passes together, zeros where there were fewer."""
        rows = [np.zeros(self.config.vocab_size, dtype=np.float32)] * most + self.rows
        return np.array(rows[len(rows) - most:], dtype=np.float32).reshape(most, -1)


def drafts_and_logits(function, draft, tokens, tau, cache):
    """A propose that returns the drafts only, as the package's, which returns their logits too."""
    heard = Listener(draft)
    proposed = converted(function(heard, list(tokens), tau, cache), [int])
    return proposed, heard.last_rows(len(proposed))


def choices_and_logits(function, target, tokens, proposed, cache):
    """A verify that returns the choices only, as the package's."""
    heard = Listener(target)
    choices = converted(function(heard, list(tokens), list(proposed), cache), [int])
    return choices, heard.last_rows(len(choices))


def whole_round(function, target, draft, tokens, tau, target_cache, draft_cache, stop=()):
    """A speculative_round that returns what it commits, as the package's, which returns a Round."""
    judge, guesser = Listener(target), Listener(draft)
    before = draft_cache.length
    committed = converted(function(judge, guesser, list(tokens), tau, target_cache, draft_cache), [int])
    ends = [place for place, token in enumerate(committed) if token in stop]
    if ends:                             # the exercise knows no end of the text
        committed = committed[:ends[0] + 1]
        for cache in (target_cache, draft_cache):
            cache.truncate(len(tokens) + len(committed) - 1)
    proposed = judge.fed[-tau:] if tau else []
    target_logits_TV = judge.last_rows(tau + 1)
    choices = target_logits_TV.argmax(axis=-1).tolist()
    same = [guess == choice for guess, choice in zip(proposed, choices)]
    return Round(tokens=tuple(tokens), proposed=tuple(proposed), choices=tuple(choices),
                 n_accepted=min([*same, False].index(False), len(committed)), committed=tuple(committed),
                 draft_logits_TV=guesser.last_rows(tau), target_logits_TV=target_logits_TV,
                 target_cache=(len(tokens) + tau, target_cache.length),
                 draft_cache=(before + len(guesser.fed), draft_cache.length), draft_seconds=0.0, verify_seconds=0.0)


def rows_of_softmax(function, scores_HTP):
    """A softmax of one list, for every row of an array."""
    rows = [function(row) for row in scores_HTP.reshape(-1, scores_HTP.shape[-1]).tolist()]
    return np.array(rows, dtype=np.float32).reshape(scores_HTP.shape)


def heads_of_attend(function, query_HTC, keys_HPC, values_HPC, start):
    """An attend of one query, for all heads and all rows of a block."""
    heads_HTC = np.zeros_like(query_HTC)
    for head, t in np.ndindex(query_HTC.shape[:2]):
        seen = start + t + 1
        keys, values = keys_HPC[head, :seen].tolist(), values_HPC[head, :seen].tolist()
        heads_HTC[head, t] = converted(function(query_HTC[head, t].tolist(), keys, values, seen), [float])
    return heads_HTC


def noisy_row(function, logits_V, noise_V, temperature):
    """A gumbel_choice as the noisy row whose argmax it must be; another token's number is raised above all others."""
    noisy_V = logits_V / temperature + noise_V
    token = converted(function(logits_V.tolist(), noise_V.tolist(), temperature), int)
    if token != noisy_V.argmax():
        noisy_V[token] = noisy_V.max() + 1
    return noisy_V


def rule_of_lists(function, *arguments):
    """A ratio_test or residual of lists, for arrays; what is a list comes back as an array."""
    answer = function(*[np.asarray(argument).tolist() for argument in arguments])
    return answer if np.ndim(answer) == 0 else np.array(converted(answer, [float]))


# exercise -> (the module that calls it, the name by which it does, what stands between, if anything does)
PLACES = {
    **{name: ("speculation", name, None) for name in ("next_token", "draft_context", "propose_literal", "commit",
                                                        "count_accepted", "lengths_to_keep", "policy")},
    **{name: ("lab.pays", name, None) for name in ("expected_tokens", "speedup", "break_even")},
    **{name: ("lab.sampling", name, rule_of_lists) for name in ("ratio_test", "residual")},
    "unseen": ("speculation", "unseen_tokens", None), "propose": ("speculation", "propose", drafts_and_logits),
    "verify": ("speculation", "verify", choices_and_logits),
    "speculative_round": ("speculation", "speculative_round", whole_round),
    "causal_mask": ("model", "causal_mask", None), "softmax": ("model", "softmax", rows_of_softmax),
    "attend": ("model", "attend_all", heads_of_attend), "gumbel_choice": ("sampled", "gumbel_row", noisy_row),
    "lookup": ("scripted", "lookup", None),
}
NUMBERS = count(1)                       # of the copies


def with_functions(bug: str | None = None, **functions: Callable) -> ModuleType:
    """The package with the learner's functions in place of its own: use it as you use minispec.

    bug: one of the gallery, somewhere else in the copy.  Those not written yet are named, and left to the package.
    Raises ValueError for a function that the package has no place for.
    """
    for name in functions:
        if name not in PLACES:
            raise ValueError(f"{name!r} is not a function that with_functions can place; it can place "
                             f"{', '.join(PLACES)}")
    written = {name: function for name, function in functions.items() if is_written(name, function)}
    missing = [name for name in functions if name not in written]
    if missing:
        print(f"not written yet, so the package's own runs: {', '.join(missing)}")
    edits = find_bug(bug).edits if bug is not None else ()
    edits += sum([EDITS.get(name, ()) for name in written], ())
    package = load_bug(Bug(f"learners-{next(NUMBERS)}", "", edits))
    for name, function in written.items():
        module, called, between = PLACES[name]
        placed = partial(between, function) if between else function
        setattr(import_module(f"{package.__name__}.{module}"), called, placed)
        if hasattr(package, called):     # what `minispec` itself offers, such as minispec.propose
            setattr(package, called, placed)
    return package
