"""Classic wrong answers to every exercise: an expression in the table, or a function `<exercise>__<mistake>`.

A mistake that the exercise knows has its name here; *a stands for all arguments.
"""

import math

import numpy as np

from minispec import KVCache

EXPRESSIONS = {
    "next_token": {
        "ties-to-the-last": "len(logits) - 1 - logits[::-1].index(max(logits))",
        "the logit itself": "max(logits)",
        "as text": "str(logits.index(max(logits)))",
        "largest size": "int(np.argmax(np.abs(logits)))",
        "unlikeliest": "logits.index(min(logits))",
        "skips token 0": "1 + int(np.argmax(logits[1:]))",
        "counts from 1": "1 + int(np.argmax(logits))",
        "sorts its argument": "logits.sort() or len(logits) - 1",
        "no return": "logits.index(max(logits)) and None",
    },
    "softmax": {
        "overflows in python": "[math.exp(score) / sum(map(math.exp, scores)) for score in scores]",
        "hard": "[1.0 if score == max(scores) else 0.0 for score in scores]",
        "sigmoid": "[1 / (1 + math.exp(min(-score, 700))) for score in scores]",
        "never normalised": "np.exp(np.array(scores) - max(scores))",
        "overflows": "shares_of(np.exp(np.array(scores)))",
        "base 2": "shares_of(2 ** (np.array(scores) - max(scores)))",
        "logarithm": "np.log(shares_of(np.exp(np.array(scores) - max(scores))))",
        "shares of the scores": "shares_of(np.array(scores) - min(scores) + 1)",
        "mean taken off": "shares_of(np.exp(np.array(scores) - np.mean(scores)))",
    },
    "draft_context": {
        "first-draft-only": "prompt + verified + drafts[:t - 1][:1]",
        "no-earlier-drafts": "prompt + verified",
        "last-draft-only": "prompt + verified + drafts[:t - 1][-1:]",
        "itself too": "prompt + verified + drafts[:t]",
        "all drafts": "prompt + verified + drafts",
        "x forgotten": "verified + drafts[:t - 1]",
        "y forgotten": "prompt + drafts[:t - 1]",
        "one too few": "prompt + verified + drafts[:max(t - 2, 0)]",
        "two drafts at most": "prompt + verified + drafts[:min(t - 1, 2)]",
        "in another order": "verified + prompt + drafts[:t - 1]",
        "into the prompt": "prompt.extend(verified + drafts[:t - 1]) or prompt",
    },
    "propose_literal": {
        "first-draft-only": "literal(draft, tokens, tau, lambda made: tokens + made[:1])",
        "no-earlier-drafts": "literal(draft, tokens, tau, lambda made: tokens)",
        "last-draft-only": "literal(draft, tokens, tau, lambda made: tokens + made[-1:])",
        "last token fed only": "literal(draft, tokens, tau, lambda made: (tokens + made)[-1:])",
        "one too many": "literal(draft, tokens, tau + 1, lambda made: tokens + made)",
        "one too few": "literal(draft, tokens, max(tau - 1, 0), lambda made: tokens + made)",
        "whole text": "tokens + literal(draft, tokens, tau, lambda made: tokens + made)",
        "in one parallel step":
            "[int(row.argmax()) for row in draft(tokens + [0] * tau)[len(tokens) - 1:-1]] if tau else []",
        "drafts before the text": "literal(draft, tokens, tau, lambda made: made + tokens)",
        "first row": "literal(draft, tokens, tau, lambda made: tokens + made, row=0)",
        "into the text": "[tokens.append(int(draft(tokens)[-1].argmax())) or tokens[-1] for _ in range(tau)]",
    },
    "propose": {
        "gaps-after-full-acceptance": "cached(draft, tokens, tau, cache, lambda made: (tokens + made)[-1:])",
        "first-row-guessed": "cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:], row=0)",
        "first-draft-only": "rolled_back(draft, tokens, tau, cache, lambda made: made[:1])",
        "no-earlier-drafts": "rolled_back(draft, tokens, tau, cache, lambda made: [])",
        "whole text on top": "cached(draft, tokens, tau, cache, lambda made: tokens + made)",
        "no cache": "literal(draft, tokens, tau, lambda made: tokens + made)",
        "drafts and logits": "drafted(draft, tokens, tau, cache), None",
        "last-draft-only": "rolled_back(draft, tokens, tau, cache, lambda made: made[-1:])",
        "cache emptied": "cache.truncate(0) or drafted(draft, tokens, tau, cache)",
        "last draft read too":
            "(lambda made: (made, draft((tokens + made)[cache.length:], cache)))(drafted(draft, tokens, tau, "
            "cache))[0]",
        "rolled back at once": "(drafted(draft, tokens, tau, cache), cache.truncate(len(tokens) - 1))[0]",
    },
    "row_contexts": {
        "rows-blind-to-drafts": "[tokens] * (len(proposed) + 1)",
        "tau rows": "[tokens + proposed[:j] for j in range(len(proposed))]",
        "shifted": "[tokens + proposed[:j + 1] for j in range(len(proposed) + 1)]",
        "everything": "[tokens + proposed for _ in range(len(proposed) + 1)]",
        "drafts only": "[proposed[:j] for j in range(len(proposed) + 1)]",
        "last draft only": "[tokens + proposed[:j][-1:] for j in range(len(proposed) + 1)]",
        "first draft only": "[tokens + proposed[:j][:1] for j in range(len(proposed) + 1)]",
        "what is fed": "[[token] for token in tokens[-1:] + proposed]",
        "one list": "tokens + proposed",
        "a row for every token": "[(tokens + proposed)[:end] for end in range(1, len(tokens + proposed) + 1)]",
    },
    "causal_mask": {
        "mask-without-offset": "[[place <= t for place in range(positions)] for t in range(rows)]",
        "no-mask-inside-the-block": "[[place < start + rows for place in range(positions)] for t in range(rows)]",
        "stale-cells-attended":
            "[[place <= start + t or place >= start + rows for place in range(positions)] for t in range(rows)]",
        "not itself": "np.tri(rows, positions, start - 1, dtype=bool)",
        "one ahead": "np.tri(rows, positions, start + 1, dtype=bool)",
        "upside down": "~np.tri(rows, positions, start, dtype=bool)",
        "turned": "np.tri(rows, positions, start, dtype=bool).T",
        "block only": "[[start <= place <= start + t for place in range(positions)] for t in range(rows)]",
        "minus infinity": "np.where(np.tri(rows, positions, start) == 1, 0, -np.inf)",
        "whole square": "np.tri(positions, dtype=bool)",
    },
    "verify": {
        "whole-text-fed-again": "target(tokens + proposed, cache)[-len(proposed) - 1:].argmax(axis=-1).tolist()",
        "all rows": "target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()",
        "last token only": "target(tokens[-1:] + proposed, cache).argmax(axis=-1).tolist()",
        "no cache": "target(tokens + proposed)[-len(proposed) - 1:].argmax(axis=-1).tolist()",
        "rows-blind-to-drafts":
            "chosen(target, tokens, proposed, cache)[-len(proposed) - 1:][:1] * (len(proposed) + 1)",
        "tau rows": "chosen(target, tokens, proposed, cache)[-len(proposed) - 1:-1]",
        "bonus only": "chosen(target, tokens, proposed, cache)[-len(proposed):]",
        "minus zero": "(lambda rows: rows[-len(proposed):] + rows[-1:])(chosen(target, tokens, proposed, cache))",
        "last token not fed":
            "(lambda rows: rows + rows[-1:] * bool(proposed))(choices_of(target(proposed or tokens[-1:], cache)))",
        "verdicts":
            "[guess == choice for guess, choice in zip(proposed, chosen(target, tokens, proposed, "
            "cache)[-len(proposed) - 1:])]",
    },
    "count_accepted": {
        "all or nothing": "len(proposed) if proposed == choices[:-1] else 0",
        "last match": "max([n + 1 for n, guess in enumerate(proposed) if guess == choices[n]], default=0)",
        "in any place": "len(set(proposed) & set(choices))",
        "matches-after-a-mismatch": "sum(map(int.__eq__, proposed, choices))",
        "rows-shifted": "prefix(proposed, choices[1:])",
        "first-draft-unjudged": "prefix(proposed, choices, min(1, len(proposed)))",
        "own token counted": "prefix(proposed, choices) + 1",
        "rejected counted": "min(prefix(proposed, choices) + 1, len(proposed))",
        "none where all are": "prefix(proposed, choices) if proposed != choices[:-1] else None",
        "longest stretch": "max(map(len, ''.join('AR'[g != c] for g, c in zip(proposed, choices)).split('R')))",
    },
    "commit": {
        "accepted-drafts-forgotten": "tokens + [choices[n_accepted]]",
        "rejected-token-committed": "tokens + proposed[:n_accepted + 1] + [choices[n_accepted]]",
        "correction-from-the-draft": "tokens + (proposed + choices[-1:])[:n_accepted + 1]",
        "correction-lost": "tokens + proposed[:n_accepted] + ([choices[-1]] if n_accepted == len(proposed) else [])",
        "every-a-kept":
            "tokens + [guess for guess, choice in zip(proposed, choices) if guess == choice] + choices[-1:]",
        "all drafts": "tokens + proposed + [choices[n_accepted]]",
        "last row": "tokens + proposed[:n_accepted] + [choices[-1]]",
        "all choices": "tokens + choices",
        "block only": "proposed[:n_accepted] + [choices[n_accepted]]",
        "accepted only": "tokens + proposed[:n_accepted]",
        "row too low": "tokens + proposed[:n_accepted] + [choices[n_accepted - 1]]",
        "bonus-lost":
            "tokens + proposed[:n_accepted] + choices[n_accepted:][:n_accepted < len(proposed) or not proposed]",
        "text changed": "tokens.extend(choices[:n_accepted + 1]) or tokens",
    },
    "attend": {
        "stale-cells-attended": "head(query, keys, values, len(keys), np.sqrt(len(query)))",
        "scores not divided by the root of the channels": "head(query, keys, values, length, 1)",
        "divided by the channels": "head(query, keys, values, length, len(query))",
        "divided by the root of the length": "head(query, keys, values, length, np.sqrt(length))",
        "one cell too few": "head(query, keys, values, max(length - 1, 1), np.sqrt(len(query)))",
        "mean": "np.mean(values[:length], axis=0)",
        "best fit only": "values[int(np.argmax(np.array(keys[:length]) @ np.array(query)))]",
        "keys for values": "head(query, keys, keys, length, np.sqrt(len(query)))",
        "zeroed not removed":
            "head(query, *[rows[:length] + [[0.0] * len(query)] * (len(rows) - length) for rows in (keys, values)], "
            "len(keys), np.sqrt(len(query)))",
        "not normalised": "np.exp(np.array(keys[:length]) @ query / np.sqrt(len(query))) @ np.array(values[:length])",
        "weights only": "shares_of(np.exp(np.array(keys[:length]) @ query / np.sqrt(len(query))))",
    },
    "unseen": {
        "gaps-after-full-acceptance": "tokens[-1:]",
        "whole-text-fed-again": "tokens",
        "minus-zero": "tokens[-(len(tokens) - cached):]",
        "what is cached": "tokens[:cached]",
        "one too few": "tokens[cached + 1:]",
        "one too many": "tokens[max(cached - 1, 0):]",
        "the last left off": "tokens[cached:-1]",
        "first one only": "tokens[cached:cached + 1]",
        "how many": "len(tokens) - cached",
        "taken out": "tokens.__delitem__(slice(cached)) or tokens",
    },
    "lengths_to_keep": {
        "truncate-lengthens": "n_tokens + n_committed - 1, n_tokens + n_committed - 1",
        "draft-not-rolled-back": "min(target_length, n_tokens + n_committed - 1), draft_length",
        "target-not-rolled-back": "target_length, min(draft_length, n_tokens + n_committed - 1)",
        "reset-instead-of-rollback": "0, min(draft_length, n_tokens + n_committed - 1)",
        "rolled-back-too-far":
            "min(target_length, n_tokens + n_committed - 2), min(draft_length, n_tokens + n_committed - 2)",
        "one too many": "min(target_length, n_tokens + n_committed), min(draft_length, n_tokens + n_committed)",
        "back to the old text": "min(target_length, n_tokens - 1), min(draft_length, n_tokens - 1)",
        "as they are": "target_length, draft_length",
        "minus-zero":
            "len(range(target_length)[:n_tokens + n_committed - 1 - target_length]), min(draft_length, n_tokens + "
            "n_committed - 1)",
        "both the shorter": "[min(target_length, draft_length, n_tokens + n_committed - 1)] * 2",
        "draft one less":
            "min(target_length, n_tokens + n_committed - 1), min(draft_length, n_tokens + n_committed - 2)",
    },
    "speculative_round": {
        "rejected-token-committed": "one_round(*a, lambda p, c, n: p[:n + 1] + [c[n]])",
        "correction-from-the-draft": "one_round(*a, lambda p, c, n: (p + c[-1:])[:n + 1])",
        "bonus-lost": "one_round(*a, lambda p, c, n: p[:n] + ([c[n]] if n < len(p) or not p else []))",
        "correction-lost": "one_round(*a, lambda p, c, n: p[:n] + ([c[n]] if n == len(p) else []))",
        "accepted-drafts-forgotten": "one_round(*a, lambda p, c, n: [c[n]])",
        "matches-after-a-mismatch": "one_round(*a, right_block, count=lambda p, c: sum(map(int.__eq__, p, c)))",
        "first-draft-unjudged": "one_round(*a, right_block, count=lambda p, c: prefix(p, c, min(1, len(p))))",
        "every-a-kept":
            "one_round(*a, lambda p, c, n: [guess for guess, choice in zip(p, c) if guess == choice] + c[-1:])",
        "rows-shifted": "one_round(*a, right_block, count=lambda p, c: prefix(p, c[1:]))",
        "all drafts kept": "one_round(*a, lambda p, c, n: p + [c[-1]])",
        "whole text":
            "one_round(target, draft, tokens, tau, target_cache, draft_cache, lambda p, c, n: tokens + p[:n] + "
            "[c[n]])",
        "rolled-back-too-far": "one_round(*a, right_block, keep=-1)",
        "one too many kept": "one_round(*a, right_block, keep=1)",
        "target-not-rolled-back": "one_round(*a, right_block, roll=(False, True))",
        "draft-not-rolled-back": "one_round(*a, right_block, roll=(True, False))",
        "reset-instead-of-rollback": "(one_round(*a, right_block), a[4].truncate(0))[0]",
    },
    "speculative": {
        "end-inside-the-block-missed": "loop(*a, cut=False)",
        "budget-overshot": "loop(*a, cap=False)",
        "never stops at the end": "loop(*a, stop=False)",
        "not rolled back": "loop(*a, rollback=False)",
        "gaps after full acceptance": "loop(*a, gap=True)",
        "target reads all again": "loop(*a, reread=True)",
        "everything kept": "loop(*a, everything=True)",
        "no earlier drafts": "loop(*a, blind=True)",
        "plain decoding": "loop(target, draft, tokens, new_tokens, 0, end_token)",
        "new tokens only": "loop(target, draft, tokens, new_tokens, tau, end_token)[len(tokens):]",
        "one token too many": "loop(target, draft, tokens, new_tokens + 1, tau, end_token)",
        "the draft alone": "loop(draft, draft, tokens, new_tokens, tau, end_token)",
        "stops in the prompt":
            "loop(target, draft, tokens, new_tokens, tau, end_token)[:len(tokens) + max(0, new_tokens - 1)]",
        "end token cut off": "(lambda text: text[:-1] if text[-1] == a[-1] else text)(loop(*a))",
        "prompt grows":
            "tokens.extend(loop(target, draft, tokens, new_tokens, tau, end_token)[len(tokens):]) or tokens",
    },
    "expected_tokens": {
        "the target's own token left out": "mean(alpha, tau) - 1",
        "closed form with tau for tau + 1": "sum(alpha ** t for t in range(tau))",
        "one plus alpha tau": "1 + alpha * tau",
        "all or nothing": "1 + tau * alpha ** tau",
        "endless": "1 / (1 - alpha)",
        "no limit at 1": "(1 - alpha ** (tau + 1)) / (1 - alpha)",
        "nan at 1": "float((np.float64(1) - alpha ** (tau + 1)) / np.float64(1 - alpha))",
        "plus two": "mean(alpha, tau) + 1",
        "rounded": "round(mean(alpha, tau))",
        "no bonus": "mean(alpha, tau) - alpha ** tau",
    },
    "speedup": {
        "the target's own token left out": "(mean(alpha, tau) - 1) / (tau * c + v)",
        "one draft paid for, whatever tau": "mean(alpha, tau) / (c + v)",
        "the pass over tau + 1 rows at the price of one row": "mean(alpha, tau) / (tau * c + 1)",
        "free drafts": "mean(alpha, tau) / v",
        "upside down": "(tau * c + v) / mean(alpha, tau)",
        "v for every row": "mean(alpha, tau) / (tau * c + (tau + 1) * v)",
        "drafts that were accepted paid": "mean(alpha, tau) / ((mean(alpha, tau) - 1) * c + v)",
        "one draft more": "mean(alpha, tau) / ((tau + 1) * c + v)",
        "never below 1": "max(1, mean(alpha, tau) / (tau * c + v))",
        "times v": "mean(alpha, tau) / (tau * c * v)",
    },
    "break_even": {
        "1 for none": "even(tau, tau * c + v)",
        "never in words": 'even(tau, tau * c + v) if tau + 1 > tau * c + v else "never"',
        "beyond 1": "even(tau, tau * c + v, high=10.0)",
        "own token left out":
            "even(tau, tau * c + v, lambda alpha, tau: mean(alpha, tau) - 1) if tau > tau * c + v else None",
        "v is 1": "even(tau, tau * c + 1) if tau + 1 > tau * c + 1 else None",
        "one draft paid": "even(tau, c + v) if tau + 1 > c + v else None",
        "tau for tau plus 1": "even(tau - 1, tau * c + v) if tau > tau * c + v else None",
        "the c": "(tau + 1 - v) / tau",
        "coarse": "round(even(tau, tau * c + v), 1) if tau + 1 > tau * c + v else None",
        "one plus alpha tau": "(tau * c + v - 1) / tau if tau * c + v - 1 < tau else None",
    },
    "best_tau": {
        "0 not tried": "1 + int(np.argmax(speeds(alpha, c, v)[1:]))",
        "the longest tau": "len(v) - 1",
        "most tokens": "int(np.argmax([mean(alpha, tau) for tau in range(len(v))]))",
        "v of tau": "int(np.argmax([mean(alpha, tau) / (tau * c + v.get(tau, 1)) for tau in range(len(v))]))",
        "v of one": "int(np.argmax([mean(alpha, tau) / (tau * c + 1) for tau in range(len(v))]))",
        "first that pays": "next((tau for tau, speed in enumerate(speeds(alpha, c, v)) if speed > 1), 0)",
        "free drafts": "int(np.argmax([mean(alpha, rows - 1) / v[rows] for rows in v]))",
        "rows not drafts": "int(np.argmax(speeds(alpha, c, v))) + 1",
        "the speed": "max(speeds(alpha, c, v))",
        "always 0": "0",
        "mean run": "min(len(v) - 1, round(alpha / (1 - alpha)))",
    },
    "policy": {
        "fixed": "4",
        "only grows": "min(12, 4 + len(rounds))",
        "only shrinks": "max(1, 12 - len(rounds))",
        "mean of all": "min(12, 1 + round(2 * sum(r[1] for r in rounds) / len(rounds))) if rounds else 4",
        "a fraction": "4 if not rounds else rounds[-1][0] / 2",
        "the wrong way": "4 if not rounds else (max(1, rounds[-1][0] - 1) if rounds[-1][0] == rounds[-1][1] else 12)",
        "never recovers": "min([8] + [accepted for _, accepted in rounds])",
        "stuck at 0": "4 if not rounds else 0 if 0 in rounds[-1] else min(12, rounds[-1][0] + 1)",
        "first round crashes":
            "min(12, rounds[-1][0] + 1) if rounds[-1][0] == rounds[-1][1] else max(1, rounds[-1][1])",
    },
    "repaired": {
        "untouched": "loop(*a, cut=False, gap=True, reread=True)",
        "end-inside-the-block-missed": "loop(*a, cut=False)",
        "only the text": "loop(*a, gap=True, reread=True)",
        "the draft is not": "loop(*a, gap=True)",
        "the work is not": "loop(*a, reread=True)",
        "truncated too far": "loop(*a, far=2)",
        "budget-overshot": "loop(*a, cap=False)",
        "not rolled back": "loop(*a, rollback=False)",
        "no drafts left": "loop(target, draft, tokens, new_tokens, 0, end_token)",
    },
    "check_text": {
        "always true": "True",
        "always false": "False",
        "length": "len(run.tokens) <= len(run.prompt) + run.new_tokens",
        "begins with the prompt": "run.tokens[:len(run.prompt)] == run.prompt",
        "as far as it goes": "is_greedy(run)",
        "what the rounds say": "run.tokens == run.prompt + sum((r.committed for r in run.rounds), [])",
        "choices": "all(r.committed == r.choices[:len(r.committed)] for r in run.rounds)",
        "one round": "run.target(run.rounds[0].tokens) == run.rounds[0].committed[0]",
    },
    "check_drafts": {
        "always true": "True",
        "first draft": "all(not r.proposed or run.draft(r.tokens) == r.proposed[0] for r in run.rounds)",
        "first round":
            "all(run.draft(r.tokens + r.proposed[:t]) == r.proposed[t] for r in run.rounds[:1] for t in "
            "range(len(r.proposed)))",
        "equal to the target":
            "all(run.target(r.tokens + r.proposed[:t]) == r.proposed[t] for r in run.rounds for t in "
            "range(len(r.proposed)))",
        "enough of them": "all(len(r.proposed) <= run.tau for r in run.rounds)",
        "no two alike": "all(len(set(r.proposed)) == len(r.proposed) for r in run.rounds)",
        "text is greedy": "is_greedy(run)",
    },
    "check_work": {
        "always true": "True",
        "a pass a round": "len(run.target_passes) == len(run.rounds)",
        "fewer than tokens": "len(run.target_passes) <= max(1, len(run.tokens) - len(run.prompt))",
        "tau plus 1": "all(rows == run.tau + 1 for rows in run.target_passes)",
        "at most the text": "sum(run.target_passes) <= 3 * len(run.tokens)",
        "text is greedy": "is_greedy(run)",
    },
    "check_caches": {
        "always true": "True",
        "shorter than the text":
            "all(r.target_cache[1] < len(r.tokens) + len(r.committed) and r.draft_cache[1] < len(r.tokens) + "
            "len(r.committed) for r in run.rounds)",
        "target only": "all(r.target_cache[1] == len(r.tokens) + len(r.committed) - 1 for r in run.rounds)",
        "both equal": "all(r.target_cache[1] == r.draft_cache[1] for r in run.rounds)",
        "last round": "all(r.target_cache[1] == len(r.tokens) + len(r.committed) - 1 for r in run.rounds[-1:])",
        "never longer":
            "all(r.target_cache[1] <= r.target_cache[0] and r.draft_cache[1] <= r.draft_cache[0] for r in run.rounds)",
    },
    "check_counters": {
        "always true": "True",
        "rate below 1": "run.acceptance is None or 0 <= run.acceptance <= 1",
        "sums of what is reported":
            "run.n_accepted == sum(r.n_accepted for r in run.rounds) and run.n_drafted == sum(len(r.proposed) for r "
            "in run.rounds)",
        "ratio": "run.acceptance == (run.n_accepted / run.n_drafted if run.n_drafted else None)",
        "drafts not above tau": "run.n_drafted <= run.tau * len(run.rounds) and run.n_accepted <= run.n_drafted",
        "end forgotten": "all(r.n_accepted == prefix(r.proposed, r.choices) for r in run.rounds)",
    },
    "gumbel_choice": {
        "the noise left out": "argmax_of(np.array(logits_V) / temperature)",
        "the noise divided by the temperature too": "argmax_of((np.array(logits_V) + noise_V) / temperature)",
        "times the temperature": "argmax_of(np.array(logits_V) * temperature + noise_V)",
        "noise taken off": "argmax_of(np.array(logits_V) / temperature - noise_V)",
        "noise only": "argmax_of(noise_V)",
        "noise as a factor": "argmax_of(np.exp(np.array(logits_V) / temperature) * noise_V)",
        "noise over the temperature only": "argmax_of(np.array(logits_V) + np.array(noise_V) / temperature)",
        "the number itself": "max(np.array(logits_V) / temperature + noise_V)",
        "ties to the last token": "len(logits_V) - 1 - argmax_of((np.array(logits_V) / temperature + noise_V)[::-1])",
        "fresh noise":
            "argmax_of(np.array(logits_V) / temperature + np.random.default_rng(0).gumbel(size=len(logits_V)))",
        "noise on the probabilities":
            "argmax_of(shares_of(np.exp(np.array(logits_V) / temperature - max(logits_V) / temperature)) + noise_V)",
    },
    "ratio_test": {
        "the fraction upside down": "uniform < min(1, draft_V[token] / max(target_V[token], 1e-9))",
        "the target's share alone": "uniform < target_V[token]",
        "the target's argmax only": "token == target_V.index(max(target_V))",
        "a token of share 0 kept": "uniform <= min(1, target_V[token] / draft_V[token])",
        "the other way round": "uniform > min(1, target_V[token] / draft_V[token])",
        "likelier only": "target_V[token] >= draft_V[token]",
        "the drafts share alone": "uniform < draft_V[token]",
        "a half for the number": "target_V[token] / draft_V[token] > 0.5",
        "a number of its own": "np.random.default_rng(0).random() < target_V[token] / draft_V[token]",
        "largest share below": "uniform < min(1, max(target_V) / draft_V[token])",
        "the chance itself": "min(1, target_V[token] / draft_V[token])",
        "the token instead": "token if uniform < min(1, target_V[token] / draft_V[token]) else -1",
        "always kept": "True",
    },
    "residual": {
        "draft minus target": "left(draft_V, target_V)",
        "sizes instead of a clip": "left(target_V, draft_V, np.abs(np.array(target_V) - draft_V))",
        "not made to sum to 1": "np.maximum(np.array(target_V) - draft_V, 0)",
        "the target itself": "target_V",
        "not clipped": "np.array(target_V) - draft_V",
        "one share taken off all": "left(target_V, draft_V, np.maximum(np.array(target_V) - max(draft_V), 0))",
        "softmax of the difference": "left(target_V, draft_V, np.exp(np.array(target_V) - draft_V))",
        "its argmax": "int(np.argmax(left(target_V, draft_V)))",
        "argmax only": "np.eye(len(target_V))[np.argmax(left(target_V, draft_V))]",
        "the draft once more": "draft_V",
        "uniform where nothing is left":
            "[1 / len(target_V)] * len(target_V) if target_V == draft_V else left(target_V, draft_V)",
        "target where nothing is left": "target_V if target_V == draft_V else left(target_V, draft_V)",
        "none where nothing is left": "None if target_V == draft_V else left(target_V, draft_V)",
        "nothing by nothing": "shares_of(np.maximum(np.array(target_V) - draft_V, 0))",
        "without the sampled token":
            "left(target_V, draft_V, np.where(np.arange(len(target_V)) == np.argmax(draft_V), 0, target_V))",
    },
    "lookup": {
        "the first occurrence": "looked_up(tokens, n, which=0)",
        "the newest token alone": "looked_up(tokens, 1)",
        "no fewer than n tokens": "looked_up(tokens, n, fewer=False)",
        "no occurrence that overlaps": "looked_up(tokens, n, apart=True)",
        "the last matching token": "looked_up(tokens, n, shift=-1)",
        "token 0 at last": "looked_up(tokens, n) if any(ends_of(tokens, length) for length in range(1, n + 1)) else 0",
        "none at last": "looked_up(tokens, n) if any(ends_of(tokens, length) for length in range(1, n + 1)) else None",
        "second to last": "looked_up(tokens, n, which=-2) if len(ends_of(tokens, n)) > 1 else looked_up(tokens, n)",
        "never in the second half": "looked_up(tokens[:(len(tokens) + 1) // 2] + tokens[-n:], n)",
        "as text": "str(looked_up(tokens, n))",
        "runs off the end": "tokens[max(place for place, token in enumerate(tokens) if token == tokens[-1]) + 1]",
        "shortest first":
            "next((tokens[ends_of(tokens, k)[-1]] for k in range(1, n + 1) if ends_of(tokens, k)), tokens[-1])",
    },
}


def shares_of(powers):
    return powers / powers.sum()


def choices_of(logits_TV):
    return logits_TV.argmax(axis=-1).tolist()


def chosen(target, tokens, proposed, cache):
    """What one pass chooses, row by row; the last len(proposed) + 1 are right."""
    return choices_of(target((tokens + proposed)[cache.length:], cache))


def prefix(proposed, choices, n=0):
    """Right, but for another beginning."""
    while n < len(proposed) and proposed[n] == choices[n]:
        n += 1
    return n


def is_greedy(run):
    return all(run.target(run.tokens[:end]) == run.tokens[end] for end in range(len(run.prompt), len(run.tokens)))


def next_token__positive_only(logits):
    best, token = 0, 0
    for place, logit in enumerate(logits):
        if logit > best:
            best, token = logit, place
    return token


def literal(draft, tokens, tau, context, row=-1):
    proposed = []
    for _ in range(tau):
        proposed.append(int(draft(context(proposed))[row].argmax()))
    return proposed


def cached(draft, tokens, tau, cache, feed, row=-1):
    proposed = []
    for _ in range(tau):
        proposed.append(int(draft(feed(proposed), cache)[row].argmax()))
    return proposed


def drafted(draft, tokens, tau, cache):
    """Right."""
    return cached(draft, tokens, tau, cache, lambda made: (tokens + made)[cache.length:])


def rolled_back(draft, tokens, tau, cache, kept):
    proposed = []
    for _ in range(tau):
        context = tokens + kept(proposed)
        cache.truncate(len(context) - 1)
        proposed.append(int(draft(context[cache.length:], cache)[-1].argmax()))
    return proposed


def propose__token_by_token(draft, tokens, tau, cache):
    if tau:
        for token in tokens[cache.length:-1]:
            draft([token], cache)
    return drafted(draft, tokens, tau, cache)


def verify__verified_one_by_one(target, tokens, proposed, cache):
    rows = [target([token], cache)[-1] for token in (tokens + proposed)[cache.length:]]
    return [int(row.argmax()) for row in rows[-len(proposed) - 1:]]


def verify__one_more_pass_for_the_bonus(target, tokens, proposed, cache):
    rows = target((tokens + proposed)[cache.length:], cache).argmax(axis=-1).tolist()
    cache.truncate(len(tokens + proposed) - 1)
    return rows[-len(proposed) - 1:-1] + [int(target((tokens + proposed)[-1:], cache)[-1].argmax())]


def count_accepted__one_mismatch_forgiven(proposed, choices):
    n, forgiven = 0, False
    while n < len(proposed):
        if proposed[n] != choices[n]:
            if forgiven:
                return n
            forgiven = True
        n += 1
    return n


def head(query, keys, values, cells, divisor):
    return shares_of(np.exp(np.array(keys[:cells]) @ query / divisor)) @ np.array(values[:cells])


def one_round(target, draft, tokens, tau, target_cache, draft_cache, block, keep=0, count=None, roll=(True, True)):
    """A right round but for `block` (what is committed), `count`, `keep` (too many kept) and `roll`."""
    proposed = drafted(draft, tokens, tau, draft_cache)
    choices = target((tokens + proposed)[target_cache.length:], target_cache)[-tau - 1:].argmax(axis=-1).tolist()
    n = prefix(proposed, choices)
    committed = block(proposed, choices, n if count is None else count(proposed, choices))
    for cache, wanted in zip((target_cache, draft_cache), roll):
        if wanted:
            cache.truncate(len(tokens) + n + keep)
    return committed


def right_block(proposed, choices, n):
    return proposed[:n] + [choices[n]]


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
    proposed = drafted(draft, tokens, tau, draft_cache)
    choices = verify__verified_one_by_one(target, tokens, proposed, target_cache)
    n = prefix(proposed, choices)
    target_cache.truncate(len(tokens) + n)
    draft_cache.truncate(len(tokens) + n)
    return choices[:n + 1]


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
        n = prefix(proposed, choices)
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


def mean(alpha, tau):
    return sum(alpha ** t for t in range(tau + 1))


def even(tau, cost, tokens=mean, low=0.0, high=1.0):
    """The alpha at which `tokens` are worth `cost`."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if tokens(middle, tau) < cost else (low, middle)
    return high


def speeds(alpha, c, v):
    return [mean(alpha, rows - 1) / ((rows - 1) * c + v[rows]) for rows in v]


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


def check_text__without_the_end(run):
    text = list(run.prompt)
    for _ in range(run.new_tokens):
        text.append(run.target(text))
    return text == run.tokens


def argmax_of(scores):
    return int(np.argmax(scores))


def left(target_V, draft_V, beyond=None):
    """The right residual, or with another `beyond` made to sum to 1."""
    if target_V == draft_V:
        raise ValueError("nothing is left")
    beyond = np.maximum(np.array(target_V) - draft_V, 0) if beyond is None else beyond
    return beyond / beyond.sum()


def residual__in_place(target_V, draft_V):
    for token, share in enumerate(draft_V):
        target_V[token] = max(0, target_V[token] - share)
    return left(target_V, [0] * len(draft_V), np.array(target_V))


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


def lookup__finds_itself(tokens, n):
    for end in range(len(tokens), n - 1, -1):
        if tokens[end - n:end] == tokens[-n:]:
            return tokens[end % len(tokens)]
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


def lookup__any_order(tokens, n):
    for length in range(min(n, len(tokens) - 1), 0, -1):
        last = sorted(tokens[-length:])
        ends = [end for end in range(length, len(tokens)) if sorted(tokens[end - length:end]) == last]
        if ends:
            return tokens[ends[-1]]
    return tokens[-1]
