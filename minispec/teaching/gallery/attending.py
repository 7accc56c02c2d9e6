"""Bugs inside the forward pass: positions, masks, and the order in which a product is summed."""

from ..bug import Bug

MODEL = "model.py"
SCORES = "        scores_HTP = products_HT1P[:, :, 0] + mask_TP\n"
MASK = "        mask_TP = self.mask_PP[start:end]\n"

ATTENTION = (
    Bug(name="positions-restarted",
        invariant="I3",
        edits=((MODEL, "self.position_embeddings_PD[start:end]", "self.position_embeddings_PD[:len(tokens)]"),),
        outcome="wrong text",
        symptom="fluent text, but wrong at some places, and fewer drafts accepted",
        question="The cache says where a block begins, but each block is numbered from 0.  Is the text still right?",
        reference="huggingface/transformers#30042 and #30413",
        caught_by=("greedy", "formula", "perfect draft", "cache", "bits", "baseline")),
    Bug(name="positions-one-ahead",
        invariant="I3",
        edits=((MODEL, "        hidden_TD = self.token_embeddings_VD[list(tokens)] + "
                       "self.position_embeddings_PD[start:end]\n",
                "        ahead = 1 if start > 0 else 0\n"
                "        hidden_TD = (self.token_embeddings_VD[list(tokens)]\n"
                "                     + self.position_embeddings_PD[start + ahead:end + ahead])\n"),),
        outcome="wrong text",
        symptom="fluent text that drifts away; the last position of the context cannot be used",
        question="The length is counted up before the pass and not after it.  Which number has the first new token?",
        reference="sgl-project/sglang#25015",
        caught_by=("greedy", "formula", "cache", "bits", "baseline")),
    Bug(name="draft-context-forgotten",
        invariant="I3",
        edits=(("speculation.py", "length_limit(tokens, new_tokens, target, draft)",
                "length_limit(tokens, new_tokens, target)"),),
        outcome="crash",
        symptom="stops where the draft's context is full, if it is shorter than the target's",
        question="The text may be as long as the target's context.  May it?",
        reference="turboderp/exllamav2#274; vllm-project/vllm#5342; predibase/lorax#474",
        caught_by=("any run",)),
    Bug(name="mask-without-offset",
        invariant="I4",
        edits=((MODEL, MASK, "        mask_TP = self.mask_PP[:len(tokens)]\n"),),
        outcome="wrong text",
        symptom="each row sees the beginning of the text only, and the text falls to pieces",
        question="The mask of the first rows of the context is laid over a later block.  What can its first row see?",
        reference="pytorch-labs/gpt-fast#233",
        caught_by=("greedy", "formula", "perfect draft", "cache", "bits", "baseline")),
    Bug(name="no-mask-inside-the-block",
        invariant="I4",
        edits=((MODEL, MASK, "        mask_TP = self.mask_PP[[end - 1] * len(tokens)]\n"),),
        outcome="wrong text",
        symptom="a row that judges a draft has read it; fine text, but not the target's",
        question="All rows of a block see the whole block.  Which drafts will the target like?",
        reference="no thread was found; in lucidrains/speculative-decoding 0.2.0 some layers were not given the mask",
        caught_by=("greedy", "formula", "perfect draft", "cache", "bits", "baseline")),
    Bug(name="stale-cells-attended",
        invariant="I4",
        edits=((MODEL, MASK, "        mask_TP = self.mask_PP[start:end].copy()\n"
                             "        mask_TP[:, end:cache.written] = 0\n"),),
        outcome="slow",
        symptom="after a rejection the draft still sees what was thrown away, and guesses worse",
        question="A cell behind the length keeps its numbers.  What else must forget them?",
        reference="vllm-project/vllm-ascend#14883; Blaizzy/mlx-vlm#2113",
        caught_by=("formula", "cache")),
    Bug(name="block-products",
        invariant="I12",
        edits=(("layers.py", "    stacked_T1D = rows_TD[:, None, :]\n    products_T1F = stacked_T1D @ weight_DF\n"
                             "    return products_T1F[:, 0]\n", "    return rows_TD @ weight_DF\n"),),
        outcome="other bits",
        symptom="the same text nearly always; logits differ in their last bits, and a near tie can go the other way",
        question="One product of nine rows, or nine products of one row: is that the same arithmetic?",
        reference="huggingface/transformers#39421; vllm-project/vllm#54506; ml-explore/mlx#4279",
        caught_by=("cache", "bits")),
)
