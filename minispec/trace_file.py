"""Traces as JSON files, with every logit bit for bit.

Invariant: load_trace(save_trace(trace)) has the same fields and the same bits.  An array is written as its shape and
its float32 bytes in base64; decimal numbers would be five times as long.  The file holds data only, nothing is run.
What loads has every field, of its kind and length.  That the rounds are right is not checked: a buggy run is a trace.
"""

import base64
import json
from dataclasses import asdict, fields

import numpy as np

from .arguments import check_path, short_repr
from .files.fields import checked_fields, is_count
from .files.reading import read_object
from .files.writing import write_whole
from .trace import GreedyBaseline, Prefill, Round, Trace

FORMAT = "minispec trace 2"


def trace_to_dict(trace: Trace, logits: bool = True) -> dict:
    """The trace as plain lists, numbers and strings; logits=False leaves out the logits and the token texts."""
    rounds = [round_to_dict(r, logits) for r in trace.rounds]
    return {
        "format": FORMAT, "target": trace.target, "draft": trace.draft, "tau": trace.tau, "stopped": trace.stopped,
        "seconds": trace.seconds, "ends": list(trace.ends), "prompt": list(trace.prompt), "tokens": trace.tokens,
        "prefill": asdict(trace.prefill), "rounds": rounds,
        "baseline": None if trace.baseline is None else asdict(trace.baseline),
        "texts": list(trace.texts) if logits and trace.texts is not None else None,
    }


def round_to_dict(r: Round, logits: bool) -> dict:
    """One round; the tokens before it are left out, as they follow from the prompt and the rounds before."""
    record = {}
    for field in fields(Round):
        value = getattr(r, field.name)
        if field.name == "tokens":
            continue
        if field.name.endswith("_TV"):
            value = array_to_dict(value) if logits and value is not None else None
        record[field.name] = list(value) if isinstance(value, tuple) else value
    return record


def array_to_dict(array: np.ndarray) -> dict:
    """Shape and little-endian float32 bytes."""
    raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(raw).decode("ascii")}


def array_from_dict(record: dict | None) -> np.ndarray | None:
    """The array that array_to_dict wrote."""
    if record is None:
        return None
    rows, columns = record["shape"]
    raw = base64.b64decode(record["float32"], validate=True)
    flat = np.frombuffer(raw, dtype="<f4")
    if not is_count(rows) or not is_count(columns) or columns == 0 or rows * columns != len(flat):
        raise ValueError(f"shape is {short_repr(record['shape'])}, for {len(flat)} numbers")
    return flat.reshape(rows, columns).astype(np.float32, copy=False)


def trace_from_dict(record: dict) -> Trace:
    """The trace that trace_to_dict wrote."""
    tokens = tuple(record["prompt"])
    if not tokens:
        raise ValueError("prompt is empty; it must hold at least one token")
    rounds = []
    for entry in record["rounds"]:
        r = round_from_dict(entry, tokens)
        rounds.append(r)
        tokens += r.committed
    if record["tokens"] != list(tokens):
        raise ValueError("tokens is not the prompt and what the rounds committed")
    if record["stopped"] not in ("budget", "end-of-text", "context", "error"):
        raise ValueError(f"stopped is {short_repr(record['stopped'])}")
    if not isinstance(record["ends"], list):
        raise ValueError(f"ends is {short_repr(record['ends'])}; it must be a list of tokens")
    baseline = record["baseline"]
    if baseline is not None:
        passes = {"tokens": tuple(baseline["tokens"]), "pass_seconds": tuple(baseline["pass_seconds"])}
        baseline = checked_fields(GreedyBaseline(**{**baseline, **passes}))
    texts = None if record["texts"] is None else tuple(record["texts"])
    prefill = checked_fields(Prefill(**record["prefill"]))
    trace = Trace(tuple(record["prompt"]), tuple(rounds), prefill, record["tau"], record["target"], record["draft"],
                  record["stopped"], record["seconds"], texts, baseline, tuple(record["ends"]))
    check_texts(trace)
    return checked_fields(trace)


def check_texts(trace: Trace) -> None:
    """Raise ValueError unless every token of the trace has a text, or none has."""
    if trace.texts is None:
        return
    highest = max(trace.tokens)
    for r in trace.rounds:
        highest = max(highest, *r.proposed, *r.choices)
    if highest >= len(trace.texts) or not all([isinstance(text, str) for text in trace.texts]):
        raise ValueError(f"texts has {len(trace.texts)} entries; every token needs its text, {highest} too")


def round_from_dict(entry: dict, tokens: tuple[int, ...]) -> Round:
    """One round, put after the tokens before it."""
    values = {"tokens": tokens}
    for name, value in entry.items():
        if name.endswith("_TV"):
            value = array_from_dict(value)
        values[name] = tuple(value) if isinstance(value, list) else value
    r = checked_fields(Round(**values))
    check_lengths(r)
    return r


def check_lengths(r: Round) -> None:
    """Raise ValueError unless the lists of a round are as long as its drafts allow."""
    drafts = len(r.proposed)
    if r.n_accepted > drafts:
        raise ValueError(f"n_accepted is {r.n_accepted}, of {drafts} drafts")
    allowed = {"choices": (drafts + 1, drafts + 1), "committed": (1, drafts + 1), "target_cache": (2, 2),
               "draft_cache": (2, 2)}
    for name, (least, most) in allowed.items():
        length = len(getattr(r, name))
        if not least <= length <= most:
            what = "numbers" if name.endswith("cache") else "tokens"
            raise ValueError(f"{name} has {length} {what}; with {drafts} drafts it must have {least} to {most}")


def save_trace(trace: Trace, path) -> None:
    """Write the trace to `path`, whole or not at all.  Raises TypeError for another thing, OSError where it cannot."""
    if not isinstance(trace, Trace):
        raise TypeError(f"trace is {short_repr(trace)}; it must be a Trace, as speculative(…) returns")
    check_path("path", path)
    text = json.dumps(trace_to_dict(trace))
    write_whole(path, text + "\n")


def load_trace(path) -> Trace:
    """Read a trace.  Raises OSError for a file that cannot be read, ValueError for one that is no trace."""
    check_path("path", path)
    record = read_object(path, most=None)
    if record.get("format") != FORMAT:
        raise ValueError(f"{path}: not a trace of this package; its format must be {FORMAT!r}")
    try:
        return trace_from_dict(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: a damaged trace ({type(error).__name__}: {short_repr(str(error))})") from None
