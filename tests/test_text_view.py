"""The text view: every draft is shown with the verdict it got, no token breaks the table, nothing is claimed of 0/0."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from stage_cases import VOCAB, WORDS, contrast, end_of_text_trace, mixed_trace

from minispec import load, speculative
from minispec.rates import conditional_acceptance, draft_efficiency, mean_acceptance_length
from minispec.views import text

GOLDEN = Path(__file__).parent / "golden"
GLYPH = re.compile(r"(?:^|  )([✓✗·↳★]) (?! )")
CODE = re.compile("\033\\[[0-9;]*m")


@cache
def golden_pair():
    target, tokenizer = load(GOLDEN / "target")
    noisy, _ = load(GOLDEN / "noisy")
    return target, noisy, tokenizer


def parsed(table):
    """The rounds of a table as (number, context, drafts, own): read by the columns that its heading announces."""
    heading, *lines = table.split("\n")
    assert heading.split() == ["round", "context", "drafts", "target", "adds"]
    drafts_at, own_at = heading.index("drafts"), heading.index("target adds")
    rounds = []
    for line in lines:
        cuts = [next((at for at in range(len(line)) if text.display_width(line[:at]) >= column), len(line))
                for column in (drafts_at, own_at)]
        head, drafts, own = line[:cuts[0]], line[cuts[0]:cuts[1]].rstrip(), line[cuts[1]:]
        words = re.split(" {2,}", drafts) if drafts else []
        if head.strip():
            number, context = map(int, head.split())
            rounds.append([number, context, words, own])
        else:
            assert rounds[-1][3] == "", "the target's token stands on the last line of its round"
            rounds[-1][2] += words
            rounds[-1][3] = own
    return rounds


def verdicts(r, texts):
    """What a row must say of its drafts, from the drafts and the target's choices alone."""
    words, judged = [], True
    for place, token in enumerate(r.proposed):
        inside = place < len(r.committed)
        right = token == r.choices[place]
        glyph = "·" if not judged or not inside else "✓" if right else "✗"
        judged = judged and right
        words.append(f"{glyph} {texts[token].strip()}")
    return words


@pytest.mark.parametrize("width", [60, 79, 100, 200])
@pytest.mark.parametrize("tau", [0, 1, 4, 9, 30])
def test_every_round_is_one_row_with_every_draft_and_its_verdict(tau, width):
    """A draft that is left out, or shown as rejected when it was only discarded, teaches the wrong rule."""
    for seed in range(5):
        trace = mixed_trace(seed, tau)
        rows = parsed(text.round_table(trace, width))
        assert [row[0] for row in rows] == list(range(1, len(trace.rounds) + 1))
        for (_, context, words, own), r in zip(rows, trace.rounds, strict=True):
            assert context == len(r.tokens)
            assert words == verdicts(r, WORDS)
            glyph = "↳" if r.committed[-1:] != r.proposed[r.n_accepted:r.n_accepted + 1] and \
                r.n_accepted < len(r.proposed) else "★"
            assert own == f"{glyph} {WORDS[r.committed[-1]].strip()}"


def test_the_glyphs_count_what_the_trace_counts():
    """Whoever counts ticks on the screen must find the numbers printed below them (bugs.md #58)."""
    for seed in range(20):
        trace = mixed_trace(seed, tau=seed % 8)
        glyphs = [glyph for line in text.round_table(trace, 70).split("\n") for glyph in GLYPH.findall(line[16:])]
        assert glyphs.count("✓") == trace.n_accepted
        assert glyphs.count("✗") == trace.n_judged - trace.n_accepted
        assert glyphs.count("·") == trace.n_drafted - trace.n_judged
        assert glyphs.count("↳") == sum(r.correction is not None for r in trace.rounds)
        assert glyphs.count("★") == sum(r.bonus is not None for r in trace.rounds)
        assert glyphs.count("↳") + glyphs.count("★") == len(trace.rounds)


def test_drafts_behind_an_accepted_end_of_text_are_discarded_and_the_target_adds_nothing():
    rows = parsed(text.round_table(end_of_text_trace()))
    assert rows == [[1, 2, ["✓ cow", "✓ jumped", "✓ The", "· over", "· the"], "(end of text)"]]


def test_colour_codes_are_there_only_when_asked_for_and_repeat_what_the_glyphs_say():
    """In a file or a diff, codes are noise; on paper and for some eyes, colour says nothing: the glyph must."""
    for trace in (mixed_trace(3, tau=6), end_of_text_trace()):
        bare = text.round_table(trace, 80)
        painted = text.round_table(trace, 80, colour=True)
        assert "\033" not in bare
        assert CODE.sub("", painted) == bare
        codes = {}
        for code, glyph in re.findall("\033\\[([0-9;]+)m([✓✗·↳★]) [^\033]*\033\\[0m", painted):
            codes.setdefault(glyph, set()).add(code)
        drawn = set(GLYPH.findall("  ".join(line[16:] for line in bare.split("\n"))))
        assert set(codes) == drawn
        assert all(len(variants) == 1 for variants in codes.values())
        assert len({min(codes[glyph]) for glyph in drawn & set("✓✗·")}) == len(drawn & set("✓✗·"))
        assert painted.count("\033[0m") * 2 == painted.count("\033")
    assert "\033" not in text.round_table(mixed_trace(3, tau=6))


NASTY = ("\n", " \n", "\r", "\t", "\0", "\x1b[31m", "\x0b\x0c", "\x85", "\u2028", "\u202e", "\ud83d", "\u200b",
         " ", "   ")


def test_no_token_can_break_the_table():
    """A line break among the tokens is an everyday thing, and a table that it cuts in two shows one round as two."""
    seen = set()
    for seed in range(5):
        trace = mixed_trace(seed, tau=5, texts=NASTY)
        seen.update(token for r in trace.rounds for token in r.proposed)
        table = text.round_table(trace, 200)
        assert len(table.splitlines()) == 1 + len(trace.rounds)
        assert table.replace("\n", "").isprintable()
        assert len(parsed(table)) == len(trace.rounds)
        table.encode("utf-8")
    assert len(seen) == VOCAB


def test_every_token_of_a_real_vocabulary_has_a_label_that_can_be_seen():
    """Halves of characters, control characters, single spaces: the 256 bytes are all tokens."""
    tokenizer = golden_pair()[2]
    for token in range(tokenizer.vocab_size):
        shown = text.token_label(tokenizer.token_text(token))
        assert shown.strip() != "", token
        assert shown.isprintable()


def test_labels_tell_a_new_word_from_the_rest_of_one():
    """` the` and `the` are two tokens; in a table without spaces they must not look alike."""
    assert text.token_label(" the") == "the"
    assert text.token_label("the") == "+the"
    assert text.token_label("7") == "+7"
    assert text.token_label(",") == text.token_label(" ,") == ","
    assert len({text.token_label(each) for each in ("", " ", "  ", "   ", "    ")}) == 5


def test_a_trace_without_texts_shows_the_numbers_of_the_tokens():
    """Straight from `speculative`, in a debugger, there is no tokenizer at hand."""
    trace = replace(mixed_trace(2, tau=3), texts=None)
    numbers = tuple(str(token) for token in range(VOCAB))
    rows = parsed(text.round_table(trace))
    assert [row[2] for row in rows] == [verdicts(r, numbers) for r in trace.rounds]


LONG = tuple((" " if token % 2 else "") + "abcdefghijklmnopqrstuvwxyz"[:token + 2] * (1 + token // 3)
             for token in range(VOCAB))


def test_a_wider_terminal_needs_no_more_lines():
    """Drafts are wrapped only where they do not fit, and in a wide terminal a round is one line."""
    trace = mixed_trace(4, tau=10)
    heights = [text.round_table(trace, width).count("\n") for width in range(60, 201)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == len(trace.rounds) < heights[0]


def test_the_table_of_real_models_can_be_read_back():
    """The same on tokens of a real tokenizer, half characters included."""
    target, noisy, tokenizer = golden_pair()
    texts = tokenizer.texts
    trace = replace(speculative(target, noisy, [300, 12, 7], 40, 6), texts=texts)
    rows = parsed(text.round_table(trace, 120))
    assert [len(row[2]) for row in rows] == [len(r.proposed) for r in trace.rounds]
    assert sum(word.startswith("✓ ") for row in rows for word in row[2]) == trace.n_accepted


# ------------------------------------------------------------------------------------------------- totals

def numbers_behind(name, summary):
    """The figures of the line that begins with `name`."""
    [line] = [line for line in summary.split("\n") if line.startswith(name)]
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line.removeprefix(name))]


def test_the_summary_gives_each_of_the_three_rates_its_name_and_its_fraction():
    """All three are called "acceptance rate" by somebody (facts.md 1.3); the fraction tells which one it is."""
    for seed in range(10):
        trace = mixed_trace(seed, tau=1 + seed % 6)
        summary = text.summary(trace)
        accepted, rounds = trace.n_accepted, len(trace.rounds)
        conditional = numbers_behind("conditional acceptance", summary)
        assert conditional == [pytest.approx(conditional_acceptance(trace), abs=5e-4), accepted, trace.n_judged]
        efficiency = numbers_behind("draft efficiency", summary)
        assert efficiency == [pytest.approx(draft_efficiency(trace), abs=5e-4), accepted, trace.n_drafted]
        length = numbers_behind("mean acceptance length", summary)
        assert length == [pytest.approx(mean_acceptance_length(trace), abs=5e-3), 1, 1, accepted, rounds]
        assert numbers_behind("tokens", summary)[0] == trace.n_new
        passes = numbers_behind("target passes", summary)
        assert passes == [rounds, pytest.approx(trace.n_new / rounds, abs=5e-3), trace.n_new]


def test_a_trace_of_nothing_prints_and_says_that_there_is_no_rate():
    """--new-tokens 0: a table without rows, and n/a; a 0.000 would be a verdict on the draft."""
    trace = mixed_trace(1, tau=4, new_tokens=0)
    assert text.round_table(trace).split("\n") == [text.round_table(trace)]
    for line in text.summary(trace).split("\n")[2:]:
        assert "n/a" in line and "0.0" not in line
    assert numbers_behind("tokens", text.summary(trace)) == [0]


def test_with_tau_0_every_row_has_the_bonus_token_only_and_the_rates_of_drafts_are_not_there():
    trace = mixed_trace(1, tau=0, new_tokens=5)
    rows = parsed(text.round_table(trace))
    assert [(row[2], row[3][0]) for row in rows] == [([], "★")] * 5
    summary = text.summary(trace)
    assert summary.count("n/a") == 2
    assert numbers_behind("mean acceptance length", summary)[0] == 1


@pytest.mark.parametrize("stopped, reason", [("budget", "budget"), ("end-of-text", "end of the text"),
                                             ("context", "context")])
def test_the_summary_says_why_the_text_ended(stopped, reason):
    """A text that breaks off at the context limit looks like a model that has nothing more to say."""
    assert reason in text.summary(replace(mixed_trace(1, tau=2), stopped=stopped))


def test_a_speedup_that_was_not_measured_is_not_printed_as_a_number():
    """Nothing decoded in no time is no speed-up; and a prediction names what it was worked out from."""
    nothing = text.fact_lines(text.speed_facts(mixed_trace(1, tau=4, new_tokens=0), 0.004, 0.002, *[None] * 3), 100)
    assert re.search("^speed-up +n/a", nothing, re.MULTILINE) and re.search("^predicted +n/a", nothing, re.MULTILINE)
    trace = mixed_trace(1, tau=4)
    lines = text.fact_lines(text.speed_facts(trace, 3.0, 1.5, 0.125, 1.75, 1.25), 100)
    assert numbers_behind("seconds", lines)[:2] == [1.5, 3.0]
    assert numbers_behind("speed-up", lines)[0] == 2
    predicted = numbers_behind("predicted", lines)
    assert predicted[:2] == [1.25, pytest.approx(trace.n_new / len(trace.rounds), abs=5e-3)]
    assert predicted[2:5] == [4, 0.125, 1.75]


def test_the_verdict_is_yes_only_for_the_same_tokens_and_speaks_of_bits_only_where_they_agree():
    """"Identical" is the promise of the whole package: it must be able to say no."""
    same = text.identity_line(True, 12, 0)
    assert same.startswith("identical to plain greedy: yes") and "bit for bit" in same and "12 of 12" in same
    rounding = text.identity_line(True, 12, 3)
    assert rounding.startswith("identical to plain greedy: yes") and "3 of 12" in rounding
    assert "bit for bit" not in rounding
    other = text.identity_line(False, 12, 3)
    assert "NO" in other and "yes" not in other


def test_the_decoded_text_is_folded_between_words_and_loses_none():
    """The text is what the lecture looks at first; a word cut in two reads like a bad model."""
    decoded = "Once upon a time there was a fox.\n\nIt lived by the pond, " + "and " * 40 + "slept."
    for width in (20, 60, 100):
        folded = text.folded(decoded, width)
        assert folded.split() == decoded.split()
        assert all(len(line) <= width for line in folded.split("\n"))
        assert folded.split("\n")[:1] != [""] and "\n\n" in folded
    assert text.folded("", 60) == ""


def rgb(number):
    """A colour of the fixed part of the 256."""
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    levels = (0, 95, 135, 175, 215, 255)
    return tuple(levels[(number - 16) // step % 6] for step in (36, 6, 1))


def test_the_colours_of_a_terminal_can_be_read_on_black_and_on_white():
    """The sixteen named ones are the terminal's own business: on many, blue on black cannot be read."""
    numbers = [re.search(r"38;5;(\d+)$", code) for code in text.CODES.values()]
    numbers = [int(found[1]) for found in numbers if found]
    assert len(set(numbers)) == 4 and min(numbers) >= 16
    assert {re.sub("38;5;[0-9]+", "", code) for code in text.CODES.values()} <= {"", "1", "1;", "9;"}
    for number in numbers:
        assert min(contrast(rgb(number), (0, 0, 0)), contrast(rgb(number), (255, 255, 255))) >= 4, number


WIDE = ("今天天气很好", " 😀😀 laughing", "दुनिया", " a\u0301cute", " 東京タワーのとなりにある大きな公園", " word", ".", " \u200b",
        " العربية", "ば", " x" * 9, " long-hyphened-words", "🇫🇷", " the")


def test_a_wide_character_takes_two_columns_and_a_mark_none():
    for shown, width in (("abc", 3), ("今天", 4), ("😀", 2), ("a\u0301", 1), ("✓★↳·░", 5), ("", 0), ("❤\ufe0f", 1)):
        assert text.display_width(shown) == width, shown
    assert max(text.display_width(text.token_label(each)) for each in WIDE) <= text.LONGEST


@pytest.mark.parametrize("texts", [WORDS, WIDE, LONG, None], ids=["words", "wide", "very long words", "numbers"])
def test_nothing_is_wider_than_the_terminal_and_no_word_is_cut_that_a_line_could_hold(texts):
    """From 60 columns up: the table, the totals, the legend and the text of traces of any kind; a row that the terminal
    folds for itself is no row any more."""
    assert max(map(len, text.round_table(end_of_text_trace(LONG), 60).split("\n"))) <= 60
    for seed, width in enumerate(range(60, 201, 7)):
        trace = mixed_trace(seed, tau=1 + seed % 9, texts=texts)
        facts = text.summary_facts(trace) + text.speed_facts(trace, 3.0, 1.5, 0.125, 1.75, 1.25)
        decoded = "".join(texts[token] if texts else f" {token}" for token in trace.tokens)
        ways = [text.identity_line(True, 12, rows, way) for rows in (0, 3) for way in ("plain greedy", "x" * 30)]
        parts = {text.fact_lines(facts, width): " ".join(" ".join(fact) for fact in facts),
                 text.in_lines(f"{text.LEGEND}   {text.JOINED}", width): f"{text.LEGEND} {text.JOINED}",
                 text.folded(decoded, width): decoded, **{text.folded(way, width): way for way in ways}}
        for shown, whole in parts.items():
            assert max(map(text.display_width, shown.split("\n"))) <= width
            held = [word for word in whole.split() if text.display_width(word) <= min(width, 26)]
            assert set(held) <= set(shown.split()), set(held) - set(shown.split())
            assert "".join(shown.split()) == "".join(whole.split())
        table = text.round_table(trace, width)
        assert max(map(text.display_width, table.split("\n"))) <= width
        for r in trace.rounds:
            assert all(text.label(trace, token) in table for token in r.proposed)


def test_every_glyph_is_in_the_legend():
    """A sign that nobody explains is decoration; two states with one sign are one state."""
    shown = [text.GLYPHS[state] for state in ("accepted", "rejected", "discarded", "correction", "bonus")]
    assert shown == ["✓", "✗", "·", "↳", "★"]
    assert all(glyph in text.LEGEND for glyph in shown)


def test_the_flags_of_a_round_are_agreements_and_not_acceptances():
    """Course row C20: [A, A, R, A, A, A] has five A and two accepted drafts."""
    agreeing = [1, 2, 3, 4, 5, 6]
    r = replace(mixed_trace(1, 4).rounds[0], proposed=(1, 2, 9, 4, 5, 6), choices=(*agreeing, 7), n_accepted=2)
    assert text.flags(r) == "AARAAA" and text.flags(replace(r, proposed=())) == ""
    assert text.flags(replace(r, proposed=(9, 2, 8))) == "RAR"
