"""Exercises 6: repair a file with three bugs of the gallery, and write the test that sees a promise broken.

Invariant: a recorded run comes from the package or from a copy of it with one bug, on scripted models; `promises` says
from the run alone whether it keeps a promise.
"""

import json
from functools import lru_cache, partial
from importlib import import_module
from random import Random

from ..teaching.bugs import load_bug
from ..teaching.gallery import GALLERY
from ..teaching.observer import Observer, most_passes, recorded_rounds
from .exercise import Exercise, some_tokens
from .loop_steps import decodes, judge_decode, make_decodes
from .pays_steps import no_answer
from .promises import PROMISES
from .recorded_run import rule_of

PACKAGE_NAME = __package__.rpartition(".")[0]
# files in which a bug can be seen on scripted models, which have no attention and no weights
SEEN_IN = {"speculation.py", "cache.py", "trace.py", "rates.py", "decoding.py"}
UNSEEN = ("I9", "I12")                   # and whose logits have no probabilities and no ties
BYSTANDERS = 2                           # bugs that leave the promise as it is: a test must not refuse them
# (prompt, new tokens, tau, how often the draft misses, the new token that is made the end of the text)
SIZES = ((1, 2, 1, 1, None), (1, 3, 2, 0, None), (2, 4, 0, 0, None), (2, 6, 3, 2, None), (3, 9, 4, 3, None),
         (2, 12, 3, 0, None), (4, 9, 4, 1, None), (2, 12, 5, 4, 6), (3, 14, 4, 5, 9), (3, 10, 6, 0, 3),
         (9, 20, 12, 5, None), (16, 24, 4, 4, None), (24, 16, 2, 3, 11), (2, 30, 6, 6, 24))


def make_runs(promise: str, random: Random) -> list[dict]:
    """Runs, small ones first: of the clean package, of every bug that breaks the promise, of two that do not."""
    trouble, family = PROMISES[promise]
    asked = json.dumps([asked_run(random, *size) for size in SIZES])
    found = [{"run": run, "_bug": None} for run in recordings(None, asked)]
    touching = [bug for bug in GALLERY if {file for file, _, _ in bug.edits} <= SEEN_IN
                and bug.invariant not in UNSEEN]
    mutants = [bug.name for bug in touching if family in bug.caught_by]
    bystanders = [bug.name for bug in touching if family not in bug.caught_by]
    for name in mutants:
        runs = [run for run in recordings(name, asked) if promise != "counters" or not goes_past_its_end(run)]
        broken = sorted([(trouble(run)[0], place) for place, run in enumerate(runs) if trouble(run)])
        # broken soon, broken late, and one by chance
        chosen = {place for _, place in broken[:1] + broken[-1:] + drawn(random, broken, 1)}
        found += [{"run": runs[place], "_bug": name} for place in sorted(chosen)]
    for name in drawn(random, bystanders, BYSTANDERS):
        kept = [run for run in recordings(name, asked)
                if not run["stopped"] and trouble(run) is None and not goes_past_its_end(run)]
        found += [{"run": run, "_bug": name} for run in kept[-1:]]
    return sorted(found, key=lambda case: len(case["run"]["tokens"]))


def goes_past_its_end(run: dict) -> bool:
    """Whether a round commits more after the end token: its accepted drafts can then be counted in two ways."""
    return any([run["end_token"] in r["committed"][:-1] for r in run["rounds"]])


def drawn(random: Random, members: list, most: int) -> list:
    """Up to `most` members, drawn by chance, in their order."""
    places = random.sample(range(len(members)), min(most, len(members)))
    return [members[place] for place in sorted(places)]


def asked_run(random: Random, length: int, new_tokens: int, tau: int, miss: int, ends: int | None) -> dict:
    """What a run is asked for; where the text shall end early, the end token is one that the target comes upon."""
    asked = {"models": {"vocab": 60 + random.randrange(40), "seed": random.randrange(1000), "miss": miss},
             "prompt": some_tokens(random, length), "new_tokens": new_tokens, "tau": tau, "end_token": None}
    if ends is not None:
        rule, text = rule_of(asked["models"], "target"), list(asked["prompt"])
        while len(text) < length + ends:
            text.append(rule(text))
        asked["end_token"] = text[-1]
    return asked


@lru_cache(maxsize=200)
def recordings(name: str | None, asked: str) -> list[dict]:
    """The runs of the clean package (None), or of a copy with that bug; those that stopped with an error end there.

    asked: as JSON.  All promises ask for the same runs, so each decode is made once for them.
    """
    package = import_module(PACKAGE_NAME) if name is None else load_bug(name, core_only=True)
    return [recorded(package, one) for one in json.loads(asked)]


def recorded(package, asked: dict) -> dict:
    """One decode as data."""
    scripted = import_module(f"{package.__name__}.scripted").scripted
    most = most_passes(asked["new_tokens"], asked["tau"])
    target, draft = [Observer(scripted(rule_of(asked["models"], name), asked["models"]["vocab"], 128, name), most)
                     for name in ("target", "draft")]
    trace = None
    with recorded_rounds(package, asked["new_tokens"]) as recorder:
        try:
            trace = package.speculative(target, draft, list(asked["prompt"]), asked["new_tokens"], asked["tau"],
                                        asked["end_token"])
        except (AssertionError, ValueError, RuntimeError):       # what the gallery's bugs raise
            pass
    fields = ("tokens", "proposed", "choices", "committed", "target_cache", "draft_cache")
    data = [{**{name: list(getattr(r, name)) for name in fields}, "n_accepted": r.n_accepted} for r in recorder.rounds]
    rows = [rows for _, rows in target.passes]
    tokens = asked["prompt"] + sum([r["committed"] for r in data], [])
    counters = {"n_drafted": 0, "n_accepted": 0, "acceptance": None}
    if trace is not None:
        rate = import_module(f"{package.__name__}.rates").draft_efficiency(trace)
        tokens, counters = list(trace.tokens), {"n_drafted": trace.n_drafted, "n_accepted": trace.n_accepted,
                                                "acceptance": rate}
    return {**asked, "tokens": tokens, "rounds": data, "target_passes": rows[1 if len(asked["prompt"]) > 1 else 0:],
            **counters, "stopped": trace is None}


def judge_run_check(promise: str, case: dict, answer) -> str | None:
    """True exactly where the promise is kept."""
    run = case["run"]
    trouble = PROMISES[promise][0](run)
    if answer is (trouble is None):
        return None
    which = f'with the bug "{case["_bug"]}"' if case["_bug"] else "of the right code"
    size = (f"a run {which} (prompt {run['prompt']}, tau {run['tau']}, {len(run['rounds'])} rounds, text "
            f"{run['tokens'][len(run['prompt']):]})")
    if trouble is None:
        return f"your test refuses {size}, which keeps the promise"
    return f"your test passes {size}, but {trouble[1]}"


def run_check(promise: str, title: str, points: int) -> Exercise:
    """The exercise of writing the test for one promise."""
    return Exercise(f"check_{promise}", 6, title, points, partial(make_runs, promise), no_answer,
                    partial(judge_run_check, promise))


DETECTIVE_STEPS = (
    Exercise("repaired", 6, "Repair the file", 15, make_decodes, decodes, judge_decode),
    run_check("text", "A test for the text", 10), run_check("drafts", "A test for the drafts", 10),
    run_check("work", "A test for the work", 5), run_check("caches", "A test for the caches' lengths", 10),
    run_check("counters", "A test for the counters", 10),
)
