"""Classic wrong answers to every exercise, `<exercise>__<mistake>`; where the mistake is one that the exercise knows,
its name here is the name there."""

import math

import numpy as np

from minispec import KVCache

# ---- next_token


def next_token__ties_to_the_last(logits):
    return len(logits) - 1 - logits[::-1].index(max(logits))


def next_token__the_logit_itself(logits):
    return max(logits)


def next_token__as_text(logits):
    return str(logits.index(max(logits)))


def next_token__largest_size(logits):
    return int(np.argmax(np.abs(logits)))


def next_token__unlikeliest(logits):
    return logits.index(min(logits))


def next_token__skips_token_0(logits):
    return 1 + int(np.argmax(logits[1:]))


def next_token__counts_from_1(logits):
    return 1 + int(np.argmax(logits))


def next_token__positive_only(logits):
    best, token = 0, 0
    for place, logit in enumerate(logits):
        if logit > best:
            best, token = logit, place
    return token


def next_token__sorts_its_argument(logits):
    logits.sort()
    return len(logits) - 1


def next_token__no_return(logits):
    logits.index(max(logits))


# ---- softmax


def softmax__overflows(scores):
    powers = np.exp(np.array(scores))
    return powers / powers.sum()


def softmax__overflows_in_python(scores):
    return [math.exp(score) / sum(map(math.exp, scores)) for score in scores]


def softmax__over_the_largest(scores):
    powers = np.exp(np.array(scores) - max(scores))
    return powers / powers.max()


def softmax__base_2(scores):
    powers = 2 ** (np.array(scores) - max(scores))
    return powers / powers.sum()


def softmax__logarithm(scores):
    scores = np.array(scores) - max(scores)
    return scores - np.log(np.exp(scores).sum())


def softmax__hard(scores):
    return [1.0 if score == max(scores) else 0.0 for score in scores]


def softmax__sigmoid(scores):
    return [1 / (1 + math.exp(min(-score, 700))) for score in scores]


def softmax__shares_of_the_scores(scores):
    low = np.array(scores) - min(scores) + 1
    return low / low.sum()


def softmax__mean_taken_off(scores):
    powers = np.exp(np.array(scores) - np.mean(scores))
    return powers / powers.sum()


def softmax__never_normalised(scores):
    return np.exp(np.array(scores) - max(scores))


# ---- draft_context


def draft_context__first_draft_only(prompt, verified, drafts, t):
    return prompt + verified + drafts[:t - 1][:1]


def draft_context__no_earlier_drafts(prompt, verified, drafts, t):
    return prompt + verified


def draft_context__last_draft_only(prompt, verified, drafts, t):
    return prompt + verified + drafts[:t - 1][-1:]


def draft_context__itself_too(prompt, verified, drafts, t):
    return prompt + verified + drafts[:t]


def draft_context__all_drafts(prompt, verified, drafts, t):
    return prompt + verified + drafts


def draft_context__x_forgotten(prompt, verified, drafts, t):
    return verified + drafts[:t - 1]


def draft_context__y_forgotten(prompt, verified, drafts, t):
    return prompt + drafts[:t - 1]


def draft_context__one_too_few(prompt, verified, drafts, t):
    return prompt + verified + drafts[:max(t - 2, 0)]


def draft_context__two_drafts_at_most(prompt, verified, drafts, t):
    return prompt + verified + drafts[:min(t - 1, 2)]


def draft_context__in_another_order(prompt, verified, drafts, t):
    return verified + prompt + drafts[:t - 1]


def draft_context__into_the_prompt(prompt, verified, drafts, t):
    prompt += verified + drafts[:t - 1]
    return prompt


# ---- propose_literal


def literal(draft, tokens, tau, context):
    proposed = []
    for _ in range(tau):
        proposed.append(int(draft(context(proposed))[-1].argmax()))
    return proposed


def propose_literal__first_draft_only(draft, tokens, tau):
    return literal(draft, tokens, tau, lambda made: tokens + made[:1])


def propose_literal__no_earlier_drafts(draft, tokens, tau):
    return literal(draft, tokens, tau, lambda made: tokens)


def propose_literal__last_draft_only(draft, tokens, tau):
    return literal(draft, tokens, tau, lambda made: tokens + made[-1:])


def propose_literal__first_row(draft, tokens, tau):
    proposed = []
    for _ in range(tau):
        proposed.append(int(draft(tokens + proposed)[0].argmax()))
    return proposed


def propose_literal__last_token_fed_only(draft, tokens, tau):
    return literal(draft, tokens, tau, lambda made: (tokens + made)[-1:])


def propose_literal__one_too_many(draft, tokens, tau):
    return literal(draft, tokens, tau + 1, lambda made: tokens + made)


def propose_literal__one_too_few(draft, tokens, tau):
    return literal(draft, tokens, max(tau - 1, 0), lambda made: tokens + made)


def propose_literal__whole_text(draft, tokens, tau):
    return tokens + literal(draft, tokens, tau, lambda made: tokens + made)


def propose_literal__in_one_parallel_step(draft, tokens, tau):
    return [int(row.argmax()) for row in draft(tokens + [0] * tau)[len(tokens) - 1:-1]] if tau else []


def propose_literal__drafts_before_the_text(draft, tokens, tau):
    return literal(draft, tokens, tau, lambda made: made + tokens)


def propose_literal__into_the_text(draft, tokens, tau):
    for _ in range(tau):
        tokens.append(int(draft(tokens)[-1].argmax()))
    return tokens[len(tokens) - tau:]


# ---- propose


def cached(draft, tokens, tau, cache, feed, row=-1):
    proposed = []
    for _ in range(tau):
        proposed.append(int(draft(feed(proposed), cache)[row].argmax()))
    return proposed


def propose__gaps_after_full_acceptance(draft, tokens, tau, cache):
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[-1:])


def propose__first_row_guessed(draft, tokens, tau, cache):
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:], row=0)


def rolled_back(draft, tokens, tau, cache, kept):
    proposed = []
    for _ in range(tau):
        context = tokens + kept(proposed)
        cache.truncate(len(context) - 1)
        proposed.append(int(draft(context[cache.length:], cache)[-1].argmax()))
    return proposed


def propose__first_draft_only(draft, tokens, tau, cache):
    return rolled_back(draft, tokens, tau, cache, lambda made: made[:1])


def propose__no_earlier_drafts(draft, tokens, tau, cache):
    return rolled_back(draft, tokens, tau, cache, lambda made: [])


def propose__last_draft_only(draft, tokens, tau, cache):
    proposed = []
    for _ in range(tau):
        cache.truncate(len(tokens) - 1)
        proposed.append(int(draft((tokens + proposed[-1:])[cache.length:], cache)[-1].argmax()))
    return proposed


def propose__whole_text_on_top(draft, tokens, tau, cache):
    return cached(draft, tokens, tau, cache, lambda made: tokens + made)


def propose__no_cache(draft, tokens, tau, cache):
    return literal(draft, tokens, tau, lambda made: tokens + made)


def propose__cache_emptied(draft, tokens, tau, cache):
    cache.truncate(0)
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:])


def propose__last_draft_read_too(draft, tokens, tau, cache):
    proposed = cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:])
    draft((tokens + proposed)[cache.length:], cache)
    return proposed


def propose__rolled_back_at_once(draft, tokens, tau, cache):
    proposed = cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:])
    cache.truncate(len(tokens) - 1)
    return proposed


def propose__token_by_token(draft, tokens, tau, cache):
    if tau:
        for token in tokens[cache.length:-1]:
            draft([token], cache)
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:])


def propose__drafts_and_logits(draft, tokens, tau, cache):
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:]), None


# ---- row_contexts


def row_contexts__rows_blind_to_drafts(tokens, proposed):
    return [tokens] * (len(proposed) + 1)


def row_contexts__tau_rows(tokens, proposed):
    return [tokens + proposed[:j] for j in range(len(proposed))]


def row_contexts__shifted(tokens, proposed):
    return [tokens + proposed[:j + 1] for j in range(len(proposed) + 1)]


def row_contexts__everything(tokens, proposed):
    return [tokens + proposed for _ in range(len(proposed) + 1)]


def row_contexts__drafts_only(tokens, proposed):
    return [proposed[:j] for j in range(len(proposed) + 1)]


def row_contexts__last_draft_only(tokens, proposed):
    return [tokens + proposed[:j][-1:] for j in range(len(proposed) + 1)]


def row_contexts__first_draft_only(tokens, proposed):
    return [tokens + proposed[:j][:1] for j in range(len(proposed) + 1)]


def row_contexts__what_is_fed(tokens, proposed):
    return [[token] for token in tokens[-1:] + proposed]


def row_contexts__one_list(tokens, proposed):
    return tokens + proposed


def row_contexts__a_row_for_every_token(tokens, proposed):
    return [(tokens + proposed)[:end] for end in range(1, len(tokens + proposed) + 1)]


# ---- causal_mask


def causal_mask__mask_without_offset(start, rows, positions):
    return [[place <= t for place in range(positions)] for t in range(rows)]


def causal_mask__no_mask_inside_the_block(start, rows, positions):
    return [[place < start + rows for place in range(positions)] for t in range(rows)]


def causal_mask__stale_cells_attended(start, rows, positions):
    return [[place <= start + t or place >= start + rows for place in range(positions)] for t in range(rows)]


def causal_mask__not_itself(start, rows, positions):
    return np.tri(rows, positions, start - 1, dtype=bool)


def causal_mask__one_ahead(start, rows, positions):
    return np.tri(rows, positions, start + 1, dtype=bool)


def causal_mask__upside_down(start, rows, positions):
    return ~np.tri(rows, positions, start, dtype=bool)


def causal_mask__turned(start, rows, positions):
    return np.tri(rows, positions, start, dtype=bool).T


def causal_mask__block_only(start, rows, positions):
    return [[start <= place <= start + t for place in range(positions)] for t in range(rows)]


def causal_mask__minus_infinity(start, rows, positions):
    return np.where(np.tri(rows, positions, start) == 1, 0, -np.inf)


def causal_mask__whole_square(start, rows, positions):
    return np.tri(positions, dtype=bool)


# ---- verify


def verify__verified_one_by_one(target, tokens, proposed, cache):
    rows = [target([token], cache)[-1] for token in (tokens + proposed)[cache.length:]]
    return [int(row.argmax()) for row in rows[-len(proposed) - 1:]]


def verify__rows_blind_to_drafts(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache)[-len(proposed) - 1:]
    return [int(rows[0].argmax())] * (len(proposed) + 1)


def verify__whole_text_fed_again(target, tokens, proposed, cache):
    return target(tokens + proposed, cache)[-len(proposed) - 1:].argmax(axis=-1).tolist()


def verify__tau_rows(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()
    return rows[-len(proposed) - 1:-1]


def verify__bonus_only(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()
    return rows[-len(proposed):]


def verify__all_rows(target, tokens, proposed, cache):
    return target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()


def verify__minus_zero(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()
    return rows[-len(proposed):] + rows[-1:]


def verify__last_token_not_fed(target, tokens, proposed, cache):
    rows = target(proposed or tokens[-1:], cache).argmax(axis=-1).tolist()
    return rows + rows[-1:] if proposed else rows


def verify__last_token_only(target, tokens, proposed, cache):
    return target(tokens[-1:] + proposed, cache).argmax(axis=-1).tolist()


def verify__one_more_pass_for_the_bonus(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()
    cache.truncate(len(tokens + proposed) - 1)
    return rows[-len(proposed) - 1:-1] + [int(target((tokens + proposed)[-1:], cache)[-1].argmax())]


def verify__no_cache(target, tokens, proposed, cache):
    return target(tokens + proposed)[-len(proposed) - 1:].argmax(axis=-1).tolist()


def verify__verdicts(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache)[-len(proposed) - 1:].argmax(axis=-1)
    return [bool(guess == choice) for guess, choice in zip(proposed, rows)]


# ---- count_accepted


def count_accepted__matches_after_a_mismatch(proposed, choices):
    return sum(guess == choice for guess, choice in zip(proposed, choices))


def count_accepted__rows_shifted(proposed, choices):
    n = 0
    while n < len(proposed) and proposed[n] == choices[n + 1]:
        n += 1
    return n


def count_accepted__first_draft_unjudged(proposed, choices):
    n = min(1, len(proposed))
    while n < len(proposed) and proposed[n] == choices[n]:
        n += 1
    return n


def count_accepted__own_token_counted(proposed, choices):
    n = 0
    while n < len(proposed) and proposed[n] == choices[n]:
        n += 1
    return n + 1


def count_accepted__rejected_counted(proposed, choices):
    for n, (guess, choice) in enumerate(zip(proposed, choices), start=1):
        if guess != choice:
            return n
    return len(proposed)


def count_accepted__none_where_all_are(proposed, choices):
    for n, guess in enumerate(proposed):
        if guess != choices[n]:
            return n


def count_accepted__all_or_nothing(proposed, choices):
    return len(proposed) if proposed == choices[:-1] else 0


def count_accepted__last_match(proposed, choices):
    return max([n + 1 for n, guess in enumerate(proposed) if guess == choices[n]], default=0)


def count_accepted__in_any_place(proposed, choices):
    return len(set(proposed) & set(choices))


def count_accepted__one_mismatch_forgiven(proposed, choices):
    n, forgiven = 0, False
    while n < len(proposed):
        if proposed[n] != choices[n]:
            if forgiven:
                return n
            forgiven = True
        n += 1
    return n


def count_accepted__longest_stretch(proposed, choices):
    longest = stretch = 0
    for guess, choice in zip(proposed, choices):
        stretch = stretch + 1 if guess == choice else 0
        longest = max(longest, stretch)
    return longest


# ---- commit


def commit__accepted_drafts_forgotten(tokens, proposed, choices, n_accepted):
    return tokens + [choices[n_accepted]]


def commit__rejected_token_committed(tokens, proposed, choices, n_accepted):
    return tokens + proposed[:n_accepted + 1] + [choices[n_accepted]]


def commit__correction_from_the_draft(tokens, proposed, choices, n_accepted):
    return tokens + (proposed + choices[-1:])[:n_accepted + 1]


def commit__bonus_lost(tokens, proposed, choices, n_accepted):
    own = [choices[n_accepted]] if n_accepted < len(proposed) or not proposed else []
    return tokens + proposed[:n_accepted] + own


def commit__correction_lost(tokens, proposed, choices, n_accepted):
    return tokens + proposed[:n_accepted] + ([choices[-1]] if n_accepted == len(proposed) else [])


def commit__every_a_kept(tokens, proposed, choices, n_accepted):
    return tokens + [guess for guess, choice in zip(proposed, choices) if guess == choice] + choices[-1:]


def commit__all_drafts(tokens, proposed, choices, n_accepted):
    return tokens + proposed + [choices[n_accepted]]


def commit__last_row(tokens, proposed, choices, n_accepted):
    return tokens + proposed[:n_accepted] + [choices[-1]]


def commit__all_choices(tokens, proposed, choices, n_accepted):
    return tokens + choices


def commit__block_only(tokens, proposed, choices, n_accepted):
    return proposed[:n_accepted] + [choices[n_accepted]]


def commit__accepted_only(tokens, proposed, choices, n_accepted):
    return tokens + proposed[:n_accepted]


def commit__row_too_low(tokens, proposed, choices, n_accepted):
    return tokens + proposed[:n_accepted] + [choices[n_accepted - 1]]


def commit__text_changed(tokens, proposed, choices, n_accepted):
    tokens.extend(choices[:n_accepted + 1])
    return tokens


# ---- attend


def head(query, keys, values, cells, divisor, empty=0):
    scores = np.array(keys[:cells]) @ np.array(query) / divisor
    weights = np.exp(scores - scores.max())
    return weights / (weights.sum() + empty) @ np.array(values[:cells])


def attend__stale_cells_attended(query, keys, values, length):
    return head(query, keys, values, len(keys), np.sqrt(len(query)))


def attend__scores_not_divided_by_the_root_of_the_channels(query, keys, values, length):
    return head(query, keys, values, length, 1)


def attend__divided_by_the_channels(query, keys, values, length):
    return head(query, keys, values, length, len(query))


def attend__divided_by_the_root_of_the_length(query, keys, values, length):
    return head(query, keys, values, length, np.sqrt(length))


def attend__one_cell_too_few(query, keys, values, length):
    return head(query, keys, values, max(length - 1, 1), np.sqrt(len(query)))


def attend__zeroed_not_removed(query, keys, values, length):
    keys = keys[:length] + [[0.0] * len(query)] * (len(keys) - length)
    values = values[:length] + [[0.0] * len(query)] * (len(values) - length)
    return head(query, keys, values, len(keys), np.sqrt(len(query)))


def attend__mean(query, keys, values, length):
    return np.mean(values[:length], axis=0)


def attend__best_fit_only(query, keys, values, length):
    return values[int(np.argmax(np.array(keys[:length]) @ np.array(query)))]


def attend__keys_for_values(query, keys, values, length):
    return head(query, keys, keys, length, np.sqrt(len(query)))


def attend__not_normalised(query, keys, values, length):
    scores = np.array(keys[:length]) @ np.array(query) / np.sqrt(len(query))
    return np.exp(scores) @ np.array(values[:length])


def attend__weights_only(query, keys, values, length):
    scores = np.array(keys[:length]) @ np.array(query) / np.sqrt(len(query))
    return np.exp(scores) / np.exp(scores).sum()


# ---- unseen


def unseen__gaps_after_full_acceptance(tokens, cached):
    return tokens[-1:]


def unseen__whole_text_fed_again(tokens, cached):
    return tokens


def unseen__minus_zero(tokens, cached):
    return tokens[-(len(tokens) - cached):]


def unseen__what_is_cached(tokens, cached):
    return tokens[:cached]


def unseen__one_too_few(tokens, cached):
    return tokens[cached + 1:]


def unseen__one_too_many(tokens, cached):
    return tokens[max(cached - 1, 0):]


def unseen__the_last_left_off(tokens, cached):
    return tokens[cached:-1]


def unseen__first_one_only(tokens, cached):
    return tokens[cached:cached + 1]


def unseen__how_many(tokens, cached):
    return len(tokens) - cached


def unseen__taken_out(tokens, cached):
    del tokens[:cached]
    return tokens


# ---- lengths_to_keep


def lengths_to_keep__truncate_lengthens(n_tokens, n_committed, target_length, draft_length):
    return n_tokens + n_committed - 1, n_tokens + n_committed - 1


def lengths_to_keep__draft_not_rolled_back(n_tokens, n_committed, target_length, draft_length):
    return min(target_length, n_tokens + n_committed - 1), draft_length


def lengths_to_keep__target_not_rolled_back(n_tokens, n_committed, target_length, draft_length):
    return target_length, min(draft_length, n_tokens + n_committed - 1)


def lengths_to_keep__reset_instead_of_rollback(n_tokens, n_committed, target_length, draft_length):
    return 0, min(draft_length, n_tokens + n_committed - 1)


def lengths_to_keep__rolled_back_too_far(n_tokens, n_committed, target_length, draft_length):
    return min(target_length, n_tokens + n_committed - 2), min(draft_length, n_tokens + n_committed - 2)


def lengths_to_keep__minus_zero(n_tokens, n_committed, target_length, draft_length):
    keep = n_tokens + n_committed - 1
    return len(range(target_length)[:-(target_length - keep)]), min(draft_length, keep)


def lengths_to_keep__one_too_many(n_tokens, n_committed, target_length, draft_length):
    return min(target_length, n_tokens + n_committed), min(draft_length, n_tokens + n_committed)


def lengths_to_keep__back_to_the_old_text(n_tokens, n_committed, target_length, draft_length):
    return min(target_length, n_tokens - 1), min(draft_length, n_tokens - 1)


def lengths_to_keep__as_they_are(n_tokens, n_committed, target_length, draft_length):
    return target_length, draft_length


def lengths_to_keep__both_the_shorter(n_tokens, n_committed, target_length, draft_length):
    shorter = min(target_length, draft_length, n_tokens + n_committed - 1)
    return shorter, shorter


def lengths_to_keep__draft_one_less(n_tokens, n_committed, target_length, draft_length):
    keep = n_tokens + n_committed - 1
    return min(target_length, keep), min(draft_length, keep - 1)


# ---- speculative_round


def one_round(target, draft, tokens, tau, target_cache, draft_cache, block, keep=0, count=None, roll=(True, True)):
    """A right round but for `block` (what is committed), `count`, `keep` (too many kept) and `roll`."""
    proposed = cached(draft, tokens, tau, draft_cache, lambda made: (tokens + made)[draft_cache.length:])
    choices = target((tokens + proposed)[target_cache.length:], target_cache)[-tau - 1:].argmax(axis=-1).tolist()
    n = 0
    while n < tau and proposed[n] == choices[n]:
        n += 1
    committed = block(proposed, choices, n if count is None else count(proposed, choices))
    for cache, wanted in zip((target_cache, draft_cache), roll):
        if wanted:
            cache.truncate(len(tokens) + n + keep)
    return committed


def right_block(proposed, choices, n):
    return proposed[:n] + [choices[n]]


def speculative_round__rejected_token_committed(*a):
    return one_round(*a, lambda p, c, n: p[:n + 1] + [c[n]])


def speculative_round__correction_from_the_draft(*a):
    return one_round(*a, lambda p, c, n: (p + c[-1:])[:n + 1])


def speculative_round__bonus_lost(*a):
    return one_round(*a, lambda p, c, n: p[:n] + ([c[n]] if n < len(p) or not p else []))


def speculative_round__correction_lost(*a):
    return one_round(*a, lambda p, c, n: p[:n] + ([c[n]] if n == len(p) else []))


def speculative_round__accepted_drafts_forgotten(*a):
    return one_round(*a, lambda p, c, n: [c[n]])


def speculative_round__matches_after_a_mismatch(*a):
    return one_round(*a, right_block, count=count_accepted__matches_after_a_mismatch)


def speculative_round__first_draft_unjudged(*a):
    return one_round(*a, right_block, count=count_accepted__first_draft_unjudged)


def speculative_round__every_a_kept(*a):
    return one_round(*a, lambda p, c, n: [guess for guess, choice in zip(p, c) if guess == choice] + c[-1:])


def speculative_round__rows_shifted(*a):
    return one_round(*a, right_block, count=count_accepted__rows_shifted)


def speculative_round__all_drafts_kept(*a):
    return one_round(*a, lambda p, c, n: p + [c[-1]])


def speculative_round__whole_text(target, draft, tokens, *a):
    return one_round(target, draft, tokens, *a, lambda p, c, n: tokens + p[:n] + [c[n]])


def speculative_round__rolled_back_too_far(*a):
    return one_round(*a, right_block, keep=-1)


def speculative_round__one_too_many_kept(*a):
    return one_round(*a, right_block, keep=1)


def speculative_round__target_not_rolled_back(*a):
    return one_round(*a, right_block, roll=(False, True))


def speculative_round__draft_not_rolled_back(*a):
    return one_round(*a, right_block, roll=(True, False))


def speculative_round__reset_instead_of_rollback(target, draft, tokens, tau, target_cache, draft_cache):
    committed = one_round(target, draft, tokens, tau, target_cache, draft_cache, right_block)
    target_cache.truncate(0)
    return committed


def speculative_round__minus_zero(target, draft, tokens, tau, target_cache, draft_cache):
    committed = one_round(target, draft, tokens, tau, target_cache, draft_cache, right_block, roll=(False, True))
    rejected = tau + 1 - len(committed)
    target_cache.truncate(len(range(target_cache.length)[:-rejected]))
    return committed


def speculative_round__own_token_by_a_second_pass(target, draft, tokens, tau, target_cache, draft_cache):
    committed = one_round(target, draft, tokens, tau, target_cache, draft_cache, right_block)
    text = tokens + committed[:-1]
    target_cache.truncate(len(text) - 1)
    return committed[:-1] + [int(target(text[-1:], target_cache)[-1].argmax())]


def speculative_round__verified_one_by_one(target, draft, tokens, tau, target_cache, draft_cache):
    proposed = cached(draft, tokens, tau, draft_cache, lambda made: (tokens + made)[draft_cache.length:])
    choices = verify__verified_one_by_one(target, tokens, proposed, target_cache)
    n = 0
    while n < tau and proposed[n] == choices[n]:
        n += 1
    target_cache.truncate(len(tokens) + n)
    draft_cache.truncate(len(tokens) + n)
    return choices[:n + 1]


# ---- speculative, and repaired: the same loop


def loop(target, draft, tokens, new_tokens, tau, end_token, cap=True, cut=True, stop=True, gap=False, rollback=True,
         far=0, reread=False, blind=False, everything=False):
    """A decode that is right with the defaults; each flag is a mistake."""
    text, end = list(tokens), len(tokens) + new_tokens
    target_cache, draft_cache = KVCache(target.config), KVCache(draft.config)
    while len(text) < end:
        proposed = []
        for _ in range(min(tau, end - len(text) - 1) if cap else tau):
            context = text if blind else text + proposed
            if blind:
                draft_cache.truncate(len(text) - 1)
            unread = context[-1:] if gap and draft_cache.length else context[draft_cache.length:]
            proposed.append(int(draft(unread, draft_cache)[-1].argmax()))
        if reread:
            target_cache.truncate(0)
        choices = target((text + proposed)[target_cache.length:], target_cache)[-len(proposed) - 1:].argmax(-1).tolist()
        n = 0
        while n < len(proposed) and proposed[n] == choices[n]:
            n += 1
        new = proposed + choices[-1:] if everything else proposed[:n] + [choices[n]]
        if cut and end_token in new:
            new = new[:new.index(end_token) + 1]
        text += new
        if rollback:
            target_cache.truncate(len(text) - 1 - far)
            draft_cache.truncate(len(text) - 1 - far)
        if stop and text[-1] == end_token:
            break
    return text


def speculative__end_inside_the_block_missed(*a):
    return loop(*a, cut=False)


def speculative__budget_overshot(*a):
    return loop(*a, cap=False)


def speculative__never_stops_at_the_end(*a):
    return loop(*a, stop=False)


def speculative__not_rolled_back(*a):
    return loop(*a, rollback=False)


def speculative__gaps_after_full_acceptance(*a):
    return loop(*a, gap=True)


def speculative__target_reads_all_again(*a):
    return loop(*a, reread=True)


def speculative__everything_kept(*a):
    return loop(*a, everything=True)


def speculative__no_earlier_drafts(*a):
    return loop(*a, blind=True)


def speculative__plain_decoding(target, draft, tokens, new_tokens, tau, end_token):
    return loop(target, draft, tokens, new_tokens, 0, end_token)


def speculative__new_tokens_only(target, draft, tokens, *a):
    return loop(target, draft, tokens, *a)[len(tokens):]


def speculative__one_token_too_many(target, draft, tokens, new_tokens, *a):
    return loop(target, draft, tokens, new_tokens + 1, *a)


def speculative__end_token_cut_off(*a):
    text = loop(*a)
    return text[:-1] if text[-1] == a[-1] else text


def speculative__prompt_grows(target, draft, tokens, *a):
    tokens += loop(target, draft, tokens, *a)[len(tokens):]
    return tokens


def speculative__the_draft_alone(target, draft, *a):
    return loop(draft, draft, *a)


def speculative__stops_in_the_prompt(target, draft, tokens, new_tokens, tau, end_token):
    return loop(target, draft, tokens, new_tokens, tau, end_token)[:len(tokens) + max(0, new_tokens - 1)]


def repaired__untouched(*a):
    return loop(*a, cut=False, gap=True, reread=True)


def repaired__end_inside_the_block_missed(*a):
    return loop(*a, cut=False)


def repaired__only_the_text(*a):
    return loop(*a, gap=True, reread=True)


def repaired__the_draft_is_not(*a):
    return loop(*a, gap=True)


def repaired__the_work_is_not(*a):
    return loop(*a, reread=True)


def repaired__truncated_too_far(*a):
    return loop(*a, far=2)


def repaired__budget_overshot(*a):
    return loop(*a, cap=False)


def repaired__not_rolled_back(*a):
    return loop(*a, rollback=False)


def repaired__no_drafts_left(target, draft, tokens, new_tokens, tau, end_token):
    return loop(target, draft, tokens, new_tokens, 0, end_token)


# ---- expected_tokens


def mean(alpha, tau):
    return sum(alpha ** t for t in range(tau + 1))


def expected_tokens__the_targets_own_token_left_out(alpha, tau):
    return mean(alpha, tau) - 1


def expected_tokens__closed_form_with_tau_for_tau_plus_1(alpha, tau):
    return sum(alpha ** t for t in range(tau))


def expected_tokens__one_plus_alpha_tau(alpha, tau):
    return 1 + alpha * tau


def expected_tokens__all_or_nothing(alpha, tau):
    return 1 + tau * alpha ** tau


def expected_tokens__endless(alpha, tau):
    return 1 / (1 - alpha)


def expected_tokens__no_limit_at_1(alpha, tau):
    return (1 - alpha ** (tau + 1)) / (1 - alpha)


def expected_tokens__nan_at_1(alpha, tau):
    return float((np.float64(1) - alpha ** (tau + 1)) / np.float64(1 - alpha))


def expected_tokens__plus_two(alpha, tau):
    return mean(alpha, tau) + 1


def expected_tokens__rounded(alpha, tau):
    return round(mean(alpha, tau))


def expected_tokens__no_bonus(alpha, tau):
    return mean(alpha, tau) - alpha ** tau


# ---- speedup


def speedup__the_targets_own_token_left_out(alpha, tau, c, v):
    return (mean(alpha, tau) - 1) / (tau * c + v)


def speedup__one_draft_paid_for_whatever_tau(alpha, tau, c, v):
    return mean(alpha, tau) / (c + v)


def speedup__the_pass_over_tau_plus_1_rows_at_the_price_of_one_row(alpha, tau, c, v):
    return mean(alpha, tau) / (tau * c + 1)


def speedup__free_drafts(alpha, tau, c, v):
    return mean(alpha, tau) / v


def speedup__upside_down(alpha, tau, c, v):
    return (tau * c + v) / mean(alpha, tau)


def speedup__v_for_every_row(alpha, tau, c, v):
    return mean(alpha, tau) / (tau * c + (tau + 1) * v)


def speedup__drafts_that_were_accepted_paid(alpha, tau, c, v):
    return mean(alpha, tau) / ((mean(alpha, tau) - 1) * c + v)


def speedup__one_draft_more(alpha, tau, c, v):
    return mean(alpha, tau) / ((tau + 1) * c + v)


def speedup__never_below_1(alpha, tau, c, v):
    return max(1, mean(alpha, tau) / (tau * c + v))


def speedup__times_v(alpha, tau, c, v):
    return mean(alpha, tau) / (tau * c * v)


# ---- break_even


def even(tau, cost, tokens=mean, low=0.0, high=1.0):
    """The alpha at which `tokens` are worth `cost`."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if tokens(middle, tau) < cost else (low, middle)
    return high


def break_even__1_for_none(tau, c, v):
    return even(tau, tau * c + v)


def break_even__never_in_words(tau, c, v):
    return even(tau, tau * c + v) if tau + 1 > tau * c + v else "never"


def break_even__beyond_1(tau, c, v):
    return even(tau, tau * c + v, high=10.0)


def break_even__own_token_left_out(tau, c, v):
    return even(tau, tau * c + v, lambda alpha, tau: mean(alpha, tau) - 1) if tau > tau * c + v else None


def break_even__v_is_1(tau, c, v):
    return even(tau, tau * c + 1) if tau + 1 > tau * c + 1 else None


def break_even__one_draft_paid(tau, c, v):
    return even(tau, c + v) if tau + 1 > c + v else None


def break_even__one_plus_alpha_tau(tau, c, v):
    alpha = (tau * c + v - 1) / tau
    return alpha if alpha < 1 else None


def break_even__tau_for_tau_plus_1(tau, c, v):
    return even(tau - 1, tau * c + v) if tau > tau * c + v else None


def break_even__the_c(tau, c, v):
    return (tau + 1 - v) / tau


def break_even__coarse(tau, c, v):
    return round(even(tau, tau * c + v), 1) if tau + 1 > tau * c + v else None


# ---- best_tau


def speeds(alpha, c, v):
    return [mean(alpha, rows - 1) / ((rows - 1) * c + v[rows]) for rows in v]


def best_tau__0_not_tried(alpha, c, v):
    return 1 + int(np.argmax(speeds(alpha, c, v)[1:]))


def best_tau__the_longest_tau(alpha, c, v):
    return len(v) - 1


def best_tau__most_tokens(alpha, c, v):
    return int(np.argmax([mean(alpha, tau) for tau in range(len(v))]))


def best_tau__v_of_tau(alpha, c, v):
    return int(np.argmax([mean(alpha, tau) / (tau * c + v.get(tau, 1)) for tau in range(len(v))]))


def best_tau__v_of_one(alpha, c, v):
    return int(np.argmax([mean(alpha, tau) / (tau * c + 1) for tau in range(len(v))]))


def best_tau__first_that_pays(alpha, c, v):
    return next((tau for tau, speed in enumerate(speeds(alpha, c, v)) if speed > 1), 0)


def best_tau__free_drafts(alpha, c, v):
    return int(np.argmax([mean(alpha, rows - 1) / v[rows] for rows in v]))


def best_tau__rows_not_drafts(alpha, c, v):
    return int(np.argmax(speeds(alpha, c, v))) + 1


def best_tau__the_speed(alpha, c, v):
    return max(speeds(alpha, c, v))


def best_tau__always_0(alpha, c, v):
    return 0


def best_tau__mean_run(alpha, c, v):
    return min(len(v) - 1, round(alpha / (1 - alpha)))


# ---- policy


def policy__fixed(rounds):
    return 4


def policy__never_recovers(rounds):
    tau = 8
    for asked, accepted in rounds:
        tau = min(tau, accepted)
    return tau


def policy__stuck_at_0(rounds):
    tau = 4
    for asked, accepted in rounds:
        tau = 0 if asked == 0 or accepted == 0 else min(12, asked + 1)
    return tau


def policy__only_grows(rounds):
    return min(12, 4 + len(rounds))


def policy__only_shrinks(rounds):
    return max(1, 12 - len(rounds))


def policy__without_limit(rounds):
    tau = 4
    for asked, accepted in rounds:
        tau = tau + 2 if accepted == asked else max(1, tau - 2)
    return tau


def policy__below_0(rounds):
    tau = 4
    for asked, accepted in rounds:
        tau = min(12, tau + 1) if accepted == asked else tau - 3
    return tau


def policy__first_round_crashes(rounds):
    asked, accepted = rounds[-1]
    return min(12, asked + 1) if accepted == asked else max(1, accepted)


def policy__mean_of_all(rounds):
    return min(12, 1 + round(2 * sum(r[1] for r in rounds) / len(rounds))) if rounds else 4


def policy__a_fraction(rounds):
    return 4 if not rounds else rounds[-1][0] / 2


def policy__the_wrong_way(rounds):
    return 4 if not rounds else (max(1, rounds[-1][0] - 1) if rounds[-1][0] == rounds[-1][1] else 12)


# ---- tests that see nothing, or too much


def check_text__always_true(run):
    return True


def check_text__always_false(run):
    return False


def check_text__length(run):
    return len(run.tokens) <= len(run.prompt) + run.new_tokens


def check_text__begins_with_the_prompt(run):
    return run.tokens[:len(run.prompt)] == run.prompt


def check_text__one_round(run):
    r = run.rounds[0]
    return run.target(r.tokens) == r.committed[0]


def check_text__without_the_end(run):
    text = list(run.prompt)
    for _ in range(run.new_tokens):
        text.append(run.target(text))
    return text == run.tokens


def check_text__as_far_as_it_goes(run):
    return all(run.target(run.tokens[:end]) == run.tokens[end] for end in range(len(run.prompt), len(run.tokens)))


def check_text__what_the_rounds_say(run):
    return run.tokens == run.prompt + sum((r.committed for r in run.rounds), [])


def check_text__choices(run):
    return all(r.committed == r.choices[:len(r.committed)] for r in run.rounds)


def check_drafts__always_true(run):
    return True


def check_drafts__first_draft(run):
    return all(not r.proposed or run.draft(r.tokens) == r.proposed[0] for r in run.rounds)


def check_drafts__first_round(run):
    return all(run.draft(r.tokens + r.proposed[:t]) == r.proposed[t] for r in run.rounds[:1]
               for t in range(len(r.proposed)))


def check_drafts__equal_to_the_target(run):
    return all(run.target(r.tokens + r.proposed[:t]) == r.proposed[t] for r in run.rounds
               for t in range(len(r.proposed)))


def check_drafts__text_is_greedy(run):
    return all(run.target(run.tokens[:end]) == run.tokens[end] for end in range(len(run.prompt), len(run.tokens)))


def check_drafts__enough_of_them(run):
    return all(len(r.proposed) <= run.tau for r in run.rounds)


def check_drafts__no_two_alike(run):
    return all(len(set(r.proposed)) == len(r.proposed) for r in run.rounds)


def check_work__always_true(run):
    return True


def check_work__a_pass_a_round(run):
    return len(run.target_passes) == len(run.rounds)


def check_work__fewer_than_tokens(run):
    return len(run.target_passes) <= max(1, len(run.tokens) - len(run.prompt))


def check_work__tau_plus_1(run):
    return all(rows == run.tau + 1 for rows in run.target_passes)


def check_work__at_most_the_text(run):
    return sum(run.target_passes) <= 3 * len(run.tokens)


def check_work__text_is_greedy(run):
    return check_drafts__text_is_greedy(run)


def check_caches__always_true(run):
    return True


def check_caches__shorter_than_the_text(run):
    return all(r.target_cache[1] < len(r.tokens) + len(r.committed) and r.draft_cache[1] < len(r.tokens)
               + len(r.committed) for r in run.rounds)


def check_caches__target_only(run):
    return all(r.target_cache[1] == len(r.tokens) + len(r.committed) - 1 for r in run.rounds)


def check_caches__both_equal(run):
    return all(r.target_cache[1] == r.draft_cache[1] for r in run.rounds)


def check_caches__last_round(run):
    return all(r.target_cache[1] == len(r.tokens) + len(r.committed) - 1 for r in run.rounds[-1:])


def check_caches__never_longer(run):
    return all(r.target_cache[1] <= r.target_cache[0] and r.draft_cache[1] <= r.draft_cache[0] for r in run.rounds)


def check_counters__always_true(run):
    return True


def check_counters__rate_below_1(run):
    return run.acceptance is None or 0 <= run.acceptance <= 1


def check_counters__sums_of_what_is_reported(run):
    return (run.n_accepted == sum(r.n_accepted for r in run.rounds)
            and run.n_drafted == sum(len(r.proposed) for r in run.rounds))


def check_counters__ratio(run):
    return run.acceptance == (run.n_accepted / run.n_drafted if run.n_drafted else None)


def check_counters__drafts_not_above_tau(run):
    return run.n_drafted <= run.tau * len(run.rounds) and run.n_accepted <= run.n_drafted


def check_counters__end_forgotten(run):
    def prefix(r):
        return next((n for n, guess in enumerate(r.proposed) if guess != r.choices[n]), len(r.proposed))
    return all(r.n_accepted == prefix(r) for r in run.rounds)


# ---- gumbel_choice


def argmax_of(scores):
    return int(np.argmax(scores))


def gumbel_choice__the_noise_left_out(logits_V, noise_V, temperature):
    return argmax_of(np.array(logits_V) / temperature)


def gumbel_choice__the_noise_divided_by_the_temperature_too(logits_V, noise_V, temperature):
    return argmax_of((np.array(logits_V) + noise_V) / temperature)


def gumbel_choice__times_the_temperature(logits_V, noise_V, temperature):
    return argmax_of(np.array(logits_V) * temperature + noise_V)


def gumbel_choice__noise_taken_off(logits_V, noise_V, temperature):
    return argmax_of(np.array(logits_V) / temperature - noise_V)


def gumbel_choice__noise_only(logits_V, noise_V, temperature):
    return argmax_of(noise_V)


def gumbel_choice__noise_on_the_probabilities(logits_V, noise_V, temperature):
    powers = np.exp(np.array(logits_V) / temperature - max(logits_V) / temperature)
    return argmax_of(powers / powers.sum() + noise_V)


def gumbel_choice__noise_as_a_factor(logits_V, noise_V, temperature):
    return argmax_of(np.exp(np.array(logits_V) / temperature) * noise_V)


def gumbel_choice__noise_over_the_temperature_only(logits_V, noise_V, temperature):
    return argmax_of(np.array(logits_V) + np.array(noise_V) / temperature)


def gumbel_choice__the_number_itself(logits_V, noise_V, temperature):
    return max(np.array(logits_V) / temperature + noise_V)


def gumbel_choice__ties_to_the_last_token(logits_V, noise_V, temperature):
    return len(logits_V) - 1 - argmax_of((np.array(logits_V) / temperature + noise_V)[::-1])


def gumbel_choice__fresh_noise(logits_V, noise_V, temperature):
    return argmax_of(np.array(logits_V) / temperature + np.random.default_rng(0).gumbel(size=len(logits_V)))


# ---- ratio_test


def ratio_test__the_fraction_upside_down(target_V, draft_V, token, uniform):
    return uniform < min(1, draft_V[token] / max(target_V[token], 1e-9))


def ratio_test__the_targets_share_alone(target_V, draft_V, token, uniform):
    return uniform < target_V[token]


def ratio_test__the_targets_argmax_only(target_V, draft_V, token, uniform):
    return token == target_V.index(max(target_V))


def ratio_test__a_token_of_share_0_kept(target_V, draft_V, token, uniform):
    return uniform <= min(1, target_V[token] / draft_V[token])


def ratio_test__the_other_way_round(target_V, draft_V, token, uniform):
    return uniform > min(1, target_V[token] / draft_V[token])


def ratio_test__likelier_only(target_V, draft_V, token, uniform):
    return target_V[token] >= draft_V[token]


def ratio_test__the_drafts_share_alone(target_V, draft_V, token, uniform):
    return uniform < draft_V[token]


def ratio_test__a_half_for_the_number(target_V, draft_V, token, uniform):
    return target_V[token] / draft_V[token] > 0.5


def ratio_test__a_number_of_its_own(target_V, draft_V, token, uniform):
    return np.random.default_rng(0).random() < target_V[token] / draft_V[token]


def ratio_test__largest_share_below(target_V, draft_V, token, uniform):
    return uniform < min(1, max(target_V) / draft_V[token])


def ratio_test__the_chance_itself(target_V, draft_V, token, uniform):
    return min(1, target_V[token] / draft_V[token])


def ratio_test__the_token_instead(target_V, draft_V, token, uniform):
    return token if uniform < min(1, target_V[token] / draft_V[token]) else -1


def ratio_test__always_kept(target_V, draft_V, token, uniform):
    return True


# ---- residual


def left(target_V, draft_V, beyond=None):
    """The right residual, or with another `beyond` made to sum to 1."""
    if target_V == draft_V:
        raise ValueError("nothing is left")
    beyond = np.maximum(np.array(target_V) - draft_V, 0) if beyond is None else beyond
    return beyond / beyond.sum()


def residual__draft_minus_target(target_V, draft_V):
    return left(draft_V, target_V)


def residual__sizes_instead_of_a_clip(target_V, draft_V):
    return left(target_V, draft_V, np.abs(np.array(target_V) - draft_V))


def residual__not_made_to_sum_to_1(target_V, draft_V):
    return np.maximum(np.array(target_V) - draft_V, 0)


def residual__the_target_itself(target_V, draft_V):
    return target_V


def residual__not_clipped(target_V, draft_V):
    return np.array(target_V) - draft_V


def residual__one_share_taken_off_all(target_V, draft_V):
    return left(target_V, draft_V, np.maximum(np.array(target_V) - max(draft_V), 0))


def residual__softmax_of_the_difference(target_V, draft_V):
    return left(target_V, draft_V, np.exp(np.array(target_V) - draft_V))


def residual__its_argmax(target_V, draft_V):
    return int(np.argmax(left(target_V, draft_V)))


def residual__argmax_only(target_V, draft_V):
    return np.eye(len(target_V))[np.argmax(left(target_V, draft_V))]


def residual__the_draft_once_more(target_V, draft_V):
    return draft_V


def residual__nothing_by_nothing(target_V, draft_V):
    beyond = np.maximum(np.array(target_V) - draft_V, 0)
    return beyond / beyond.sum()


def residual__uniform_where_nothing_is_left(target_V, draft_V):
    return [1 / len(target_V)] * len(target_V) if target_V == draft_V else left(target_V, draft_V)


def residual__target_where_nothing_is_left(target_V, draft_V):
    return target_V if target_V == draft_V else left(target_V, draft_V)


def residual__none_where_nothing_is_left(target_V, draft_V):
    return None if target_V == draft_V else left(target_V, draft_V)


def residual__in_place(target_V, draft_V):
    for token, share in enumerate(draft_V):
        target_V[token] = max(0, target_V[token] - share)
    return left(target_V, [0] * len(draft_V), np.array(target_V))


def residual__without_the_sampled_token(target_V, draft_V):
    target = np.array(target_V)
    target[np.argmax(draft_V)] = 0
    return left(target_V, draft_V, target)


# ---- lookup


def ends_of(tokens, n):
    """Where what stands before is the last n tokens, the end itself left out."""
    return [end for end in range(n, len(tokens)) if tokens[end - n:end] == tokens[-n:]]


def looked_up(tokens, n, which=-1, fewer=True, shift=0, apart=False):
    """The right lookup with the defaults."""
    for length in range(n, 0 if fewer else n - 1, -1):
        ends = [end for end in ends_of(tokens, length) if not apart or end + length <= len(tokens)]
        if ends:
            return tokens[ends[which] + shift]
    return tokens[-1]


def lookup__the_first_occurrence(tokens, n):
    return looked_up(tokens, n, which=0)


def lookup__the_newest_token_alone(tokens, n):
    return looked_up(tokens, 1)


def lookup__no_fewer_than_n_tokens(tokens, n):
    return looked_up(tokens, n, fewer=False)


def lookup__no_occurrence_that_overlaps(tokens, n):
    return looked_up(tokens, n, apart=True)


def lookup__the_last_matching_token(tokens, n):
    return looked_up(tokens, n, shift=-1)


def lookup__finds_itself(tokens, n):
    for end in range(len(tokens), n - 1, -1):
        if tokens[end - n:end] == tokens[-n:]:
            return tokens[end % len(tokens)]
    return tokens[-1]


def lookup__runs_off_the_end(tokens, n):
    places = [place for place, token in enumerate(tokens) if token == tokens[-1]]
    return tokens[places[-1] + 1]


def lookup__token_0_at_last(tokens, n):
    return looked_up(tokens, n) if any(ends_of(tokens, length) for length in range(1, n + 1)) else 0


def lookup__none_at_last(tokens, n):
    return looked_up(tokens, n) if any(ends_of(tokens, length) for length in range(1, n + 1)) else None


def lookup__shortest_first(tokens, n):
    for length in range(1, n + 1):
        if ends_of(tokens, length):
            return tokens[ends_of(tokens, length)[-1]]
    return tokens[-1]


def lookup__digits_for_tokens(tokens, n):
    for length in range(min(n, len(tokens) - 1), 0, -1):
        words, last = " ".join(map(str, tokens)), " ".join(map(str, tokens[-length:]))
        found = words.rfind(last + " ")
        if found >= 0:
            return int(words[found + len(last):].split()[0])
    return tokens[-1]


def lookup__most_often(tokens, n):
    for length in range(n, 0, -1):
        found = [tokens[end] for end in ends_of(tokens, length)]
        if found:
            return max(sorted(set(found)), key=found.count)
    return tokens[-1]


def lookup__second_to_last(tokens, n):
    return looked_up(tokens, n, which=-2) if len(ends_of(tokens, n)) > 1 else looked_up(tokens, n)


def lookup__any_order(tokens, n):
    for length in range(min(n, len(tokens) - 1), 0, -1):
        last = sorted(tokens[-length:])
        ends = [end for end in range(length, len(tokens)) if sorted(tokens[end - length:end]) == last]
        if ends:
            return tokens[ends[-1]]
    return tokens[-1]


def lookup__never_in_the_second_half(tokens, n):
    return looked_up(tokens[:(len(tokens) + 1) // 2] + tokens[-n:], n)


def lookup__as_text(tokens, n):
    return str(looked_up(tokens, n))
