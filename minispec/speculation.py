"""Greedy speculative decoding, without sampling (Leviathan et al. 2023, algorithm 1; Xiao & Zhu, figure 11.7).

Invariant: at the top of a round the target's cache holds all tokens but the last, the draft's at most that: each has
`tokens[cache.length:]` yet to read.  Whatever the draft proposes, what is committed is what plain greedy decoding would
have chosen.  X is the prompt, y_<=i what has been decoded, ŷ a draft; letters that end a name are its shape (model.py).
"""

from time import perf_counter

import numpy as np

from .arguments import check_count, check_pair, check_prompt, check_round
from .cache import KVCache
from .decoding import MODEL_EOS, Stop, check_finite, cut_after, length_limit, prefill_both, stop_tokens
from .model import Transformer
from .trace import Round, Trace

TAU = 8                                  # drafts per round, if nothing else is asked for


def propose_literal(draft: Transformer, tokens: list[int], tau: int) -> list[int]:
    """The formula as it reads, without a cache (course row C7; Xiao & Zhu, NLP book, equation 11.34):

        ŷ_{i+t} = argmax Pr_q( · | X, y_<=i, ŷ_{i+1} … ŷ_{i+t-1} ),   t = 1 … tau

    tokens: X and y_<=i.  Returns ŷ_{i+1} … ŷ_{i+tau}.
    """
    check_prompt(tokens, draft)
    check_count("tau", tau)
    proposed = []
    for t in range(1, tau + 1):
        context = list(tokens) + proposed            # X, y_<=i, and ALL earlier drafts ŷ_{i+1} … ŷ_{i+t-1}
        logits_TV = draft(context)
        check_finite(logits_TV[-1:], draft, len(context) - 1)
        guess = int(np.argmax(logits_TV[-1]))
        proposed.append(guess)
    return proposed


def propose(draft: Transformer, tokens: list[int], tau: int, cache: KVCache) -> tuple[list[int], np.ndarray]:
    """The same drafts with a cache: what the draft has read before, it does not read again.

    Returns the tau drafts and, for the views, draft_logits_TV: row t - 1 scored ŷ_{i+t}.  The last draft is never fed;
    after full acceptance this cache is one position shorter than the target's, and the next round feeds two tokens.
    """
    proposed = []
    draft_logits_TV = np.zeros((tau, draft.config.vocab_size), dtype=np.float32)
    for t in range(1, tau + 1):
        context = list(tokens) + proposed
        unseen = context[cache.length:]
        logits_TV = draft(unseen, cache)
        guess = int(np.argmax(logits_TV[-1]))
        draft_logits_TV[t - 1] = logits_TV[-1]
        proposed.append(guess)
    check_finite(draft_logits_TV, draft, len(tokens) - 1)
    return proposed, draft_logits_TV


def verify(target: Transformer, tokens: list[int], proposed: list[int],
           cache: KVCache) -> tuple[list[int], np.ndarray]:
    """The target's own token for every drafted place and for the one after, from ONE pass over tau + 1 rows.

    Row 0 is fed the last token of the text and judges ŷ_{i+1}; row j is fed ŷ_{i+j} and judges ŷ_{i+j+1}.  Returns
    the tau + 1 choices and target_logits_TV (C9, C10).  A row that read a rejected draft says nothing, even if right.
    """
    # the one mistake that would go unnoticed: the rows would be counted from the end, and wrong ones would judge
    if cache.length >= len(tokens):
        raise ValueError(f"cache holds {cache.length} positions; it must leave the last of {len(tokens)} tokens unread")
    context = list(tokens) + list(proposed)
    unseen = context[cache.length:]
    logits_TV = target(unseen, cache)
    first_row = len(unseen) - len(proposed) - 1      # 0, unless the caller did not prefill
    target_logits_TV = logits_TV[first_row:]
    choices = np.argmax(target_logits_TV, axis=-1).tolist()
    return choices, target_logits_TV


def count_accepted(proposed: list[int], choices: list[int]) -> int:
    """n_a: how many drafts, from the first on, are the target's own choice; what follows a mismatch is not judged.

    Leviathan's n = min({t - 1 | draft t is refused} and tau), where greedy refuses what is not the target's argmax.
    """
    if len(choices) != len(proposed) + 1:
        raise ValueError(f"choices has {len(choices)} tokens; it must have one more than proposed: {len(proposed) + 1}")
    n_accepted = 0
    while n_accepted < len(proposed) and proposed[n_accepted] == choices[n_accepted]:
        n_accepted += 1
    return n_accepted


def speculative_round(target: Transformer, draft: Transformer, tokens: list[int], tau: int, target_cache: KVCache,
                      draft_cache: KVCache, stop: Stop = MODEL_EOS) -> Round:
    """Draft, verify, accept, correct, roll back (course row C12).  Changes the two caches and nothing else.

    tokens: the text so far; both caches hold a true prefix of it.  stop: as in `speculative`.
    """
    check_round(target, draft, tokens, tau, target_cache, draft_cache)
    # 1. the draft guesses tau tokens, one after the other
    started = perf_counter()
    proposed, draft_logits_TV = propose(draft, tokens, tau, draft_cache)
    drafted = perf_counter()
    # 2. the target judges all of them in one pass
    choices, target_logits_TV = verify(target, tokens, proposed, target_cache)
    verified = perf_counter()
    # 3. the longest right prefix is kept, and one token of the target's own comes after it
    n_accepted = count_accepted(proposed, choices)
    check_finite(target_logits_TV[:n_accepted + 1], target, len(tokens) - 1)
    committed = proposed[:n_accepted] + [choices[n_accepted]]    # no special case: choices has tau + 1 tokens
    committed = cut_after(committed, stop_tokens(stop, target))
    n_kept = min(n_accepted, len(committed))                     # fewer where an accepted draft ended the text
    # 4. both caches forget what did not become text
    target_read, draft_read = target_cache.length, draft_cache.length
    keep = len(tokens) + len(committed) - 1                      # all of the new text but its last token, never fed
    target_cache.truncate(keep)
    draft_cache.truncate(keep)
    return Round(tokens=tuple(tokens), proposed=tuple(proposed), choices=tuple(choices), n_accepted=n_kept,
                 committed=tuple(committed), draft_logits_TV=draft_logits_TV, target_logits_TV=target_logits_TV,
                 target_cache=(target_read, target_cache.length), draft_cache=(draft_read, draft_cache.length),
                 draft_seconds=drafted - started, verify_seconds=verified - drafted)


def speculative(target: Transformer, draft: Transformer, tokens: list[int], new_tokens: int, tau: int = TAU,
                stop: Stop = MODEL_EOS) -> Trace:
    """Decode up to `new_tokens` tokens with tau drafts per round; the same tokens as `greedy(target, …)`.

    stop: a token that ends the text, several, or None for no such token.  Ends early where the context of either model
    ends (see `trace.stopped`).  Raises TypeError or ValueError for arguments that cannot be run.
    """
    check_pair(target, draft)
    check_prompt(tokens, target)
    check_prompt(tokens, draft)
    check_count("new_tokens", new_tokens)
    check_count("tau", tau)
    ends = stop_tokens(stop, target)
    end, stopped = length_limit(tokens, new_tokens, target, draft)
    tokens = [int(token) for token in tokens]
    prompt = tuple(tokens)
    target_cache, draft_cache, prefilled = prefill_both(target, draft, tokens)
    started = perf_counter()
    rounds = []
    while len(tokens) < end:
        tau_now = min(tau, end - len(tokens) - 1)                # a round adds at most tau_now + 1 tokens
        this_round = speculative_round(target, draft, tokens, tau_now, target_cache, draft_cache, ends)
        rounds.append(this_round)
        tokens.extend(this_round.committed)
        if tokens[-1] in ends:
            stopped = "end-of-text"
            break
    return Trace(prompt, tuple(rounds), prefilled, int(tau), target.name, draft.name, stopped,
                 seconds=perf_counter() - started, ends=ends)
