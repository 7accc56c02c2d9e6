"""Five promises of a decode, each found kept or broken from a recorded run alone, by the rules of its two models.

Invariant: every function returns None where the promise is kept, and else (round, sentence) of the first trouble.
"""

from .loop_steps import greedy_text
from .recorded_run import rule_of
from .verifying_steps import prefix_length

Trouble = tuple[int, str] | None


def text_trouble(run: dict) -> Trouble:
    """The text is what the target writes on its own, within the budget and up to the end token."""
    expected = greedy_text({**run["models"], **run, "tokens": run["prompt"]})
    if run["tokens"] == expected:
        return None
    places = [place for place, (got, right) in enumerate(zip(run["tokens"], expected)) if got != right]
    place = places[0] if places else min(len(run["tokens"]), len(expected))
    number = len([r for r in run["rounds"] if len(r["tokens"]) <= place])
    return number, f"the text is {run['tokens']}; the target on its own writes {expected}"


def drafts_trouble(run: dict) -> Trouble:
    """Every draft is the draft model's guess after the text and all earlier drafts of its round."""
    rule = rule_of(run["models"], "draft")
    for number, r in enumerate(run["rounds"], start=1):
        for t, guess in enumerate(r["proposed"]):
            right = rule(r["tokens"] + r["proposed"][:t])
            if guess != right:
                return number, f"draft {t + 1} of round {number} is {guess}; the formula gives {right}"
    return None


def work_trouble(run: dict) -> Trouble:
    """One pass of the target a round, over one row more than there are drafts."""
    right = [len(r["proposed"]) + 1 for r in run["rounds"]]
    if run["target_passes"] == right:
        return None
    same = [got == rows for got, rows in zip(run["target_passes"], right)]
    number = [*same, False].index(False) + 1
    return number, f"the target's passes had {run['target_passes']} rows; {right} are enough"


def caches_trouble(run: dict) -> Trouble:
    """After a round both caches keep all of the text but its last token, or what they have read of it."""
    for number, r in enumerate(run["rounds"], start=1):
        keep = len(r["tokens"]) + len(r["committed"]) - 1
        for name in ("target_cache", "draft_cache"):
            read, kept = r[name]
            if kept != min(read, keep):
                return number, (f"after round {number} the {name} has length {kept}; it had read {read}, and all of "
                                f"the text but its last token is {keep}")
    return None


def counters_trouble(run: dict) -> Trouble:
    """The counters are those of a count by hand; what follows a mismatch or the end of the text is not accepted."""
    total = 0
    for number, r in enumerate(run["rounds"], start=1):
        accepted = min(prefix_length(r["proposed"], r["choices"][:-1]), len(r["committed"]))
        if r["n_accepted"] != accepted:
            return number, f"round {number} reports {r['n_accepted']} accepted drafts; it accepted {accepted}"
        total += accepted
    drafted = sum([len(r["proposed"]) for r in run["rounds"]])
    right = {"n_drafted": drafted, "n_accepted": total, "acceptance": total / drafted if drafted else None}
    for name, value in right.items():
        if run[name] != value:
            return len(run["rounds"]), f"{name} is reported as {run[name]}; counted by hand it is {value}"
    return None


# promise -> (how it is found out, what the gallery calls the checks that see it broken)
PROMISES = {"text": (text_trouble, "greedy"), "drafts": (drafts_trouble, "formula"), "work": (work_trouble, "work"),
            "caches": (caches_trouble, "cache"), "counters": (counters_trouble, "counters")}
