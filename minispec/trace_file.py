"""Traces as JSON files, with every logit bit for bit.

Invariant: load_trace(save_trace(trace)) has the same fields and the same bits.  An array is written as its shape and
its float32 bytes in base64; decimal numbers would be five times as long.  The file holds data only, nothing is run.
What loads has every field, of its kind and length.  That the rounds are right is not checked: a buggy run is a trace.
"""

import base64
import json
from dataclasses import fields, is_dataclass, replace

import numpy as np

from .arguments import check_path, short_repr
from .files.fields import filled
from .files.reading import read_object
from .files.writing import write_whole
from .trace import GreedyBaseline, Prefill, Round, Trace

FORMAT = "minispec trace 2"


def trace_to_dict(trace: Trace, logits: bool = True) -> dict:
    """The trace as plain lists, numbers and strings; logits=False leaves out the logits and the token texts."""
    record = as_plain(trace if logits else replace(trace, texts=None), logits)
    for r in record["rounds"]:
        del r["tokens"]                  # they follow from the prompt and the rounds before
    return {"format": FORMAT, "tokens": trace.tokens, **record}


def as_plain(value, logits: bool):
    """The value as JSON has it: dataclasses and tuples as dicts and lists, arrays as shape and bytes or as None."""
    if is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name), logits) for field in fields(value)}
    if isinstance(value, tuple):
        return [as_plain(each, logits) for each in value]
    if isinstance(value, np.ndarray):
        return array_to_dict(value) if logits else None
    return value


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
    flat_N = np.frombuffer(raw, dtype="<f4").astype(np.float32, copy=False)
    if columns < 1 or rows * columns != len(flat_N):
        raise ValueError(f"shape is {short_repr(record['shape'])}, for {len(flat_N)} numbers")
    return flat_N.reshape(rows, columns)


def trace_from_dict(record: dict) -> Trace:
    """The trace that trace_to_dict wrote."""
    values = dict(record)
    values.pop("format")
    tokens = values.pop("tokens")
    so_far = tuple(values["prompt"])
    if not so_far:
        raise ValueError("prompt is empty; it must hold at least one token")
    rounds = []
    for entry in values["rounds"]:
        r = round_from_dict({**entry, "tokens": so_far})
        rounds.append(r)
        so_far += r.committed
    if tokens != list(so_far):
        raise ValueError("tokens is not the prompt and what the rounds committed")
    prefill = filled(Prefill, values["prefill"])
    baseline = None if values["baseline"] is None else filled(GreedyBaseline, values["baseline"])
    trace = filled(Trace, {**values, "rounds": rounds, "prefill": prefill, "baseline": baseline})
    if trace.stopped not in ("budget", "end-of-text", "context", "error"):
        raise ValueError(f"stopped is {short_repr(trace.stopped)}")
    named = [*so_far, *[token for r in rounds for token in r.proposed + r.choices]]
    if trace.texts is not None and max(named) >= len(trace.texts):
        raise ValueError(f"texts has {len(trace.texts)} entries; every token needs its text, {max(named)} too")
    return trace


def round_from_dict(entry: dict) -> Round:
    """One round, whose lists are as long as its drafts allow."""
    for model in ("draft", "target"):
        entry[f"{model}_logits_TV"] = array_from_dict(entry[f"{model}_logits_TV"])
    r = filled(Round, entry)
    drafts = len(r.proposed)
    if r.n_accepted > drafts:
        raise ValueError(f"n_accepted is {r.n_accepted}, of {drafts} drafts")
    for name, least in (("choices", drafts + 1), ("committed", 1)):
        length = len(getattr(r, name))
        if not least <= length <= drafts + 1:
            raise ValueError(f"{name} has {length} tokens; with {drafts} drafts it must have {least} to {drafts + 1}")
    return r


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
