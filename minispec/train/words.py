"""The words of the tiny tales: who there is, what they have, where they go, and what goes with what.

Each thing comes with what one does with it, each animal with its home and its seat, so that a model that reads one
word knows a good deal about the next.  The order of a list is its rank: the first words are chosen most often.
"""

NAMES = {"Mia": "she", "Tom": "he", "Lily": "she", "Ben": "he", "Anna": "she", "Sam": "he", "Nora": "she",
         "Max": "he", "Ella": "she", "Finn": "he", "Ruby": "she", "Leo": "he", "Rosa": "she", "Hugo": "he",
         "Ivy": "she", "Otto": "he", "Zoe": "she", "Jack": "he", "Clara": "she", "Noah": "he"}

COLOURS = ("red", "blue", "green", "yellow", "white", "black", "golden", "silver", "brown", "purple", "pink", "orange")

# What one has, and what one does with it.
PLAY = {
    "ball": "bounced it all the way down the path",
    "kite": "flew it high above the trees",
    "drum": "beat it until the windows shook",
    "book": "read it from the first page to the last",
    "boat": "let it float on the water",
    "bell": "rang it three times",
    "hat": "wore it all day long",
    "lamp": "lit it when the night came",
    "key": "opened a secret door with it",
    "cup": "drank warm milk from it",
    "coat": "put it on and danced in the snow",
    "shell": "held it to one ear and heard the waves",
    "box": "hid a letter in it",
    "basket": "filled it with sweet berries",
    "whistle": "blew it as loud as a train",
    "blanket": "slept under it like a king",
    "broom": "swept the whole floor with it",
    "rope": "climbed up a wall with it",
    "flute": "played a slow song on it",
    "spoon": "stirred a big pot of soup with it",
    "mirror": "looked into it and made a face",
    "wheel": "rolled it around the house",
}

# Where each thing is found.
FOUND = {
    "ball": "in the tall grass", "kite": "up in an old tree", "drum": "behind the school", "book": "on a bench",
    "boat": "beside the river", "bell": "under a bridge", "hat": "on the road", "lamp": "in a dark corner",
    "key": "under a stone", "cup": "on the kitchen table", "coat": "on a branch", "shell": "in the sand",
    "box": "behind the door", "basket": "near the gate", "whistle": "in the hay", "blanket": "on the stairs",
    "broom": "behind the shed", "rope": "beside the well", "flute": "under a bush", "spoon": "in the mud",
    "mirror": "under the bed", "wheel": "at the side of the road",
}

PLACES = {"forest": "in the forest", "pond": "by the pond", "hill": "on the hill", "garden": "in the garden",
          "barn": "in the barn", "mill": "near the mill", "river": "by the river", "village": "in the village",
          "market": "at the market", "beach": "on the beach", "meadow": "in the meadow", "cave": "in the cave",
          "castle": "at the castle", "harbour": "at the harbour", "station": "near the station",
          "bakery": "behind the bakery"}

ANIMALS = ("fox", "rabbit", "bear", "mouse", "frog", "owl", "duck", "goat", "hen", "pig", "horse", "sheep",
           "squirrel", "hedgehog")
THIEVES = ("crow", "monkey", "wolf", "raccoon", "parrot", "puppy")
HELPERS = ("turtle", "postman", "baker", "farmer", "teacher", "snail", "butterfly", "queen")
SEA_ANIMALS = ("whale", "seal", "crab", "dolphin", "gull", "octopus")

# Who sits where, in the nursery tales: the favourite seat rhymes.
SEATS = {"cat": "mat", "dog": "log", "frog": "rock", "fox": "box", "bear": "chair", "goat": "boat", "hen": "fence",
         "mouse": "house", "bee": "tree", "pig": "wagon", "duck": "truck", "cow": "bench"}

# Countable things, one and many.
COUNTED = {"apple": "apples", "egg": "eggs", "nut": "nuts", "pear": "pears", "cake": "cakes", "button": "buttons",
           "stone": "stones", "coin": "coins", "flower": "flowers", "carrot": "carrots", "cookie": "cookies",
           "plum": "plums"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
ROWS = ("first", "second", "third", "fourth", "last")

TEMPERS = ("little", "clever", "brave", "shy", "hungry", "young", "merry", "lazy")
TIMES = ("morning", "day", "evening", "afternoon", "night")
WEATHERS = ("sunny", "cold", "windy", "rainy", "quiet", "warm")
