"""The tokenizer against ids from Hugging Face, against slow oracles written here, and against damaged files."""

import json
import os
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from minispec import tokenizer as tokenizer_module
from minispec.tokenizer import Tokenizer
from minispec.train.merges import PairTable, merge_pair, train_merges
from minispec.splitting import SYMBOL_OF_BYTE, show_bytes, split_words

GOLDEN = Path(__file__).parent / "golden"
STRINGS = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))["strings"]

# What has broken tokenizers before: every kind of white space, apostrophes, marks that join, text like the special one.
AWKWARD = [*" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x00\x7f",
           *"\x85\xa0\u1680\u180e\u2003\u200b\u2028\u2029\u202f\u205f\u3000\ufeff",
           *"'’´`sStTdDßſéÉ½²Ⅷ٣一한\u0301\u0327\u20dd\u200d🙂👩🏽\U0001f1eb", "'ll", "'re", "'ve", "  ", "\r\n", "👩‍👧",
           "<|endoftext|>", "<|endoftext", "|>"]

SMALL_TEXT = """The cat sat on the mat; the dog's hat isn't the cat's.  Is that the hat?
    the theme of the thesis: aaaa aaa aa banana bananas, 2026 2027 naïve café ½ 🙂🙂
""" * 3


@pytest.fixture(scope="module")
def target():
    return Tokenizer.from_files(GOLDEN / "target")


def random_text(rng: random.Random) -> str:
    """Up to 30 characters of all planes without surrogates, more than half of them awkward."""
    characters = []
    for _ in range(rng.randrange(30)):
        kind = rng.random()
        if kind < 0.55:
            characters.append(rng.choice(AWKWARD))
        elif kind < 0.75:
            characters.append(chr(rng.randrange(0x00, 0xD800)))
        elif kind < 0.85:
            characters.append(chr(rng.randrange(0xE000, 0x110000)))
        else:
            characters.append(chr(rng.randrange(32, 127)))
    return "".join(characters)


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize("golden", STRINGS, ids=[ascii(golden["text"][:20]) for golden in STRINGS])
def test_the_ids_are_those_of_hugging_face(target, golden):
    """A model trained on one tokenizer reads nonsense from another that is right on English only."""
    assert target.encode(golden["text"]) == golden["ids"]
    assert target.decode(golden["ids"]) == golden["text"]


def test_any_unicode_text_comes_back_exactly(target):
    """The promise of byte-level BPE; a lost or changed character would be blamed on the model."""
    rng = random.Random(2026)
    for _ in range(5000):
        text = random_text(rng)
        assert target.decode(target.encode(text)) == text, ascii(text)


def test_the_ids_are_those_of_applying_the_merges_one_after_the_other(target):
    """The oracle knows no ranks and no best pair: it goes through the list of merges once, on the whole word."""
    rng = random.Random(7)
    for _ in range(1500):
        length = rng.randrange(1, 25)
        word = "".join(rng.choice(" thetaonsdgl") for _ in range(length))
        for piece in split_words(word):
            symbols = [SYMBOL_OF_BYTE[byte] for byte in piece.encode()]
            for left, right in target.merges:
                spaced = "\n" + "\n\n".join(symbols) + "\n"
                spaced = spaced.replace(f"\n{left}\n\n{right}\n", f"\n{left}{right}\n")
                symbols = spaced.strip("\n").split("\n\n")
            assert target.encode(piece) == [target.vocab[symbol] for symbol in symbols], piece


def test_a_merge_takes_overlapping_pairs_from_the_left():
    """In aaa the pair (a, a) is there twice but fits once; the reference takes the left one."""
    assert merge_pair(list("aaa"), ("a", "a")) == ["aa", "a"]
    assert merge_pair(list("aaaa"), ("a", "a")) == ["aa", "aa"]
    assert merge_pair(["ab", "a", "b"], ("a", "b")) == ["ab", "ab"]
    assert merge_pair(["a"], ("a", "a")) == ["a"]
    assert merge_pair([], ("a", "a")) == []


def test_end_of_text_is_one_id_wherever_it_stands(target):
    """Written as seven ordinary tokens it would never stop a generation."""
    assert target.end_of_text == 0
    word = target.encode("cat")
    assert target.encode("cat<|endoftext|>cat") == [*word, 0, *word]
    assert target.encode("<|endoftext|><|endoftext|>") == [0, 0]
    assert 0 not in target.encode("<|endoftext> <|ENDOFTEXT|> <|endoftext |>")


def test_a_vocabulary_without_end_of_text_reads_it_as_text():
    """Such a tokenizer has no special id to give, and must still encode any text."""
    vocab = {symbol: byte for byte, symbol in enumerate(SYMBOL_OF_BYTE.values())}
    plain = Tokenizer(vocab, [])
    assert plain.end_of_text is None
    ids = plain.encode("<|endoftext|>")
    assert len(ids) == 13
    assert plain.decode(ids) == "<|endoftext|>"


def test_the_cache_of_words_cannot_change_the_ids_and_stays_small(target, monkeypatch):
    """A cache that grows with every new word would fill the memory of a long session."""
    monkeypatch.setattr(tokenizer_module, "MAX_CACHED_WORDS", 3)
    small = Tokenizer(target.vocab, target.merges)
    for _ in range(2):
        for golden in STRINGS:
            assert small.encode(golden["text"]) == golden["ids"]
            assert len(small.word_ids) <= 3
    # What is kept must not be a list, which a caller could change.
    assert isinstance(small.encode_word("the"), tuple)


# ---------------------------------------------------------------- words


WORDS = {
    "the last space of a run belongs to the next word, and what is no space is a word by itself": {
        "a   b  ": ["a", "  ", " b", "  "], "a \n b": ["a", " \n", " b"], "a\n\nb": ["a", "\n", "\n", "b"],
        "é \u3000b": ["é", " ", "\u3000", "b"]},
    "contractions are seven and in ASCII only": {
        "I'm he's we're I've I'll I'd don't": ["I", "'m", " he", "'s", " we", "'re", " I", "'ve", " I", "'ll", " I",
                                               "'d", " don", "'t"],
        "a'sx": ["a", "'s", "x"], "I'LL": ["I", "'", "LL"], "a'ſ": ["a", "'", "ſ"], "aʼs": ["aʼs"],
        "a’s": ["a", "’", "s"]},
    "fractions are numbers, a combining accent is neither letter nor number": {
        "ab12½²Ⅷ٣ßж一!": ["ab", "12½²Ⅷ٣", "ßж一", "!"], "e\u0301e": ["e", "\u0301", "e"], "x_1": ["x", "_", "1"],
        " é ½ 🙂🙂": [" é", " ½", " 🙂🙂"]},
    "U+001C to U+001F are no white space, whatever Python's \\s says": {
        text: words for control in "\x1c\x1d\x1e\x1f" for text, words in (
            (f"a{control}!b", ["a", f"{control}!", "b"]), (f" {control}é", [f" {control}", "é"]))},
    "white space outside ASCII joins no word": {
        text: words for code in (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
        for text, words in ((f"a{chr(code)}b", ["a", chr(code), "b"]), (f"!{chr(code)}!", ["!", chr(code), "!"]))},
    "what only looks like it is not": {f"!{other}!": [f"!{other}!"] for other in "\u180e\u200b\u2060\ufeff"},
}


@pytest.mark.parametrize("claim", WORDS)
def test_texts_are_split_into_the_words_of_the_reference(claim):
    for text, words in WORDS[claim].items():
        assert split_words(text) == words, ascii(text)


def test_the_words_joined_are_the_text():
    """A character that no alternative of the pattern takes would vanish without an error."""
    rng = random.Random(11)
    for _ in range(3000):
        text = random_text(rng)
        assert "".join(split_words(text)) == text, ascii(text)
    every = "".join(chr(code) for code in range(0x110000))
    assert "".join(split_words(every)) == every


# ---------------------------------------------------------------- decoding and showing


def test_half_a_character_decodes_to_a_replacement_and_whole_ones_survive(target):
    """A model may stop in the middle of a character; the text before it must still be shown."""
    ids = target.encode("é한")
    assert len(ids) == 4
    assert target.decode(ids) == "é한"
    assert target.decode(ids[:-1]) == "é\ufffd"
    assert target.decode(ids[1:2] + ids[:1]) == "\ufffdé"
    assert target.decode([]) == ""


def test_half_a_character_is_shown_as_its_bytes(target):
    """A replacement character in a table of tokens would hide which bytes the model chose."""
    token_id = target.vocab["âĢ"]
    assert target.token_text(token_id) == "<0xE2 0x80>"
    assert show_bytes(b" \xe2\x80") == " <0xE2 0x80>"
    assert show_bytes(b"\x94 a\xe2") == "<0x94> a<0xE2>"
    assert show_bytes(b">\xe2") == "><0xE2>"
    assert show_bytes(b"\xed\xa0\x80") == "<0xED 0xA0 0x80>"


def test_readable_tokens_are_shown_as_they_are_and_control_characters_as_escapes(target):
    """A real newline in a table breaks the table."""
    shown = {"he": "he", " the": " the", "é": "é", "\n": "\\n", "\t": "\\t", "\x00": "\\x00", "\x7f": "\\x7f"}
    for text, expected in shown.items():
        token = "".join(SYMBOL_OF_BYTE[byte] for byte in text.encode())
        assert target.token_text(target.vocab[token]) == expected
    assert target.token_text(0) == "<|endoftext|>"
    assert show_bytes("🙂\u200d\u3000".encode()) == "🙂\\u200d\\u3000"
    for token_id in range(target.vocab_size):
        assert target.token_text(token_id).isprintable()


# ---------------------------------------------------------------- wrong arguments


def test_a_lone_surrogate_is_refused_with_its_position(target):
    """UTF-8 has no bytes for it; Python's own message speaks of a codec, not of the text."""
    with pytest.raises(ValueError, match=r"^text has the lone surrogate U\+D83D at position 3;") as caught:
        target.encode("abc\ud83d")
    assert not isinstance(caught.value, UnicodeError)


@pytest.mark.parametrize("text", [None, b"abc", 5, ["a"]])
def test_text_that_is_no_str_is_refused(target, text):
    """Bytes would otherwise pass part of the way and fail in the regular expression."""
    with pytest.raises(TypeError, match=f"text is of type {type(text).__name__}; it must be a str"):
        target.encode(text)


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None, np.float32(1), np.bool_(True), [1], np.array([1.0])])
def test_an_id_that_is_no_whole_number_is_refused(target, wrong):
    """True is 1 to Python, and a float is usually a probability in the wrong place."""
    with pytest.raises(TypeError, match=r"^ids\[1\] is .*; it must be a whole number from 0 to 399$"):
        target.decode([0, wrong])
    with pytest.raises(TypeError, match=r"^token_id is "):
        target.token_text(wrong)


@pytest.mark.parametrize("wrong", [-1, 400, 10**30, np.int64(-1)])
def test_an_id_out_of_range_is_refused(target, wrong):
    """A list would take -1 for its last token."""
    with pytest.raises(ValueError, match=rf"^ids\[0\] is {wrong}; it must be from 0 to 399$"):
        target.decode([wrong])


def test_ids_may_be_numpy_integers_and_one_number_is_no_list(target):
    """argmax gives NumPy integers; a forgotten pair of brackets should say so."""
    ids = target.encode("the cat")
    assert target.decode(np.array(ids)) == "the cat"
    assert target.decode([np.int32(token_id) for token_id in ids]) == "the cat"
    for wrong in (5, None):
        with pytest.raises(TypeError, match=f"^ids is {wrong}; it must be a list of whole numbers$"):
            target.decode(wrong)


# ---------------------------------------------------------------- files


def older_files(tokenizer, folder):
    """Only vocab.json and merges.txt, as GPT-2's own folder has them."""
    tokenizer.to_files(folder)
    (folder / "tokenizer.json").unlink()


def test_the_files_are_written_as_hugging_face_writes_them(target, tmp_path):
    """Equal bytes: other tools open the folder, and a diff shows only real changes."""
    folder = tmp_path / "new" / "folder"
    target.to_files(folder)
    assert sorted(os.listdir(folder)) == ["merges.txt", "tokenizer.json", "vocab.json"]
    for name in ("vocab.json", "merges.txt"):
        assert (folder / name).read_bytes() == (GOLDEN / "target" / name).read_bytes()


def test_the_files_are_ordered_by_id_whatever_the_order_of_the_dict(target, tmp_path):
    """A vocab that was read from elsewhere may be sorted by name."""
    shuffled = dict(sorted(target.vocab.items()))
    Tokenizer(shuffled, target.merges).to_files(tmp_path)
    assert (tmp_path / "vocab.json").read_bytes() == (GOLDEN / "target" / "vocab.json").read_bytes()


def test_tokenizers_are_equal_when_their_files_are(target):
    """Draft and target must share a vocabulary; sizes alone do not tell, and another merge order gives other ids."""
    assert target == Tokenizer(dict(target.vocab), list(target.merges))
    other_ids = dict(target.vocab)
    other_ids["he"], other_ids["at"] = other_ids["at"], other_ids["he"]
    assert target != Tokenizer(other_ids, target.merges)
    assert target != Tokenizer(target.vocab, target.merges[::-1])
    assert target != "target"


def test_windows_line_ends_and_a_missing_header_are_read(target, tmp_path):
    """Git on Windows changes line ends; some writers leave the header out."""
    older_files(target, tmp_path)
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines()
    (tmp_path / "merges.txt").write_bytes("\r\n".join(lines).encode() + b"\r\n")
    assert Tokenizer.from_files(tmp_path) == target
    (tmp_path / "merges.txt").write_bytes("\n".join(lines[1:]).encode())
    assert Tokenizer.from_files(tmp_path) == target


def damage(vocab: dict, merges: str) -> list[tuple[str, str, object, str]]:
    """Damages: which file, a name for the damage, its new content (text, bytes or JSON), and what the error says."""
    renumbered = {token: token_id + 1 for token, token_id in vocab.items()}
    no_byte = {"heĀ" if token == "Ā" else token: token_id for token, token_id in vocab.items()}
    no_result = {token: token_id for token, token_id in vocab.items() if token_id != 399}
    return [
        ("vocab.json", "a text id", {**vocab, "he": "7"}, "maps 'he' to '7'"),
        ("vocab.json", "a true id", {**vocab, '"': True}, "maps '\"' to True"),
        ("vocab.json", "a float id", {**vocab, "he": 7.0}, "maps 'he' to 7.0"),
        ("vocab.json", "ids from 1", renumbered, "skips or repeats an id; the ids must be 0 to 399"),
        ("vocab.json", "an id twice", {**vocab, "he": 300}, "skips or repeats an id"),
        ("vocab.json", "a negative id", {**vocab, "he": -1}, "skips or repeats an id"),
        ("vocab.json", "no symbol of a byte", no_byte, "lacks 'Ā', the symbol of byte 0x00"),
        ("vocab.json", "a token of no bytes", {**vocab, "a b": 400}, "has the token 'a b'"),
        ("vocab.json", "an empty token", {**vocab, "": 400}, "has the token ''"),
        ("merges.txt", "one part", merges + "the\n", "merge 144 is 'the'; it must be two tokens"),
        ("merges.txt", "three parts", merges + "t h e\n", "merge 144 is 't h e'; it must be two tokens"),
        ("merges.txt", "two spaces", merges.replace("h e\n", "h  e\n", 1), "merge 1 is 'h  e'; it must be two tokens"),
        ("merges.txt", "an empty line", merges.replace("h e\n", "h e\n\n", 1), "merge 2 is ''; it must be two tokens"),
        ("merges.txt", "empty", "", "no merge makes the token 'he'"),
        ("merges.txt", "an unknown part", merges + "qq u\n", "merge 144 is 'qq u', but 'qq' is not in the vocabulary"),
        ("merges.txt", "an unknown result", merges + "q q\n", "merge 144 is 'q q', but 'qq' is not in the vocabulary"),
        ("merges.txt", "a merge twice", merges + "h e\n", "merge 144 is 'h e', which is listed before"),
        ("merges.txt", "not UTF-8", merges.encode("utf-16"), ": not UTF-8 text ("),
        ("merges.txt", "other vocab", no_result, "merge 143 is 'Ġm oon', but 'Ġmoon' is not in the vocabulary"),
    ]


DAMAGES = damage(json.loads((GOLDEN / "target" / "vocab.json").read_text(encoding="utf-8")),
                 (GOLDEN / "target" / "merges.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name, what, content, expected", DAMAGES, ids=[f"{d[0]}: {d[1]}" for d in DAMAGES])
def test_a_damaged_file_is_refused_in_one_sentence_that_names_it(target, tmp_path, name, what, content, expected):
    """Read without a check, each of these gives wrong ids or fails later, far from its cause."""
    older_files(target, tmp_path)
    # A fault between the two files is reported on merges.txt, so there the vocab is what changes.
    changed = tmp_path / ("vocab.json" if what == "other vocab" else name)
    if isinstance(content, bytes):
        changed.write_bytes(content)
    elif isinstance(content, str):
        changed.write_text(content, encoding="utf-8")
    else:
        changed.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        Tokenizer.from_files(tmp_path)
    message = str(caught.value)
    assert type(caught.value) is ValueError
    assert message.startswith(str(tmp_path / name))
    assert expected in message
    assert "\n" not in message


# ---------------------------------------------------------------- training


def naive_merges(text: str, number: int) -> list[tuple[str, str]]:
    """The oracle: count every pair of the whole text from scratch for each merge."""
    words = []
    for word in split_words(text):
        words.append([SYMBOL_OF_BYTE[byte] for byte in word.encode()])
    merges = []
    while len(merges) < number:
        counts = Counter()
        for symbols in words:
            counts.update(zip(symbols, symbols[1:]))
        ordered = sorted(counts, key=lambda pair: (-counts[pair], pair))
        if not ordered or counts[ordered[0]] < 2:
            break
        best = ordered[0]
        merges.append(best)
        for symbols in words:
            for position in range(len(symbols) - 1):
                if tuple(symbols[position:position + 2]) == best:
                    symbols[position:position + 2] = [best[0] + best[1]]
    return merges


@pytest.mark.parametrize("text", [SMALL_TEXT, "aaaa aaa aa a aaaaa", "abab baba abba", "ab ab", "éé ½½ 🙂🙂 🙂"])
def test_training_equals_counting_from_scratch(text):
    """The fast trainer counts only the changed words again; one count left behind picks another merge much later."""
    expected = naive_merges(text, 200)
    assert train_merges(text, 257 + 200).merges == expected
    assert train_merges(text, 257 + 2).merges == expected[:2]


def test_training_equals_counting_from_scratch_on_random_texts():
    """Few letters make many ties, overlaps and pairs that come back after they were gone."""
    rng = random.Random(5)
    for _ in range(60):
        text = "".join(rng.choice("aab c\n") for _ in range(rng.randrange(80)))
        assert train_merges(text, 10_000).merges == naive_merges(text, 10_000), ascii(text)


def test_the_counts_after_each_merge_are_those_of_a_fresh_count():
    """The invariant of the trainer, and the reason why it may skip most words."""
    table = PairTable(Counter(split_words(SMALL_TEXT)))
    pair = table.most_frequent()
    while pair is not None:
        table.merge(pair)
        fresh = Counter()
        where = {}
        for position, symbols in enumerate(table.words):
            for neighbours in zip(symbols, symbols[1:]):
                fresh[neighbours] += table.counts[position]
                where.setdefault(neighbours, set()).add(position)
        assert dict(table.pair_counts) == dict(fresh)
        assert table.words_with_pair == where
        pair = table.most_frequent()


def test_equal_counts_go_to_the_pair_that_sorts_first():
    """A tie broken by the order of a set would give another tokenizer on every run."""
    assert train_merges("ba ab ba ab", 258).merges == [("a", "b")]
    assert train_merges("ab ba ab ba", 258).merges == [("a", "b")]


def test_a_trained_tokenizer_begins_with_end_of_text_and_the_bytes_of_gpt2(target):
    """The order of the reference, whose golden vocab.json is the oracle."""
    trained = train_merges(SMALL_TEXT, 300)
    first = sorted(trained.vocab, key=trained.vocab.get)[:257]
    assert first == sorted(target.vocab, key=target.vocab.get)[:257]
    assert trained.vocab_size == 300
    assert trained.end_of_text == 0


def test_a_trained_tokenizer_is_the_same_again_and_after_its_files(tmp_path):
    """Students compare numbers; they must have the same tokens."""
    trained = train_merges(SMALL_TEXT, 320)
    assert trained == train_merges(SMALL_TEXT, 320)
    trained.to_files(tmp_path)
    reread = Tokenizer.from_files(tmp_path)
    assert reread == trained
    assert reread.encode(SMALL_TEXT) == trained.encode(SMALL_TEXT)
    assert trained.decode(trained.encode(SMALL_TEXT)) == SMALL_TEXT
    assert len(trained.encode(SMALL_TEXT)) < 0.6 * len(SMALL_TEXT)


def test_training_stops_when_no_pair_is_there_twice():
    """A merge seen once is learned by heart; the vocabulary is then smaller than asked for."""
    assert train_merges("", 300).vocab_size == 257
    assert train_merges("abcdef", 300).vocab_size == 257
    assert train_merges("ab\nab", 300).merges == [("a", "b")]


def test_training_never_learns_from_end_of_text():
    """It is cut out of every text, so merges such as `<|` + `endoftext` would be wasted ids."""
    trained = train_merges("<|endoftext|>" * 50, 300)
    assert trained.merges == []
    assert train_merges("a<|endoftext|>b<|endoftext|>" * 50, 300).merges == []
