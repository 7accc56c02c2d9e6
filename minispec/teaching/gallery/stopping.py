"""Bugs at the ends of a text: where it begins, and where it stops."""

from ...prompts import TALE
from ..bug import Bug
from .drafting import SPECULATION

STOPPING = (
    Bug(name="end-inside-the-block-missed",
        invariant="I8",
        edits=((SPECULATION, "    committed = cut_after(committed, stop_tokens(stop, target))\n", ""),),
        outcome="wrong text",
        symptom="now and then the text goes on after its end",
        question="Only the last committed token is compared with the end-of-text token.  When is that not enough?",
        reference="huggingface/transformers#47912; LostRuins/koboldcpp#1276; sgl-project/sglang#33758",
        caught_by=("greedy", "budget", "counters"),
        shown_on=(TALE, 160)),
    Bug(name="budget-overshot",
        invariant="I8",
        edits=((SPECULATION, "tau_now = min(tau, end - len(tokens) - 1)", "tau_now = tau"),),
        outcome="wrong text",
        symptom="up to tau tokens more than were asked for; a crash where the context ends",
        question="The loop asks before each round whether there is room.  Room for how many?",
        reference="ohdearquant/lattice#242; jaymody/speculative-sampling",
        caught_by=("greedy", "budget")),
    Bug(name="begin-token-added",
        invariant="I11",
        edits=((SPECULATION, "    prompt = tuple(tokens)\n",
                "    prompt = tuple(tokens)\n    tokens = [target.config.eos_token_id or 0] + tokens\n"),),
        outcome="wrong text",
        symptom="sooner or later the text goes another way",
        question="Plain decoding reads the prompt; this way reads it with a token in front.  Who could tell?",
        reference="ggml-org/llama.cpp#4025",
        caught_by=("greedy", "work", "budget", "record")),
)
