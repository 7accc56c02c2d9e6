"""Exercises 5: what a round is worth, what it costs, and how many drafts to make."""

from random import Random

from .exercise import RIGHT, Exercise

NO_OWN_TOKEN = "the target's own token left out"


def worth(alpha: float, tau: int) -> float:
    """The mean number of tokens of a round: over n = 0 … tau accepted drafts, n + 1 tokens times the chance of n."""
    mean = 0.0
    for n in range(tau + 1):
        chance = alpha ** n * (1 - alpha if n < tau else 1)
        mean += (n + 1) * chance
    return mean


def make_worths(random: Random) -> list[dict]:
    """Acceptances and draft lengths, with the ends 0 and 1 of both."""
    pairs = [(0.0, 0), (0.5, 0), (0.0, 3), (0.5, 1), (1.0, 1), (0.5, 2), (1.0, 4), (0.8, 4), (0.9, 12)]
    pairs.append((random.randrange(5, 95) / 100, 3 + random.randrange(6)))
    return [{"alpha": alpha, "tau": tau} for alpha, tau in pairs]


def worths(case: dict) -> dict:
    """1 + alpha + … + alpha ** tau; or a formula that is graded as right elsewhere."""
    return {RIGHT: worth(**case), NO_OWN_TOKEN: worth(**case) - 1,
            "closed form with tau for tau + 1": worth(case["alpha"], case["tau"] - 1)}


def make_speeds(random: Random) -> list[dict]:
    """The same with costs: c of a draft, v of a pass over tau + 1 rows, both in greedy passes."""
    return [{**case, "c": random.randrange(2, 60) / 100, "v": 1 + case["tau"] * random.randrange(1, 9) / 100}
            for case in make_worths(random)]


def speeds(case: dict) -> dict:
    """Tokens of a round over its cost; or formulas that are printed elsewhere, many rows at the price of one."""
    tokens, v = worth(case["alpha"], case["tau"]), case["v"]
    drafts = sum([case["c"]] * case["tau"])
    return {RIGHT: tokens / (drafts + v), NO_OWN_TOKEN: (tokens - 1) / (drafts + v),
            "one draft paid for, whatever tau": tokens / (case["c"] + v),
            "the pass over tau + 1 rows at the price of one row": tokens / (drafts + 1)}


def make_evens(random: Random) -> list[dict]:
    """Draft lengths and costs that can pay, and some that cannot, even if every draft is right."""
    found = [{"tau": 1, "c": 0.25, "v": 1.0}, {"tau": 1, "c": 0.75, "v": 1.5}, {"tau": 2, "c": 0.25, "v": 1.25},
             {"tau": 4, "c": 1.5, "v": 1.0}, {"tau": 8, "c": 0.125, "v": 1.5}, {"tau": 12, "c": 0.01, "v": 1.0}]
    return found + [{"tau": tau, "c": random.randrange(2, 70) / 100, "v": 1 + random.randrange(1, 20) / 100}
                    for tau in (3, 5, 7)]


def evens(case: dict) -> dict:
    """The alpha at which the tokens of a round just pay for it; found by trying, a thousand times finer than needed."""
    cost = case["tau"] * case["c"] + case["v"]
    alpha, step = 0.0, 0.5
    while step > 1e-7:
        if worth(alpha + step, case["tau"]) <= cost:
            alpha += step
        step /= 2
    return {RIGHT: alpha if case["tau"] + 1 > cost else None}


def make_choices(random: Random) -> list[dict]:
    """Pairs in which the best tau is 0, small, large, or the longest; never two that are nearly as good."""
    found = []
    while len(found) < 24:
        v = [0.0, 1.0]
        for _ in range(1 + random.randrange(12)):
            v.append(round(v[-1] + (0.02, 0.05, 0.1, 0.6)[random.randrange(4)], 2))
        case = {"alpha": random.randrange(0, 100) / 100, "c": random.randrange(1, 60) / 100, "v": v}
        second, best = sorted(speeds_of(case))[-2:]
        if best - second > 1e-3:
            found.append(case)
    certain = [{"alpha": 0.1, "c": 0.5, "v": [0.0, 1.0, 1.25]}, {"alpha": 0.9, "c": 0.125, "v": [0.0, 1.0, 1.0]},
               {"alpha": 0.9, "c": 0.125, "v": [0.0, 1.0, 1.0, 3.0]},
               {"alpha": 0.75, "c": 0.125, "v": [0.0] + [1.0] * 9}]
    return certain + sorted(found, key=lambda case: len(case["v"]))


def speeds_of(case: dict) -> list[float]:
    """The speed-up of every tau; v[rows] is what a pass over so many rows costs."""
    return [worth(case["alpha"], tau) / (tau * case["c"] + case["v"][tau + 1]) for tau in range(len(case["v"]) - 1)]


def best_taus(case: dict) -> dict:
    """The tau of the largest speed-up, 0 being greedy decoding; or 0 not thought of, or the longest taken for it."""
    found = speeds_of(case)
    return {RIGHT: max(range(len(found)), key=found.__getitem__),
            "0 not tried": max(range(1, len(found)), key=found.__getitem__), "the longest tau": len(found) - 1}


LONGEST = 12                             # drafts that a policy may ask for
STEADY = 12                              # rounds after which it must have noticed


def make_stretches(random: Random) -> list[dict]:
    """How many drafts are right, round by round: easy text, hopeless text, one after the other, and a mixture."""
    easy, hopeless = [LONGEST] * STEADY, [0] * STEADY
    mixed = [random.randrange(4) for _ in range(STEADY)]
    return [{"right": sum(parts, [])} for parts in ([easy], [hopeless], [easy, easy, hopeless], [mixed, easy],
                                                    [hopeless, hopeless, easy, easy], [easy, mixed, hopeless])]


def judge_policy(case: dict, answer) -> str | None:
    """Whole numbers 0 to 12; long where drafts are right, short where they are not, and back again."""
    if not isinstance(answer, list) or len(answer) != len(case["right"]):
        return f"{len(case['right'])} rounds need as many answers, not {answer}"
    for number, tau in enumerate(answer):
        past = case["right"][:number + 1]
        if not 0 <= tau <= LONGEST:
            return f"round {number + 1}: your policy asks for {tau} drafts; it must be 0 to {LONGEST}"
        # a policy that asked for nothing needs time until it tries again
        patience = STEADY if min(past) > 0 else 2 * STEADY
        if len(past) >= patience and min(past[-patience:]) == LONGEST and tau < 6:
            return (f"round {number + 1}: for {patience} rounds every draft would have been right, and your policy "
                    f"asks for {tau}; by then it should ask for 6 or more")
        if len(past) >= STEADY and max(past[-STEADY:]) == 0 and tau > 1:
            return (f"round {number + 1}: for {STEADY} rounds every draft was wrong, and your policy still asks for "
                    f"{tau}; by then 0 or 1 is enough")
    return None


def no_answer(case: dict) -> dict:
    """No list of answers: many are right, or there is one right and one wrong."""
    return {}


PAYS_STEPS = (
    Exercise("expected_tokens", 5, "What a round is worth", 10, make_worths, worths,
             "you expect {answer} tokens, it is {right}: a round gives its accepted drafts and one token of the "
             "target's own, where draft t counts only if all drafts up to t were right"),
    Exercise("speedup", 5, "What a round costs", 5, make_speeds, speeds,
             "you get {answer}, it is {right}: the tokens of a round over what its drafts and its one pass cost"),
    Exercise("break_even", 5, "How good a draft must be", 10, make_evens, evens,
             "you say {answer}, it is {right}; None is right where even tau + 1 tokens do not pay for a round", 1e-3),
    Exercise("best_tau", 5, "How many drafts", 10, make_choices, best_taus,
             "you choose {answer}, the best is {right}; 0 is a tau too, and tau drafts cost a pass over tau + 1 rows"),
    Exercise("policy", 5, "A policy that watches", 15, make_stretches, no_answer, judge_policy),
)
