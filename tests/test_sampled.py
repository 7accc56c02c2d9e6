"""Sampling as argmax with noise: the same text for every tau and draft, and the distribution that softmax says."""

import base64
import io
import itertools
import json
import math
import re
import threading
import urllib.request
import zlib

import numpy as np
import pytest
from conftest import bundled, measured, random_model, random_tokens

from minispec import command, greedy, load_trace, save_trace, speculative
from minispec.commands import serving
from minispec.config import Config
from minispec.compare.verdict import verdict
from minispec.lab.bench import sampling_costs
from minispec.sampled import Sampled, gumbel_noise, keep_nucleus
from minispec.scripted import Mix, scripted
from minispec.views import terminal
from minispec.views.stage.steps import steps
from minispec.views.text import round_table

SETTINGS = [(1.0, 1.0), (0.7, 1.0), (1.5, 0.9), (3.0, 0.5), (0.05, 1.0)]


def softmax_row(logits_V):
    shares_V = np.exp(logits_V.astype(np.float64) - logits_V.max())
    return shares_V / shares_V.sum()


# --------------------------------------------------------------------------------------------------------- losslessness

@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 8), marks=pytest.mark.long)], ids=["some", "all"])
def test_speculative_sampling_writes_the_text_and_logits_of_plain_sampling_whatever_tau_and_draft(seeds):
    """1,080 combinations: models, prompts, seeds, temperatures, nuclei, tau 0 to 8, a good, a bad and a greedy draft."""
    compared = 0
    for seed in seeds:
        target = random_model(seed, scale=0.4, n_layer=1)
        noisy_draft, other = random_model(seed, scale=0.38, n_layer=1), random_model(seed + 100, n_layer=1)
        for temperature, top_p in SETTINGS:
            sampled = Sampled(target, seed, temperature, top_p)
            drafts = [Sampled(noisy_draft, seed, temperature, top_p), Sampled(other, seed + 1, temperature), other]
            tokens = random_tokens(seed, 1 + seed % 5, 30)
            rows = []
            baseline = greedy(sampled, tokens, 7, stop=None, logits=rows)
            for draft, tau in itertools.product(drafts, range(0, 9)):
                trace = speculative(sampled, draft, tokens, 7, tau=tau, stop=None)
                written = [row for r in trace.rounds for row in r.target_logits_TV[:len(r.committed)]]
                assert list(trace.tokens) == baseline, (seed, temperature, top_p, tau)
                assert np.array_equal(np.stack(written), np.stack(rows)), (seed, temperature, top_p, tau)
                compared += 1
    measured(f"sampling: texts and logits of {compared:,} combinations are those of plain sampling")
    assert compared == 135 * len(seeds)


def test_shared_noise_makes_two_models_choose_alike_more_often_than_noise_of_their_own():
    """Fixed seeds, so that the counts are facts and not chances."""
    target, tokenizer = bundled("tales-24")
    draft, _ = bundled("tales-1")
    tokens = tokenizer.encode("Once upon a time there was a")
    shared, apart = 0, 0
    for seed in range(6):
        sampled = Sampled(target, seed, 1.5)
        passes = [len(speculative(sampled, Sampled(draft, draft_seed, 1.5), tokens, 40, tau=4).rounds)
                  for draft_seed in (seed, seed + 1000)]
        shared, apart = shared + passes[0], apart + passes[1]
    print(f"target passes: {shared} with shared noise, {apart} with noise of its own")
    assert shared < apart


def test_another_seed_is_another_text_and_the_same_seed_the_same_one():
    target, tokenizer = bundled("tales-1")
    tokens = tokenizer.encode("Once")
    texts = [tuple(greedy(Sampled(target, seed), tokens, 30)) for seed in (1, 2, 3, 1)]
    assert texts[0] == texts[3] and len(set(texts)) == 3


def test_a_scripted_model_can_be_sampled_too():
    model = scripted(Mix(7), 7)
    assert list(speculative(Sampled(model, 3, 9.0), model, [1], 20, tau=3).tokens) == greedy(Sampled(model, 3, 9.0), [1], 20)


# -------------------------------------------------------------------------------------------------------- the noise's law

def uniforms_behind(noise_V):
    """The uniform numbers that a Gumbel noise was made from."""
    return np.exp(-np.exp(-noise_V.astype(np.float64)))


def test_the_noise_is_gumbel_distributed():
    """Its uniform numbers fill (0, 1) evenly: the largest gap to the straight line is that of a sample of this size."""
    numbers = np.sort(np.concatenate([uniforms_behind(gumbel_noise(seed, 5, 500)) for seed in range(400)]))
    gap = np.abs(numbers - (np.arange(len(numbers)) + 0.5) / len(numbers)).max()
    assert gap < 1.63 / math.sqrt(len(numbers))          # Kolmogorov and Smirnov, one in a hundred


def test_of_two_tokens_each_is_chosen_as_often_as_softmax_says():
    """400,000 places of one seed.  The share of token 1 lies within 4.5 standard deviations: one seed in 150,000 would not."""
    logits_V = np.array([0.3, 1.1], dtype=np.float32)
    share = softmax_row(logits_V)[1]
    count = 400_000 // 100
    noise = np.stack([gumbel_noise(11, position, 200).reshape(100, 2) for position in range(count)])
    chosen = np.argmax(logits_V + noise, axis=-1).mean()
    assert abs(chosen - share) < 4.5 * math.sqrt(share * (1 - share) / (100 * count))


class Rows:
    """A model that says the same row at every place."""

    def __init__(self, logits_V):
        self.logits_V = np.array(logits_V, dtype=np.float32)
        self.config = Config(n_layer=1, n_head=1, n_embd=1, n_positions=16, vocab_size=len(logits_V))
        self.name, self.vocabulary = "rows", None

    def __call__(self, tokens, cache=None, record=None):
        if cache is not None:
            cache.advance(len(tokens))
        return np.tile(self.logits_V, (len(tokens), 1))


@pytest.mark.parametrize("logits_V, temperature", [([0.3, 1.1], 1.0), ([2.0, -1.0], 0.7), ([0.0, 0.0], 1.0), ([-1.0, 3.0], 2.0)])
def test_of_two_tokens_the_law_is_exactly_softmax(logits_V, temperature, monkeypatch):
    """No trial: for each number of token 0 the number of token 1 is sought from which on token 1 is chosen, by halving
    the raw numbers; the area above that curve is the chance of token 1, here by Gauss and Legendre's rule."""
    raw = [0, 0]

    class Chosen:
        def __init__(self, key):
            pass

        def random_raw(self, size):
            return np.array(raw, dtype=np.uint64)

    monkeypatch.setattr(np.random, "Philox", Chosen)
    sampled = Sampled(Rows(logits_V), 0, temperature)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    area = 0.0
    for node, weight in zip((nodes + 1) / 2, weights / 2):
        raw[0] = int(node * 2.0 ** 64)
        low, high = 0, 2 ** 64 - 1
        while high - low > 2 ** 30:
            raw[1] = (low + high) // 2
            if np.argmax(sampled([0])[0]) == 1:
                high = raw[1]
            else:
                low = raw[1]
        area += weight * (1 - high / 2.0 ** 64)
    share = softmax_row(np.array(logits_V) / temperature)[1]
    assert abs(area - share) < 2e-5, (area, share)


@pytest.mark.parametrize("top_p", [1.0, 0.9])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("place", range(3))
def test_what_is_no_logit_is_refused_and_minus_infinity_is_not(wrong, place, top_p):
    """NaN and +inf in any place, of the target or of the draft, with and without a nucleus."""
    good, bad = [0.5, 0.2, -np.inf], [0.5, 0.2, 0.1]
    bad[place] = wrong
    fine, broken = Sampled(Rows(good), 1, 1.0, top_p), Sampled(Rows(bad), 1, 1.0, top_p)
    assert 2 not in greedy(fine, [0], 8)[1:]
    assert list(speculative(fine, fine, [0], 8, 3).tokens) == greedy(fine, [0], 8)
    for decode in ((greedy, broken, [0], 8), (speculative, broken, fine, [0], 8, 3), (speculative, fine, broken, [0], 8, 3)):
        with pytest.raises(ValueError, match=r"the logits of rows \(temperature 1.*seed 1\) at position 0 have the maximum"):
            decode[0](*decode[1:])


def test_texts_of_three_tokens_come_as_often_as_their_probabilities_multiply_to():
    """A model with five tokens, all 125 texts, 8,000 seeds; chi-square with 124 degrees of freedom below 200 (p 2e-5)."""
    model = random_model(3, vocab_size=5, n_layer=1, n_embd=4, n_positions=8)
    probabilities = {}
    for text in itertools.product(range(5), repeat=3):
        logits_TV = model([0, *text[:2]])
        probabilities[text] = float(np.prod([softmax_row(logits_TV[t])[text[t]] for t in range(3)]))
    tables = {prefix: model([0, *prefix])[-1] for length in range(3)
              for prefix in itertools.product(range(5), repeat=length)}
    counts = dict.fromkeys(probabilities, 0)
    for seed in range(8_000):
        text = ()
        for position in (1, 2, 3):
            text += (int(np.argmax(tables[text] + gumbel_noise(seed, position, 5))),)
        counts[text] += 1
    for seed in (0, 1, 777):                             # the shortcut above is what the decoder does
        assert tuple(greedy(Sampled(model, seed), [0], 3, stop=None)[1:]) == first_text(tables, seed)
    expected = {text: 8_000 * share for text, share in probabilities.items()}
    assert sum((counts[text] - expected[text]) ** 2 / expected[text] for text in counts) < 200


def first_text(tables, seed):
    text = ()
    for position in (1, 2, 3):
        text += (int(np.argmax(tables[text] + gumbel_noise(seed, position, 5))),)
    return text


def test_no_noise_comes_twice_at_other_positions_or_seeds():
    """Among 100,000 numbers of 24 bits some 300 pairs meet by chance; a stream used twice would give whole rows."""
    rows = {gumbel_noise(seed, position, 8).tobytes() for seed in range(100) for position in range(125)}
    assert len(rows) == 100 * 125
    edge = {gumbel_noise(seed, position, 8).tobytes() for seed in (0, 1, 2 ** 32, 2 ** 64 - 1) for position in (0, 1, 2 ** 32)}
    assert len(edge) == 12


def test_the_noise_of_a_token_does_not_depend_on_the_size_of_the_vocabulary():
    assert np.array_equal(gumbel_noise(5, 9, 300)[:40], gumbel_noise(5, 9, 40))


def test_the_raw_numbers_are_the_same_on_every_machine_and_version():
    """Philox with key (seed, position), as its authors publish it; the logarithm after it may differ in the last bit."""
    raw = np.random.Philox(key=np.array([7, 3], dtype=np.uint64)).random_raw(3).tolist()
    assert raw == [8893702929424106994, 13357943582879616415, 927023405073346982]
    noise = gumbel_noise(7, 3, 3)
    assert noise.dtype == np.float32
    by_hand = [-math.log(-math.log(((number >> 12) + 0.5) / 2 ** 52)) for number in raw]
    assert np.allclose(noise, by_hand, rtol=1e-6)


def test_the_smallest_and_the_largest_raw_number_give_finite_noise(monkeypatch):
    class Ends:
        def __init__(self, key):
            pass

        def random_raw(self, size):
            return np.array([0, 2 ** 64 - 1], dtype=np.uint64)

    monkeypatch.setattr(np.random, "Philox", Ends)
    assert np.isfinite(gumbel_noise(0, 0, 2)).all()


# ------------------------------------------------------------------------------------------------- temperature and nucleus

def test_temperature_one_and_no_nucleus_leave_the_logits_as_they_are_but_for_the_noise():
    model = random_model(1)
    sampled_TV = Sampled(model, 9)([1, 2, 3])
    expected_TV = model([1, 2, 3]) + np.stack([gumbel_noise(9, position, 30) for position in (1, 2, 3)])
    assert np.array_equal(sampled_TV, expected_TV) and sampled_TV.dtype == np.float32


def test_the_nucleus_is_the_fewest_likeliest_tokens_that_reach_top_p():
    """Against the definition, on 500 random rows: no smaller set of tokens has top_p, and the set is the likeliest."""
    random = np.random.default_rng(0)
    for _ in range(500):
        logits_V = (3 * random.normal(size=random.integers(1, 12))).astype(np.float32)
        top_p = float(random.uniform(0.01, 0.999))
        kept = np.isfinite(keep_nucleus(logits_V, top_p))
        shares = np.sort(softmax_row(logits_V))[::-1]
        fewest = next(count for count in range(1, len(shares) + 1) if shares[:count].sum() >= top_p - 1e-12)
        assert kept.sum() == fewest and logits_V[kept].min() >= logits_V[~kept].max(initial=-np.inf)


def test_a_tiny_nucleus_is_greedy_decoding_and_keeps_one_of_two_equal_tokens():
    target, tokenizer = bundled("tales-1")
    tokens = tokenizer.encode("The cat sat")
    assert greedy(Sampled(target, 5, top_p=1e-9), tokens, 30) == greedy(target, tokens, 30)
    assert np.isfinite(keep_nucleus(np.zeros(4, dtype=np.float32), 0.25)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("arguments, name", [
    ({"seed": -1}, "seed"), ({"seed": 1.5}, "seed"), ({"seed": True}, "seed"), ({"seed": 2 ** 64}, "seed"),
    ({"seed": 1, "temperature": 0}, "temperature"), ({"seed": 1, "temperature": -1}, "temperature"),
    ({"seed": 1, "temperature": float("nan")}, "temperature"), ({"seed": 1, "temperature": "1"}, "temperature"),
    ({"seed": 1, "temperature": float("inf")}, "temperature"),
    ({"seed": 1, "top_p": 0}, "top_p"), ({"seed": 1, "top_p": 1.01}, "top_p"), ({"seed": 1, "top_p": None}, "top_p")])
def test_bad_arguments_are_one_sentence(arguments, name):
    with pytest.raises((TypeError, ValueError), match=f"^{name} is ") as caught:
        Sampled(random_model(0), **arguments)
    assert "\n" not in str(caught.value)


SAMPLING = ["--target", "tales-2", "--temperature", "0.8", "--seed", "7", "--top-p", "0.9"]


def test_the_command_says_what_was_sampled_and_that_it_equals_plain_sampling(capsys):
    options = ["Once", *SAMPLING, "--new-tokens", "12"]
    texts = []
    for tau in ("2", "5"):
        assert command.main([*options, "--tau", tau, "--json"]) == 0
        texts.append(json.loads(capsys.readouterr().out)["text"])
    assert texts[0] == texts[1]
    assert command.main(options) == 0
    out = capsys.readouterr().out
    assert "target tales-2 (temperature 0.8, top-p 0.9, seed 7)" in out
    assert "identical to plain sampling, same seed: yes" in out


def shows_in(path):
    """The runs of a page, and what each was asked for."""
    written = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.S)[1]
    data = written if written.startswith("{") else zlib.decompress(base64.b64decode(written)).decode("utf-8")
    return json.loads(data, parse_constant=pytest.fail)["shows"]     # NaN and Infinity are not JSON


def text_of(show, run=-1):
    """What a run of a page writes, prompt and all."""
    run = show["runs"][run]
    texts = [text for _, text in run["words"]]
    return "".join([texts[place] for place in run["prompt"]] + [texts[place] for r in run["rounds"] for place in r["committed"]])


def test_a_page_of_several_runs_samples_in_each_and_each_is_plain_sampling(tmp_path, capsys):
    """Two taus, two drafts, a bug: they were greedy, whatever the temperature."""
    asked = ["Once", "--new-tokens", "12", *SAMPLING]
    assert command.main([*asked, "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["text"]
    assert command.main([*asked, "--tau", "2", "--tau", "5", "--draft", "tales-1", "--draft", "tales-2", "--bug",
                         "noise-by-row", "--html", str(tmp_path / "page.html")]) == 0
    shows = shows_in(tmp_path / "page.html")
    assert len(shows) == 8
    for show in shows:
        assert show["runs"][0]["target"] == "tales-2 (temperature 0.8, top-p 0.9, seed 7)"
        assert text_of(show, 0) == text
        if not show["asked"]["bug"]:
            [fact] = [fact for fact in show["runs"][0]["facts"] if fact[0] == "as plain sampling"]
            assert fact[1:] == ["yes", "tales-2 sampled: temperature 0.8, top-p 0.9, seed 7"]
    assert any(text_of(show) != text for show in shows if show["asked"]["bug"])


@pytest.mark.parametrize("top_p", ["1", "0.9", "0.001"])
def test_a_nucleus_of_one_token_leaves_the_page_readable(top_p, tmp_path):
    """The gap to the second logit is infinite there; JSON has no infinity, and a browser refused the whole page."""
    options = ["Once", "--new-tokens", "6", "--target", "tales-2", "--temperature", "1", "--top-p", top_p]
    assert command.main([*options, "--html", str(tmp_path / "page.html")]) == 0
    [show] = shows_in(tmp_path / "page.html")
    gaps = [model[1] for r in show["runs"][0]["rounds"] for place in r["likely"] for model in place if model]
    assert (None in gaps) == (top_p != "1") and any(gap is not None for gap in gaps) == (top_p != "0.001")


def test_a_page_of_one_run_says_what_was_sampled_too(tmp_path, capsys):
    assert command.main(["Once", "--new-tokens", "5", *SAMPLING, "--html", str(tmp_path / "page.html")]) == 0
    [show] = shows_in(tmp_path / "page.html")
    assert ["as plain sampling", "yes", "tales-2 sampled: temperature 0.8, top-p 0.9, seed 7"] in show["runs"][0]["facts"]
    assert command.main(["Once", "--new-tokens", "5", "--html", str(tmp_path / "page.html")]) == 0
    assert "sampl" not in json.dumps(shows_in(tmp_path / "page.html")[0]["runs"][0]["facts"])


@pytest.mark.parametrize("ends", [["--stop", "{token}"], ["--no-stop"]])
def test_a_page_of_several_runs_ends_where_it_is_told_to(ends, tmp_path, capsys):
    """--stop ends each run at that token, --no-stop none of them, and so it was for one run only."""
    target, tokenizer = bundled("tales-2")
    tokens = tokenizer.encode("The cat sat")
    text = greedy(target, tokens, 20)
    assert len(greedy(target, tokens, 150)) < len(tokens) + 150, "it ends by itself before"
    ends = [part.format(token=text[len(tokens) + 2]) for part in ends]
    options = ["--tau", "2", "--tau", "5", "--bug", "bonus-lost", "--target", "tales-2", "--new-tokens", "150", *ends]
    assert command.main(["The cat sat", *options, "--html", str(tmp_path / "page.html")]) == 0
    stop = [int(end) for end in ends[1:]] or None
    length = len(greedy(target, tokens, 150, stop=stop)) - len(tokens)
    assert length == (3 if stop else 150)
    for show in shows_in(tmp_path / "page.html"):
        for run in show["runs"]:
            assert sum(len(r["committed"]) for r in run["rounds"]) == length


def test_the_stepper_says_what_was_sampled_and_that_it_is_plain_sampling(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert command.main(["step", "Once", "--new-tokens", "5", *SAMPLING]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "sampled by tales-2 (temperature 0.8, top-p 0.9, seed 7); identical to plain sampling: yes"
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert command.main(["step", "Once", "--new-tokens", "5"]) == 0
    assert "sampl" not in capsys.readouterr().out.splitlines()[0]


def test_the_server_samples_every_prompt_with_the_options_of_its_command(capsys, monkeypatch):
    """Its first page and each answer, a bug's too."""
    asked = ["Once", "--new-tokens", "40", *SAMPLING, "--tau", "3"]
    assert command.main([*asked, "--json"]) == 0
    text = json.loads(capsys.readouterr().out)["text"]
    found = []

    def serve(server):
        body = json.dumps({"prompt": "Once", "tau": "3", "target": "tales-2"}).encode()
        with urllib.request.urlopen(urllib.request.Request(
                f"http://127.0.0.1:{server.server_port}/run", body, {"Content-Type": "application/json"})) as answer:
            found.append(json.loads(answer.read()))
        server.shutdown()
    served = serving.Server.serve_forever

    def serve_once(server):
        helper = threading.Thread(target=serve, args=(server,))
        helper.start()
        served(server)
        helper.join()
    monkeypatch.setattr(serving.Server, "serve_forever", serve_once)
    assert command.main(["serve", "Once", "--port", "0", "--tau", "3", *SAMPLING]) == 0
    [show] = found
    assert show["runs"][0]["target"] == "tales-2 (temperature 0.8, top-p 0.9, seed 7)"
    assert text_of(show)[:len(text)] == text[:len(text_of(show))]
    assert command.main(["serve", "Once", "--port", "0", "--temperature", "0"]) == 2
    assert "temperature is 0" in capsys.readouterr().err


@pytest.mark.parametrize("option, value", [("--temperature", "0"), ("--top-p", "1.5"), ("--seed", "-1")])
def test_the_command_refuses_what_cannot_be_sampled(option, value, capsys):
    assert command.main(["Once", option, value]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_sampled_trace_with_a_nucleus_is_saved_loaded_and_judged(tmp_path):
    """Its logits have -inf in them, which no view and no verdict may stumble over."""
    target, tokenizer = bundled("tales-24")
    draft, _ = bundled("tales-1")
    traces = []
    for tau in (2, 5):
        trace = speculative(Sampled(target, 3, 1.2, 0.8), Sampled(draft, 3, 1.2, 0.8), tokenizer.encode("Once"), 15, tau)
        save_trace(trace, tmp_path / "trace.json")
        traces.append(load_trace(tmp_path / "trace.json"))
        assert np.isneginf(traces[-1].rounds[0].target_logits_TV).any()
    assert verdict(*traces).kind == "identical"
    assert "✓" in round_table(traces[0])


def test_the_price_of_a_sampled_token_is_that_of_its_shortest_pass_in_shortest_greedy_passes(monkeypatch):
    """On a clock of its own, where a pass in five is disturbed; what it is on this machine is reported, not judged."""
    target, _ = bundled("tales-24")
    text = random_tokens(0, 60, target.config.vocab_size)
    noise, nucleus = sampling_costs(target, text, repetitions=60)
    measured(f"a sampled token: {noise:.3f} greedy passes, from a nucleus {nucleus:.3f}")
    taken = []

    def clock(model, tokens, size, cache):
        taken.append((model, cache.length, size))
        price = 1.0 if model is target else 1.25 if model.top_p == 1.0 else 1.5
        return 2 * price + (len(taken) % 5 != 0)

    monkeypatch.setattr("minispec.lab.bench.timed_block", clock)
    assert sampling_costs(target, text, repetitions=5) == (1.25, 1.5)
    assert [model is target for model, _, _ in taken] == [True, False, False] * 5
    assert {(length, size) for _, length, size in taken} == {(len(text), 1)}


@pytest.mark.reference
def test_temperature_and_nucleus_are_those_of_transformers():
    """The processors' own order: temperature first, then top-p; 200 random rows."""
    torch = pytest.importorskip("torch")
    processors = pytest.importorskip("transformers.generation.logits_process")
    random = np.random.default_rng(4)
    for _ in range(200):
        logits_V = (2 * random.normal(size=50)).astype(np.float32)
        temperature, top_p = float(random.uniform(0.3, 2)), float(random.uniform(0.1, 0.99))
        warped = processors.TemperatureLogitsWarper(temperature)(None, torch.tensor(logits_V[None]))
        warped = processors.TopPLogitsWarper(top_p)(None, warped)[0].numpy()
        ours = keep_nucleus(logits_V / temperature, top_p)
        assert np.array_equal(np.isfinite(ours), np.isfinite(warped))
        assert np.allclose(ours[np.isfinite(ours)], warped[np.isfinite(ours)], rtol=1e-6)


def test_the_terminal_says_where_the_nucleus_leaves_one_token():
    """In the details of a judgement; "inf above the second" says nothing."""
    target, tokenizer = bundled("tales-2")
    sampled = Sampled(target, 1, 1.0, 0.001)
    trace = speculative(sampled, sampled, tokenizer.encode("Once"), 5, 2).with_texts(tokenizer)
    lines = [line for step in steps(trace) if 1 <= step.round <= len(trace.rounds)
             for line in terminal.likely_lines(trace.rounds[step.round - 1], step, trace, 80)]
    said = [line for line in lines if line.startswith(("draft:", "target:"))]
    assert said and {line.split(": ")[1] for line in said} == {"the nucleus leaves one token"}
