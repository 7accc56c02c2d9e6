"""`python -m minispec [PROMPT]`: plain and speculative decoding of one prompt: read, as JSON, as a trace or a page."""

import argparse
import json
import os
import sys

from .. import __version__
from ..checkpoint import list_models
from ..files.writing import write_whole
from ..lab.comparison import Comparison, beside_greedy
from ..rates import conditional_acceptance, draft_efficiency, mean_acceptance_length, tokens_per_round
from ..sampled import Sampled
from ..trace_file import save_trace, trace_to_dict
from ..views import text
from ..views.stage.page import Show, page, show
from ..views.stage.sentences import result_sentence
from . import request
from .request import terminal_width


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of decoding, and what to make of the decode."""
    request.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--save", metavar="FILE", help="also write the whole trace, logits included, as JSON")
    parser.add_argument("--html", metavar="FILE", help="also write the race and every round as one page for any "
                                                       "browser; --tau and --draft may then be given several times")
    parser.add_argument("--bug", action="append", metavar="NAME", help="with --html: a run with this bug too")
    parser.add_argument("--version", action="version", version=f"minispec {__version__}")
    parser.epilog = f"bundled models: {', '.join(list_models())}"


def shows(arguments: argparse.Namespace, comparison: Comparison) -> list[Show]:
    """What the page holds: the run of this comparison; or, where several were asked for, one of each combination."""
    taus = getattr(arguments, "all_tau", [arguments.tau])
    drafts = getattr(arguments, "all_draft", [arguments.draft])
    if len(taus) == len(drafts) == 1 and not arguments.bug:
        return [show(comparison.trace)]
    from . import recording              # here: it imports the gallery, which a plain decode does without
    first = recording.Asked(arguments.prompt, target=arguments.target, new_tokens=arguments.new_tokens,
                            noise=request.asked_noise(arguments), stop=request.asked_stop(arguments))
    return recording.combinations(first, taus, drafts, ["", *(arguments.bug or [])])


def run(arguments: argparse.Namespace) -> int:
    """Both ways of decoding one prompt, shown or as JSON."""
    request.check_outputs({"--save": arguments.save, "--html": arguments.html})
    if arguments.bug and arguments.html is None:
        raise ValueError(f"--bug is {arguments.bug[0]!r}; it goes with --html (or: python -m minispec bugs NAME)")
    asked = request.read(arguments)
    comparison = beside_greedy(asked.target, asked.draft, asked.tokens, asked.new_tokens, asked.tau, asked.stop)
    comparison = comparison.with_texts(asked.tokenizer.texts)
    decoded = asked.tokenizer.decode(comparison.trace.tokens)
    if arguments.save is not None:
        save_trace(comparison.trace, arguments.save)
    if arguments.html is not None:
        write_whole(arguments.html, page(shows(arguments, comparison)))
    if arguments.json:
        print(json.dumps(comparison_json(comparison, decoded)))
    else:
        way = "plain sampling, same seed" if isinstance(asked.target, Sampled) else "plain greedy"
        print_comparison(comparison, decoded, way)
        if arguments.html is not None:
            print(f"page: {arguments.html} (press ? for its keys)")
    return 0 if comparison.same_tokens else 1


def print_comparison(comparison: Comparison, decoded: str, way: str) -> None:
    """The result, the text, the rounds, the totals.  way: what the decode was compared with."""
    trace = comparison.trace
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = terminal_width()
    result = result_sentence(trace, comparison.same_tokens, comparison.speedup)
    print(text.painted(text.Word(text.folded(result, width), "result"), colour))
    print(text.folded(text.identity_line(comparison.same_tokens, trace.n_new, comparison.differing_rows, way), width))
    print(text.folded(f"target {trace.target}, draft {trace.draft}, tau {trace.tau}", width) + "\n")
    print(text.folded(decoded, width) + "\n")
    table = text.round_table(trace, width, colour)
    joined = "   " + text.JOINED if " +" in table else ""
    print(f"{table}\n\n{text.in_lines(text.LEGEND + joined, width)}\n")
    costs = comparison.costs
    c, v = (costs.c, costs.v[trace.tau + 1]) if costs else (None, None)
    facts = text.summary_facts(trace) + text.speed_facts(trace, comparison.baseline_seconds,
                                                         comparison.speculative_seconds, c, v, comparison.predicted)
    print(text.fact_lines(facts, width))


def comparison_json(comparison: Comparison, decoded: str) -> dict:
    """Everything that is shown, for machines; the logits are left to --save."""
    trace = comparison.trace
    return {
        "text": decoded,
        "identical_tokens": comparison.same_tokens,
        "rows_of_logits_that_differ": comparison.differing_rows,
        "new_tokens": trace.n_new,
        "target_passes": len(trace.rounds),
        "conditional_acceptance": conditional_acceptance(trace),
        "draft_efficiency": draft_efficiency(trace),
        "mean_acceptance_length": mean_acceptance_length(trace),
        "tokens_per_round": tokens_per_round(trace),
        "c": comparison.costs.c if comparison.costs else None,
        "v": comparison.costs.v[trace.tau + 1] if comparison.costs else None,
        "baseline_seconds": comparison.baseline_seconds,
        "speculative_seconds": comparison.speculative_seconds,
        "speedup": comparison.speedup,
        "predicted_speedup": comparison.predicted,
        "trace": trace_to_dict(trace, logits=False),
    }
