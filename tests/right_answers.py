"""Right answers to every exercise, in as many styles as students have: an expression in the table, or a function
`<exercise>__<style>` on its own feet."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np

from minispec import KVCache

# (how a round drafts, verifies, counts, rolls back)
ROUNDS = (("propose__unseen", "verify__argmax", "count_accepted__while", "by_truncation"),
          ("propose__feed", "verify__list", "count_accepted__cumprod", "by_hand"),
          ("propose__whole_text", "verify__loop", "count_accepted__argmin", "where_longer"),
          ("propose__recursion", "verify__tuple", "count_accepted__recursion", "by_truncation"),
          ("propose__first_apart", "verify__index", "count_accepted__for", "by_hand"),
          ("propose__defensive", "verify__defensive", "count_accepted__while", "where_longer"))
EXPRESSIONS = {
    "next_token": {
        "index": "logits.index(max(logits))",
        "argmax": "np.argmax(logits)",
        "key": "max(range(len(logits)), key=logits.__getitem__)",
        "sorted": "sorted(range(len(logits)), key=lambda token: (-logits[token], token))[0]",
        "float32": "np.asarray(logits, dtype=np.float32).argmax(keepdims=True)[0]",
    },
    "softmax": {
        "one line": "[1 / sum(math.exp(min(other - score, 700)) for other in scores) for score in scores]",
    },
    "draft_context": {
        "sum": "prompt + verified + drafts[:t - 1]",
        "stars": "[*prompt, *verified, *drafts[0:t - 1]]",
        "numpy": "np.concatenate([np.array(part, dtype=int) for part in (prompt, verified, drafts[:t - 1])])",
        "chain": "tuple(itertools.chain(prompt, verified, itertools.islice(drafts, t - 1)))",
    },
    "propose_literal": {
        "reduce":
            "functools.reduce(lambda made, _: made + [int(draft(list(tokens) + made)[-1].argmax())], range(tau), [])",
    },
    "row_contexts": {
        "comprehension": "[tokens + proposed[:j] for j in range(len(proposed) + 1)]",
        "accumulate": "list(itertools.accumulate([list(tokens)] + [[draft] for draft in proposed]))",
        "arrays": "[np.array(tokens + proposed[:j]) for j in range(1 + len(proposed))]",
    },
    "causal_mask": {
        "comprehension": "[[place <= start + t for place in range(positions)] for t in range(rows)]",
        "outer": "np.arange(positions)[None, :] <= np.arange(start, start + rows)[:, None]",
        "tri": "np.tri(rows, positions, start, dtype=bool)",
        "slice of the square": "np.tril(np.ones((positions, positions), dtype=int))[start:start + rows]",
        "lists": "[[1] * (start + t + 1) + [0] * (positions - start - t - 1) for t in range(rows)]",
    },
    "count_accepted": {
        "takewhile": "len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(proposed, choices))))",
        "next": "next((n for n, guess in enumerate(proposed) if guess != choices[n]), len(proposed))",
    },
    "commit": {
        "sum": "tokens + proposed[:n_accepted] + [choices[n_accepted]]",
        "from the choices": "tokens + choices[:n_accepted + 1]",
        "numpy": "np.array([*tokens, *proposed[:n_accepted], choices[n_accepted]])",
    },
    "unseen": {
        "slice": "tokens[cached:]",
        "comprehension": "[token for place, token in enumerate(tokens) if place >= cached]",
        "from behind": "tokens[len(tokens) - (len(tokens) - cached):]",
        "numpy": "np.array(tokens)[cached:]",
        "islice": "tuple(itertools.islice(tokens, cached, None))",
    },
    "lengths_to_keep": {
        "list": "[min(length, n_tokens + n_committed - 1) for length in (target_length, draft_length)]",
        "numpy": "np.minimum([target_length, draft_length], n_tokens + n_committed - 1)",
        "clip": "np.clip(np.array([target_length, draft_length]), 0, n_tokens + n_committed - 1).tolist()",
    },
    "speculative_round": {" ".join(parts): f"a_round(*a, {', '.join(parts)})" for parts in ROUNDS},
    "speculative": {" ".join(parts): f"a_decode(*a, {', '.join(parts)})" for parts in ROUNDS[::2]},
    "repaired": {                        # other loops are as good as the file with its three lines right
        **{" ".join(parts): f"a_decode(*a, {', '.join(parts)})" for parts in ROUNDS[1::2]},
        **{style: f"speculative__{style}(*a)" for style in ("capped", "prefilled", "defensive")},
    },
    "expected_tokens": {
        "sum": "sum(alpha ** t for t in range(tau + 1))",
        "closed form": "tau + 1 if alpha == 1 else (1 - alpha ** (tau + 1)) / (1 - alpha)",
        "float32": "np.sum(np.float32(alpha) ** np.arange(tau + 1), dtype=np.float32)",
        "polyval": "np.polyval(np.ones(tau + 1), alpha)",
        "fraction": "float(sum(Fraction(alpha) ** t for t in range(tau + 1)))",
    },
    "speedup": {
        "sum": "sum(alpha ** t for t in range(tau + 1)) / (tau * c + v)",
        "per token": "1 / ((tau * c + v) / sum(alpha ** t for t in range(tau + 1)))",
        "numpy": "np.float64(alpha) ** np.arange(tau + 1) @ np.ones(tau + 1) / (tau * c + v)",
    },
    "best_tau": {
        "max": "max(range(max(v)), key=lambda tau: sum(alpha ** t for t in range(tau + 1)) / (tau * c + v[tau + 1]))",
    },
    "policy": {
        "last round":
            "min(12, rounds[-1][1] + 2) if rounds and rounds[-1][0] == rounds[-1][1] else min(12, max(1, "
            "rounds[-1][1])) if rounds else 4",
        "extremes": "12 if rounds and rounds[-1][0] > 0 and rounds[-1][0] == rounds[-1][1] else 1",
    },
    "check_drafts": {
        "all":
            "all(run.draft(r.tokens + r.proposed[:t]) == r.proposed[t] for r in run.rounds for t in "
            "range(len(r.proposed)))",
    },
    "check_work": {
        "equal": "run.target_passes == [len(r.proposed) + 1 for r in run.rounds]",
    },
    "gumbel_choice": {
        "numpy": "np.argmax(np.array(logits_V) / temperature + noise_V)",
        "float32": "(np.float32(logits_V) / np.float32(temperature) + np.float32(noise_V)).argmax()",
        "noise times the temperature":
            "max(range(len(logits_V)), key=lambda token: logits_V[token] + temperature * noise_V[token])",
    },
    "ratio_test": {
        "min": "uniform < min(1, target_V[token] / draft_V[token])",
        "multiplied out": "uniform * draft_V[token] < target_V[token]",
        "no min": "np.float32(target_V[token]) / np.float32(draft_V[token]) > uniform",
        "fraction": "Fraction(uniform) < Fraction(target_V[token]) / Fraction(draft_V[token])",
    },
}


def next_token__loop(logits):
    best = 0
    for token in range(1, len(logits)):
        if logits[token] > logits[best]:
            best = token
    return best


def next_token__recursion(logits):
    if len(logits) == 1:
        return 0
    rest = next_token__recursion(logits[:-1])
    return rest if logits[rest] >= logits[-1] else len(logits) - 1


def next_token__where(logits):
    array = np.array(logits)
    return np.where(array == array.max())[0].min()


def softmax__loop(scores):
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def softmax__numpy(scores):
    powers = np.exp(np.array(scores) - np.max(scores))
    return powers / powers.sum()


def softmax__float32(scores):
    scores = np.array(scores, dtype=np.float32)
    powers = np.exp(scores - scores.max())
    return (powers / powers.sum()).tolist()


def softmax__log_sum(scores):
    total = functools.reduce(np.logaddexp, scores)
    return tuple(np.exp(np.array(scores) - total))


def softmax__defensive(scores):
    assert len(scores) > 0
    scores = [float(score) for score in scores]
    powers = {}
    for place, score in enumerate(scores):
        powers[place] = np.float64(math.exp(score - max(scores)))
    total = math.fsum(powers.values())
    return [powers[place] / total for place in range(len(scores))]


def draft_context__loop(prompt, verified, drafts, t):
    context = list(prompt)
    context.extend(verified)
    for number in range(1, t):
        context.append(drafts[number - 1])
    return context


def draft_context__recursion(prompt, verified, drafts, t):
    return prompt + verified if t == 1 else draft_context__recursion(prompt, verified, drafts, t - 1) + [drafts[t - 2]]


def draft_context__from_behind(prompt, verified, drafts, t):
    whole = prompt + verified + drafts
    return whole[:len(whole) - len(drafts) + t - 1]


def propose_literal__loop(draft, tokens, tau):
    proposed = []
    for _ in range(tau):
        proposed.append(int(np.argmax(draft(tokens + proposed)[-1])))
    return proposed


def propose_literal__whole_text(draft, tokens, tau):
    text = list(tokens)
    while len(text) < len(tokens) + tau:
        text.append(np.argmax(draft(text)[-1]))
    return text[len(tokens):]


def propose_literal__recursion(draft, tokens, tau):
    if tau == 0:
        return []
    guess = np.argmax(draft(tokens)[-1])
    return [guess] + propose_literal__recursion(draft, [*tokens, guess], tau - 1)


def propose_literal__array(draft, tokens, tau):
    proposed = np.zeros(tau, dtype=np.int32)
    for t in range(tau):
        proposed[t] = draft(np.concatenate([tokens, proposed[:t]]).astype(int))[-1].argmax()
    return proposed


def propose_literal__with_a_cache(draft, tokens, tau):
    cache, feed, proposed = KVCache(draft.config), tokens, []
    for _ in range(tau):
        feed = [int(draft(feed, cache)[-1].argmax())]
        proposed += feed
    return proposed


def propose_literal__lists(draft, tokens, tau):
    proposed = ()
    for t in range(1, tau + 1):
        row = draft(list(tokens) + list(proposed)).tolist()[-1]
        proposed += (row.index(max(row)),)
    assert len(proposed) == tau
    return proposed


def propose__unseen(draft, tokens, tau, cache):
    proposed = []
    for _ in range(tau):
        context = tokens + proposed
        proposed.append(int(np.argmax(draft(context[cache.length:], cache)[-1])))
    return proposed


def propose__feed(draft, tokens, tau, cache):
    feed, proposed = tokens[cache.length:], []
    while len(proposed) < tau:
        guess = draft(feed, cache)[-1].argmax()
        proposed.append(guess)
        feed = [guess]
    return proposed


def propose__whole_text(draft, tokens, tau, cache):
    text = np.array(tokens)
    for _ in range(tau):
        text = np.append(text, draft(text[cache.length:], cache)[-1].argmax())
    return text[len(tokens):]


def propose__recursion(draft, tokens, tau, cache):
    if tau < 1:
        return []
    guess = int(draft(tokens[cache.length:], cache)[-1].argmax())
    return [guess] + propose__recursion(draft, tokens + [guess], tau - 1, cache)


def propose__defensive(draft, tokens, tau, cache):
    if tau < 0 or cache.length >= len(tokens):
        raise ValueError("nothing to draft from")
    proposed = []
    for t in range(tau):
        unread = (list(tokens) + proposed)[cache.length:]
        logits_TV = draft(unread, cache)
        assert logits_TV.shape[0] == len(unread)
        proposed.append(int(np.argmax(logits_TV[len(unread) - 1])))
    return tuple(proposed)


def propose__first_apart(draft, tokens, tau, cache):
    if tau == 0:
        return []
    proposed = [draft(tokens[cache.length:], cache)[-1].argmax()]
    for _ in range(tau - 1):
        proposed.append(draft(proposed[-1:], cache)[-1].argmax())
    return np.array(proposed)


def row_contexts__growing(tokens, proposed):
    rows = [list(tokens)]
    for draft in proposed:
        rows.append(rows[-1] + [draft])
    return rows


def row_contexts__slices(tokens, proposed):
    whole = tokens + proposed
    return tuple(tuple(whole[:end]) for end in range(len(tokens), len(whole) + 1))


def row_contexts__recursion(tokens, proposed):
    return [tokens] if not proposed else row_contexts__recursion(tokens, proposed[:-1]) + [tokens + proposed]


def causal_mask__fill(start, rows, positions):
    mask = np.zeros((rows, positions), dtype=np.bool_)
    for t in range(rows):
        mask[t, :start + t + 1] = True
    return mask


def verify__argmax(target, tokens, proposed, cache):
    logits_TV = target((tokens + proposed)[cache.length:], cache)
    return np.argmax(logits_TV[-len(proposed) - 1:], axis=-1)


def verify__list(target, tokens, proposed, cache):
    logits_TV = target((tokens + proposed)[cache.length:], cache)
    return np.argmax(logits_TV, axis=1).tolist()[-(len(proposed) + 1):]


def verify__loop(target, tokens, proposed, cache):
    first = len(tokens) - 1 - cache.length
    rows = target([*tokens, *proposed][cache.length:], cache)
    choices = []
    for j in range(len(proposed) + 1):
        choices.append(int(rows[first + j].argmax()))
    return choices


def verify__tuple(target, tokens, proposed, cache):
    unread = list(tokens[cache.length:]) + list(proposed)
    rows = target(unread, cache)
    return tuple(np.int64(row.argmax()) for row in rows[len(unread) - len(proposed) - 1:])


def verify__index(target, tokens, proposed, cache):
    rows = target(np.array(tokens + proposed)[cache.length:], cache).tolist()
    return [row.index(max(row)) for row in rows[::-1][:len(proposed) + 1]][::-1]


def verify__defensive(target, tokens, proposed, cache):
    if cache.length >= len(tokens):
        raise ValueError("the last token must still be unread")
    before = cache.length
    logits_TV = target(tokens[before:] + proposed, cache)
    assert cache.length == len(tokens) + len(proposed)
    return [int(choice) for choice in logits_TV[len(tokens) - before - 1:].argmax(axis=-1)]


def count_accepted__while(proposed, choices):
    n = 0
    while n < len(proposed) and proposed[n] == choices[n]:
        n += 1
    return n


def count_accepted__for(proposed, choices):
    n = 0
    for guess, choice in zip(proposed, choices):
        if guess != choice:
            break
        n += 1
    return n


def count_accepted__recursion(proposed, choices):
    if not proposed or proposed[0] != choices[0]:
        return 0
    return 1 + count_accepted__recursion(proposed[1:], choices[1:])


def count_accepted__cumprod(proposed, choices):
    same = np.array(proposed) == np.array(choices[:-1])
    return np.cumprod(same.astype(int)).sum()


def count_accepted__argmin(proposed, choices):
    same = np.append(np.array(proposed, dtype=int) == np.array(choices[:-1], dtype=int), False)
    return np.argmin(same)


def commit__append(tokens, proposed, choices, n_accepted):
    text = list(tokens)
    text.extend(proposed[:n_accepted])
    text.append(choices[n_accepted])
    return text


def commit__loop(tokens, proposed, choices, n_accepted):
    text = tokens.copy()
    for place in range(n_accepted + 1):
        text += [proposed[place] if place < n_accepted else choices[place]]
    return text


def commit__tuple(tokens, proposed, choices, n_accepted):
    assert 0 <= n_accepted <= len(proposed)
    return tuple(tokens) + tuple(proposed[0:n_accepted]) + (choices[n_accepted],)


def attend__loops(query, keys, values, length):
    scores = [sum(q * k for q, k in zip(query, key)) / len(query) ** 0.5 for key in keys[:length]]
    powers = [math.exp(score - max(scores)) for score in scores]
    weights = [power / sum(powers) for power in powers]
    return [sum(w * value[c] for w, value in zip(weights, values)) for c in range(len(query))]


def attend__numpy(query, keys, values, length):
    scores = np.array(keys[:length]) @ np.array(query) / np.sqrt(len(query))
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ np.array(values[:length])


def attend__float32(query, keys, values, length):
    query, keys, values = [np.array(part, dtype=np.float32) for part in (query, keys, values)]
    scores = keys[:length] @ query / np.float32(math.sqrt(len(query)))
    weights = np.exp(scores - scores.max())
    return (weights / weights.sum()) @ values[:length]


def attend__mask(query, keys, values, length):
    scores = np.array(keys) @ query / math.sqrt(len(query))
    scores[length:] = -np.inf
    weights = np.exp(scores - scores.max())
    return (weights[:, None] / weights.sum() * values).sum(axis=0)


def attend__running(query, keys, values, length):
    top, total, mean = -math.inf, 0.0, [0.0] * len(query)
    for key, value in zip(keys[:length], values[:length]):
        score = np.dot(query, key) / len(query) ** 0.5
        new = max(top, score)
        total = total * math.exp(top - new) + math.exp(score - new)
        mean = [m * math.exp(top - new) + math.exp(score - new) * x for m, x in zip(mean, value)]
        top = new
    return [m / total for m in mean]


def attend__einsum(query, keys, values, length):
    query = np.array(query) / np.sqrt(len(query))
    powers = np.exp(np.einsum("c,pc->p", query, np.array(keys[:length])))
    return np.einsum("p,pc->c", powers / powers.sum(), np.array(values[:length]))


def unseen__pop(tokens, cached):
    left = list(tokens)
    for _ in range(cached):
        left.pop(0)
    return left


def lengths_to_keep__min(n_tokens, n_committed, target_length, draft_length):
    keep = n_tokens + n_committed - 1
    return min(target_length, keep), min(draft_length, keep)


def lengths_to_keep__if(n_tokens, n_committed, target_length, draft_length):
    text = n_tokens + n_committed
    if target_length >= text:
        target_length = text - 1
    if draft_length >= text:
        draft_length = text - 1
    return target_length, draft_length


def lengths_to_keep__by_the_target(n_tokens, n_committed, target_length, draft_length):
    target = n_tokens + n_committed - 1          # the target has read as much in every round
    return (np.int64(target), target if draft_length > target else draft_length)


def by_truncation(cache, keep):
    cache.truncate(keep)


def by_hand(cache, keep):
    cache.length = min(cache.length, keep)


def where_longer(cache, keep):
    if cache.length > keep:
        cache.truncate(keep)


def a_round(target, draft, tokens, tau, target_cache, draft_cache, propose, verify, count, roll_back):
    """One round of the parts above, each in a style of its own."""
    proposed = [int(token) for token in propose(draft, list(tokens), tau, draft_cache)]
    choices = [int(token) for token in verify(target, list(tokens), proposed, target_cache)]
    n = int(count(proposed, choices))
    for cache in (target_cache, draft_cache):
        roll_back(cache, len(tokens) + n)
    return proposed[:n] + [choices[n]]


def a_decode(target, draft, tokens, new_tokens, tau, end_token, *styles):
    """Such rounds until the budget or the end."""
    target_cache, draft_cache, text = KVCache(target.config), KVCache(draft.config), list(tokens)
    end = len(text) + new_tokens
    while len(text) < end:
        new = a_round(target, draft, text, min(tau, end - len(text) - 1), target_cache, draft_cache, *styles)
        if end_token in new:
            return text + new[:new.index(end_token) + 1]
        text += new
    return text


def speculative__capped(target, draft, tokens, new_tokens, tau, end_token):
    target_cache, draft_cache, text = KVCache(target.config), KVCache(draft.config), list(tokens)
    end = len(tokens) + new_tokens
    while len(text) < end:
        proposed = []
        for _ in range(min(tau, end - len(text) - 1)):
            proposed.append(int(draft((text + proposed)[draft_cache.length:], draft_cache)[-1].argmax()))
        rows = target((text + proposed)[target_cache.length:], target_cache)
        choices = rows[-len(proposed) - 1:].argmax(axis=-1).tolist()
        n = 0
        while n < len(proposed) and proposed[n] == choices[n]:
            n += 1
        for token in choices[:n + 1]:
            text.append(token)
            if token == end_token:
                return text
        target_cache.truncate(len(text) - 1)
        draft_cache.truncate(len(text) - 1)
    return text


def speculative__prefilled(target, draft, tokens, new_tokens, tau, end_token):
    caches = {model: KVCache(model.config) for model in (target, draft)}
    for model, cache in caches.items():
        if len(tokens) > 1 and new_tokens:
            model(tokens[:-1], cache)
    text, left = list(tokens), new_tokens
    while left:
        block = list(text)
        for _ in range(min(tau, left - 1)):
            block.append(draft(block[caches[draft].length:], caches[draft])[-1].argmax())
        choices = target(block[len(text) - 1:], caches[target]).argmax(axis=1)
        same = [guess == choice for guess, choice in zip(block[len(text):], choices)] + [False]
        new = [int(choice) for choice in choices[:same.index(False) + 1]]
        if end_token is not None and end_token in new:
            return text + new[:new.index(end_token) + 1]
        text, left = text + new, left - len(new)
        for cache in caches.values():
            cache.truncate(len(text) - 1)
    return text


def speculative__defensive(target, draft, tokens, new_tokens, tau, end_token):
    if new_tokens <= 0:
        return list(tokens)
    text, target_cache, draft_cache = list(map(int, tokens)), KVCache(target.config), KVCache(draft.config)
    limit, done = len(text) + new_tokens, False
    while not done:
        room = limit - len(text) - 1
        proposed = []
        for _ in range(max(0, min(tau, room))):
            proposed.append(int(draft((text + proposed)[draft_cache.length:], draft_cache)[-1].argmax()))
        rows = target((text + proposed)[target_cache.length:], target_cache)
        rows = rows[rows.shape[0] - 1 - len(proposed):]
        for place, row in enumerate(rows):
            own = int(row.argmax())
            text.append(own)
            done = own == end_token or len(text) == limit
            if done or place == len(proposed) or proposed[place] != own:
                break
        keep = len(text) - 1
        target_cache.truncate(keep)
        draft_cache.truncate(keep)
    return tuple(text)


def expected_tokens__horner(alpha, tau):
    tokens = 1.0
    for _ in range(tau):
        tokens = 1 + alpha * tokens
    return tokens


def expected_tokens__recursion(alpha, tau):
    return 1 if tau == 0 else 1 + alpha * expected_tokens__recursion(alpha, tau - 1)


def expected_tokens__enumeration(alpha, tau):
    mean = 0.0
    for right in itertools.product((True, False), repeat=tau):
        chance = math.prod(alpha if r else 1 - alpha for r in right)
        mean += chance * (1 + len(list(itertools.takewhile(bool, right))))
    return mean


def speedup__closed_form(alpha, tau, c, v):
    tokens = (1 - alpha ** (tau + 1)) / (1 - alpha) if alpha < 1 else tau + 1
    return tokens / (tau * c + v)


def speedup__loop(alpha, tau, c, v):
    tokens, cost, chance = 1, v, 1
    for _ in range(tau):
        chance *= alpha
        tokens += chance
        cost += c
    return tokens / cost


def speedup__float32(alpha, tau, c, v):
    alpha, c, v = np.float32(alpha), np.float32(c), np.float32(v)
    return np.sum(alpha ** np.arange(tau + 1, dtype=np.float32)) / (np.float32(tau) * c + v)


def break_even__bisection(tau, c, v):
    low, high = 0.0, 1.0
    if tau + 1 <= tau * c + v:
        return None
    for _ in range(30):
        middle = (low + high) / 2
        if sum(middle ** t for t in range(tau + 1)) < tau * c + v:
            low = middle
        else:
            high = middle
    return high


def break_even__roots(tau, c, v):
    roots = np.roots([1.0] * tau + [1 - tau * c - v])
    real = [root.real for root in roots if abs(root.imag) < 1e-9 and 0 <= root.real < 1]
    return real[0] if real else None


def break_even__newton(tau, c, v):
    alpha = 1.0
    if tau + 1 <= tau * c + v:
        return None
    for _ in range(100):
        value = sum(alpha ** t for t in range(tau + 1)) - tau * c - v
        alpha -= value / sum(t * alpha ** (t - 1) for t in range(1, tau + 1))
    return alpha


def break_even__scan(tau, c, v):
    alphas = np.arange(10_000) / 10_000
    pays = np.polyval([1.0] * (tau + 1), alphas) >= tau * c + v
    return alphas[pays.argmax()] if pays.any() else None


def break_even__recursion(tau, c, v, low=0.0, high=1.0):
    if (tau + 1) / (tau * c + v) <= 1:
        return None
    if high - low < 1e-6:
        return np.float32(low)
    middle = (low + high) / 2
    if (1 - middle ** (tau + 1)) / (1 - middle) > tau * c + v:
        return break_even__recursion(tau, c, v, low, middle)
    return break_even__recursion(tau, c, v, middle, high)


def break_even__search(tau, c, v):
    alphas = np.linspace(0, 1, 100_001)
    place = np.searchsorted(np.cumsum([alphas ** t for t in range(tau + 1)], axis=0)[-1], tau * c + v)
    return None if place == len(alphas) else alphas[place]


def best_tau__loop(alpha, c, v):
    best, best_speed = 0, 1.0
    for tau in range(1, len(v)):
        speed = sum(alpha ** t for t in range(tau + 1)) / (tau * c + v[tau + 1])
        if speed > best_speed:
            best, best_speed = tau, speed
    return best


def best_tau__argmax(alpha, c, v):
    taus = np.arange(len(v))
    return np.argmax(np.cumsum(alpha ** taus) / (taus * c + np.array(list(v.values()))))


def best_tau__cost_per_token(alpha, c, v):
    costs, tokens = [], 0
    for rows, cost in v.items():
        tokens += alpha ** (rows - 1)
        costs.append(((rows - 1) * c + cost) / tokens)
    return costs.index(min(costs))


def best_tau__sorted(alpha, c, v):
    speeds = {rows - 1: (1 - alpha ** rows) / (1 - alpha) / ((rows - 1) * c + v[rows]) for rows in v}
    return sorted(speeds, key=speeds.get)[-1]


def best_tau__float32(alpha, c, v):
    taus = np.arange(len(v), dtype=np.float32)
    costs = np.fromiter(v.values(), dtype=np.float32)
    return (np.cumsum(np.float32(alpha) ** taus) / (taus * np.float32(c) + costs)).argmax()


def policy__two_up_one_down(rounds):
    tau = 4
    for asked, accepted in rounds:
        tau = min(tau + 2, 12) if accepted == asked else max(tau - 1, 1)
    return tau


def policy__recent(rounds):
    recent = rounds[-4:]
    asked, accepted = sum(r[0] for r in recent), sum(r[1] for r in recent)
    if not recent:
        return 4
    return min(12, rounds[-1][0] * 2) if accepted == asked else max(1, accepted // len(recent))


def policy__halve_and_double(rounds):
    tau = 2
    for asked, accepted in rounds:
        tau = max(1, min(12, 2 * tau if accepted == tau else tau // 2))
    return np.int64(tau)


def policy__fall_back_and_probe(rounds):
    tau, resting = 4, 0
    for asked, accepted in rounds:
        if asked == 0:
            resting += 1
            tau = 1 if resting >= 4 else 0
        elif accepted == asked:
            tau, resting = min(12, asked + 3), 0
        else:
            tau, resting = accepted, 0
    return tau


def policy__recursion(rounds):
    if not rounds:
        return 3
    asked, accepted = rounds[-1]
    return min(asked + 1, 12) if accepted >= asked else max(accepted, 1)


def check_text__loop(run):
    text = list(run.prompt)
    for _ in range(run.new_tokens):
        text.append(run.target(text))
        if text[-1] == run.end_token:
            break
    return text == run.tokens


def check_text__place_by_place(run):
    new = run.tokens[len(run.prompt):]
    if run.tokens[:len(run.prompt)] != run.prompt or len(new) > run.new_tokens or run.end_token in new[:-1]:
        return False
    if len(new) < run.new_tokens and (not new or new[-1] != run.end_token):
        return False
    return all(run.target(run.tokens[:end]) == run.tokens[end] for end in range(len(run.prompt), len(run.tokens)))


def check_drafts__rebuilt(run):
    for r in run.rounds:
        expected = []
        while len(expected) < len(r.proposed):
            expected.append(run.draft(r.tokens + expected))
        if expected != r.proposed:
            return False
    return True


def check_work__zip(run):
    if len(run.target_passes) != len(run.rounds):
        return False
    return np.all([rows == len(r.proposed) + 1 for rows, r in zip(run.target_passes, run.rounds)])


def check_caches__min(run):
    for r in run.rounds:
        keep = len(r.tokens) + len(r.committed) - 1
        if r.target_cache[1] != min(r.target_cache[0], keep) or r.draft_cache[1] != min(r.draft_cache[0], keep):
            return False
    return True


def check_caches__target_has_read_all(run):
    def good(r):
        keep = len(r.tokens) + len(r.committed) - 1
        drafted = r.draft_cache[0]
        return r.target_cache[1] == keep and r.draft_cache[1] == (keep if drafted > keep else drafted)
    return all(map(good, run.rounds))


def check_counters__by_hand(run):
    total = 0
    for r in run.rounds:
        n = 0
        while n < len(r.proposed) and r.proposed[n] == r.choices[n]:
            n += 1
        n = min(n, len(r.committed))
        if r.n_accepted != n:
            return False
        total += n
    drafted = sum(len(r.proposed) for r in run.rounds)
    acceptance = total / drafted if drafted else None
    return (run.n_drafted, run.n_accepted, run.acceptance) == (drafted, total, acceptance)


def check_counters__until_the_end_token(run):
    total = drafted = 0
    for r in run.rounds:
        accepted = 0
        for guess, choice in zip(r.proposed, r.choices):
            if guess != choice:
                break
            accepted += 1
            if guess == run.end_token:
                break
        total, drafted = total + accepted, drafted + len(r.proposed)
        if accepted != r.n_accepted:
            return False
    if drafted == 0:
        return run.n_drafted == 0 and run.n_accepted == 0 and run.acceptance is None
    return run.n_drafted == drafted and run.n_accepted == total and abs(run.acceptance - total / drafted) < 1e-9


def gumbel_choice__lists(logits_V, noise_V, temperature):
    noisy = [logit / temperature + noise for logit, noise in zip(logits_V, noise_V)]
    return noisy.index(max(noisy))


def gumbel_choice__log_shares(logits_V, noise_V, temperature):
    scores = np.array(logits_V) / temperature
    return int((scores - np.logaddexp.reduce(scores) + np.array(noise_V)).argmax())


def gumbel_choice__race(logits_V, noise_V, temperature):
    clocks = [math.exp(-noise - logit / temperature) if logit > -math.inf else math.inf
              for logit, noise in zip(logits_V, noise_V)]
    return clocks.index(min(clocks))


def gumbel_choice__loop(logits_V, noise_V, temperature):
    assert temperature > 0 and len(logits_V) == len(noise_V)
    best, most = 0, -math.inf
    for token, (logit, noise) in enumerate(zip(logits_V, noise_V)):
        if logit / temperature + noise > most:
            best, most = token, logit / temperature + noise
    return best


def ratio_test__two_cases(target_V, draft_V, token, uniform):
    if target_V[token] >= draft_V[token]:
        return True
    return uniform < target_V[token] / draft_V[token]


def ratio_test__logarithms(target_V, draft_V, token, uniform):
    if target_V[token] == 0:
        return False
    return uniform == 0 or math.log(uniform) < math.log(target_V[token]) - math.log(draft_V[token])


def ratio_test__whole_row(target_V, draft_V, token, uniform):
    kept = np.minimum(1, np.divide(target_V, draft_V, out=np.ones(len(draft_V)), where=np.array(draft_V) > 0))
    return int(uniform < kept[token])


def residual__lists(target_V, draft_V):
    left = [max(0.0, target - draft) for target, draft in zip(target_V, draft_V)]
    if sum(left) == 0:
        raise ValueError("nothing is left")
    return [share / sum(left) for share in left]


def residual__numpy(target_V, draft_V):
    left = np.maximum(np.array(target_V) - draft_V, 0)
    if not left.any():
        raise ValueError("equal distributions")
    return left / left.sum()


def residual__float32(target_V, draft_V):
    left = np.clip(np.subtract(target_V, draft_V, dtype=np.float32), 0, None)
    if left.sum() <= 0:
        raise ValueError
    return (left / left.sum()).tolist()


def residual__by_the_acceptance(target_V, draft_V):
    rejected = 1 - sum(map(min, target_V, draft_V))
    if rejected < 1e-9:
        raise ValueError("every draft is kept")
    return tuple((target - min(target, draft)) / rejected for target, draft in zip(target_V, draft_V))


def residual__equal_first(target_V, draft_V):
    if target_V == draft_V:
        raise ValueError(f"{target_V} twice")
    left = np.array(target_V, dtype=float)
    left -= np.minimum(target_V, draft_V)
    return left / np.sum(left)


def residual__fractions(target_V, draft_V):
    left = [max(Fraction(target) - Fraction(draft), Fraction(0)) for target, draft in zip(target_V, draft_V)]
    if not any(left):
        raise ValueError("no share is left")
    return [float(share / sum(left)) for share in left]


def residual__half_the_sizes(target_V, draft_V):
    difference = np.array(target_V) - np.array(draft_V)
    distance = np.abs(difference).sum() / 2
    if distance == 0:
        raise ValueError("no distance")
    return (difference + np.abs(difference)) / 2 / distance


def lookup__two_loops(tokens, n):
    for length in range(min(n, len(tokens) - 1), 0, -1):
        for end in range(len(tokens) - 1, length - 1, -1):
            if tokens[end - length:end] == tokens[-length:]:
                return tokens[end]
    return tokens[-1]


def lookup__recursion(tokens, n):
    if n == 0:
        return tokens[-1]
    ends = [end for end in range(n, len(tokens)) if tokens[end - n:end] == tokens[-n:]]
    return tokens[ends[-1]] if ends else lookup__recursion(tokens, n - 1)


def lookup__dictionary(tokens, n):
    followers = {}
    for length in range(1, n + 1):
        for end in range(length, len(tokens)):
            followers[tuple(tokens[end - length:end])] = tokens[end]
    for length in range(n, 0, -1):
        if tuple(tokens[-length:]) in followers:
            return followers[tuple(tokens[-length:])]
    return tokens[-1]


def lookup__longest_match(tokens, n):
    def agreeing(end):
        return len(list(itertools.takewhile(bool, (tokens[end - k] == tokens[-k] for k in range(1, min(n, end) + 1)))))
    best = max(range(1, len(tokens)), key=lambda end: (agreeing(end), end), default=0)
    return tokens[best] if best and agreeing(best) else tokens[-1]


def lookup__arrays(tokens, n):
    text = np.array(tokens)
    for length in range(min(n, len(text) - 1), 0, -1):
        windows = np.lib.stride_tricks.sliding_window_view(text[:-1], length)
        found = np.flatnonzero((windows == text[-length:]).all(axis=1))
        if found.size:
            return text[found[-1] + length]
    return text[-1]


def lookup__text(tokens, n):
    words = "".join(f" {token}" for token in tokens)
    for length in range(min(n, len(tokens) - 1), 0, -1):
        last = "".join(f" {token}" for token in tokens[-length:]) + " "
        before, found, after = words.rpartition(last)
        if found:
            return int(after.split()[0])
    return tokens[-1]


def lookup__backwards(tokens, n):
    back = tokens[::-1]
    for length in range(n, 0, -1):
        for place in range(1, len(back) - length + 1):
            if back[place:place + length] == back[:length]:
                return np.int64(back[place - 1])
    return back[0]
