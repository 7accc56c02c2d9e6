"""What is decoded where nobody asks for anything else."""

TARGET = "tales-24"
DRAFT = "tales-1"
NEW_TOKENS = 160
# the draft goes wrong in the first round, with four drafts and with eight; all five verdicts occur
PROMPT = "Once upon a time there was a shy horse called Nora. She lived in the meadow. One evening Nora"
