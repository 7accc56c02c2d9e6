"""From texts to a model folder: what `python -m minispec train` does.

Invariant: the folder it leaves says how it was made: recipe.json has the command line, the sizes and the losses.
The same command gives the same tokenizer and, on the same machine, the same weights.  Drafts and their target must
share one vocabulary: train the first model, then give its folder to the others with --tokenizer.
"""

import json
import re
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..checkpoint import save
from ..config import Config
from ..files.reading import read_object, read_text
from ..files.writing import write_whole
from ..tokenizer import Tokenizer
from ..splitting import END_OF_TEXT
from .batches import PackedBatches
from .merges import train_merges
from .run_state import TrainingRun
from .tales import generate
from .training import Recipe, train_model

HELD_OUT_EVERY = 20                      # every 20th document is kept from training, to measure on
HELD_OUT_BATCHES = 4


def train_in(folder: Path, arguments) -> None:
    """Texts, tokenizer, training, model folder."""
    command = command_line(folder / "recipe.json", arguments.resume)
    recipe = Recipe(steps=arguments.steps, batch=arguments.batch, length=arguments.length or arguments.context,
                    peak=arguments.learning_rate, warmup=min(100, arguments.steps // 10),
                    floor=arguments.learning_rate / 20, seed=arguments.seed)
    texts = read_documents(arguments)
    tokenizer = choose_tokenizer(arguments, texts)
    config = Config(n_layer=arguments.layers, n_head=arguments.heads, n_embd=arguments.width,
                    n_positions=arguments.context, vocab_size=tokenizer.vocab_size, eos_token_id=tokenizer.end_of_text)
    training, held_out = split_documents(texts)
    data = packed(training, tokenizer, recipe)
    held_out_data = packed(held_out, tokenizer, recipe)
    digests = {"texts": data.digest, "held_out_texts": held_out_data.digest, "tokenizer": tokenizer.fingerprint}
    # always the same few; none where too few documents were given to hold any out
    held_out_parts = tuple([held_out_data.batch(number) for number in range(HELD_OUT_BATCHES)]) if held_out else ()
    finished = train_model(config, data.batch, recipe, folder, held_out_parts, arguments.resume, digests)
    save(folder, config, finished.weights, tokenizer)
    corpus = {"documents": len(training), "held_out_documents": len(held_out),
              "tokens": sum(map(len, data.documents)),
              "source": [str(file) for file in arguments.texts] if arguments.texts else f"{arguments.tales} tales"}
    write_recipe(folder, command, config, recipe, finished, corpus)


def read_documents(arguments) -> list[str]:
    """The documents of --texts, or that many tales.  Raises OSError or ValueError, naming the file."""
    if not arguments.texts:
        return [tale.text for tale in generate(arguments.seed, arguments.tales)]
    documents = [document for file in arguments.texts for document in split_text(read_text(file))]
    if not documents:
        names = ", ".join(map(str, arguments.texts))
        raise ValueError(f"--texts: {names} hold no text; at least one document is needed")
    return documents


def split_text(text: str) -> list[str]:
    """The documents of one file: separated by <|endoftext|> lines if it has any, otherwise by blank lines."""
    text = "\n".join(text.splitlines())
    line = rf"(?m)^[^\S\n]*{re.escape(END_OF_TEXT)}[^\S\n]*$"
    documents = re.split(line if re.search(line, text) else r"(?m)^[^\S\n]*$", text)
    return [document.strip("\n") for document in documents if document.strip()]


def choose_tokenizer(arguments, texts: list[str]) -> Tokenizer:
    """The one of --tokenizer, or a new one, learnt from the texts (the same texts give the same one on resuming)."""
    if arguments.tokenizer is None:
        return train_merges(END_OF_TEXT.join(texts), arguments.vocab)
    tokenizer = Tokenizer.from_files(arguments.tokenizer)
    if tokenizer.end_of_text is None:
        raise ValueError(f"--tokenizer: {arguments.tokenizer} has no {END_OF_TEXT}; it must stand between documents")
    return tokenizer


def split_documents(texts: list[str]) -> tuple[list[str], list[str]]:
    """Training and held-out documents.  One that is in both would measure memory, so it is not held out."""
    training = [text for number, text in enumerate(texts, start=1) if number % HELD_OUT_EVERY != 0]
    held_out = texts[HELD_OUT_EVERY - 1::HELD_OUT_EVERY]
    known = set(training)
    return training, [text for text in held_out if text not in known]


def packed(texts: list[str], tokenizer: Tokenizer, recipe: Recipe) -> PackedBatches:
    """The batches of some documents."""
    documents = [tokenizer.encode(text) for text in texts]
    return PackedBatches(documents, tokenizer.end_of_text, recipe.seed, recipe.batch, recipe.length)


def command_line(recipe: Path, resume: bool) -> str:
    """The command that makes this model from nothing: the first one, and never one that resumes."""
    first = read_object(recipe).get("command") if resume and recipe.exists() else None
    words = [word for word in sys.argv[1:] if word != "--resume"]
    return first if isinstance(first, str) else shlex.join(["python", "-m", "minispec", *words])


def write_recipe(folder: Path, command: str, config: Config, recipe: Recipe, finished: TrainingRun,
                 corpus: dict) -> None:
    """recipe.json, for whoever wants to know where the weights came from."""
    steps = finished.moments.step
    report = {
        "command": command,
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
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / "recipe.json", text)
