"""Tiny tales from a grammar written for this project: the whole training corpus, made by seed.

Invariant: `generate(seed, count)` gives the same tales on every machine, and a marked word is determined by what
stands before it.  Names, things, colours, places and numbers are introduced once and recalled later; in the tales of
two heroes one must also know who has what.  The choices are skewed and tied to each other, so that the likeliest next
word is clear.  It does not try to be literature, and it knows no tale longer than the models' context.
"""

import random

from .grammar import Tale, a, choose, introduce, read_marks
from .words import (ANIMALS, COLOURS, COUNTED, FOUND, HELPERS, NAMES, NUMBERS, PLACES, PLAY, ROWS, SEA_ANIMALS, SEATS,
                    TEMPERS, THIEVES, TIMES, WEATHERS)


def swap(rng: random.Random) -> str:
    """Two heroes exchange their things: who has what must be kept in mind."""
    A = introduce(rng, NAMES)
    B = introduce(rng, NAMES, tie=A, without=(A,))
    thing_a = introduce(rng, PLAY, tie=A)
    thing_b = introduce(rng, PLAY, tie=thing_a, without=(thing_a,))
    colour_a = introduce(rng, COLOURS, tie=thing_a)
    colour_b = introduce(rng, COLOURS, tie=thing_b, without=(colour_a,))
    place = introduce(rng, PLACES, tie=thing_b)
    have = f"{A} had {a(colour_a)} {thing_a}, and {B} had {a(colour_b)} {thing_b}."
    opening = choose(rng, (f"{A} and {B} were friends. {have}",
                           f"Once upon a time there were two friends called {A} and {B}. {have}",
                           have), skew=1.0)
    time = choose(rng, TIMES, tie=place)
    of_a = f"<binding:{colour_a}> <pairing:{thing_a}>"
    of_b = f"<binding:{colour_b}> <pairing:{thing_b}>"
    praise = choose(rng, ('"What a fine {thing}," said {who}.', '"I like your {thing}," said {who}.',
                          '"I wish I had your {thing}," said {who}.'), tie=place)
    first = praise.format(thing=of_b, who=f"<binding:{A}>")
    second = f'"And I like your {of_a}," said <name:{B}>.'
    trade = choose(rng, ("So they made a trade.", "So they shook hands and traded.", "So they swapped."), tie=thing_a)
    visitor = choose(rng, HELPERS, tie=thing_b)
    asked_for = choose(rng, (f"{colour_b} <pairing:{thing_b}>", f"{colour_a} <pairing:{thing_a}>"))
    owner = A if colour_b in asked_for else B
    question = f'Soon the {visitor} came by. "Who has the {asked_for}?" asked the <animal:{visitor}>. "I have it," ' \
               f"said <binding:{owner}>."
    back = choose(rng, (True, False), tie=trade)
    if back:
        ending = f"Before they went home, they traded back. <name:{A}> had the {of_a} again, and <name:{B}> had the " \
                 f"{of_b} again."
    else:
        ending = f"In the end, <name:{A}> took the {of_b} home, and <name:{B}> took the {of_a} home."
    moral = choose(rng, ("They were friends for ever.", "It was a good trade.", "They told everyone about it."), tie=B)
    return (f"{opening} One {time} they met {PLACES[place]}.| {first} {second} {trade} Now <name:{A}> had the {of_b}, "
            f"and <name:{B}> had the {of_a}. <name:{A}> took the <binding:{thing_b}> and {PLAY[thing_b]}. <name:{B}> "
            f"took the <binding:{thing_a}> and {PLAY[thing_a]}. {question} {ending} {moral}")


def lost_and_found(rng: random.Random) -> str:
    """One hero finds a thing, loses it to a thief and gets it back."""
    animal = introduce(rng, ANIMALS)
    A = introduce(rng, NAMES, tie=animal)
    he = NAMES[A]
    temper = choose(rng, TEMPERS, tie=animal)
    home = introduce(rng, PLACES, tie=animal)
    thing = introduce(rng, PLAY, tie=animal)
    colour = introduce(rng, COLOURS, tie=thing)
    thief = choose(rng, THIEVES, tie=thing)
    helper = choose(rng, HELPERS, tie=home)
    hideout = choose(rng, PLACES, tie=thief, without=(home,))
    my = f"<colour:{colour}> <object:{thing}>"
    cry = choose(rng, ("cried", "shouted", "asked"), tie=thief)
    sorry = choose(rng, ("I only wanted to look at it", "I have nothing to play with", "It is so pretty"), tie=thief)
    kind = choose(rng, ("You can play with me tomorrow", "Next time you must ask me first", "We can share it"),
                  tie=sorry)
    close = choose(rng, ("slept well that night", "never lost it again", "told everyone about it"), tie=thing)
    opening = f"Once upon a time there was {a(temper)} {animal} called {A}. {he.title()} lived {PLACES[home]}. " \
              f"One {choose(rng, TIMES, tie=thing)} {A} found {a(colour)} {thing} {FOUND[thing]}."
    return (f"{opening}| {A} was very happy. {he.title()} {PLAY[thing]}. But then a {thief} came and took the "
            f'<object:{thing}> away. "Where is my {my}?" {cry} <name:{A}>. {he.title()} looked {FOUND[thing]}, but the '
            f'<object:{thing}> was not there. So <name:{A}> went to the {helper}. "Have you seen my {my}?" asked '
            f'<name:{A}>. "Yes," said the <animal:{helper}>. "The <animal:{thief}> took it to the {hideout}." '
            f'<name:{A}> ran to the <place:{hideout}> as fast as {he} could. There was the <animal:{thief}>, and there '
            f'was the {my}! "I am sorry," said the <animal:{thief}>. "{sorry}." "{kind}," said <name:{A}>. Then '
            f"<name:{A}> took the {my} home to the <place:{home}> and {close}.")


def amount(count: int, one: str) -> str:
    """So many things, marked as recalled: `three apples`, `one apple`, `no apples`."""
    thing = one if count == 1 else COUNTED[one]
    return f"<count:{NUMBERS[count]}> <object:{thing}>"


def counting(rng: random.Random) -> str:
    """One hero counts and gives away."""
    A = introduce(rng, NAMES)
    B = introduce(rng, NAMES, tie=A, without=(A,))
    one = introduce(rng, COUNTED, tie=A)
    many = COUNTED[one]
    number = introduce(rng, (3, 4, 5, 6, 7), tie=one)
    place = introduce(rng, PLACES, tie=one)
    he = NAMES[A]

    counted = ", ".join(NUMBERS[1:number + 1]).capitalize()
    more = choose(rng, (1, 2), tie=many)
    gift = ("one", "two")[more - 1]
    happy = choose(rng, ("That is enough for me", "You are very kind", "Now we can have a party"), tie=one)
    eat = choose(rng, ("They put them on a plate", "They put them in a bag", "They showed them to everyone"), tie=many)
    return (f"{A} had {NUMBERS[number]} {many}. {B} had none. They sat {PLACES[place]}.| \"{counted}<count:,\"> "
            f'counted <name:{A}>. "I have {amount(number, one)}." "I have none," said <name:{B}>. So <name:{A}> gave '
            f"one <object:{one}> to <name:{B}>. Now <name:{A}> had {amount(number - 1, one)}, and <name:{B}> had "
            f"<count:one>. Then {he} gave {gift} more to <name:{B}>. Now <name:{A}> had "
            f'{amount(number - 1 - more, one)}, and <name:{B}> had <count:{NUMBERS[1 + more]}>. "Thank you, '
            f'<name:{A}>," said <name:{B}>. "{happy}." "How many '
            f'<object:{many}> do we have together?" asked <name:{A}>. '
            f'"We have {amount(number, one)} together," said <name:{B}>. {eat} and went home from the <place:{place}>.')


def nursery(rng: random.Random) -> str:
    """Three animals on three seats, and one of them jumps over the moon."""
    first = choose(rng, SEATS, skew=1.3)
    second = introduce(rng, SEATS, tie=first, without=(first,))
    third = introduce(rng, SEATS, tie=second, without=(first, second))
    seats = []
    for animal in (first, second, third):
        rhyme = SEATS[animal]
        usual = rhyme not in seats and (animal == "cat" or rng.random() < 0.6)
        seats.append(rhyme if usual else introduce(rng, SEATS.values(), tie=animal, without=(*seats, rhyme)))
    jumper = choose(rng, (first, second, third), skew=1.5)
    landing = choose(rng, PLACES, tie=jumper)
    moon = choose(rng, ("round and white", "big and yellow", "high and bright"), tie=first)
    cheer = choose(rng, ("Everyone clapped", "Everyone laughed", "The stars began to sing"), tie=jumper)
    evening = f"It was {a(choose(rng, WEATHERS, tie=first))} night, and the moon was {moon}."
    sat = [f"The {animal} sat on the {seat}." for animal, seat in zip((first, second, third), seats)]
    went = [f"the {animal} went back to the <binding:{seat}>" for animal, seat in zip((first, second, third), seats)]
    return (f"{' '.join(sat)}| {evening} \"Who can jump over the moon?\" asked the <animal:{third}>. \"I can,\" said "
            f"the {jumper}. The <animal:{jumper}> ran and ran and jumped over the moon. {cheer}. The "
            f"<animal:{jumper}> came down {PLACES[landing]}. \"Did you see me?\" asked the <animal:{jumper}>. \"We saw "
            f"you,\" said the others. Then {went[0]}, {went[1].replace(second, f'<animal:{second}>', 1)}, and "
            f"{went[2].replace(third, f'<animal:{third}>', 1)}. \"Good night,\" said the moon.")


def ocean(rng: random.Random) -> str:
    """A house of one colour, a boat of another, and a friend in the water."""
    A = introduce(rng, NAMES, tie="ocean")
    he = NAMES[A]
    his = "his" if he == "he" else "her"
    house = introduce(rng, COLOURS, tie=A)
    boat = introduce(rng, COLOURS, tie=house, without=(house,))
    friend = introduce(rng, SEA_ANIMALS, tie=boat)
    water = choose(rng, ("wide and blue", "deep and cold", "never still", "full of fish"), skew=1.2)
    time = choose(rng, TIMES, tie=friend)
    calm = choose(rng, ("You must be careful", "I will take you home", "Do not be afraid"), tie=friend)
    cooked = choose(rng, ("made a cup of tea", "lit a fire", "looked out of the window"), tie=house)
    opening = f"The ocean is {water}. {A} lived beside it in {a(house)} house and had {a(boat)} boat."
    return (f"{opening} One {time} {he} met {a(friend)}.| \"Where do you live?\" asked the <animal:{friend}>. \"I "
            f'live in the <binding:{house}> house," said <name:{A}>, "and this is my <binding:{boat}> boat." Then the '
            f"wind blew, and the waves were as high as a hill. The <binding:{boat}> boat went up and down. \"{calm},\" "
            f'said the <animal:{friend}>. The <animal:{friend}> pushed the <binding:{boat}> boat back to the '
            f'land. <name:{A}> ran to the <binding:{house}> house and {cooked}. "The ocean is '
            f'<detail:{water.split()[0]}>, but I have a friend," said <name:{A}>. From that day on, the '
            f"<animal:{friend}> swam beside the <binding:{boat}> boat, and at night {he} slept in {his} "
            f"<binding:{house}> house.")


def movie(rng: random.Random) -> str:
    """Two friends talk about what they saw."""
    A = introduce(rng, NAMES, tie="movie")
    B = introduce(rng, NAMES, tie=A, without=(A,))
    animal = introduce(rng, ANIMALS, tie=A)
    thing = introduce(rng, PLAY, tie=animal)
    colour = introduce(rng, COLOURS, tie=thing)
    row = introduce(rng, ROWS, tie=B)
    place = introduce(rng, PLACES, tie=thing)
    length = choose(rng, ("long but funny", "short and sad", "loud and fast", "old but good"), skew=1.2)
    talk = choose(rng, ("We should see it again", "It made me laugh", "It made me cry"), tie=length)
    ate = choose(rng, ("ate popcorn", "held hands", "sat very still"), tie=row)
    my = f"<colour:{colour}> <object:{thing}>"
    return (f"The movie was {length}. {A} and {B} sat in the {row} row and {ate}. It was about {a(animal)} who had "
            f"{a(colour)} {thing}.| The <animal:{animal}> lost the {my} {PLACES[place]} and looked for it everywhere. "
            f"In the end the <animal:{animal}> found the {my} and {PLAY[thing]}. \"I liked the <animal:{animal}>,\" "
            f'said <name:{A}>. "I liked the {my}," said <name:{B}>. "{talk}," said <name:{A}>. "We can sit in the '
            f'<detail:{row}> row again." They walked home, and <name:{B}> dreamed of {a(animal)} {PLACES[place]} with '
            f"{a(colour)} {thing}.")


FAMILIES = {"swap": swap, "lost and found": lost_and_found, "counting": counting, "nursery": nursery, "ocean": ocean,
            "movie": movie}
SHARES = {"swap": 34, "lost and found": 24, "counting": 12, "nursery": 12, "ocean": 10, "movie": 8}


def generate(seed: int, count: int) -> list[Tale]:
    """The tales number 0 to count - 1 of a seed; a longer corpus of one seed begins with the shorter one."""
    tales = []
    for number in range(count):
        rng = random.Random(f"minispec {seed} {number}")
        family = rng.choices(list(SHARES), list(SHARES.values()))[0]
        tale = read_marks(FAMILIES[family](rng), family)
        tales.append(tale)
    return tales
