"""Bugs that show beyond a size only: a window, a page, a chunk, a ring, a byte, a second request, a default.

The test suites of real engines miss these; so did this gallery's checks, as long as their cases were small.
"""

from ..bug import Bug
from .attending import SCORES
from .drafting import FEED, SPECULATION
from .judging import CHOOSE

DECODING = "decoding.py"
END = "    ends = stop_tokens(stop, target)\n"
DRAFT_FILLED = "    prefill(draft, tokens, draft_cache)\n"
READ = "    prompt = tuple(tokens)\n"

SIZES = (
    Bug(name="window-too-narrow",
        invariant="I4",
        edits=(("model.py", SCORES, SCORES + "        scores_HTP[:, :, :max(0, cache.length - 64)] = -np.inf\n"),),
        outcome="wrong text",
        symptom="right for short texts; from some 64 tokens on another text, and logits that depend on tau",
        question="All prompts of the tests have eight tokens.  Which bugs can they not see?",
        reference="rMLX#506; ml-explore/mlx-lm#1914",
        caught_by=("greedy", "formula", "perfect draft", "cache", "bits", "baseline")),
    Bug(name="lost-at-a-page-boundary",
        invariant="I2",
        edits=((SPECULATION, FEED, FEED +
                "        if cache.length % 64 == 0:\n"
                "            cache.values_LHPC[:, :, cache.length - 1] = 0\n"),),
        outcome="slow",
        symptom="right text; in long ones the drafts are a little worse than they need be",
        question="The draft's cache loses one position in 64.  Who would notice?",
        reference="ggml-org/llama.cpp#26478",
        caught_by=("formula", "cache")),
    Bug(name="primed-by-the-last-chunk",
        invariant="I2",
        edits=((DECODING, DRAFT_FILLED, DRAFT_FILLED +
                "    draft_cache.values_LHPC[:, :, :max(0, draft_cache.length - 16)] = 0\n"),),
        outcome="slow",
        symptom="with a long prompt the draft guesses as if it had seen its last words only",
        question="A long prompt is read in chunks of 16.  What does a draft know that keeps the last chunk?",
        reference="Blaizzy/mlx-vlm#2096",
        caught_by=("formula", "perfect draft", "cache")),
    Bug(name="rows-in-a-ring-of-eight",
        invariant="I6",
        edits=((SPECULATION, CHOOSE,
                "    ring_TV = target_logits_TV[np.arange(len(target_logits_TV)) % 8]\n"
                "    choices = np.argmax(ring_TV, axis=-1).tolist()\n"),),
        outcome="wrong text",
        symptom="right up to tau 7; with longer blocks another text",
        question="The rows of a pass go through a buffer of eight.  Which tau is the first to show it?",
        reference="sgl-project/sglang#33872",
        caught_by=("greedy", "perfect draft", "record")),
    Bug(name="ids-in-a-byte",
        invariant="I11",
        edits=((SPECULATION, READ, READ + "    tokens = [token % 256 for token in tokens]\n"),),
        outcome="wrong text",
        symptom="right while all tokens of the prompt are below 256",
        question="An id is kept in one byte.  How large must a vocabulary be before a test can see it?",
        reference="GHSA-8wr5-jm2h-8r4f is of this kind",
        caught_by=("greedy", "record")),
    Bug(name="default-end-dropped",
        invariant="I8",
        edits=((SPECULATION, END, "    ends = () if stop == MODEL_EOS else stop_tokens(stop, target)\n"),),
        outcome="wrong text",
        symptom="the text goes on after its end, unless the caller names the end",
        question="Every test passes `stop`.  What do users do?",
        reference="NVIDIA/TensorRT-Model-Connect#640",
        caught_by=("greedy", "budget", "record")),
    Bug(name="the-drafts-end-used",
        invariant="I8",
        edits=((SPECULATION, END, END.replace("target", "draft")),),
        outcome="wrong text",
        symptom="the text ends where the draft model's end of text stands, and not at the target's",
        question="Both models have an end of text.  Whose is it that ends this one?",
        reference="huggingface/transformers#31301",
        caught_by=("greedy", "budget", "record")),
    Bug(name="draft-cache-of-the-last-request",
        invariant="I2",
        edits=((DECODING, "    draft_cache = KVCache(draft.config)\n",
                '    draft_cache = vars(draft).setdefault("kept", KVCache(draft.config))\n'
                "    draft_cache.truncate(max(len(tokens) - 1, 0))\n"),),
        outcome="slow",
        symptom="the first request is as fast as it should be, the second one is not",
        question="Nothing is wrong in any test of one decode.  What does a second one begin with?",
        reference="ggml-org/llama.cpp#27852; vllm-project/vllm#36872",
        caught_by=("formula", "work", "cache")),
    Bug(name="plain-positions-doubled",
        invariant="I3",
        edits=((DECODING, "from time import perf_counter\n", "from copy import copy\nfrom time import perf_counter\n"),
               (DECODING, "        prefill(model, tokens, cache)\n",
                "        prefill(model, tokens, cache)\n"
                "        model = copy(model)\n"
                "        table_PD = model.position_embeddings_PD\n"
                "        model.position_embeddings_PD = np.roll(table_PD, -cache.length, axis=0)\n")),
        outcome="wrong baseline",
        symptom="speculative decoding is blamed for a text that plain decoding gets wrong",
        question="The two ways differ.  Which of them did somebody check?",
        reference="skyzh/tiny-llm#46, there in both ways",
        caught_by=("baseline",)),
)
