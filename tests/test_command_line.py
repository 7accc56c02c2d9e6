"""The command line: what it prints, that its options do something, and one sentence for whatever cannot be run."""

import io
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from conftest import NOT_THE_SAME_BITS, measured

from minispec import drafters, greedy, load, load_trace
from minispec.commands import check_command, decode_command, request
from minispec.checkpoint import list_models, load_folder, save
from minispec.command import main, parse
from minispec.lab import comparison, exactness
from minispec.lab.blas import STILL_HOLDS, blas_name
from minispec.lab.exactness import Finding, bits_hold
from minispec.layers import row_products

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
TARGET, NOISY, DRAFT = (str(GOLDEN / name) for name in ("target", "noisy", "draft"))
MODELS = ["--target", TARGET, "--draft", NOISY]
READ = cache(load)
TIMES = {"baseline_seconds", "speculative_seconds", "speedup", "predicted_speedup", "c", "v"}


def start(*words, closing="", **options):
    """The command as a user calls it, begun in a process of its own.  closing: what a shell does with its streams."""
    command = [sys.executable, "-m", "minispec", *words]
    if closing:
        command = ["bash", "-c", f'exec "$@" {closing}', "bash", *command]
    options["env"] = {**os.environ, **options.pop("environment", {})}
    return subprocess.Popen(command, cwd=ROOT, **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE,
                                                  "stderr": subprocess.PIPE, **options})


def end(process, typed=b""):
    """Its status, standard output and standard error; a day in the queue is no failure."""
    out, err = process.communicate(typed, timeout=300)
    return process.returncode, out, err


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    """In this process: a model is read once, and what is timed is timed once.  The real command does all of it."""
    monkeypatch.setattr(request, "load", READ)
    monkeypatch.setattr(drafters, "load", READ)
    monkeypatch.setattr(decode_command, "beside_greedy", partial(comparison.beside_greedy, repetitions=1))
    monkeypatch.setattr(comparison, "measure_costs", partial(comparison.measure_costs, repetitions=1))


def run(capsys, *arguments):
    """Status, standard output and standard error of the command, in this process."""
    capsys.readouterr()
    try:
        status = main(list(arguments))
    except SystemExit as stop:           # argparse's own way out
        status = stop.code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def as_json(capsys, *arguments):
    status, out, err = run(capsys, *arguments, "--json")
    assert (status, err) == (0, ""), err
    return json.loads(out)


def figures(out, name):
    """The numbers in the line that begins with `name`."""
    [line] = [line for line in out.split("\n") if line.startswith(name)]
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line.removeprefix(name))]


@pytest.fixture(scope="module")
def ending(tmp_path_factory):
    """The golden target, but what it says as fifth new token behind "The" ends a text: (folder, tokens until there)."""
    config, weights, tokenizer = load_folder(GOLDEN / "target")
    tokens = greedy(load(GOLDEN / "target")[0], tokenizer.encode("The"), 20, stop=None)
    prompt_length = len(tokens) - 20
    end = tokens[prompt_length + 4]
    folder = tmp_path_factory.mktemp("ending") / "ending"
    save(folder, replace(config, eos_token_id=end), weights, tokenizer)
    return str(folder), tokens.index(end, prompt_length) + 1 - prompt_length


# ------------------------------------------------------------------------------------------------- what it prints

def test_the_bare_command_decodes_and_shows_text_rounds_rates_speedup_and_verdict():
    """The first minute with the package: no option, no download, and everything that the README promises."""
    started = time.perf_counter()
    with start() as process:
        first = process.stdout.readline()        # how long a lecture waits for it is reported, never judged
        measured(f"python -m minispec, first line: {time.perf_counter() - started:.1f} s")
        out, err = (first + process.stdout.read()).decode("utf-8"), process.stderr.read()
    assert (process.returncode, err) == (0, b"")
    assert request.PROMPT in " ".join(out.split())
    assert re.match(r"Same text, \d+ target passes instead of \d+, \d+\.\d × (faster|slower)\.\n", out)
    assert all(name in out.split("\n")[2] for name in (request.TARGET, request.DRAFT, str(request.TAU)))
    for name in ("round", "conditional acceptance", "draft efficiency", "mean acceptance length", "speed-up"):
        assert re.search(f"^{name}", out, re.MULTILINE), name
    rows = re.findall(r"^ +\d+ +\d+  [✓✗]", out, re.MULTILINE)         # a round may go on in the next line
    assert figures(out, "target passes")[0] == len(rows)
    assert "identical to plain greedy: yes" in out
    assert "\033" not in out, "colour codes in a pipe"


def test_the_output_is_the_text_of_plain_greedy_decoding(capsys):
    """Against `greedy` of the library, which knows nothing of the command line."""
    target, tokenizer = load(TARGET)
    tokens = tokenizer.encode("The cat")
    expected = tokenizer.decode(greedy(target, tokens, 12))
    record = as_json(capsys, "The cat", *MODELS, "--new-tokens", "12")
    assert record["text"] == expected
    assert record["trace"]["tokens"] == greedy(target, tokens, 12)
    assert record["identical_tokens"] is True and record["rows_of_logits_that_differ"] == 0


def test_the_json_has_the_numbers_that_are_shown(capsys):
    """Two ways to print one decode: whoever plots the second must get the figures of the first."""
    arguments = ("Once upon a time", *MODELS, "--new-tokens", "25", "--tau", "3")
    record = as_json(capsys, *arguments)
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    trace = record["trace"]
    accepted = sum(r["n_accepted"] for r in trace["rounds"])
    drafted = sum(len(r["proposed"]) for r in trace["rounds"])
    assert figures(out, "tokens")[0] == record["new_tokens"] == 25
    assert figures(out, "target passes")[0] == record["target_passes"] == len(trace["rounds"])
    assert figures(out, "conditional acceptance")[0] == pytest.approx(record["conditional_acceptance"], abs=5e-4)
    assert figures(out, "draft efficiency") == [pytest.approx(record["draft_efficiency"], abs=5e-4), accepted, drafted]
    assert figures(out, "mean acceptance length")[0] == pytest.approx(record["mean_acceptance_length"], abs=5e-3)
    assert record["draft_efficiency"] == accepted / drafted
    assert record["mean_acceptance_length"] == 1 + accepted / len(trace["rounds"])
    assert record["speedup"] == pytest.approx(record["baseline_seconds"] / record["speculative_seconds"])
    assert out.count("✓ ") - 1 == accepted                 # one is in the legend
    assert record["text"].split()[0] in out


def test_the_same_command_decodes_the_same_rounds_again(capsys):
    """Only the seconds may differ."""
    records = [as_json(capsys, "The", *MODELS, "--new-tokens", "15") for _ in range(2)]
    for record in records:
        for name in TIMES:
            record.pop(name, None)
        trace = record["trace"]
        for timed in (trace, trace["baseline"], trace["prefill"], *trace["rounds"]):
            for name in [name for name in timed if name.endswith("seconds")]:
                timed.pop(name)
    assert records[0] == records[1]


def test_saving_writes_a_trace_that_loads_with_logits_texts_and_greedy_baseline(capsys, tmp_path):
    """What a notebook continues from."""
    path = tmp_path / "run.json"
    record = as_json(capsys, "The dog", *MODELS, "--new-tokens", "9", "--tau", "2", "--save", str(path))
    trace = load_trace(path)
    assert trace.tokens == record["trace"]["tokens"] == list(trace.baseline.tokens)
    assert trace.tau == 2
    assert len(trace.texts) == 400 and trace.texts[0] == "<|endoftext|>"
    assert all(r.target_logits_TV.shape == (len(r.choices), 400) for r in trace.rounds)
    assert all(r.target_logits_TV.argmax(axis=-1).tolist() == list(r.choices) for r in trace.rounds)
    assert list(tmp_path.iterdir()) == [path]


def test_colour_is_for_terminals_that_want_it(capsys, monkeypatch):
    """https://no-color.org; and a log file with escape codes cannot be read."""
    arguments = ("The", *MODELS, "--new-tokens", "8")
    assert "\033[" not in run(capsys, *arguments)[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[" in run(capsys, *arguments)[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in run(capsys, *arguments)[1]


def test_the_table_fits_the_terminal(capsys, monkeypatch):
    """COLUMNS is how a terminal, or a slide of 80 characters, says how wide it is."""
    for width in (70, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        out = run(capsys, "The", *MODELS, "--new-tokens", "30", "--tau", "12")[1]
        table = out[out.index("round "):out.index("✓ accepted   ✗")].rstrip().split("\n")
        assert max(map(len, table)) <= width
        assert max(map(len, table)) > width - 25


# ------------------------------------------------------------------------------------------------- options that count

def test_every_option_reaches_the_decoding(capsys):
    """bugs.md #55: options that were parsed and never passed on, so that "flags change nothing"."""
    base = as_json(capsys, "The", *MODELS, "--new-tokens", "20", "--tau", "4")
    assert base["trace"]["tau"] == 4 and base["new_tokens"] == 20
    assert (base["trace"]["target"], base["trace"]["draft"]) == ("target", "noisy")
    assert len(base["trace"]["rounds"][0]["proposed"]) == 4
    assert len(as_json(capsys, "The", *MODELS, "--tau", "7")["trace"]["rounds"][0]["proposed"]) == 7
    assert as_json(capsys, "The", *MODELS, "--new-tokens", "3")["new_tokens"] == 3
    other_draft = as_json(capsys, "The", "--target", TARGET, "--draft", DRAFT, "--new-tokens", "20", "--tau", "4")
    assert other_draft["text"] == base["text"]
    assert other_draft["trace"]["rounds"] != base["trace"]["rounds"]
    other_target = as_json(capsys, "The", "--target", DRAFT, "--draft", DRAFT, "--new-tokens", "20", "--tau", "4")
    assert other_target["text"] != base["text"]
    assert other_target["conditional_acceptance"] == 1
    assert as_json(capsys, "A", *MODELS, "--new-tokens", "20")["text"].startswith("A")


def test_no_stop_goes_on_behind_the_end_of_a_text(capsys, ending):
    """A lecture on the end-of-text rule needs both."""
    folder, length = ending
    stopped = as_json(capsys, "The", "--target", folder, "--draft", NOISY, "--new-tokens", "20")
    assert stopped["new_tokens"] == length
    assert stopped["trace"]["stopped"] == stopped["trace"]["baseline"]["stopped"] == "end-of-text"
    on = as_json(capsys, "The", "--target", folder, "--draft", NOISY, "--new-tokens", "20", "--no-stop")
    assert on["new_tokens"] == 20
    assert on["trace"]["stopped"] == "budget"
    assert on["text"].startswith(stopped["text"])


@pytest.mark.parametrize("tau", [0, 1, 60, 10 ** 9])
def test_any_tau_decodes_the_same_text(capsys, tau):
    """0 is plain decoding in rounds of one; a huge one is bounded by the budget, not by memory."""
    record = as_json(capsys, "The", *MODELS, "--new-tokens", "10", "--tau", str(tau))
    assert record["text"] == as_json(capsys, "The", *MODELS, "--new-tokens", "10", "--tau", "4")["text"]
    if tau == 0:
        assert record["target_passes"] == 10
        assert record["conditional_acceptance"] is record["draft_efficiency"] is None
        assert record["mean_acceptance_length"] == 1


def test_no_new_token_and_one_new_token(capsys):
    """0 rounds have no rates and no speed-up; one token is one round without a draft."""
    none = as_json(capsys, "The", *MODELS, "--new-tokens", "0")
    assert none["text"] == "The"
    assert none["new_tokens"] == none["target_passes"] == 0
    for name in ("conditional_acceptance", "draft_efficiency", "mean_acceptance_length", "speedup",
                 "predicted_speedup"):
        assert none[name] is None
    out = run(capsys, "The", *MODELS, "--new-tokens", "0")[1]
    assert "identical to plain greedy: yes" in out
    for name in ("conditional acceptance", "draft efficiency", "mean acceptance length", "speed-up"):
        assert re.search(f"^{name} +n/a", out, re.MULTILINE), name
    one = as_json(capsys, "The", *MODELS, "--new-tokens", "1")
    assert one["new_tokens"] == one["target_passes"] == 1
    assert one["trace"]["rounds"][0]["proposed"] == []


def test_a_text_that_reaches_the_context_limit_ends_there(capsys):
    """64 positions: the budget of 120 does not fit, and the output says which limit it was."""
    almost = "The" + " the" * 50
    record = as_json(capsys, almost, *MODELS)
    assert len(record["trace"]["tokens"]) == 64 and record["new_tokens"] < 20
    assert record["trace"]["stopped"] == "context"
    assert "context" in run(capsys, almost, *MODELS)[1].split("\ntokens ")[1]


# ------------------------------------------------------------------------------------------------- prompts

@pytest.mark.parametrize("prompt", ["train", "check", "--tau", "-5", "--help"])
def test_behind_two_dashes_everything_is_a_prompt(capsys, prompt):
    """A tale may begin with "train" or with a dash."""
    status, out, err = run(capsys, "--new-tokens", "2", *MODELS, "--json", "--", prompt)
    assert (status, err) == (0, "")
    assert json.loads(out)["text"].startswith(prompt)


def test_a_mistyped_command_is_decoded_and_the_command_is_named(capsys):
    """`bnech` was a prompt without a word; what is printed on standard output stays a decode's."""
    for word, hint in (("bnech", "bench"), ("bug", "bugs"), ("cat", ""), ("bench the cow", "")):
        status, out, err = run(capsys, word, *MODELS, "--new-tokens", "1", "--json")
        assert (status, json.loads(out)["text"].startswith(word)) == (0, True)
        said = f"python -m minispec: {word!r} is taken as a prompt; the command is: python -m minispec {hint}\n"
        assert err == (said if hint else "")


def test_two_dashes_come_first_as_well():
    """`-- train` alone: the first word decides which command it is, and -- is no command."""
    assert parse(["--", "train"])[1].prompt == "train"


@pytest.mark.parametrize("prompt", ["é", "日本語のテキスト", "😀 👩‍👧 smile", "tab\tand\nline", " ", "\x00\x1b", "<|endoftext|>",
                                    "'quotes' \"and\" \\", "\ufeffbom", "a" * 60])
def test_any_text_is_a_prompt(capsys, prompt):
    """Byte-level tokens have no unknown character; the decoded text begins with the prompt, letter for letter."""
    arguments = (prompt, *MODELS, "--new-tokens", "3")
    assert as_json(capsys, *arguments)["text"].startswith(prompt)
    assert run(capsys, *arguments)[::2] == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_cannot_show_the_glyphs_gets_escapes_and_valid_json(encoding, monkeypatch):
    """A UnicodeEncodeError in front of the students, because the lecture hall's terminal has no ✓."""
    arguments = ["é 😀", *MODELS, "--new-tokens", "4"]
    real = start(*arguments, environment={"PYTHONIOENCODING": encoding}) if encoding == "ascii" else None
    printed = []
    for more in ([], ["--json"]):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert main([*arguments, *more]) == 0
        printed.append(stream.buffer.getvalue().decode(encoding))
    table, record = printed
    assert ("✓" if encoding == "utf-8" else "\\u2713") in table
    assert json.loads(record)["text"].startswith("é 😀")
    if real:
        status, out, err = end(real)
        assert (status, err) == (0, b"") and b"\\u2713" in out


# ------------------------------------------------------------------------------------------------- what cannot be run

BAD = {
    "an empty prompt": ([""], "prompt"),
    "a prompt beyond the context": (["word " * 500, *MODELS], "64"),
    "a prompt that fills more than the context of the bundled models": (["The cat sat on the mat. " * 100], "256"),
    "a lone surrogate": (["a\udcffb", *MODELS], "U+DCFF"),
    "a model that is none": (["--target", "tales-1000"], "tales-1000"),
    "a draft that is none": (["--draft", "gpt5"], "gpt5"),
    "an empty name": (["--target", ""], "''"),
    "a folder that is missing": (["--target", "no/such/folder"], "no/such/folder"),
    "a missing folder with a line break": (["--target", "no/such\nfolder"], "folder"),
    "a folder that is no model": (["--target", str(GOLDEN)], "config.json"),
    "a file": (["--draft", str(GOLDEN / "golden.json")], "golden.json"),
    "other vocabularies": (["--target", TARGET], "400"),
    "a negative tau": (["--tau", "-1", *MODELS], "tau is -1"),
    "a negative budget": (["--new-tokens", "-3", *MODELS], "new-tokens is -3"),
    "a target of 5000 characters": (["--target", "x" * 5000], "xxx"),
    "a folder of 5000 characters": (["--target", "no/" + "x" * 5000], "xxx"),
    "a prompt that is a tau of 5000 digits": (["--tau", "9" * 4000, "--new-tokens", "-1", *MODELS], "new-tokens is -1"),
    "check of a model that is none": (["check", "nobody"], "nobody"),
    "check of two vocabularies": (["check", TARGET, list_models()[0]], "vocabulary"),
    "recall of no tales": (["recall", "--tales", "0"], "tales is 0"),
    "grading what is no submission": (["grade", "README.md", "--out", "no/such"], "SUBMISSION is 'README.md'"),
    "grading a file that is missing": (["grade", "nobody", "--out", "no/such"], "there is no such file or folder"),
    "training on a file that is missing": (["train", "--texts", "no/such/file", "--output", "no/such"], "no/such/file"),
}


@pytest.mark.parametrize("arguments, mention", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_run_is_one_sentence_on_standard_error_and_status_2(capsys, arguments, mention):
    """One line that names the fault, nothing on standard output, no traceback: the next program in the pipe waits."""
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.endswith("\n") and err.count("\n") == 1, err
    assert "error: " in err and mention in err
    assert "Traceback" not in err and len(err) < 500


@pytest.mark.parametrize("arguments, mention", [
    (["--tau", "1.5"], "--tau"), (["--tau", "abc"], "--tau"), (["--tau", ""], "--tau"), (["--tau"], "--tau"),
    (["--new-tokens", "many"], "--new-tokens"), (["--target"], "--target"), (["one", "two"], "two"),
    (["--nonsense"], "--nonsense"), (["--new-token", "3"], "--new-token"), (["check", "--nonsense"], "--nonsense"),
    (["train"], "--output"), (["bench", "--taus", "x"], "--taus"), (["recall", "--tales", "x"], "--tales")])
def test_malformed_options_get_one_sentence_and_status_2(capsys, arguments, mention):
    """argparse says which option; half a name is not guessed, because --new-token may mean something next year."""
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("python -m minispec") and err.count("\n") == 1
    assert mention in err


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["bench", "--help"], ["recall", "--help"],
                                       ["train", "--help"], ["--version"]])
def test_help_is_on_standard_output_and_no_error(capsys, arguments):
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    assert "python -m minispec" in out or re.match(r"minispec \d", out)


def test_the_help_names_the_other_commands_and_the_bundled_models(capsys):
    """Nobody finds a command that the help does not mention."""
    out = " ".join(run(capsys, "--help")[1].split())
    for name in ("check", "bench", "recall", "train", "--tau", "--save", *list_models()):
        assert name in out


def test_a_value_of_5000_characters_is_not_repeated_whole_by_the_parser(capsys):
    for arguments in (["--tau", "x" * 5000], ["one", "y" * 5000], ["bench", "--taus", "z" * 5000]):
        status, _, err = run(capsys, *arguments)
        assert status == 2 and len(err.split("error: ")[1]) < 500


UNWRITABLE = [("--save", "", "--save is ''; it must name a file"), ("--html", "", "--html is ''; it must name a file"),
              ("--save", "/dev/null", "/dev/null: this is a device"), ("--save", str(GOLDEN), "golden"),
              ("--save", "no/such/run.json", "run.json"), ("--html", "no/such/page.html", "no/such/page.html")]


def test_files_that_cannot_be_written_are_refused_before_anything_is_decoded(capsys, monkeypatch):
    """A minute of decoding, and then "it must name a file"."""
    def never(arguments):
        raise AssertionError("the models were read")
    monkeypatch.setattr(request, "read", never)
    for *words, mention in (*UNWRITABLE, ("--save", "no-such", "--html", "./no-such", "--html is './no")):
        status, out, err = run(capsys, *words)
        assert (status, out) == (2, "") and err.count("\n") == 1 and mention in err


def test_too_little_memory_is_one_sentence_and_status_2(capsys, monkeypatch):
    """NumPy's traceback says how many GiB, which nobody asked for; a shell script reads the status."""
    def greedy_for_memory(*arguments):
        raise MemoryError
    monkeypatch.setattr(decode_command, "beside_greedy", greedy_for_memory)
    status, out, err = run(capsys, "The", *MODELS)
    assert (status, out) == (2, "")
    assert err == "python -m minispec: error: this machine has not enough memory for what was asked\n"


def test_step_decode_and_errors_with_streams_closed():
    """cron and daemons start programs so; sys.stdin, sys.stdout and sys.stderr are then None."""
    words = ["The", *MODELS, "--new-tokens", "4"]
    runs = [(start("step", *words, closing="<&-"), 0, True), (start("step", *words, closing=">&- 2>&- <&-"), 0, False),
            (start(*words, closing="2>&-"), 0, True),
            (start("--target", "nobody", closing="2>&-"), 2, False)]
    for process, status, shows in runs:
        ended, out, err = end(process, b"q\n")
        assert (ended, bool(out), err) == (status, shows, b""), process.args


INTERRUPTED = """
import runpy, signal, sys
at, calls, begun = int(sys.argv[1]), 0, False
def count(frame, event, argument):
    global calls, begun
    begun = begun or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    calls += begun
    if begun and calls == at:
        signal.raise_signal(signal.SIGINT)
sys.argv = ["-m", "The", *sys.argv[2:]]
signal.signal(signal.SIGINT, signal.default_int_handler)     # which what runs in the background inherits ignored
sys.settrace(count)
try:
    runpy.run_module("minispec", run_name="__main__", alter_sys=True)
finally:
    sys.settrace(None)
    print(calls, file=sys.stderr)
"""


def interrupted(*at):
    """The command with a SIGINT at that call after the package's first line: status and standard error, for each."""
    begun = [subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(call), *MODELS, "--new-tokens", "2"], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) for call in at]
    return [(status, err.decode()) for status, _, err in map(end, begun)]


@pytest.mark.parametrize("moments", [4, pytest.param(60, marks=pytest.mark.long)])
def test_ctrl_c_at_any_moment_ends_the_command_with_130_and_without_a_traceback(moments):
    """Importing NumPy is most of the first second, when people notice that they mistyped: 21 of 60 had a traceback."""
    [(status, said)] = interrupted(0)
    assert status == 0
    calls = int(said)
    assert calls > 10_000
    at = [1 + calls * part // (moments + 1) for part in range(1, moments + 1)]
    for first in range(0, moments, 4):
        for status, said in interrupted(*at[first:first + 4]):
            assert status == 130 and "Traceback" not in said, (first, said)


def test_an_error_that_nobody_can_read_still_has_its_status(monkeypatch):
    """`diff x y 2>/dev/full` ended in 1, which says that two runs differ."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w", buffering=1) as full:
        real = [start(*words, stderr=full) for words in (["diff", "x", "y"], ["--tau", "x"])]
    for words in (["--target", "nobody"], ["step", "--tau", "-1"], ["train", "--tales", "0", "--output", "x"]):
        monkeypatch.setattr(sys, "stderr", open("/dev/full", "w", buffering=1))
        assert main(words) == 2
    assert [end(process)[:2] for process in real] == [(2, b"")] * 2


@pytest.mark.parametrize("words", [["step"], []], ids=str)
def test_a_terminal_of_any_width_that_is_claimed_is_printed_for(words, capsys, monkeypatch):
    """COLUMNS is a text that anybody can set; 10**30 was an OverflowError."""
    monkeypatch.setenv("COLUMNS", str(10 ** 30))
    monkeypatch.setattr(sys, "stdin", io.StringIO("q\n"))
    status, out, err = run(capsys, *words, "The", *MODELS, "--new-tokens", "4")
    assert (status, bool(out), err) == (0, True, "")


def test_a_trace_with_numbers_that_no_run_has_is_refused_by_diff(capsys, tmp_path):
    """10**400 rows of prefill were printed, and an array of shape [2**40, 0] was a gigabyte of nothing."""
    path, spoilt = str(tmp_path / "a.json"), str(tmp_path / "b.json")
    assert run(capsys, "The", *MODELS, "--new-tokens", "4", "--save", path)[0] == 0
    for place, value in ((("prefill", "rows"), 10 ** 400), (("seconds",), 10 ** 400),
                         (("rounds", 0, "draft_logits_TV"), {"shape": [2 ** 40, 0], "float32": ""})):
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        inner = record
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        Path(spoilt).write_text(json.dumps(record), encoding="utf-8")
        status, _, err = run(capsys, "diff", path, spoilt)
        assert status == 2 and err.count("\n") == 1 and "b.json" in err, err


def test_bytes_that_are_no_text_are_refused_by_the_real_command():
    """argv is bytes; Python hands them on as lone surrogates, which no tokenizer can read and no terminal can print."""
    status, out, err = end(start(b"\xff\xfe abc"))
    assert (status, out) == (2, b"")
    assert err.count(b"\n") == 1 and b"surrogate" in err


def test_a_pipe_that_is_closed_early_ends_the_command_quietly():
    """`python -m minispec | head -1` must show one line and no BrokenPipeError below it, now or when Python ends."""
    processes = [start("The", *MODELS, "--new-tokens", "4", environment={"PYTHONUNBUFFERED": unbuffered})
                 for unbuffered in ("", "1")]
    for process in processes:
        process.stdout.close()
    for process in processes:
        err = process.stderr.read()
        assert (process.wait(timeout=300), err) == (141, b"")


def test_the_status_is_1_when_the_texts_differ(capsys, monkeypatch):
    """A script that checks the promise reads the status, not the sentence."""
    honest = decode_command.beside_greedy
    monkeypatch.setattr(decode_command, "beside_greedy", lambda *arguments: replace(honest(*arguments), same_tokens=False))
    status, out, _ = run(capsys, "The", *MODELS, "--new-tokens", "3")
    assert status == 1
    assert "identical to plain greedy: NO" in out
    status, out, _ = run(capsys, "The", *MODELS, "--new-tokens", "3", "--json")
    assert status == 1
    assert json.loads(out)["identical_tokens"] is False


# ------------------------------------------------------------------------------------------------- other commands

def test_check_prints_a_line_for_every_claim_and_its_status_is_the_verdict(capsys, monkeypatch):
    """On a machine whose BLAS keeps no promise the last line is another, and so is the status."""
    monkeypatch.setattr(exactness, "TAUS", (0, 3, 12))
    status, out, err = run(capsys, "check", DRAFT, TARGET)
    lines = out.strip().split("\n")
    assert err == ""
    assert len(lines) == 1 + 4 * 2 + 1 + 1
    assert lines[0] == f"NumPy {np.__version__} on {blas_name()}"
    counts = [tuple(map(int, re.search(r"\((\d+) of (\d+)\)$", line).groups())) for line in lines[1:-1]]
    assert all(compared >= 12 for _, compared in counts)
    assert [line.startswith("yes") for line in lines[1:-1]] == [same == compared for same, compared in counts]
    assert status == (0 if all(same == compared for same, compared in counts) else 1)
    pairs = [line for line in lines if " with " in line.partition(":")[0]]
    assert len(pairs) == 4 and all("target with " in line for line in pairs)    # the deeper model, whatever the order
    assert status == 0 or not bits_hold(), NOT_THE_SAME_BITS


def test_check_says_no_where_one_claim_fails(capsys, monkeypatch):
    """The one thing a check must be able to do."""
    findings = [Finding("this holds", 5, 0), Finding("this does not", 7, 2), Finding("this holds", 5, 0)]
    monkeypatch.setattr(check_command, "check_this_machine", lambda names: findings)
    status, out, _ = run(capsys, "check")
    assert status == 1
    assert re.search("^NO +this does not .5 of 7.$", out, re.MULTILINE)
    assert "Not on this machine" in out and STILL_HOLDS in out


def test_check_says_where_only_odd_sizes_lose_their_bits(capsys, monkeypatch):
    """What Intel MKL does: a row's bits depend on where it begins, if its length is no multiple of 4 floats."""
    def as_mkl(rows_TD, weight_DF):
        products_TF = row_products(rows_TD, weight_DF)
        if rows_TD.shape[1] % 4:
            products_TF[1:] = np.nextafter(products_TF[1:], np.float32(np.inf))
        return products_TF
    monkeypatch.setattr("minispec.model.row_products", as_mkl)
    monkeypatch.setattr(exactness, "TAUS", (0, 3, 12))
    exactness.odd_sizes_finding.cache_clear()
    status, out, _ = run(capsys, "check", DRAFT)
    exactness.odd_sizes_finding.cache_clear()
    assert status == 1 and [line[:3] for line in out.splitlines()[1:-1]] == ["yes"] * 4 + ["NO "]
    assert "For these models, but not for all sizes" in out and STILL_HOLDS in out


def test_a_model_trained_here_decodes_here(capsys, tmp_path):
    """From a text file to a speed-up in two commands: train a target, then a draft with its tokenizer, then decode."""
    text = tmp_path / "text.txt"
    documents = [f"The cat number {n} sat on the mat and looked at the moon." for n in range(40)]
    text.write_text("\n\n".join(documents), encoding="utf-8")
    sizes = ["--texts", str(text), "--width", "16", "--heads", "2", "--context", "48", "--steps", "3", "--batch", "2"]
    target, draft = str(tmp_path / "big"), str(tmp_path / "small")
    status, _, _ = run(capsys, "train", "--vocab", "290", "--layers", "2", *sizes, "--output", target)
    assert status == 0
    status, _, _ = run(capsys, "train", "--tokenizer", target, "--layers", "1", *sizes, "--output", draft)
    assert status == 0
    record = as_json(capsys, "The cat", "--target", target, "--draft", draft, "--new-tokens", "10", "--tau", "3")
    assert record["identical_tokens"] is True
    assert (record["trace"]["target"], record["trace"]["draft"]) == ("big", "small")
    assert record["new_tokens"] > 0
    recipe = json.loads((tmp_path / "big" / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["steps"] == 3 and recipe["config"]["n_layer"] == 2


def loaded_by(code):
    """The modules that a fresh Python has after the code and not after NumPy."""
    code = f"import sys, numpy.random\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def test_the_package_and_a_decode_load_numpy_and_the_standard_library_and_nothing_else():
    """The core depends on NumPy; no view, lab or trainer comes along, and no command asks for a figure library."""
    loaded = loaded_by("import minispec")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("minispec.")}
    assert rooms.isdisjoint({"views", "lab", "train", "command"}) and {"model", "speculation", "trace"} <= rooms
    loaded += loaded_by(f"from minispec.command import main\nmain(['The', *{MODELS!r}, '--new-tokens', '2', '--json'])")
    assert {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"numpy"} == {"minispec"}


@pytest.mark.long
def test_bench_measures_and_says_that_every_text_was_the_same():
    """The smallest bench there is; it starts a child with one BLAS thread, which must get the same arguments."""
    process = start("bench", "--drafts", "tales-1", "--taus", "3", "--prompts", "2", "--repetitions", "1")
    status, printed, err = end(process)
    out = printed.decode("utf-8")
    assert status == 0, err
    assert re.search(r"tales-1 +3 ", out)
    for word in ("v(k)", "c of tales-1", "predicted", "memory"):
        assert word in out
