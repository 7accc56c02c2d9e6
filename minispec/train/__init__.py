"""Training: the tales, the tokenizer's merges, the backward pass by hand, AdamW.  Decoding needs none of it."""
