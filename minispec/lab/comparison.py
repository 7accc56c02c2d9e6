"""One prompt decoded both ways, in turn: same text?  Same bits?  How much faster, and how much was predicted?

Invariant: both ways run in this process, interleaved, and the plain way is the fastest this package has; the
prediction comes from passes timed apart.
"""

from dataclasses import dataclass, replace
from statistics import median

from ..decoding import MODEL_EOS, greedy_baseline
from ..speculation import speculative
from ..rates import tokens_per_round
from ..trace import Trace
from .costs import RUN, Costs, measure_costs, predicted_speedup
from .exactness import differing_rows, same_text


@dataclass(frozen=True, eq=False)
class Comparison:
    """A trace with its greedy baseline, and what came of comparing them."""

    trace: Trace
    same_tokens: bool
    differing_rows: int                  # rows of logits whose bits differ, of trace.n_new
    baseline_seconds: float                 # medians, the prefill not counted
    speculative_seconds: float
    costs: Costs | None                  # None where the text is too short to time a block

    @property
    def speedup(self) -> float | None:
        """Seconds of plain over seconds of speculative decoding; None where nothing was decoded."""
        return self.baseline_seconds / self.speculative_seconds if self.trace.n_new else None

    @property
    def predicted(self) -> float | None:
        """S(tau) with the tokens per round of this trace, and costs measured apart."""
        if self.costs is None or not self.trace.rounds:
            return None
        return predicted_speedup(tokens_per_round(self.trace), self.trace.tau, self.costs)

    def with_texts(self, texts: tuple[str, ...]) -> "Comparison":
        """The same with the text of every token id, for showing."""
        return replace(self, trace=replace(self.trace, texts=texts))


def beside_greedy(target, draft, tokens: list[int], new_tokens: int, tau: int, stop=MODEL_EOS,
            repetitions: int = 3) -> Comparison:
    """Decode plainly and speculatively, `repetitions` times in turn after one short warm-up of each."""
    speculative(target, draft, tokens, min(new_tokens, tau + 2), tau, stop)
    greedy_baseline(target, tokens, min(new_tokens, 3), stop)
    baseline_seconds, speculative_seconds = [], []
    for _ in range(repetitions):
        baseline_logits = []
        baseline = greedy_baseline(target, tokens, new_tokens, stop, logits=baseline_logits)
        trace = speculative(target, draft, tokens, new_tokens, tau, stop)
        baseline_seconds.append(baseline.seconds)
        speculative_seconds.append(trace.seconds)
    costs = None
    if len(trace.tokens) > max(tau + 1, RUN):
        costs = measure_costs(target, draft, trace.tokens, (tau + 1,))
    return Comparison(replace(trace, baseline=baseline), same_text(baseline, trace),
                      differing_rows(baseline_logits, trace),
                      median(baseline_seconds), median(speculative_seconds), costs)
