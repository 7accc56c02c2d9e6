"""The learner's side: a case becomes arguments, the learner's function runs, its answer becomes plain data.

Invariant: nothing here knows what is right.  This file, `returned` and `recorded_run` import the core and the standard
library only: they are shipped with the hand-out edition.  `returned` is strict about what a learner returns.
"""

from ..cache import KVCache
from ..scripted import scripted
from .recorded_run import Run, rule_of
from .returned import WrongKind, optional_real, real, reals, truth, truth_table, whole, whole_lists, wholes

MOST_PASSES = 400                        # of one model in one case; a decode that needs more does not end


class ArgumentChanged(Exception):
    """A list that was handed in is not what it was."""


def copied(value):
    """The value; a list or dict is copied with all that is in it."""
    if isinstance(value, dict):
        return {key: copied(member) for key, member in value.items()}
    return [copied(member) for member in value] if isinstance(value, list) else value


def run_unchanged(function, **arguments):
    """What the function returns; raises ArgumentChanged where it changed a list that it was given."""
    given = {name: copied(value) for name, value in arguments.items()}
    returned = function(*arguments.values())
    for name, value in arguments.items():
        if isinstance(value, list) and value != given[name]:
            raise ArgumentChanged(name)
    return returned


class Watched:
    """A model that notes every pass: the cache's length before it, and the tokens it was fed."""

    def __init__(self, model):
        self.model = model
        self.config, self.name, self.vocabulary = model.config, model.name, model.vocabulary
        self.passes = []

    def __call__(self, tokens, cache=None, record=None):
        if len(self.passes) >= MOST_PASSES:
            raise RuntimeError(f"the {self.name} was run {MOST_PASSES} times: this does not come to an end")
        start = 0 if cache is None else cache.length
        logits_TV = self.model(tokens, cache, record)
        self.passes.append([start, wholes(tokens)])
        return logits_TV


def models_of(case: dict) -> tuple[Watched, Watched]:
    """(target, draft) of a case: scripted models whose next token depends on every token before it."""
    sizes = {"vocab_size": case["vocab"], "n_positions": case.get("positions", 64)}
    end = case.get("end_token")
    return tuple([Watched(scripted(rule_of(case, name), name=name, end_of_text=end, **sizes))
                  for name in ("target", "draft")])


def cache_with(model: Watched, tokens: list[int]) -> KVCache:
    """A cache that has read these tokens; the reading is not noted."""
    cache = KVCache(model.config)
    if tokens:
        model.model(tokens, cache)
    return cache


def cached_tokens(cache: KVCache) -> list[int]:
    """What a scripted model's cache holds, read back from its keys."""
    return [int(key) for key in cache.keys_LHPC[0, 0, :cache.length, 0]]


def call_propose_literal(function, case: dict):
    """The drafts, without a cache."""
    _, draft = models_of(case)
    return wholes(run_unchanged(function, draft=draft, tokens=list(case["tokens"]), tau=case["tau"]))


def call_propose(function, case: dict):
    """The drafts, the passes that made them, and what the cache holds afterwards."""
    _, draft = models_of(case)
    cache = cache_with(draft, case["tokens"][:case["cached"]])
    proposed = run_unchanged(function, draft=draft, tokens=list(case["tokens"]), tau=case["tau"], cache=cache)
    return {"proposed": wholes(proposed), "passes": draft.passes, "cached": cached_tokens(cache)}


def call_verify(function, case: dict):
    """The choices, the passes that made them, and what the cache holds afterwards."""
    target, _ = models_of(case)
    cache = cache_with(target, case["tokens"][:case["cached"]])
    choices = run_unchanged(function, target=target, tokens=list(case["tokens"]), proposed=list(case["proposed"]),
                            cache=cache)
    return {"choices": wholes(choices), "passes": target.passes, "cached": cached_tokens(cache)}


def call_round(function, case: dict):
    """What one round commits, both models' passes, and what both caches hold afterwards."""
    target, draft = models_of(case)
    target_cache = cache_with(target, case["tokens"][:-1])
    draft_cache = cache_with(draft, case["tokens"][:case["cached"]])
    committed = run_unchanged(function, target=target, draft=draft, tokens=list(case["tokens"]), tau=case["tau"],
                              target_cache=target_cache, draft_cache=draft_cache)
    return {"committed": wholes(committed), "target_passes": target.passes, "draft_passes": draft.passes,
            "target_cached": cached_tokens(target_cache), "draft_cached": cached_tokens(draft_cache)}


def call_decode(function, case: dict):
    """The text of a whole decode, and both models' passes."""
    target, draft = models_of(case)
    text = run_unchanged(function, target=target, draft=draft, tokens=list(case["tokens"]),
                         new_tokens=case["new_tokens"], tau=case["tau"], end_token=case["end_token"])
    return {"text": wholes(text), "target_passes": target.passes, "draft_passes": draft.passes}


def call_best_tau(function, case: dict):
    """The tau; the costs of a pass as the package has them, a dict from rows to cost."""
    return whole(function(case["alpha"], case["c"], dict(enumerate(case["v"][1:], start=1))))


def call_policy(function, case: dict):
    """The tau of every round of a decode in which draft after draft is right as often as the case says.

    A grader says only what has happened, "rounds", and asks for one tau: what is to come would be within reach.
    """
    if "rounds" in case:
        return whole(run_unchanged(function, rounds=[tuple(r) for r in case["rounds"]]))
    rounds, taus = [], []
    for right in case["right"]:
        tau = whole(run_unchanged(function, rounds=list(rounds)))
        taus.append(tau)
        tau = min(max(tau, 0), 64)
        rounds.append((tau, min(tau, right)))
    return taus


def call_residual(function, case: dict):
    """The shares, or None where the function says with a ValueError that there are none."""
    try:
        return reals(run_unchanged(function, **copied(case)))
    except ValueError:
        return None


def call_run_check(function, case: dict):
    """What the learner's test says of one recorded run."""
    return truth(function(Run(copied(case["run"]))))


# exercise -> the converter of its answer, where its case is its arguments, in order
PLAIN = {"next_token": whole, "softmax": reals, "draft_context": wholes, "row_contexts": whole_lists,
         "causal_mask": truth_table, "count_accepted": whole, "commit": wholes, "attend": reals, "unseen": wholes,
         "lengths_to_keep": wholes, "expected_tokens": real, "speedup": real, "break_even": optional_real,
         "gumbel_choice": whole, "ratio_test": truth, "lookup": whole}
# exercise -> the function that calls it
STAGED = {"propose_literal": call_propose_literal, "propose": call_propose, "verify": call_verify,
          "speculative_round": call_round, "speculative": call_decode, "repaired": call_decode,
          "best_tau": call_best_tau, "policy": call_policy, "residual": call_residual,
          "check_text": call_run_check, "check_drafts": call_run_check, "check_work": call_run_check,
          "check_caches": call_run_check, "check_counters": call_run_check}


def call(name: str, functions: dict, case: dict):
    """The learner's answer to a case as plain data.  What the learner's function raises is raised.

    functions: name -> function; the one called `name` must be among them.
    """
    function = functions[name]
    try:
        if name in PLAIN:
            arguments = {key: copied(value) for key, value in case.items() if not key.startswith("_")}
            return PLAIN[name](run_unchanged(function, **arguments))
        return STAGED[name](function, case)
    except WrongKind as problem:
        return {"wrong kind": str(problem)}
    except ArgumentChanged as problem:
        return {"changed": str(problem)}


def attempt(name: str, functions: dict, case: dict):
    """`call`, with an error of the learner's function as an answer too."""
    try:
        return call(name, functions, case)
    except Exception as problem:         # whatever a learner's code may raise
        return {"error": f"{type(problem).__name__}: {problem}"[:300] + place_of(problem, functions[name])}


def place_of(problem: Exception, function) -> str:
    """The last line of the learner's own file or cell that an error came through; "" where there is none."""
    file, place = getattr(getattr(function, "__code__", None), "co_filename", None), ""
    step = problem.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            place = f" (line {step.tb_lineno}, in {step.tb_frame.f_code.co_name})"
        step = step.tb_next
    return place
