"""Traces for the tests of the page: small, without weights, with every kind of round in them."""

import random
import re
from dataclasses import replace
from functools import cache

import numpy as np

from minispec import speculative
from minispec.decoding import greedy_baseline
from minispec.scripted import Mix, Recite, scripted

VOCAB = 14
WORDS = (" The", " cow", " jumped", " over", " the", " moon", " a", " fence", ".", " cat", " sat", " on", " owl", " mat")
NASTY = ("<script>document.title='broken'</script>", "<img src=x onerror=\"document.title='broken'\">",
         "\"><b>bold</b>", "</script>", "</article>", "&lt;i&gt;", "'", "\" onmouseover=x ", "\x1b[2J", "\u202e", "\n",
         "\ud83d", "]]>", "<!--")


def mixed_models(seed, wrong=3, n_positions=256):
    """A target and a draft that differ at about one of `wrong` prefixes: at all for 1, at none for None."""
    target_rule, chance = Mix(VOCAB, seed), Mix(wrong or 2, seed + 500)
    target = scripted(target_rule, VOCAB, n_positions, name="the target")
    draft = scripted(lambda prefix: (target_rule(prefix) + (wrong is not None and chance(prefix) == 0)) % VOCAB, VOCAB,
                     n_positions, name="the draft")
    return target, draft


def mixed_trace(seed, tau, new_tokens=25, n_positions=256, wrong=3, baseline=False, texts=WORDS, prompt=None):
    """A decode by `mixed_models`."""
    target, draft = mixed_models(seed, wrong, n_positions)
    prompt = [seed % VOCAB, 1] if prompt is None else list(prompt)
    plain = greedy_baseline(target, prompt, new_tokens) if baseline else None
    return replace(speculative(target, draft, prompt, new_tokens, tau), texts=texts, baseline=plain)


def moon_trace(texts=WORDS, baseline=False):
    """Course row C15: drafts `jumped over the moon`, the third judged wrong."""
    target = scripted(Recite((0, 1, 2, 3, 6, 7, 8)), VOCAB, name="target")
    draft = scripted(Recite((0, 1, 2, 3, 4, 5)), VOCAB, name="draft")
    plain = greedy_baseline(target, [0, 1], 5) if baseline else None
    return replace(speculative(target, draft, [0, 1], 5, 4), texts=texts, baseline=plain)


def end_of_text_trace(texts=WORDS):
    """One round in which the third of five drafts ends the text."""
    model = scripted(Recite((5, 6, 1, 2, 0, 3, 4)), VOCAB, end_of_text=0)
    return replace(speculative(model, model, [5, 6], 20, 5), texts=texts)


@cache
def many_traces():
    """Every kind of ending, of tau and of luck."""
    traces = [mixed_trace(seed, seed % 9, new_tokens=16, baseline=seed % 2 == 0) for seed in range(18)]
    traces += [mixed_trace(seed, tau=5, n_positions=20, new_tokens=60) for seed in range(3)]
    traces += [mixed_trace(1, 4, new_tokens=0), mixed_trace(1, 4, new_tokens=1)]
    traces += [mixed_trace(2, 30, new_tokens=50, wrong=25), mixed_trace(3, 4, new_tokens=10, wrong=1)]
    traces += [moon_trace(), end_of_text_trace()]
    assert {trace.stopped for trace in traces} == {"budget", "context", "end-of-text"}
    return traces


def formula(trace):
    """What the formula asks every draft to read."""
    return tuple(tuple(r.tokens + r.proposed[:t] for t in range(len(r.proposed))) for r in trace.rounds)


def with_read(trace, number, t, read):
    """The formula's contexts, but for draft t of round `number`, both from 1."""
    rounds = [list(contexts) for contexts in formula(trace)]
    rounds[number - 1][t - 1] = tuple(read)
    return tuple(tuple(contexts) for contexts in rounds)


def broken(r, chance):
    """The round with one to three of its parts wrong."""
    for _ in range(chance.randrange(3) + 1):
        tau, some, n = len(r.proposed), chance.randrange(VOCAB), r.n_accepted
        short = r.target_logits_TV[:1] if r.target_logits_TV is not None else None
        r = replace(r, **chance.choice([
            {"n_accepted": n + 1}, {"n_accepted": n - 1}, {"n_accepted": tau + 3}, {"n_accepted": -2},
            {"committed": r.committed + (some,)}, {"committed": r.committed[:-1]}, {"committed": ()},
            {"committed": r.committed[:-1] + (some,)}, {"committed": (some,) + r.committed[1:]},
            {"committed": r.proposed + (some, some)}, {"choices": r.choices[:-1]}, {"choices": ()},
            {"choices": r.choices[1:] + (some,)}, {"choices": r.choices + (some,)}, {"proposed": ()},
            {"proposed": r.proposed + (some,)}, {"proposed": r.proposed[1:]}, {"choices": (VOCAB + 5,) * tau},
            {"target_cache": (r.target_cache[0],) * 2}, {"target_cache": (0, 0)}, {"target_cache": (-1, 99)},
            {"draft_cache": (r.draft_cache[0],) * 2}, {"draft_cache": (99, 3)}, {"draft_cache": (0, -3)},
            {"tokens": r.tokens[:-1]}, {"tokens": ()}, {"tokens": r.tokens + (some,)},
            {"draft_logits_TV": None}, {"target_logits_TV": None}, {"target_logits_TV": short},
            {"draft_logits_TV": np.full((1, VOCAB), np.nan, dtype=np.float32)}]))
    return r


@cache
def broken_traces():
    """Traces with one or two broken rounds; some without logits, so that only the choices say what the target said."""
    made, chance = [], random.Random(7)
    for number in range(120):
        trace = mixed_trace(chance.randrange(20), chance.randrange(6), 14)
        bare = number % 2 == 0
        rounds = [replace(r, draft_logits_TV=None, target_logits_TV=None) if bare else r for r in trace.rounds]
        for _ in range(2):
            place = chance.randrange(len(rounds))
            rounds[place] = broken(rounds[place], chance)
        stopped = chance.choice(["budget", "end-of-text", "context", "an error"])
        made.append(replace(trace, rounds=tuple(rounds), stopped=stopped))
    return made


def late_trace(seed, tau=4, new_tokens=25):
    """The text of `mixed_trace(seed, …)`, drafted so badly that it takes more rounds."""
    rule = Mix(VOCAB, seed)
    draft = scripted(lambda prefix: (rule(prefix) + (len(prefix) % 2)) % VOCAB, VOCAB)
    return replace(speculative(scripted(rule, VOCAB), draft, [seed % VOCAB, 1], new_tokens, tau), texts=WORDS)


def other_trace(seed, tau=4, new_tokens=25):
    """The same prompt, and from position 9 on a different text."""
    rule = Mix(VOCAB, seed)
    target = scripted(lambda prefix: (rule(prefix) + (len(prefix) >= 9)) % VOCAB, VOCAB)
    return replace(speculative(target, scripted(rule, VOCAB), [seed % VOCAB, 1], new_tokens, tau), texts=WORDS)


def contrast(*colours):
    """WCAG 2's ratio of two colours, each as red, green and blue from 0 to 255, or as CSS writes them."""
    found = []
    for colour in colours:
        numbers = re.findall(r"\d+", colour)[:3] if isinstance(colour, str) else colour
        parts = [int(number) / 255 for number in numbers]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        found.append(sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear)))
    return (max(found) + 0.05) / (min(found) + 0.05)
