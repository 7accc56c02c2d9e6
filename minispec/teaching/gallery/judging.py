"""Bugs of verification: which row judges which draft, what is accepted, and what the target adds."""

from ..bug import Bug
from .drafting import SPECULATION

CHOOSE = "    choices = np.argmax(target_logits_TV, axis=-1).tolist()\n"
COUNT = "    n_accepted = 0\n    while n_accepted < len(proposed)"
SAME = "proposed[n_accepted] == choices[n_accepted]:\n"
LOOP = COUNT + " and " + SAME + "        n_accepted += 1\n    return n_accepted\n"
JUDGE = "    n_accepted = count_accepted(proposed, choices)\n"
COMMIT = "    committed = proposed[:n_accepted] + [choices[n_accepted]]"
SOFTMAX = (SPECULATION, "from .model import Transformer\n",
           "from .layers import softmax\nfrom .model import Transformer\n")

JUDGING = (
    Bug(name="rows-shifted",
        invariant="I6",
        edits=((SPECULATION, SAME, "proposed[n_accepted] == choices[n_accepted + 1]:\n"),),
        outcome="wrong text",
        symptom="hardly a draft is accepted, and now and then a wrong one",
        question="A row is fed one token and scores the next.  Which row judges the first draft?",
        reference="ohdearquant/lattice#243 and #258; antirez/ds4#358",
        caught_by=("greedy", "perfect draft", "counters")),
    Bug(name="first-draft-unjudged",
        invariant="I6",
        edits=((SPECULATION, COUNT, COUNT.replace("= 0", "= min(1, len(proposed))")),),
        outcome="wrong text",
        symptom="the first draft of a round is accepted whatever it is; with tau = 1 all of them",
        question="Acceptance is higher than before.  Is that good news?",
        reference="ohdearquant/lattice#243 and #258",
        caught_by=("greedy", "counters")),
    Bug(name="verified-one-by-one",
        invariant="I6",
        edits=((SPECULATION, "    logits_TV = target(unseen, cache)\n    first_row",
                "    logits_TV = np.concatenate([target([token], cache) for token in unseen])\n    first_row"),),
        outcome="slow",
        symptom="text, drafts and acceptance are right, and it is slower than plain decoding",
        question="The rows are the same to the last bit.  What was the one pass for?",
        reference="no thread was found; the one pass is what Leviathan et al. 2023, algorithm 1, is about",
        caught_by=("work",)),
    Bug(name="matches-after-a-mismatch",
        invariant="I7",
        edits=((SPECULATION, LOOP, "    return sum([guess == choice for guess, choice in zip(proposed, choices)])\n"),),
        outcome="wrong text",
        symptom="rejected drafts come through when a later one agrees",
        question="Drafts 1 and 3 agree with the target, draft 2 does not.  What is known about draft 3?",
        reference="Mesh-LLM/mesh-llm#567",
        caught_by=("greedy", "counters")),
    Bug(name="rejected-token-committed",
        invariant="I7",
        edits=((SPECULATION, COMMIT, COMMIT.replace("proposed[:n_accepted]", "proposed[:n_accepted + 1]")),),
        outcome="wrong text",
        symptom="the rejected draft stands in the text, and its correction behind it",
        question="The correction comes after the accepted drafts.  After which of them exactly?",
        reference="no thread was found; an off-by-one, as ohdearquant/lattice#243 is",
        caught_by=("greedy",)),
    Bug(name="correction-from-the-draft",
        invariant="I7",
        edits=((SPECULATION, COMMIT, "    committed = (proposed + choices[-1:])[:n_accepted + 1]"),),
        outcome="wrong text",
        symptom="the text is the draft model's own, with a token of the target now and then",
        question="In place of the rejected draft there must stand a token.  Whose?",
        reference="no thread was found",
        caught_by=("greedy",)),
    Bug(name="bonus-lost",
        invariant="I7",
        edits=((SPECULATION, COMMIT, "    own = n_accepted < len(proposed) or len(proposed) == 0\n"
                                     "    committed = proposed[:n_accepted] + [choices[n_accepted]] * own"),),
        outcome="slow",
        symptom="a round whose drafts are all accepted yields one token less",
        question="All drafts were right.  What did the last row of the pass compute, and who has paid for it?",
        reference="no thread was found; in vllm-project/vllm#9730 the draft's cache lost it",
        caught_by=("perfect draft",)),
    Bug(name="ratio-test-on-argmax-drafts",
        invariant="I9",
        edits=(SOFTMAX,
               (SPECULATION, JUDGE,
                "    uniform = np.random.default_rng(len(tokens))\n"
                "    target_TV, draft_TV = softmax(target_logits_TV), softmax(draft_logits_TV)\n"
                "    n_accepted = 0\n"
                "    for t, guess in enumerate(proposed):\n"
                "        if uniform.random() > target_TV[t, guess] / draft_TV[t, guess]:\n"
                "            break\n"
                "        n_accepted += 1\n")),
        outcome="wrong text",
        symptom="fast but wrong: more drafts are accepted, and the text is not the target's",
        question="The ratio test keeps the target's distribution for drafts that were sampled.  These were not.  So?",
        reference="jaymody/speculative-sampling#3 and #4; huggingface/transformers#32867 and #33534",
        caught_by=("greedy", "counters")),
    Bug(name="likely-enough",
        invariant="I9",
        edits=(SOFTMAX,
               (SPECULATION, JUDGE,
                "    target_TV = softmax(target_logits_TV)\n"
                "    n_accepted = 0\n"
                "    while n_accepted < len(proposed) and target_TV[n_accepted, proposed[n_accepted]] > 0.1:\n"
                "        n_accepted += 1\n")),
        outcome="wrong text",
        symptom="fast but wrong: a draft is accepted if the target finds it likely enough",
        question="A draft that the target gives a tenth is not a bad one.  What is lost if it is kept?",
        reference="MTPLX#478, where it is a choice and says so",
        caught_by=("greedy", "counters")),
    Bug(name="ties-to-the-last",
        invariant="I12",
        edits=((SPECULATION, CHOOSE,
                "    from_the_end = np.argmax(target_logits_TV[:, ::-1], axis=-1)\n"
                "    choices = (target.config.vocab_size - 1 - from_the_end).tolist()\n"),),
        outcome="wrong text",
        symptom="another token where two logits are exactly equal, and nowhere else",
        question="Two tokens have the same logit.  Which one is the argmax?",
        reference="ohdearquant/lattice#280 and #281",
        caught_by=("greedy", "perfect draft", "record")),
)
