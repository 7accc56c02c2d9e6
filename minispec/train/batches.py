"""Batches from documents: which tokens a training step sees.

Invariant: a batch is a pure function of the documents, the seed and the step, so an interrupted run that goes on sees
exactly what it would have seen.  Every row begins where a document begins (or inside one too long for a row), because
at position 0 a model in use always sees the beginning of a text.
Documents are not shuffled into epochs: each row draws its own.  A row's later documents see the earlier ones through
attention; end_of_text stands between them, and the model learns to look no further back.
"""

import hashlib
from dataclasses import dataclass

import numpy as np


def packed_row(documents: list[list[int]], end_of_text: int, generator: np.random.Generator, length: int) -> list[int]:
    """One document, end_of_text, another document, ...: cut after length + 1 tokens; the last is only a target."""
    document = documents[generator.integers(len(documents))]
    begin = random_begin(generator, len(document), length)
    row = document[begin:begin + length + 1]
    while len(row) < length + 1:
        document = documents[generator.integers(len(documents))]
        row = row + [end_of_text] + document
    return row[:length + 1]


def random_begin(generator: np.random.Generator, size: int, length: int) -> int:
    """Where in a document of `size` tokens per row begins: at 0, unless the document is longer than the row.

    A long document is worth ceil(size / length) rows.  One of them begins at 0, the others at any place that fills the
    row, so that a book is learnt from all over, and its first page not more than its share.
    """
    if size <= length:
        return 0
    rows = -(-size // length)
    if generator.integers(rows) == 0:
        return 0
    return int(generator.integers(1, size - length + 1))


@dataclass(frozen=True, eq=False)
class PackedBatches:
    """Documents, and the shape of a batch; `batch` is what train_model asks for."""

    documents: list[list[int]]
    end_of_text: int
    seed: int
    rows: int
    length: int

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """What step number `step` trains on: rows of `length` tokens, and the same rows one token further on."""
        if not all(self.documents) or not self.documents:
            raise ValueError(f"documents is a list of {len(self.documents)}; it must hold at least one, none empty")
        generator = np.random.default_rng([self.seed, step])
        packed = np.empty((self.rows, self.length + 1), dtype=np.int64)
        for row in range(self.rows):
            packed[row] = packed_row(self.documents, self.end_of_text, generator, self.length)
        return packed[:, :-1], packed[:, 1:]

    @property
    def digest(self) -> str:
        """A short text that two of these share only if all their documents are equal, in the same order."""
        digest = hashlib.sha256()
        for document in self.documents:
            # The length goes first: without it a token could move from one document to the next unseen.
            digest.update(np.array([len(document), *document], dtype=np.int64))
        return digest.hexdigest()[:16]
