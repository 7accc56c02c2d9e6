"""The first half of byte-level BPE: text to words, and a word to byte symbols, as GPT-2 does it.

A byte symbol is one printable character that stands for one byte, so that a token can be written in a text file.

Invariant: the words joined are the text again, and the symbols of a word spell exactly its UTF-8 bytes.

It does not use `\\p{L}` and `\\s` of a Unicode regex package: Python's `re` lacks the first and its `\\s` takes four
control characters more (U+001C to U+001F).  A stand-in for each character makes an ASCII pattern do the same.
"""

import re
import unicodedata

END_OF_TEXT = "<|endoftext|>"            # the one string that is a token as it stands and never words
# GPT-2's split pattern, written for stand-ins: there every letter is in A-Z or a-z, every number in 0-9.
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)


def make_byte_symbols() -> dict[int, str]:
    """One character per byte, in GPT-2's order: printable bytes are themselves, the others go to U+0100 and up."""
    symbols = {}
    for byte in [*range(33, 127), *range(161, 173), *range(174, 256)]:
        symbols[byte] = chr(byte)
    shifted = 256
    for byte in range(256):
        if byte not in symbols:
            symbols[byte] = chr(shifted)
            shifted += 1
    return symbols


SYMBOL_OF_BYTE = make_byte_symbols()
BYTE_OF_SYMBOL = {symbol: byte for byte, symbol in SYMBOL_OF_BYTE.items()}


def stand_in(character: str) -> str:
    """An ASCII character of the same class for the split pattern: letter, number, white space or other."""
    if character.isascii():
        return character                 # the pattern needs the real letters of 's and 'll, and the real space
    category = unicodedata.category(character)
    if category.startswith("L"):
        return "x"                       # subtle: any letter that is in no contraction
    if category.startswith("N"):
        return "0"
    if character.isspace():
        return "\t"                      # not " ": only U+0020 joins the word after it
    return "!"


def split_words(text: str) -> list[str]:
    """The words of `text`, which merges never cross; white space is part of them, so joined they are `text`."""
    stand_ins = text
    if not text.isascii():
        stand_ins = "".join([stand_in(character) for character in text])
    words = []
    for match in WORD.finditer(stand_ins):
        # One stand-in per character: the offsets fit the real text too.
        word = text[match.start():match.end()]
        words.append(word)
    return words


def word_to_symbols(word: str) -> list[str]:
    """The UTF-8 bytes of `word`, one symbol each."""
    return [SYMBOL_OF_BYTE[byte] for byte in word.encode("utf-8")]


def symbols_to_bytes(symbols: str) -> bytes:
    """The bytes that a string of symbols, such as a token, stands for."""
    return bytes([BYTE_OF_SYMBOL[symbol] for symbol in symbols])


def check_text(text: str) -> None:
    """Raises TypeError unless `text` is a str, and ValueError for a lone surrogate, which UTF-8 has no bytes for."""
    if not isinstance(text, str):
        raise TypeError(f"text is of type {type(text).__name__}; it must be a str")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        position = error.start
        code_point = ord(text[position])
        raise ValueError(f"text has the lone surrogate U+{code_point:04X} at position {position}; "
                         "it must be text without surrogates") from None


def show_bytes(token: bytes) -> str:
    """Bytes for a table: readable text as it is, control characters as `\\n`, half a character as `<0xE2 0x80>`."""
    shown = ""
    inside = False                       # between the < and the > of bytes that are no whole character
    # surrogateescape turns such a byte into one character, U+DC00 + the byte.
    for character in token.decode("utf-8", errors="surrogateescape"):
        broken = "\udc80" <= character <= "\udcff"
        if inside and not broken:
            shown += ">"
        if broken:
            shown += " " if inside else "<"
            shown += f"0x{ord(character) - 0xDC00:02X}"
        elif character.isprintable():
            shown += character
        else:
            shown += character.encode("unicode_escape").decode("ascii")
        inside = broken
    if inside:
        shown += ">"
    return shown
