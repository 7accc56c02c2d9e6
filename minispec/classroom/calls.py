"""The learner's side: a case becomes arguments, the learner's function runs, its answer becomes plain data.

Invariant: nothing here knows what is right.  This file, `returned` and `recorded_run` import the core and the standard
library only: they are shipped with the hand-out edition.  `returned` is strict about what a learner returns.
"""

from copy import deepcopy

from ..cache import KVCache
from ..scripted import scripted
from .recorded_run import Run, rule_of
from .returned import WrongKind, converted

MOST_PASSES = 400                        # of one model in one case; a decode that needs more does not end
DECODE = ("target", "draft", "tokens", "new_tokens", "tau", "end_token")
# function -> (its parameters in order, the kind of what it returns)
SIGNATURES = {
    "next_token": (("logits",), int), "softmax": (("scores",), [float]),
    "draft_context": (("prompt", "verified", "drafts", "t"), [int]),
    "propose_literal": (("draft", "tokens", "tau"), [int]), "propose": (("draft", "tokens", "tau", "cache"), [int]),
    "row_contexts": (("tokens", "proposed"), [[int]]), "causal_mask": (("start", "rows", "positions"), [[bool]]),
    "verify": (("target", "tokens", "proposed", "cache"), [int]), "count_accepted": (("proposed", "choices"), int),
    "commit": (("tokens", "proposed", "choices", "n_accepted"), [int]),
    "attend": (("query", "keys", "values", "length"), [float]), "unseen": (("tokens", "cached"), [int]),
    "lengths_to_keep": (("n_tokens", "n_committed", "target_length", "draft_length"), [int]),
    "speculative_round": (("target", "draft", "tokens", "tau", "target_cache", "draft_cache"), [int]),
    "speculative": (DECODE, [int]), "repaired": (DECODE, [int]),
    "expected_tokens": (("alpha", "tau"), float), "speedup": (("alpha", "tau", "c", "v"), float),
    "break_even": (("tau", "c", "v"), (float, None)), "best_tau": (("alpha", "c", "v"), int),
    "policy": (("rounds",), int),
    "check_text": (("run",), bool), "check_drafts": (("run",), bool), "check_work": (("run",), bool),
    "check_caches": (("run",), bool), "check_counters": (("run",), bool),
    "gumbel_choice": (("logits_V", "noise_V", "temperature"), int),
    "ratio_test": (("target_V", "draft_V", "token", "uniform"), bool), "residual": (("target_V", "draft_V"), [float]),
    "lookup": (("tokens", "n"), int),
}
NONE_FOR = {"residual": ValueError}      # function -> the error with which it says that there is no answer


class ArgumentChanged(Exception):
    """A list that was handed in is not what it was."""


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
        self.passes.append([start, converted(tokens, [int])])
        return logits_TV


def models_of(case: dict, names: list[str]) -> dict[str, Watched]:
    """Scripted models, "target" or "draft", whose next token depends on every token before it."""
    return {name: Watched(scripted(rule_of(case, name), case["vocab"], case.get("positions", 64), name,
                                   case.get("end_token"))) for name in names}


def cache_with(model: Watched, tokens: list[int]) -> KVCache:
    """A cache that has read these tokens; the reading is not noted."""
    cache = KVCache(model.config)
    if tokens:
        model.model(tokens, cache)
    return cache


def arguments_of(name: str, case: dict) -> tuple[dict, dict[str, Watched], dict[str, KVCache]]:
    """The function's arguments by name; of these the models, and the caches under their models' names."""
    parameters = SIGNATURES[name][0]
    models = models_of(case, [model for model in ("target", "draft") if model in parameters])
    given, caches = {}, {}
    for parameter in parameters:
        if parameter in models:
            given[parameter] = models[parameter]
        elif parameter.endswith("cache"):
            model = parameter.removesuffix("_cache") if "_" in parameter else next(iter(models))
            read = case["tokens"][:-1] if parameter == "target_cache" else case["tokens"][:case["cached"]]
            given[parameter] = caches[model] = cache_with(models[model], read)
        elif parameter == "run":
            given[parameter] = Run(deepcopy(case["run"]))
        elif parameter == "v" and isinstance(case["v"], list):       # as the package has it: rows -> cost of a pass
            given[parameter] = dict(enumerate(case["v"][1:], start=1))
        else:
            given[parameter] = deepcopy(case[parameter])
    return given, models, caches


def run_unchanged(function, given: dict):
    """What the function returns; raises ArgumentChanged where it changed a list that it was given."""
    lists = {name: deepcopy(value) for name, value in given.items() if isinstance(value, list)}
    returned = function(*given.values())
    for name, value in lists.items():
        if given[name] != value:
            raise ArgumentChanged(name)
    return returned


def call_policy(function, right: list[int]) -> list[int]:
    """The tau of every round of a decode in which draft after draft is right as often as `right` says."""
    rounds, taus = [], []
    for most in right:
        taus.append(converted(run_unchanged(function, {"rounds": list(rounds)}), int))
        tau = min(max(taus[-1], 0), 64)
        rounds.append((tau, min(tau, most)))
    return taus


def call(name: str, functions: dict, case: dict):
    """The learner's answer to a case as plain data; with models, their passes and what their caches hold too.

    What the learner's function raises is raised.  functions: name -> function; the one called `name` is among them.
    """
    function, kind = functions[name], SIGNATURES[name][1]
    try:
        if name == "policy" and "right" in case:
            return call_policy(function, case["right"])
        if name == "policy":             # a grader says only what has happened: what is to come would be within reach
            case = {"rounds": [tuple(r) for r in case["rounds"]]}
        given, models, caches = arguments_of(name, case)
        answer = converted(run_unchanged(function, given), kind)
    except WrongKind as problem:
        return {"wrong kind": str(problem)}
    except ArgumentChanged as problem:
        return {"changed": str(problem)}
    except NONE_FOR.get(name, ()):
        return None
    if not models:
        return answer
    work = {model: {"passes": watched.passes} for model, watched in models.items()}
    for model, cache in caches.items():
        keys = cache.keys_LHPC[0, 0, :cache.length, 0]       # a scripted model's are the tokens that it read
        work[model]["cached"] = [int(key) for key in keys]
    return {"returned": answer, **work}


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
