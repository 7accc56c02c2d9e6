"""Exercises 5: what a round is worth, what it costs, and how many drafts to make."""

from random import Random

from .drafting_steps import differs, rounded
from .exercise import Exercise

NO_OWN_TOKEN = "the target's own token left out"
ONE_DRAFT_PAID = "one draft paid for, whatever tau"


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


def judge_expected_tokens(case: dict, answer) -> str | None:
    """1 + alpha + … + alpha ** tau."""
    expected = worth(**case)
    if not differs([answer], [expected]):
        return None
    return (f"you expect {rounded(answer)} tokens, it is {rounded(expected)}: a round gives its accepted drafts and "
            f"one token of the target's own, where draft t counts only if all drafts up to t were right")


def known_expected_tokens(case: dict) -> dict:
    """A formula that is graded as right elsewhere."""
    return {NO_OWN_TOKEN: worth(**case) - 1, "closed form with tau for tau + 1": worth(case["alpha"], case["tau"] - 1)}


def make_speeds(random: Random) -> list[dict]:
    """The same with costs: c of a draft, v of a pass over tau + 1 rows, both in greedy passes."""
    found = []
    for case in make_worths(random):
        found.append({**case, "c": random.randrange(2, 60) / 100, "v": 1 + case["tau"] * random.randrange(1, 9) / 100})
    return found


def judge_speedup(case: dict, answer) -> str | None:
    """Tokens of a round over its cost; greedy decoding pays one pass a token."""
    cost = sum([case["c"]] * case["tau"]) + case["v"]
    expected = worth(case["alpha"], case["tau"]) / cost
    if not differs([answer], [expected]):
        return None
    return (f"you get {rounded(answer)}, it is {rounded(expected)}: "
            f"{rounded(worth(case['alpha'], case['tau']))} tokens for {rounded(cost)} greedy passes")


def known_speedup(case: dict) -> dict:
    """Two formulas that are printed elsewhere, and a pass over many rows at the price of one."""
    tokens = worth(case["alpha"], case["tau"])
    drafts = case["tau"] * case["c"]
    return {NO_OWN_TOKEN: (tokens - 1) / (drafts + case["v"]), ONE_DRAFT_PAID: tokens / (case["c"] + case["v"]),
            "the pass over tau + 1 rows at the price of one row": tokens / (drafts + 1)}


def make_evens(random: Random) -> list[dict]:
    """Draft lengths and costs that can pay, and some that cannot, even if every draft is right."""
    found = [{"tau": 1, "c": 0.25, "v": 1.0}, {"tau": 1, "c": 0.75, "v": 1.5}, {"tau": 2, "c": 0.25, "v": 1.25},
             {"tau": 4, "c": 1.5, "v": 1.0}, {"tau": 8, "c": 0.125, "v": 1.5}, {"tau": 12, "c": 0.01, "v": 1.0}]
    for tau in (3, 5, 7):
        found.append({"tau": tau, "c": random.randrange(2, 70) / 100, "v": 1 + random.randrange(1, 20) / 100})
    return found


def judge_break_even(case: dict, answer) -> str | None:
    """The alpha at which the tokens of a round just pay for it; found by trying, a thousand times finer than needed."""
    cost = case["tau"] * case["c"] + case["v"]
    expected, step = 0.0, 0.5
    while step > 1e-7:
        if worth(expected + step, case["tau"]) <= cost:
            expected += step
        step /= 2
    if case["tau"] + 1 <= cost:
        right = answer is None
        told = f"None: a round costs {rounded(cost)}, and even {case['tau'] + 1} tokens do not pay for it"
    else:
        right = answer is not None and not differs([answer], [expected], 1e-3)
        told = f"{rounded(expected)}: with that alpha a round gives just the {rounded(cost)} tokens that it costs"
    return None if right else f"you say {'None' if answer is None else rounded(answer)}, it is {told}"


def make_choices(random: Random) -> list[dict]:
    """Pairs in which the best tau is 0, small, large, or the longest; never two that are nearly as good."""
    found = []
    while len(found) < 24:
        v = [0.0, 1.0]
        for _ in range(1 + random.randrange(12)):
            v.append(round(v[-1] + (0.02, 0.05, 0.1, 0.6)[random.randrange(4)], 2))
        case = {"alpha": random.randrange(0, 100) / 100, "c": random.randrange(1, 60) / 100, "v": v}
        speeds = sorted(speeds_of(case))
        if speeds[-1] - speeds[-2] > 1e-3:
            found.append(case)
    certain = [{"alpha": 0.1, "c": 0.5, "v": [0.0, 1.0, 1.25]}, {"alpha": 0.9, "c": 0.125, "v": [0.0, 1.0, 1.0]},
               {"alpha": 0.9, "c": 0.125, "v": [0.0, 1.0, 1.0, 3.0]},
               {"alpha": 0.75, "c": 0.125, "v": [0.0] + [1.0] * 9}]
    return certain + sorted(found, key=size_of)


def size_of(case: dict) -> int:
    """How much there is to look at."""
    return len(case["v"])


def speeds_of(case: dict) -> list[float]:
    """The speed-up of every tau; v[rows] is what a pass over so many rows costs."""
    return [worth(case["alpha"], tau) / (tau * case["c"] + case["v"][tau + 1]) for tau in range(len(case["v"]) - 1)]


def judge_best_tau(case: dict, answer) -> str | None:
    """The tau of the largest speed-up; 0 is greedy decoding, and allowed."""
    speeds = speeds_of(case)
    expected = max(range(len(speeds)), key=speeds.__getitem__)
    if answer == expected:
        return None
    why = "no tau above 0 pays" if expected == 0 else f"it gives {rounded(speeds[expected])}"
    yours = f" ({rounded(speeds[answer])})" if 0 <= answer < len(speeds) else ""
    return f"you choose {answer}{yours}, the best is {expected}: {why}"


def known_best_tau(case: dict) -> dict:
    """0 not thought of, and the longest taken for the best."""
    speeds = speeds_of(case)
    return {"0 not tried": max(range(1, len(speeds)), key=speeds.__getitem__), "the longest tau": len(speeds) - 1}


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


PAYS_STEPS = (
    Exercise("expected_tokens", 5, "What a round is worth", ("alpha", "tau"), 1, 8, ("C16", "C21"), 10,
             ("With tau = 1 a round gives 1 token, or 2 if the draft is right. And with tau = 2?",
              "Draft t joins the text only if drafts 1 to t are all right: a chance of `alpha ** t`.",
              "`1 + alpha + alpha**2 + … + alpha**tau`; mind alpha = 1 if you use the closed form."),
             make_worths, judge_expected_tokens, known_expected_tokens),
    Exercise("speedup", 5, "What a round costs", ("alpha", "tau", "c", "v"), 2, 5, ("C16", "C17"), 5,
             ("Greedy decoding pays 1 a token. What does a round pay, and for how many tokens?",
              "Every draft costs c; the one pass over all rows costs v.",
              "`expected_tokens(alpha, tau) / (tau * c + v)`."),
             make_speeds, judge_speedup, known_speedup),
    Exercise("break_even", 5, "How good a draft must be", ("tau", "c", "v"), 8, 12, ("C16", "C19"), 10,
             ("The speed-up grows with alpha. Where does it pass 1?",
              "A round must give as many tokens as it costs: `expected_tokens(alpha, tau) = tau * c + v`.",
              "Halve the interval from 0 to 1 twenty times; None where even alpha = 1 does not pay."),
             make_evens, judge_break_even),
    Exercise("best_tau", 5, "How many drafts", ("alpha", "c", "v"), 4, 8, ("C18", "C19", "C22"), 10,
             ("Try every tau that v has a price for, and do not forget tau = 0.",
              "A pass over tau drafts has tau + 1 rows: `v[tau + 1]`.",
              "Keep the tau with the largest `expected_tokens(alpha, tau) / (tau * c + v[tau + 1])`."),
             make_choices, judge_best_tau, known_best_tau),
    Exercise("policy", 5, "A policy that watches", ("rounds",), 5, 15, ("C23",), 15,
             ("What did the last rounds tell you? A round is `(tau, n_accepted)`; at first there is none.",
              "All drafts right: ask for more. Some wrong: ask for fewer. Within 0 and 12.",
              "If you ever ask for 0 you learn nothing more: ask for 1 now and then, or never less than 1."),
             make_stretches, judge_policy),
)
