"""`python -m minispec train`: from texts to a model folder.

Invariant: the folder it leaves says how it was made: recipe.json has the command line, the sizes and the losses.
The same command gives the same tokenizer and, on the same machine, the same weights.  Drafts and their target must
share one vocabulary: train the first model, then give its folder to the others with --tokenizer.
"""

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..checkpoint import save
from ..config import Config
from ..tokenizer import Tokenizer
from ..splitting import END_OF_TEXT
from .batches import PackedBatches
from .merges import train_merges
from .tales import generate
from .training import CHECKPOINT, Batch, Recipe, Run, train

HELD_OUT_EVERY = 20                      # every 20th document is kept from training, to measure on
HELD_OUT_BATCHES = 4
SIZES = (("--layers", 2, "blocks"), ("--width", 96, "of the residual stream"), ("--heads", 4, "attention heads"),
         ("--context", 256, "tokens the model can see"), ("--steps", 2000, "updates of the weights"),
         ("--batch", 8, "rows in a step"), ("--learning-rate", 2e-3, "at its peak"),
         ("--seed", 0, "of the tales, the first weights and the batches"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `train`, all with defaults except --output."""
    corpus = parser.add_mutually_exclusive_group()
    corpus.add_argument("--texts", nargs="+", type=Path, metavar="FILE",
                        help=f"UTF-8 texts; documents end at {END_OF_TEXT} lines if there are any, else at blank lines")
    corpus.add_argument("--tales", type=int, default=20_000, metavar="N",
                        help="how many built-in tales to learn from, if there are no --texts (default: %(default)s)")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--vocab", type=int, default=1000, metavar="N",
                       help="tokens of a new tokenizer (default: %(default)s)")
    words.add_argument("--tokenizer", type=Path, metavar="FOLDER", help="take the tokenizer of this model instead")
    for name, default, meaning in SIZES:
        meaning += " (default: %(default)s)"
        parser.add_argument(name, type=type(default), default=default, metavar="N", help=meaning)
    parser.add_argument("--length", type=int, metavar="N", help="tokens in a row (default: the context)")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="of the model and the checkpoint")
    parser.add_argument("--resume", action="store_true", help=f"go on from {CHECKPOINT} in the output folder")


def run(arguments: argparse.Namespace) -> int:
    """Trains and saves.  Returns 0, 2 after an error (one sentence on standard error), 130 if it was stopped."""
    try:
        train_and_save(arguments)
    except KeyboardInterrupt as stop:
        print(f"\n{stop or 'stopped'}", file=sys.stderr)
        return 130
    except (OSError, ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def train_and_save(arguments: argparse.Namespace) -> None:
    """The whole command: texts, tokenizer, training, model folder.  Raises OSError or ValueError."""
    length = arguments.context if arguments.length is None else arguments.length
    if length > arguments.context:
        raise ValueError(f"--length is {length}; it must be at most --context, which is {arguments.context}")
    recipe = Recipe(steps=arguments.steps, batch=arguments.batch, length=length, peak=arguments.learning_rate,
                    warmup=min(100, arguments.steps // 10), floor=arguments.learning_rate / 20, seed=arguments.seed)
    texts = read_documents(arguments)
    tokenizer = choose_tokenizer(arguments, texts)
    config = Config(n_layer=arguments.layers, n_head=arguments.heads, n_embd=arguments.width,
                    n_positions=arguments.context, vocab_size=tokenizer.vocab_size, eos_token_id=tokenizer.end_of_text)
    training, held_out = split_documents(texts)
    documents = [tokenizer.encode(text) for text in training]
    data = PackedBatches(documents, tokenizer.end_of_text, recipe.seed, recipe.batch, recipe.length)
    finished = train(config, data.batch, recipe, arguments.output,
                     held_out_batches(held_out, tokenizer, recipe), arguments.resume)
    save(arguments.output, config, finished.weights, tokenizer)
    corpus = {"documents": len(training), "held_out_documents": len(held_out), "tokens": sum(map(len, documents)),
              "source": [str(file) for file in arguments.texts] if arguments.texts else f"{arguments.tales} tales"}
    write_recipe(arguments.output, config, recipe, finished, corpus)


def read_documents(arguments: argparse.Namespace) -> list[str]:
    """The documents of --texts, or that many tales.  Raises OSError or ValueError, naming the file."""
    if not arguments.texts:
        return [tale.text for tale in generate(arguments.seed, arguments.tales)]
    documents = []
    for file in arguments.texts:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"--texts: {file} is not UTF-8 at byte {error.start}; every text must be UTF-8") from error
        documents += split_text(text)
    if not documents:
        names = ", ".join(map(str, arguments.texts))
        raise ValueError(f"--texts: {names} hold no text; at least one document is needed")
    return documents


def split_text(text: str) -> list[str]:
    """The documents of one file: separated by <|endoftext|> lines if it has any, otherwise by blank lines."""
    lines = text.splitlines()
    stripped = [line.strip() for line in lines]
    separator = END_OF_TEXT if END_OF_TEXT in stripped else ""
    documents = [[]]
    for line in lines:
        if line.strip() == separator:
            documents.append([])
        else:
            documents[-1].append(line)
    joined = ["\n".join(document).strip("\n") for document in documents]
    return [document for document in joined if document.strip()]


def choose_tokenizer(arguments: argparse.Namespace, texts: list[str]) -> Tokenizer:
    """The one of --tokenizer, or a new one, learnt from the texts (the same texts give the same one on resuming)."""
    if arguments.tokenizer is None:
        return train_merges(END_OF_TEXT.join(texts), arguments.vocab)
    tokenizer = Tokenizer.from_files(arguments.tokenizer)
    if tokenizer.end_of_text is None:
        raise ValueError(f"--tokenizer: {arguments.tokenizer} has no {END_OF_TEXT}; it must stand between documents")
    return tokenizer


def split_documents(texts: list[str]) -> tuple[list[str], list[str]]:
    """Training and held-out documents.  One that is in both would measure memory, so it is not held out."""
    training = []
    held_out = []
    for number, text in enumerate(texts, start=1):
        if number % HELD_OUT_EVERY == 0:
            held_out.append(text)
        else:
            training.append(text)
    known = set(training)
    return training, [text for text in held_out if text not in known]


def held_out_batches(held_out: list[str], tokenizer: Tokenizer, recipe: Recipe) -> tuple[Batch, ...]:
    """Always the same few batches; none if too few documents were given to hold any out."""
    if not held_out:
        return ()
    documents = [tokenizer.encode(text) for text in held_out]
    data = PackedBatches(documents, tokenizer.end_of_text, recipe.seed, recipe.batch, recipe.length)
    return tuple(data.batch(number) for number in range(HELD_OUT_BATCHES))


def write_recipe(folder: Path, config: Config, recipe: Recipe, finished: Run, corpus: dict) -> None:
    """recipe.json, for whoever wants to know where the weights came from."""
    steps = finished.moments.step
    report = {
        "command": shlex.join(["python", "-m", "minispec", *sys.argv[1:]]),
        "seed": recipe.seed,
        "steps": steps,
        "tokens_seen": steps * recipe.batch * recipe.length,
        "wall_seconds": round(finished.seconds, 1),
        "training_loss": round(finished.loss, 4),
        "held_out_loss": None if finished.held_out_loss is None else round(finished.held_out_loss, 4),
        "numpy": np.__version__,
        "corpus": corpus,
        "config": asdict(config),
        "recipe": asdict(recipe),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (folder / "recipe.json").write_text(text + "\n", encoding="utf-8")
