"""Lossless: whatever is drafted, the text and the logits behind it are those of plain greedy decoding, bit for bit.

Every combination of a prompt, a draft, a tau and a budget is decoded and compared with plain decoding of the same
prompt, once with a cache and once without.  Five hundred of them run by default, twenty thousand with `-m long`.
"""

from itertools import product

import numpy as np
import pytest
from conftest import (HELD_OUT, NOT_THE_SAME_BITS, PROMPTS, assert_same_bits, bundled, by_long, golden, random_model,
                      random_tokens)

from minispec import list_models, greedy_baseline, speculative
from minispec.lab.exactness import block_size_finding, uncached_finding
from minispec.scripted import Mix, ScriptedModel

NEW_TOKENS = 18                          # the longest budget; every shorter run is a prefix of it
TAUS = range(13)
SOME_TAUS = (0, 1, 2, 3, 5, 8, 12)


class Plain:
    """Plain decoding of one prompt: tokens, and the logits behind every new one, with a cache and without."""

    def __init__(self, target, prompt, new_tokens=NEW_TOKENS):
        self.prompt = list(prompt)
        self.cached, self.uncached = [], []
        run = greedy_baseline(target, prompt, new_tokens, stop=None, logits=self.cached)
        again = greedy_baseline(target, prompt, new_tokens, stop=None, cached=False, logits=self.uncached)
        assert run.tokens == again.tokens
        self.text = run.tokens

    def expected(self, new_tokens, stop=None):
        """The text of a smaller budget, ended behind the first stop token."""
        first = len(self.prompt)
        new = list(self.text[first:first + new_tokens])
        if stop in new:
            new = new[:new.index(stop) + 1]
        return self.prompt + new


def assert_lossless(trace, baseline, logits, new_tokens, stop, what):
    """The same tokens, and rows 0 … n_accepted of every verification are the bits that plain decoding had there."""
    assert trace.tokens == baseline.expected(new_tokens, stop), f"{what}: other tokens than plain decoding"
    rows = 0
    for r in trace.rounds:
        first = len(r.tokens) - len(baseline.prompt)
        for j in range(r.n_accepted + 1):
            assert_same_bits(r.target_logits_TV[j], logits[first + j],
                             f"{what}: token {first + j} has the same id, but other logits")
            rows += 1
    return rows


# ----------------------------------------------------------------------------------------------------------- the drafts

class Adversary:
    """A draft that knows the plain text, and says what hurts most; off the text it asks the target itself.

    `lies(prefix)` decides where it is wrong.  Right behind a lie it drafts what the target would say there: those
    drafts agree with the target's choices in the rows behind the mismatch, and must not be kept for that.
    """

    def __init__(self, baseline, target, lies, vocab_size, answers):
        self.text, self.target, self.lies, self.vocab_size = baseline.text, target, lies, vocab_size
        self.answers = answers           # what the target says of a prefix, shared by all adversaries of one target

    def __call__(self, prefix):
        known = tuple(prefix)
        if known == self.text[:len(known)] and len(known) < len(self.text):
            right = self.text[len(known)]
        else:
            right = self.answer(known)
        return (right + 1) % self.vocab_size if self.lies(prefix) else right

    def answer(self, prefix):
        if prefix not in self.answers:
            self.answers[prefix] = int(np.argmax(self.target(prefix)[-1]))
        return self.answers[prefix]


def always(prefix):
    return True


def never(prefix):
    return False


class LieOnce:
    """Wrong at every fourth place of the text, counted from `place`, but honest on what follows from the lie."""

    def __init__(self, baseline, place):
        self.text, self.place = baseline.text, place

    def __call__(self, prefix):
        return tuple(prefix) == self.text[:len(prefix)] and (len(prefix) + self.place) % 4 == 0


class LieByMix:
    """Wrong about once in `one_in` prefixes, depending on every token."""

    def __init__(self, one_in, seed):
        self.mix = Mix(one_in, seed)

    def __call__(self, prefix):
        return self.mix(prefix) == 0


def drafts(target, baseline, answers, number):
    """Eight drafts by name, from always right to never."""
    config = target.config
    lies = {"always wrong": always, "always right": never, "wrong once": LieOnce(baseline, number),
            "mixed": LieByMix(3, number)}
    models = {"random": golden("draft"), "noisy": golden("noisy"), "the target": target,
              "pure mix": ScriptedModel(config, Mix(config.vocab_size, number))}
    for name, lie in lies.items():
        models[name] = ScriptedModel(config, Adversary(baseline, target, lie, config.vocab_size, answers), name)
    return models


class Tally:
    """What a sweep has met."""

    def __init__(self):
        self.combinations = self.rows = self.rejections = self.bonuses = 0
        self.accepted, self.judged = {}, {}

    def add(self, name, trace, rows):
        self.combinations += 1
        self.rows += rows
        self.rejections += sum(r.rejected is not None for r in trace.rounds)
        self.bonuses += sum(r.bonus is not None and len(r.proposed) > 0 for r in trace.rounds)
        self.accepted[name] = self.accepted.get(name, 0) + trace.n_accepted
        self.judged[name] = self.judged.get(name, 0) + trace.n_judged

    def share(self, name):
        return self.accepted[name] / self.judged[name]


def sweep(prompts, budgets, taus):
    """Every prompt with every draft, tau and budget, and with a stop token from the middle of the plain text."""
    target = golden("target")
    tally, answers = Tally(), {}
    for number, prompt in enumerate(prompts):
        baseline = Plain(target, prompt)
        middle = baseline.text[(len(prompt) + len(baseline.text)) // 2]
        cases = [(budget, None) for budget in budgets] + [(NEW_TOKENS, middle)]
        for (name, draft), tau, (budget, stop) in product(drafts(target, baseline, answers, number).items(), taus, cases):
            trace = speculative(target, draft, prompt, budget, tau, stop=stop)
            what = f"prompt {prompt}, draft {name}, tau {tau}, {budget} new tokens, stop {stop}"
            # every third against the logits of decoding without a cache
            logits = baseline.uncached if tally.combinations % 3 == 0 else baseline.cached
            tally.add(name, trace, assert_lossless(trace, baseline, logits, budget, stop, what))
    return tally


def assert_worth_it(tally):
    """A sweep proves little if nothing was rejected in it, or all: say what it met."""
    assert tally.rejections > tally.combinations and tally.bonuses > tally.combinations / 4
    assert tally.share("always right") == tally.share("the target") == 1
    assert tally.share("always wrong") == 0
    for name in ("noisy", "wrong once", "mixed"):
        assert 0.1 < tally.share(name) < 0.9, name


# ----------------------------------------------------------------------------------------------------------- the claims

FULL_CONTEXT = 64


def golden_prompts():
    """The five of the golden file, and one that runs into the context limit."""
    return [*PROMPTS, random_tokens(64, FULL_CONTEXT - 8, 400)]


def test_five_hundred_combinations_are_plain_decoding_to_the_last_bit():
    """Leviathan's promise, in the form that one can test: not "the same distribution" but the same bytes.  A draft
    that is always wrong, always right, right by chance or right behind its own lies changes nothing but the time."""
    tally = sweep(golden_prompts()[1::2], (4, NEW_TOKENS), SOME_TAUS)
    assert tally.combinations == 3 * 8 * len(SOME_TAUS) * 3 > 500
    assert tally.rows > 2_000
    assert_worth_it(tally)


@pytest.mark.parametrize("taus", [SOME_TAUS, *by_long(TAUS)], ids=str)
def test_random_pairs_of_odd_sizes_are_lossless_too(taus):
    """Other widths are other code paths in a BLAS library: heads of 3 and of 65 channels, contexts that differ."""
    combinations = rejections = 0
    for seed, (heads, width, inner) in enumerate([(1, 8, None), (3, 9, 5), (3, 21, 40), (2, 130, None)]):
        target = random_model(seed, n_head=heads, n_embd=width, n_inner=inner, n_positions=27, vocab_size=13)
        draft = random_model(seed + 10, n_layer=1, n_positions=35, vocab_size=13)
        for prompt in ([5], random_tokens(seed, 6, 13)):
            baseline = Plain(target, prompt)
            for tau in taus:
                trace = speculative(target, draft, prompt, NEW_TOKENS, tau, stop=None)
                what = f"{target.config}, prompt {prompt}, tau {tau}"
                assert_lossless(trace, baseline, baseline.uncached, NEW_TOKENS, None, what)
                combinations += 1
                rejections += sum(r.rejected is not None for r in trace.rounds)
    assert combinations == 4 * 2 * len(taus) and rejections > combinations


def bundled_sweep(target_name, draft_name, texts, taus, new_tokens, uncached_share):
    """Bundled models: whatever they have learned, and with their own end-of-text switched off; returns the count."""
    target, tokenizer = bundled(target_name)
    draft, _ = bundled(draft_name)
    count = 0
    for number, text in enumerate(texts):
        prompt = tokenizer.encode(text)
        baseline = Plain(target, prompt, new_tokens)
        for tau in taus:
            trace = speculative(target, draft, prompt, new_tokens, tau, stop=None)
            logits = baseline.uncached if number % uncached_share == 0 else baseline.cached
            what = f"{target_name} with {draft_name}, {text!r}, tau {tau}"
            assert_lossless(trace, baseline, logits, new_tokens, None, what)
            count += 1
    return count


def held_out_prompts():
    return HELD_OUT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("taus", [SOME_TAUS, *by_long(TAUS)], ids=str)
def test_the_bundled_models_are_lossless(taus):
    """The models of the lecture, on prompts of the lecture; this must not depend on how well they are trained."""
    texts = ["The cat sat", "Mia had a red ball, and Tom had a blue kite.", held_out_prompts()[0]]
    assert bundled_sweep("tales-24", "tales-1", texts, taus, new_tokens=24, uncached_share=2) == 3 * len(taus)


def test_a_bundled_text_ends_where_plain_decoding_ends():
    """With the models' own end-of-text, and a budget beyond the context: the text, and the reason why it ended."""
    target, tokenizer = bundled("tales-24")
    draft, _ = bundled("tales-1")
    prompt = (tokenizer.encode(" ".join(held_out_prompts())) * 2)[:target.config.n_positions - 12]
    for tau in (1, 4, 7):
        baseline = greedy_baseline(target, prompt, 40)
        trace = speculative(target, draft, prompt, 40, tau)
        assert tuple(trace.tokens) == baseline.tokens and trace.stopped == baseline.stopped
        assert trace.stopped in ("end-of-text", "context")


# ------------------------------------------------------------------------------------- does the comparison notice a bit

class RoundsByBlock:
    """A model as a row-variant BLAS library would make it: the last bit of a row depends on the rows beside it."""

    def __init__(self, model):
        self.model, self.config, self.name, self.vocabulary = model, model.config, model.name, model.vocabulary

    def __call__(self, tokens, cache=None, record=None):
        logits_TV = self.model(tokens, cache, record)
        return logits_TV if len(tokens) == 1 else np.nextafter(logits_TV, np.float32(np.inf))


@pytest.mark.exact_bits
def test_one_bit_in_one_block_is_noticed_and_explained():
    """vllm#54506 and Camelid#339: the tokens were the same for a long while, so a comparison of tokens saw nothing.
    The message says what to run, as the reason is then the machine and not the package."""
    target = RoundsByBlock(golden("target"))
    prompt = PROMPTS[3]
    logits = []
    greedy_baseline(golden("target"), prompt, NEW_TOKENS, stop=None, logits=logits)
    trace = speculative(target, golden("noisy"), prompt, NEW_TOKENS, 4, stop=None)
    baseline = Plain(golden("target"), prompt)
    assert trace.tokens == baseline.expected(NEW_TOKENS)
    sentence = "the same id, but other logits: not the same bits.*python -m minispec check"
    with pytest.raises(pytest.fail.Exception, match=sentence):
        assert_lossless(trace, baseline, logits, NEW_TOKENS, None, "one bit")
    # and what that command runs notices it as well
    block = block_size_finding(target, list(baseline.text), (2, 5))
    assert not block.holds and block.differ > block.compared / 2
    assert not uncached_finding(target, prompt, 6).holds
    # of the true model it says that all is well
    assert block_size_finding(golden("target"), list(baseline.text), (2, 5)).holds, NOT_THE_SAME_BITS


# ---------------------------------------------------------------------------------------------- the full sweep, minutes

@pytest.mark.long
def test_twenty_thousand_combinations():
    """As above, with forty prompts more."""
    prompts = golden_prompts() + [random_tokens([8, length], length, 400) for length in range(1, 46)]
    tally = sweep(prompts, (1, 2, 5, NEW_TOKENS), TAUS)
    assert tally.combinations >= 20_000
    assert_worth_it(tally)


@pytest.mark.long
@pytest.mark.parametrize("draft_name", list_models())
def test_every_bundled_draft_on_all_held_out_prompts(draft_name):
    """Fifty tales that no model was trained on; the last draft is the target itself."""
    texts = held_out_prompts()
    count = bundled_sweep("tales-24", draft_name, texts, TAUS, new_tokens=40, uncached_share=5)
    assert count == len(texts) * len(TAUS)


@pytest.mark.long
def test_the_roles_of_the_bundled_models_swapped():
    assert bundled_sweep("tales-1", "tales-24", held_out_prompts()[:10], TAUS, new_tokens=40, uncached_share=2) == 130
