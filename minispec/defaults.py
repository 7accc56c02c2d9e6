"""What is decoded where nobody asks for anything else."""

TARGET = "tales-24"
DRAFT = "tales-1"
NEW_TOKENS = 160
# a tale in which the draft goes wrong twice, and all five verdicts occur
PROMPT = ("Once upon a time there was a shy owl called Ben. He lived in the forest. One day Ben found a red spoon in "
          "the mud.")
