"""What a command is asked to decode: the options that decoding and stepping share, and their defaults.

Invariant: a request that was read can be run, but for what only the models know, such as the length of the context.
"""

import argparse
import os
import shutil
from dataclasses import dataclass

from ..arguments import check_count, check_pair, short_repr
from ..checkpoint import load
from ..decoding import MODEL_EOS, Stop
from ..defaults import DRAFT, NEW_TOKENS, PROMPT, TARGET
from ..drafters import load_draft
from ..files.writing import check_target
from ..model import Transformer
from ..sampled import Sampled
from ..speculation import TAU
from ..tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class Request:
    """Models, prompt and limits."""

    target: Transformer
    draft: Transformer
    tokenizer: Tokenizer
    tokens: list[int]
    new_tokens: int
    tau: int
    stop: Stop


class Repeated(argparse.Action):
    """An option that may be given several times: the last value counts, and `all_NAME` has them all."""

    def __call__(self, parser, namespace, value, option_string=None):
        earlier = getattr(namespace, f"all_{self.dest}", [])
        setattr(namespace, f"all_{self.dest}", earlier + [value])
        setattr(namespace, self.dest, value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The prompt, the two models, tau, and where to end."""
    parser.add_argument("prompt", nargs="?", default=PROMPT, help="any text (default: the beginning of a tale)")
    parser.add_argument("--tau", type=int, default=TAU, action=Repeated, metavar="N",
                        help="drafts per round (default: %(default)s)")
    parser.add_argument("--new-tokens", type=int, default=NEW_TOKENS, metavar="N",
                        help="decode at most so many tokens (default: %(default)s)")
    add_models(parser)
    add_sampling(parser)


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """How to sample; without any of these, decoding is greedy."""
    parser.add_argument("--temperature", type=float, metavar="X", help="sample instead of taking the likeliest token: "
                        "below 1 likely tokens become likelier (default: no sampling)")
    parser.add_argument("--top-p", type=float, metavar="X", help="sample among the fewest tokens that sum to X")
    parser.add_argument("--seed", type=int, metavar="N", help="sample with other random numbers (default: 0)")


def add_models(parser: argparse.ArgumentParser) -> None:
    """The two models, and whether an end of text ends the text."""
    parser.add_argument("--target", default=TARGET, metavar="MODEL",
                        help="the model that decides: a bundled name or a GPT-2 folder (default: %(default)s)")
    parser.add_argument("--draft", default=DRAFT, metavar="MODEL", action=Repeated,
                        help="the model that guesses: the same, or lookup, or first-6-layers of the target "
                        "(default: %(default)s)")
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--stop", nargs="+", type=int, metavar="ID",
                      help="the token ids that end the text (default: those that the target's folder names)")
    ends.add_argument("--no-stop", action="store_true", help="go on after an end of text")


def read(arguments: argparse.Namespace) -> Request:
    """The request in parsed arguments.  Raises TypeError, ValueError or OSError for what cannot be run."""
    check_count("tau", arguments.tau)
    check_count("new-tokens", arguments.new_tokens)
    if arguments.prompt == "":
        raise ValueError("prompt is empty; it must be a text of at least one character")
    target, tokenizer = load(arguments.target)
    draft = load_draft(arguments.draft, target)
    check_pair(target, draft)
    # A prompt too long for either model is refused before it is read to its end.
    tokens = tokenizer.encode(arguments.prompt, most=min(target.config.n_positions, draft.config.n_positions))
    target, draft = with_noise((target, draft), asked_noise(arguments))
    return Request(target, draft, tokenizer, tokens, arguments.new_tokens, arguments.tau, asked_stop(arguments))


def asked_stop(arguments: argparse.Namespace) -> Stop:
    """What ends the text: the ids of --stop, none for --no-stop, else the target's own."""
    if arguments.no_stop:
        return None
    return MODEL_EOS if arguments.stop is None else arguments.stop


def asked_noise(arguments: argparse.Namespace) -> tuple[int, float, float] | None:
    """Seed, temperature and nucleus, or None where none of the options was given."""
    options = (arguments.seed, arguments.temperature, arguments.top_p)
    if options == (None, None, None):
        return None
    seed, temperature, top_p = [default if value is None else value for value, default in zip(options, (0, 1.0, 1.0))]
    return seed, temperature, top_p


def with_noise(models: tuple, noise: tuple[int, float, float] | None) -> list:
    """The models themselves, or each with the same noise of sampling.  noise: as `asked_noise` returns it."""
    return list(models) if noise is None else [Sampled(model, *noise) for model in models]


def check_outputs(paths: dict[str, str | None]) -> None:
    """Raise ValueError or OSError unless every file can be written, each another one, before work is done for them.

    paths: the option and its file, None where it was not given.
    """
    taken = {}
    for option, path in paths.items():
        if path is None:
            continue
        if path == "":
            raise ValueError(f"{option} is ''; it must name a file")
        check_target(path)
        place = os.path.realpath(path)
        if place in taken:
            raise ValueError(f"{option} is {short_repr(path)}, the file of {taken[place]}; it must be another one")
        taken[place] = option


def terminal_width() -> int:
    """Columns to print in; COLUMNS may say anything, and no terminal has more than a thousand."""
    return min(1000, shutil.get_terminal_size((100, 24)).columns)
