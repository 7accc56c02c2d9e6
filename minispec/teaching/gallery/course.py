"""Mistakes that the course's own pages describe, each as it would be written (Foundations of LLMs, chapter 5)."""

from ..bug import Bug
from .drafting import SPECULATION
from .judging import CHOOSE, COMMIT, JUDGE

GROW = "        tokens.extend(this_round.committed)\n"
KEEP = "    keep = len(tokens) + len(committed) - 1 "

COURSE = (
    Bug(name="accepted-drafts-forgotten",
        invariant="I7",
        edits=((SPECULATION, GROW, "        tokens.append(this_round.committed[-1])\n"),
               (SPECULATION, KEEP, "    keep = len(tokens) ")),
        outcome="wrong text",
        symptom="each piece is fluent and the whole is not: the text begins the same sentence again and again",
        question="Only the target's token joins the context of the next round.  What does that round not know?",
        reference="the course: Debugging a Speculative Decoding Implementation (C26)",
        caught_by=("greedy", "perfect draft", "work", "cache", "budget", "record")),
    Bug(name="rows-blind-to-drafts",
        invariant="I6",
        edits=((SPECULATION, CHOOSE,
                "    blind_TV = np.repeat(target_logits_TV[:1], len(target_logits_TV), axis=0)\n"
                "    choices = np.argmax(blind_TV, axis=-1).tolist()\n"),),
        outcome="wrong text",
        symptom="words come twice: wide wide, blue blue",
        question="Every row of the target reads X and y_<=i, and no draft.  What do all of them choose?",
        reference="the course: Analyzing a Flawed Verification Process (C25); "
                  "Fahad16301139/exo-with-speculative-decoding-fixed-the-acceptance-logic did it on purpose",
        caught_by=("greedy", "perfect draft", "record")),
    Bug(name="every-a-kept",
        invariant="I7",
        edits=((SPECULATION, COMMIT,
                "    agreed = [guess for guess, choice in zip(proposed, choices) if guess == choice]\n"
                "    committed = agreed + choices[-1:]"),
               # the caches keep what is a true prefix: another bug would be one of I1 as well
               (SPECULATION, KEEP, "    keep = len(tokens) + min(n_accepted, len(committed) - 1) ")),
        outcome="wrong text",
        symptom="truly fast but wrong: fewer passes, familiar texts mostly right, strange ones not",
        question="[A, A, R, A, A]: the product manager appends all four A.  What was the fourth A the answer to?",
        reference="the course: Interpreting a Speculative Decoding Trace (C20)",
        caught_by=("greedy", "work", "cache", "bits")),
    Bug(name="correction-lost",
        invariant="I7",
        edits=((SPECULATION, COMMIT,
                "    own = n_accepted == len(proposed)\n"
                "    committed = proposed[:n_accepted] + [choices[n_accepted]] * own"),),
        outcome="endless",
        symptom="right as far as it goes, and then it does not go on",
        question="The first draft is rejected, and the target adds nothing.  What will the draft propose next?",
        reference="the course: the fast car sped",
        caught_by=("any run",)),
    Bug(name="own-token-by-a-second-pass",
        invariant="I6",
        edits=((SPECULATION, JUDGE, JUDGE +
                "    target_cache.truncate(len(tokens) + n_accepted - 1)\n"
                "    last = (list(tokens) + proposed)[target_cache.length:len(tokens) + n_accepted]\n"
                "    choices[n_accepted] = int(np.argmax(target(last, target_cache)[-1]))\n"),),
        outcome="slow",
        symptom="the same text, from twice as many passes of the target",
        question="“Then the verification model generates the next token.”  Where does that token stand already?",
        reference="the course's wording, read literally",
        caught_by=("work",)),
)
