"""The bugs, each a real mistake: `reference` names the repository and thread where somebody made one like it.

Invariant: every edit's old text stands in its file exactly once, and a bug breaks the one promise that it names.
Names of promises: I1 target cache = committed text, I2 draft cache likewise, I3 position = number of earlier tokens,
I5 a draft reads X, y_<=i and ALL earlier drafts.
"""

from .bug import Bug

SPECULATION, MODEL = "speculation.py", "model.py"

# `unseen` of propose, and not that of verify, which is indented otherwise
CONTEXT = ("        context = list(tokens) + proposed\n"
           "        unseen = context[cache.length:]\n")


def context_bug(kept: str) -> tuple[str, str, str]:
    """The edit after which a draft reads `kept` of the earlier drafts, and the cache holds no more than that."""
    return (SPECULATION, CONTEXT,
            f"        context = list(tokens){kept}\n"
            f"        cache.truncate(len(context) - 1)\n"
            f"        unseen = context[cache.length:]\n")


DRAFT_TESTS = ("drafts equal the formula", "a draft that is the target has every draft accepted")

GALLERY = (
    Bug(name="first-draft-only",
        invariant="I5: a draft reads X, y_<=i and all earlier drafts",
        edits=(context_bug(" + proposed[:1]"),),
        symptom="right text, but slow: from the third draft on, drafts repeat the second one and are rejected",
        question="The third draft reads the prefix and the first draft, but not the second.  What will it be?",
        reference="the course's case study; sgl-project/sglang#21255 and vllm-project/vllm#26498 are like it",
        caught_by=DRAFT_TESTS),
    Bug(name="no-earlier-drafts",
        invariant="I5: a draft reads X, y_<=i and all earlier drafts",
        edits=(context_bug(""),),
        symptom="right text, but slow: all drafts of a round are the same token, and the second is rejected",
        question="No draft reads any other draft of its round.  What do the drafts of a round look like?",
        reference="the course's case study, the general case; sgl-project/sglang#21255 is like it",
        caught_by=DRAFT_TESTS),
    Bug(name="last-draft-only",
        invariant="I5: a draft reads X, y_<=i and all earlier drafts",
        # the cache must not keep a late draft in the first one's place: that would be a second bug, of I2
        edits=(context_bug(" + proposed[-1:]"),
               (SPECULATION, "    return proposed, draft_logits_TV\n",
                "    cache.truncate(len(tokens))\n    return proposed, draft_logits_TV\n")),
        symptom="right text, a little slower: each draft follows the last one as if nothing stood before it",
        question="A draft reads the prefix and the one draft before it.  From which draft on can that be seen?",
        reference="the course's case study; vllm-project/vllm#14464 is like it",
        caught_by=DRAFT_TESTS),
    Bug(name="hole-after-full-acceptance",
        invariant="I2: the draft's cache holds the committed text",
        edits=((SPECULATION, CONTEXT, CONTEXT.replace("context[cache.length:]", "context[-1:]")),),
        symptom="right text, but slower with every round whose drafts are all accepted",
        question="Feeding the last token only is what a cache is for.  After which kind of round is it wrong?",
        reference="NVIDIA/TensorRT-LLM#5285; vllm-project/vllm#9730",
        caught_by=DRAFT_TESTS + ("cache equals a fresh prefill",)),
    Bug(name="positions-restarted",
        invariant="I3: a token's position is the number of tokens before it",
        edits=((MODEL, "self.position_embeddings_PD[start:end]", "self.position_embeddings_PD[:len(tokens)]"),),
        symptom="fluent text, but wrong at some places, and fewer drafts accepted",
        question="The cache says where a block begins, but each block is numbered from 0.  Is the text still right?",
        reference="huggingface/transformers#30042 and #30413",
        caught_by=("equality with greedy", "cache equals a fresh prefill")),
    Bug(name="target-not-rolled-back",
        invariant="I1: the target's cache holds the committed text",
        edits=((SPECULATION, "    target_cache.truncate(keep)\n", ""),),
        symptom="stops at the first round after a rejection, with a sentence about the target's cache",
        question="Rejected drafts stay in the target's cache.  What would it do next, if nobody looked?",
        reference="ml-explore/mlx-lm#1109; paiml/aprender#2014",
        caught_by=("cache equals a fresh prefill", "the guard at the top of a round")),
)
