"""When speculative decoding pays: counted tokens per round and measured costs, put into one formula and tried.

Invariant: tokens are counted and never timed, costs are timed apart from the runs that they predict, and all that is
given out is ratios to plain decoding on the same machine.
But: one prompt at a time; what a whole server does is another matter.
"""

from dataclasses import dataclass, replace

from ..decoding import greedy_baseline
from ..rates import conditional_acceptance, pooled, tokens_per_round
from ..speculation import speculative
from ..trace import GreedyBaseline, Trace
from ..views.figure import Figure
from ..views.figures import speedup_by_tau
from ..views.text import rate
from .costs import Costs, measure_costs, predicted_speedup

NEW_TOKENS = 40
COST_TEXT = 64                           # tokens of the text at whose length costs are measured


def expected_tokens(alpha: float, tau: int) -> float:
    """1 + alpha + … + alpha ** tau: tokens per round if every draft is right with the same chance, independently."""
    return sum(alpha ** t for t in range(tau + 1))


def speedup(alpha: float, tau: int, c: float, v: float = 1.0) -> float:
    """S(tau) = E[N] / (tau * c + v), where v is the cost of verifying tau + 1 rows."""
    return expected_tokens(alpha, tau) / (tau * c + v)


def best_tau(alpha: float, c: float, v: dict[int, float] | None = None, longest: int = 64) -> int:
    """The tau up to `longest` with the highest S, of equals the shortest; 0 where none is faster than greedy decoding.

    v: rows -> cost of a pass; None where further rows cost nothing.
    """
    speeds = {tau: speedup(alpha, tau, c, v[tau + 1] if v else 1.0) for tau in range(1, longest + 1)}
    best = max(speeds, key=speeds.get, default=0)
    return best if best and speeds[best] > 1 else 0


def break_even(tau: int, c: float, v: float = 1.0) -> float | None:
    """The alpha from which on tau drafts per round pay, c and v as in `speedup`; None where even alpha = 1 does not."""
    if speedup(1.0, tau, c, v) <= 1:
        return None
    low, high = 0.0, 1.0
    for _ in range(60):                  # S grows with alpha: halve the interval that holds S = 1
        middle = (low + high) / 2
        low, high = (middle, high) if speedup(middle, tau, c, v) < 1 else (low, middle)
    return high


@dataclass(frozen=True, eq=False)
class ModelPair:
    """A target and a draft on some prompts: one pooled trace for each tau."""

    target: object
    draft: object
    prompts: list[list[int]]
    traces: dict[int, Trace]

    @property
    def name(self) -> str:
        """Who drafts for whom."""
        return f"{self.draft.name} for {self.target.name}"


def count_tokens(target, draft, prompts: list[list[int]], taus: tuple[int, ...],
                 new_tokens: int = NEW_TOKENS) -> ModelPair:
    """Decode every prompt with every tau.  What is counted is the same on every machine."""
    traces = {tau: pooled([speculative(target, draft, tokens, new_tokens, tau, stop=None) for tokens in prompts])
              for tau in taus}
    return ModelPair(target, draft, prompts, traces)


def token_table(pairs: list[ModelPair]) -> str:
    """Acceptance, and tokens per round for each tau, one line a pair; – for a tau that was not tried."""
    taus = sorted({tau for pair in pairs for tau in pair.traces})
    lines = ["draft for target      acceptance  tokens per round: " + "".join(f"{f'tau {tau}':>7}" for tau in taus)]
    for pair in pairs:
        alpha = conditional_acceptance(pooled(list(pair.traces.values())))
        counts = [rate(tokens_per_round(pair.traces[tau]), 2) if tau in pair.traces else "–" for tau in taus]
        lines.append(f"{pair.name:<20}  {rate(alpha):>10}" + " " * 20 + "".join(f"{count:>7}" for count in counts))
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Speedups:
    """Speed-ups of one pair, measured and predicted with the costs or v = 1.

    measured: tau -> (with every pass at its fastest, lowest and highest of the single repetitions).
    """

    name: str
    costs: Costs
    measured: dict[int, tuple[float, float, float]]
    costed: dict[int, float]
    flat: dict[int, float]

    def figure(self, text: str = "") -> Figure:
        """All three against tau.  text: what was decoded, for the title."""
        return speedup_by_tau(self.measured, self.flat, self.costed, self.name + (f", {text}" if text else ""))

    @property
    def best(self) -> int:
        """The tau that was fastest."""
        return max(self.measured, key=self.measured.get)


def pair_costs(pair: ModelPair, repetitions: int = 8) -> Costs:
    """c, and v for every tau of the pair, at the length of a text of the target's own."""
    text = list(greedy_baseline(pair.target, pair.prompts[0], COST_TEXT, stop=None).tokens[:COST_TEXT])
    return measure_costs(pair.target, pair.draft, text, tuple(tau + 1 for tau in pair.traces), repetitions)


def fastest(runs: list[list[float]]) -> float:
    """Seconds of a decode whose every pass takes the shortest time that it took in any of the runs.

    The passes are the same ones in every run.  One is short, so some run has it without an interruption even on a busy
    machine, where no whole decode goes uninterrupted.
    """
    return sum(min(seconds) for seconds in zip(*runs, strict=True))


def baseline_times(run: GreedyBaseline) -> list[float]:
    """The seconds of every pass, and of all that is no pass."""
    return [*run.pass_seconds, run.seconds - sum(run.pass_seconds)]


def speculative_times(trace: Trace) -> list[float]:
    """The seconds of every drafting and every verification, and of all that is neither."""
    passes = [seconds for r in trace.rounds for seconds in (r.draft_seconds, r.verify_seconds)]
    return [*passes, trace.seconds - sum(passes)]


def measure_pair(pair: ModelPair, repetitions: int = 4) -> Speedups:
    """`measure_pairs` of one."""
    return measure_pairs([pair], repetitions)[0]


def measure_pairs(pairs: list[ModelPair], repetitions: int = 4) -> list[Speedups]:
    """Decode all prompts plainly and with every pair and tau, in turn, `repetitions` times; costs are measured apart.

    pairs: of one target, on the same prompts.  The plain way decodes as many tokens as the traces did.
    """
    first = pairs[0]
    if any(pair.target is not first.target or pair.prompts != first.prompts for pair in pairs):
        raise ValueError("pairs must have one target and the same prompts, compared with one greedy baseline")
    new_tokens = next(iter(first.traces.values())).n_new // len(first.prompts)
    baseline = [[] for _ in range(repetitions)]
    drafted = [{tau: [[] for _ in range(repetitions)] for tau in pair.traces} for pair in pairs]
    for place in range(repetitions):
        for tokens in first.prompts:
            baseline[place] += baseline_times(greedy_baseline(first.target, tokens, new_tokens, stop=None))
            for pair, runs in zip(pairs, drafted):
                for tau in runs:
                    trace = speculative(pair.target, pair.draft, tokens, new_tokens, tau, stop=None)
                    runs[tau][place] += speculative_times(trace)
    return [predicted(pair, {tau: speedup_of(baseline, each) for tau, each in runs.items()})
            for pair, runs in zip(pairs, drafted)]


def predicted(pair: ModelPair, measured: dict[int, tuple[float, float, float]]) -> Speedups:
    """What was measured, with the predictions from the pair's own counts and costs beside it."""
    costs = pair_costs(pair)
    counts = {tau: tokens_per_round(trace) for tau, trace in pair.traces.items()}
    costed = {tau: predicted_speedup(counts[tau], tau, costs) for tau in counts}
    flat = {tau: counts[tau] / (tau * costs.c + 1) for tau in counts}
    return Speedups(pair.name, costs, measured, costed, flat)


def speedup_of(baseline: list[list[float]], runs: list[list[float]]) -> tuple[float, float, float]:
    """(with every pass at its fastest, lowest, highest): seconds of plain decoding over those of the runs."""
    best = fastest(baseline) / fastest(runs)
    ratios = [sum(left) / sum(right) for left, right in zip(baseline, runs)]
    return best, min(best, *ratios), max(best, *ratios)


def timed_trace(target, draft, tokens: list[int], new_tokens: int, tau: int, repetitions: int = 5) -> Trace:
    """The trace of one decode and its greedy baseline, every pass with the shortest time of `repetitions` runs.

    So the recorded times are those of a machine that did nothing else.
    """
    baseline, traces = [], []
    for _ in range(repetitions):
        baseline.append(greedy_baseline(target, tokens, new_tokens))
        traces.append(speculative(target, draft, tokens, new_tokens, tau))
    times = [min(seconds) for seconds in zip(*[speculative_times(trace) for trace in traces], strict=True)]
    rounds = [replace(r, draft_seconds=drafting, verify_seconds=verifying)
              for r, drafting, verifying in zip(traces[0].rounds, times[0:-1:2], times[1:-1:2], strict=True)]
    passes = [min(seconds) for seconds in zip(*[run.pass_seconds for run in baseline], strict=True)]
    quiet = replace(baseline[0], pass_seconds=tuple(passes), seconds=fastest([baseline_times(run) for run in baseline]))
    return replace(traces[0], rounds=tuple(rounds), seconds=sum(times), baseline=quiet)


def speedup_table(all_speedups: list[Speedups]) -> str:
    """Measured and predicted, one line a pair and tau; a line below 1 says that it loses."""
    lines = ["draft for target        tau      c  v(tau+1)  measured  predicted"]
    for each in all_speedups:
        for tau, (middle, _, _) in each.measured.items():
            loses = "   slower than plain" if middle < 1 else ""
            lines.append(f"{each.name:<22}  {tau:>3}  {each.costs.c:>5.2f}  {each.costs.v[tau + 1]:>8.2f}  "
                         f"{middle:>8.2f}  {each.costed[tau]:>9.2f}{loses}")
    return "\n".join(lines)


def formula_table(alphas: tuple[float, ...], taus: tuple[int, ...], c: float, row: float = 0.0) -> str:
    """S for every alpha and tau, if each row after the first adds `row` to the cost of a pass; * where it loses."""
    lines = ["alpha  " + "".join(f"{f'tau {tau}':>9}" for tau in taus)]
    for alpha in alphas:
        values = [speedup(alpha, tau, c, 1 + row * tau) for tau in taus]
        lines.append(f"{alpha:<7}" + "".join(f"{value:>8.2f}" + ("*" if value < 1 else " ") for value in values))
    return "\n".join(line.rstrip() for line in lines + ["", "* below 1: slower than plain decoding"])
