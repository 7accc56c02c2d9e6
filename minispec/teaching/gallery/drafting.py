"""Bugs of the draft phase: what a draft is conditioned on, and which token is taken for its guess."""

from ..bug import Bug

SPECULATION = "speculation.py"

# `unseen` of propose, and not that of verify, which is indented differently
CONTEXT = ("        context = list(tokens) + proposed\n"
           "        unseen = context[cache.length:]\n")
FEED = "        logits_TV = draft(unseen, cache)\n"
GUESS = ("        guess = int(np.argmax(logits_TV[-1]))\n"
         "        draft_logits_TV[t - 1] = logits_TV[-1]\n")


def context_bug(kept: str) -> tuple[str, str, str]:
    """The edit after which a draft reads `kept` of the earlier drafts, and the cache holds no more than that."""
    return (SPECULATION, CONTEXT,
            f"        context = list(tokens){kept}\n"
            f"        cache.truncate(len(context) - 1)\n"
            f"        unseen = context[cache.length:]\n")


DRAFTING = (
    Bug(name="first-draft-only",
        invariant="I5",
        edits=(context_bug(" + proposed[:1]"),),
        outcome="slow",
        symptom="from the third draft on, drafts repeat the second one and are rejected",
        question="The third draft reads the prefix and the first draft, but not the second.  What will it be?",
        reference="the course's case study; sgl-project/sglang#21255 and vllm-project/vllm#26498 are like it",
        caught_by=("formula", "perfect draft", "work", "cache")),
    Bug(name="no-earlier-drafts",
        invariant="I5",
        edits=(context_bug(""),),
        outcome="slow",
        symptom="all drafts of a round are the same token, and the second is rejected",
        question="No draft reads any other draft of its round.  What do the drafts of a round look like?",
        reference="the course's case study, the general case; sgl-project/sglang#21255 is like it",
        caught_by=("formula", "perfect draft", "work", "cache")),
    Bug(name="last-draft-only",
        invariant="I5",
        # the cache must not keep a late draft in the first one's place: that would be a second bug, of I2
        edits=(context_bug(" + proposed[-1:]"),
               (SPECULATION, "    return proposed, draft_logits_TV\n",
                "    cache.truncate(len(tokens))\n    return proposed, draft_logits_TV\n")),
        outcome="slow",
        symptom="each draft follows the last one as if nothing stood before it; a little is lost",
        question="A draft reads the prefix and the one draft before it.  From which draft on can that be seen?",
        reference="the course's case study; vllm-project/vllm#14464 is like it",
        caught_by=("formula", "perfect draft", "work", "cache", "record")),
    Bug(name="first-row-guessed",
        invariant="I5",
        edits=((SPECULATION, GUESS, GUESS.replace("[-1]", "[0]")),),
        outcome="slow",
        symptom="after full acceptance the first draft repeats the bonus token",
        question="The draft's pass gives a row of logits for every token it read.  When does it read more than one?",
        reference="vllm-project/vllm#14647",
        caught_by=("formula", "perfect draft")),
    Bug(name="vocabularies-permuted",
        invariant="I11",
        edits=((SPECULATION, FEED, "        logits_TV = np.roll(draft(unseen, cache), 1, axis=-1)\n"),),
        outcome="slow",
        symptom="hardly any draft is ever accepted",
        question="Token 7 of the draft's vocabulary is token 8 of the target's.  Is the text wrong?",
        reference="sgl-project/sglang#24051; ggml-org/llama.cpp#3812",
        caught_by=("formula", "perfect draft")),
)
