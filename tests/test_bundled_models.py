"""The three models that come with the package: what they are, where they come from, what they can keep in mind."""

import json
import shlex
from pathlib import Path

import pytest

import minispec
from minispec import greedy, list_models, load, speculative
from minispec.checkpoint import MODELS, bundled_folder
from minispec.prompts import held_out_prompts
from minispec.train.evaluate import HELD_OUT_SEED, recall_counts
from minispec.train.tales import generate

NAMES = ["tales-1", "tales-2", "tales-24"]


@pytest.fixture(scope="module")
def loaded():
    return {name: load(name) for name in NAMES}


@pytest.fixture(scope="module")
def recalled(loaded):
    """What each model was asked of sixty held-out tales, and what it had right, by kind."""
    tales = generate(HELD_OUT_SEED, 60)
    return {name: recall_counts(*loaded[name], tales) for name in NAMES}


def test_they_are_named_by_their_number_of_layers(loaded):
    assert list_models() == NAMES
    for name, (model, _) in loaded.items():
        assert model.config.n_layer == int(name.removeprefix("tales-"))
        assert model.name == name


def test_they_share_one_vocabulary(loaded):
    """Bug row 43: with two vocabularies greedy matching accepts nothing, or nonsense."""
    tokenizers = [tokenizer for _, tokenizer in loaded.values()]
    assert tokenizers[0] == tokenizers[1] == tokenizers[2]
    assert len({model.vocabulary for model, _ in loaded.values()}) == 1


def test_together_they_take_at_most_8_megabytes():
    assert sum(file.stat().st_size for file in MODELS.rglob("*")) <= 8_000_000


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_how_the_model_was_made(name, loaded):
    """The command in it, with the seed and the steps, makes this model again."""
    recipe = json.loads((bundled_folder(name) / "recipe.json").read_text(encoding="utf-8"))
    arguments = shlex.split(recipe["command"])
    options = dict(zip(arguments[4::2], arguments[5::2]))
    config = loaded[name][0].config
    assert arguments[:4] == ["python", "-m", "minispec", "train"]
    assert int(options["--layers"]) == config.n_layer
    assert int(options["--width"]) == config.n_embd
    assert int(options["--heads"]) == config.n_head
    assert int(options["--seed"]) == recipe["seed"]
    assert int(options["--steps"]) == recipe["steps"]
    assert recipe["wall_seconds"] > 0
    assert 0 < recipe["held_out_loss"] < 0.25


def test_the_target_recalls_at_least_95_of_100_words_of_every_kind_on_held_out_tales(recalled):
    """A target that forgets who has the ball would make the drafts' mistakes meaningless."""
    asked, right = recalled["tales-24"]
    for kind in ("name", "animal", "object", "colour", "place", "count", "pairing", "binding"):
        assert right[kind] >= 0.95 * asked[kind] > 0, (kind, right[kind], asked[kind])


@pytest.mark.parametrize("draft", NAMES[:2])
def test_each_draft_fails_where_the_target_does_not(draft, recalled):
    """The lesson of a rejection: over all kinds of recall, what a draft misses the target has."""
    assert recalled[draft][1].total() < recalled["tales-24"][1].total()


@pytest.mark.parametrize("draft", NAMES[:2])
def test_a_draft_is_accepted_more_than_nine_times_in_ten_on_held_out_prompts(draft, loaded):
    target, tokenizer = loaded["tales-24"]
    traces = [speculative(target, loaded[draft][0], prompt, 60, tau=6) for prompt in held_out_prompts(tokenizer, 8)]
    assert sum(trace.n_accepted for trace in traces) > 0.9 * sum(trace.n_judged for trace in traces)


def test_the_target_tells_the_tale_of_the_cat_to_its_end(loaded):
    target, tokenizer = loaded["tales-24"]
    tokens = greedy(target, tokenizer.encode("The cat sat"), new_tokens=180)
    text = tokenizer.decode(tokens)
    assert text.startswith("The cat sat on the mat. The ")
    assert "the cat went back to the mat" in text
    assert text.endswith(minispec.tokenizer.END_OF_TEXT)


def test_a_held_out_prompt_ends_a_sentence_and_fits_the_context(loaded):
    target, tokenizer = loaded["tales-24"]
    prompts = held_out_prompts(tokenizer, 50)
    assert held_out_prompts(tokenizer, 3) == prompts[:3]
    with pytest.raises(ValueError, match="prompts is 51; there are 50"):
        held_out_prompts(tokenizer, 51)
    assert len({tuple(prompt) for prompt in prompts}) == 50
    for prompt in prompts:
        assert tokenizer.decode(prompt).endswith(".")
        assert len(prompt) < target.config.n_positions / 2


def test_no_file_of_a_run_lies_beside_the_weights():
    """A checkpoint with the optimiser's memory is three times the model."""
    names = {path.name for path in MODELS.rglob("*") if path.is_file()}
    assert names == {"config.json", "generation_config.json", "model.safetensors", "vocab.json", "merges.txt",
                     "tokenizer_config.json", "recipe.json", "held_out_prompts.txt", "README.md"}
    assert Path(minispec.__file__).parent / "models" == MODELS
