"""The bugs: each can be switched on, is what its diff says, and leaves the clean package alone."""

import ast
import importlib
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from conftest import HANGS, by_long

import minispec
from minispec import greedy, load, propose_literal, speculative
from minispec.rates import conditional_acceptance
from minispec.prompts import held_out_lines
from minispec.scripted import Mix, scripted
from minispec.teaching.bug import INVARIANTS, OUTCOMES, Bug
from minispec.teaching.bugs import PACKAGE, diff, edited_files, find_bug, list_bugs, load_bug
from minispec.teaching.gallery import GALLERY
from minispec.teaching.contexts_figure import read_states, draft_contexts
from minispec.teaching.observer import recorded_rounds
from minispec.teaching.runs import load_both, decode_both, side_by_side, totals

COURSE = ("first-draft-only", "no-earlier-drafts", "last-draft-only")
# loading all 72 takes a quarter of a minute; the matrix loads them too, and a diff is made without
loaded = pytest.mark.parametrize("bugs", [GALLERY[::6], *by_long(list(GALLERY))], ids=["every sixth", "all"])
PROMPTS = held_out_lines(4) + ["The cat sat", "Why not?"]


def in_another_process(code, **environment):
    """What a Python of its own prints when it runs the code, in which the package is this one."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=HANGS,
                          cwd=tempfile.gettempdir(), env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment})
    return done.stdout or done.stderr


@cache
def runs(name, tau=4):
    """Both codes on six prompts, with the trained models."""
    models = load_both(name, "tales-2", "tales-1")
    return [decode_both(models, prompt, tau, 40) for prompt in PROMPTS]


def accepted(runs):
    """Accepted and judged drafts of some runs together."""
    traces = [run.trace for run in runs]
    return sum(trace.n_accepted for trace in traces) / sum(trace.n_judged for trace in traces)


# ------------------------------------------------------------------------------------------------- loading

@loaded
def test_a_bug_loads_as_a_package_of_real_files(bugs):
    """A breakpoint needs a file, and so does inspect."""
    for bug in bugs:
        package = load_bug(bug.name)
        assert package is not minispec and package.__name__ != "minispec", bug.name
        for function in (package.propose, package.verify, package.speculative, package.Transformer, package.KVCache):
            file = Path(inspect.getsourcefile(function))
            assert file.exists() and PACKAGE not in file.parents, bug.name
            assert inspect.getsource(function).strip().startswith(("def ", "class ")), bug.name
        mine = [module for name, module in sys.modules.items() if name.split(".")[0] == package.__name__]
        assert len(mine) > 10 and all(str(Path(package.__file__).parent) in module.__file__ for module in mine), bug.name


def files_of(folder):
    """path -> contents of every file, compiled ones left out."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


@loaded
def test_the_copy_differs_from_the_package_by_the_edits_and_nothing_else(bugs):
    clean = files_of(PACKAGE)
    for bug in bugs:
        copied = files_of(Path(load_bug(bug.name).__file__).parent)
        assert copied.keys() == clean.keys(), bug.name
        assert {file for file in clean if copied[file] != clean[file]} == {file for file, _, _ in bug.edits}, bug.name
        for changed in {file for file, _, _ in bug.edits}:
            text = clean[changed].decode("utf-8")
            for file, old, new in bug.edits:
                text = text.replace(old, new) if file == changed else text
            assert copied[changed].decode("utf-8") == text, bug.name


@loaded
def test_what_is_imported_is_the_edited_text(bugs):
    """Not the clean file under another name, and not an old compiled one."""
    for bug in bugs:
        package = load_bug(bug.name)
        for file in {file for file, _, _ in bug.edits}:
            module = importlib.import_module(f"{package.__name__}.{file.removesuffix('.py').replace('/', '.')}")
            assert inspect.getsource(module) == edited_files(bug)[file][1], bug.name


def test_a_bug_is_loaded_once():
    assert load_bug("first-draft-only") is load_bug("first-draft-only") is load_bug(find_bug("first-draft-only"))


def test_two_bugs_of_one_name_do_not_get_into_each_others_way():
    """A student's own bug may be called as one of ours."""
    first = find_bug("no-earlier-drafts")
    own = replace(first, edits=find_bug("positions-restarted").edits)
    assert load_bug(own) is not load_bug(first)
    assert load_bug(own).__name__ != load_bug(first).__name__
    assert inspect.getsource(load_bug(own).propose) == inspect.getsource(minispec.propose)


def test_the_clean_package_is_not_disturbed():
    """In a fresh process: every ninth bug is run; the clean package has its modules, files and results as before."""
    code = """
import hashlib, importlib, sys
from pathlib import Path
import minispec
from minispec.prompts import held_out_lines
from minispec.scripted import Mix, scripted
from minispec.teaching.bugs import list_bugs, load_bug
folder = Path(minispec.__file__).parent
def state():
    modules = {name: id(module) for name, module in sys.modules.items() if name.split(".")[0] == "minispec"}
    files = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")}
    target, draft = scripted(Mix(30), 30), scripted(Mix(30, seed=1), 30)
    trace = minispec.speculative(target, draft, [1, 2], 30, 4)
    return modules, files, trace.tokens, [each.proposed for each in trace.rounds], id(minispec.speculation.propose)
before = state()
path = list(sys.path)
for name in list_bugs()[::9]:
    broken = load_bug(name)
    importlib.import_module(broken.__name__ + ".scripted")
    model = broken.scripted.scripted(broken.scripted.Mix(30), 30)
    try:
        broken.speculative(model, model, [1, 2], 30, 4)
    except Exception:
        pass
    assert broken.KVCache is not minispec.KVCache and broken.Trace is not minispec.Trace
after = state()
assert after == before and sys.path == path
print("undisturbed")
"""
    assert in_another_process(code) == "undisturbed\n"


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError"])
def test_the_files_are_gone_when_python_ends(tmp_path, end):
    code = f"""
import sys
from minispec.teaching.bugs import load_bug
for name in ("first-draft-only", "positions-restarted"):
    print(load_bug(name).__file__)
    load_bug(name).load("tales-1")
{end}
"""
    files = in_another_process(code, TMPDIR=str(tmp_path), TEMP=str(tmp_path)).split()
    assert len(files) == 2 and all(file.startswith(str(tmp_path)) for file in files), files
    assert list(tmp_path.iterdir()) == []
    # weights are linked into the copy; deleting a link must not delete the file
    assert (PACKAGE / "models" / "tales-1" / "model.safetensors").stat().st_size > 10_000


# ------------------------------------------------------------------------------------------------- drift

def test_a_drift_in_the_source_names_the_bug_and_the_text_it_expected():
    for text in ("no line of the package", "import numpy as np"):       # nowhere; more than once, in two lines of it
        drifted = Bug("drifted", "I5", (("speculation.py", text if "no" in text else "cache", "x"),))
        for function in (load_bug, diff):
            with pytest.raises(ValueError, match="'drifted'.*speculation.py.*times") as caught:
                function(drifted)
            assert drifted.edits[0][1] in str(caught.value)


def test_a_bug_in_a_file_that_is_gone_says_so():
    with pytest.raises(ValueError, match="'lost'.*gone.py"):
        load_bug(Bug("lost", "I5", (("gone.py", "a", "b"),)))


def test_a_drifted_bug_leaves_no_files_and_no_modules(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(sys.modules)
    with pytest.raises(ValueError):
        load_bug(Bug("drifted", "I5", (("speculation.py", "nowhere", "x"),)))
    assert list(tmp_path.iterdir()) == [] and set(sys.modules) == before


def test_a_bug_that_cannot_be_imported_leaves_no_half_package_behind():
    broken = Bug("syntax", "I5", (("speculation.py", "def count_accepted(", "def count_accepted(("),))
    with pytest.raises(SyntaxError):
        load_bug(broken)
    assert not [name for name in sys.modules if name.startswith("minispec_syntax")]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="there is no bug 'nothing'; the nearest is '"):
        load_bug("nothing")


# ------------------------------------------------------------------------------------------------- diffs

def patched(lines, diff_lines):
    """The lines after a unified diff was applied to them, as `patch` does."""
    result, place = [], 0
    for line in diff_lines:
        if line.startswith("@@"):
            start = int(line.split()[1].lstrip("-").partition(",")[0]) - 1
            result += lines[place:start]
            place = start
        elif line.startswith("+"):
            result.append(line[1:])
        else:
            assert lines[place] == line[1:], "the diff shows a line that the package does not have"
            result += [] if line.startswith("-") else [line[1:]]
            place += 1
    return result + lines[place:]


def test_the_diff_turns_the_package_into_the_copy():
    """What is projected is what runs: `patch` would make the one of the other."""
    for bug in GALLERY:
        shown = str(diff(bug.name)).splitlines()
        heads = [number for number, line in enumerate(shown) if line.startswith("--- ")] + [len(shown)]
        assert [shown[head] for head in heads[:-1]] == [f"--- minispec/{file}" for file in edited_files(bug)], bug.name
        for (file, (clean, edited)), start, end in zip(edited_files(bug).items(), heads, heads[1:]):
            assert shown[start + 1] == f"+++ minispec/{file}", bug.name
            assert patched(clean.splitlines(), shown[start + 2:end]) == edited.splitlines(), bug.name
        changed = [line for line in shown if line[0] in "+-" and line[:4] not in ("--- ", "+++ ")]
        assert 0 < len(changed) <= 14, f"{bug.name}: a bug fits a slide"


def test_the_diff_of_the_courses_bug():
    """What the lecturer projects: the function, the old line, the new ones."""
    lines = str(diff("first-draft-only")).splitlines()
    assert lines[2].endswith("@@ def propose")
    assert [line for line in lines[3:] if line[0] in "+-"] == [
        "-        context = list(tokens) + proposed", "+        context = list(tokens) + proposed[:1]",
        "+        cache.truncate(len(context) - 1)"]
    page = diff("positions-restarted")._repr_html_()
    assert page.count("<span") == len(str(diff("positions-restarted")).splitlines())
    own = Bug("own", "I5", (("speculation.py", "Returns the tau drafts", "Returns <b>&"),))
    assert "&lt;b&gt;&amp;" in diff(own)._repr_html_() and "<b>" not in diff(own)._repr_html_()


def test_a_bug_of_the_gallery_has_everything_a_lecture_needs():
    assert len({bug.name for bug in GALLERY}) == len(GALLERY) == len(list_bugs())
    for bug in GALLERY:
        assert bug.name.replace("-", "").isalpha() and bug.name == bug.name.lower()
        assert bug.invariant in INVARIANTS and bug.outcome in OUTCOMES
        assert bug.question.endswith("?") or "  " in bug.question and "?" in bug.question
        assert bug.symptom and bug.reference and bug.caught_by and bug.edits


def test_the_gallery_covers_every_promise_and_every_outcome():
    assert len(GALLERY) >= 24
    assert {bug.invariant for bug in GALLERY} == set(INVARIANTS) == {f"I{n}" for n in range(1, 14)}
    assert {bug.outcome for bug in GALLERY} == set(OUTCOMES)
    assert list_bugs()[:3] == list(COURSE)


# ------------------------------------------------------------------------------------------------- what they do

@pytest.mark.parametrize("name", COURSE)
def test_the_courses_bugs_leave_the_text_and_cost_acceptance(name):
    """C14: the draft only guesses, so a worse guess costs time, never the text."""
    assert all(run.same_text for run in runs(name))
    assert accepted([run.broken for run in runs(name)]) < accepted([run.correct for run in runs(name)])
    passes = [sum(len(run.trace.rounds) for run in side)
              for side in ([run.correct for run in runs(name)], [run.broken for run in runs(name)])]
    assert passes[1] > passes[0]


@pytest.mark.parametrize("name, kept", [("first-draft-only", slice(0, 1)), ("no-earlier-drafts", slice(0, 0)),
                                        ("last-draft-only", slice(-1, None))])
def test_the_courses_bugs_draft_from_what_they_keep_and_break_nothing_else(name, kept):
    """Against the formula with the condition cut short, on a draft to whom every token matters; and the cache, which
    must not become a second bug, stands where a fresh one would."""
    package = load_bug(name)
    doubles = importlib.import_module(f"{package.__name__}.scripted")
    broken_draft = doubles.scripted(doubles.Mix(40, seed=3), 40)
    broken_target = doubles.scripted(doubles.Mix(40), 40)
    draft, target = scripted(Mix(40, seed=3), 40), scripted(Mix(40), 40)
    for prompt in ([7], [1, 2, 3], [5, 5, 5, 5]):
        trace = package.speculative(broken_target, broken_draft, prompt, 25, 5)
        assert trace.tokens == greedy(target, prompt, 25)
        for r in trace.rounds:
            proposed = []
            for _ in r.proposed:
                proposed += propose_literal(draft, list(r.tokens) + proposed[kept], 1)
            assert list(r.proposed) == proposed


def test_the_courses_bug_repeats_the_second_draft():
    """Q10: the third draft reads what the second one read."""
    for run in runs("first-draft-only"):
        for r in run.broken.trace.rounds:
            assert len(set(r.proposed[1:])) <= 1 and r.n_accepted <= 2 or len(set(r.choices[1:3])) == 1


def test_an_unread_gap_costs_acceptance_after_a_full_round_and_never_the_text():
    for run in runs("gaps-after-full-acceptance"):
        assert run.same_text
        rounds = run.broken.trace.rounds
        full = [r.n_accepted == len(r.proposed) for r in rounds].index(True)
        r, read = rounds[full + 1], run.broken.read[full + 1][0]
        assert read == r.tokens[:-2] + r.tokens[-1:]       # the last accepted draft was never fed
    assert accepted([run.broken for run in runs("gaps-after-full-acceptance")]) < \
        accepted([run.correct for run in runs("gaps-after-full-acceptance")])


def test_restarted_positions_change_the_text_somewhere():
    """Fast but wrong: it reads well, and it is not what the target writes."""
    found = [run for run in runs("positions-restarted") if not run.same_text]
    assert found
    for run in found:
        position = run.first_difference
        assert run.greedy[:position] == tuple(run.broken.trace.tokens)[:position]
        assert run.greedy[position:position + 1] != tuple(run.broken.trace.tokens)[position:position + 1]
        assert "≠" in run.aligned()


def test_a_target_that_is_not_rolled_back_stops_with_a_sentence():
    """At the first round after a rejection; until then it is right."""
    stopped = [run for run in runs("target-not-rolled-back") if run.error]
    assert stopped
    for run in stopped:
        assert "AssertionError: the target cache holds" in run.error and not run.same_text
        assert any(r.rejected is not None for r in run.correct.trace.rounds)
        assert run.first_difference is None and run.error in run.tables()


# ------------------------------------------------------------------------------------------------- side by side

def test_what_a_draft_read_is_what_was_fed():
    """Of the correct code: the text and all earlier drafts, for every draft of every round."""
    for run in runs("first-draft-only"):
        for side in run.with_rounds():
            for r, read in zip(side.trace.rounds, side.read):
                for t, context in enumerate(read):
                    kept = r.proposed[:t] if side is run.correct else r.proposed[:min(t, 1)]
                    assert context == r.tokens + kept


@pytest.mark.parametrize("prompt", ["The cat sat", "The"])
def test_the_passes_are_those_of_the_rounds_without_the_prefill(prompt):
    """One of the target a round, one of the draft a draft; a prompt of one token has no prefill."""
    run = decode_both(load_both("own-token-counted", "tales-24", "tales-1"), prompt, 3, 12)
    for side in run.with_rounds():
        rounds = side.trace.rounds
        assert [rows for _, rows in side.target_passes] == [len(r.proposed) + 1 for r in rounds]
        assert [start for start, _ in side.target_passes] == [len(r.tokens) - 1 for r in rounds]
        assert len(side.draft_passes) == sum(len(r.proposed) for r in rounds)


def test_a_broken_trace_is_a_trace_of_the_clean_package():
    """So that every view takes it."""
    run = runs("first-draft-only")[0]
    assert type(run.broken.trace) is minispec.Trace and type(run.broken.trace.rounds[0]) is minispec.Round
    assert conditional_acceptance(run.broken.trace) is not None


def test_both_runs_get_the_same_prompt_and_budget():
    run = side_by_side("no-earlier-drafts", "The cat sat", tau=2, new_tokens=7)
    assert run.correct.trace.prompt == run.broken.trace.prompt
    assert run.correct.trace.n_new == run.broken.trace.n_new == 7
    assert run.correct.trace.tau == run.broken.trace.tau == 2
    target, tokenizer = load("tales-24")
    assert run.greedy == tuple(greedy(target, tokenizer.encode("The cat sat"), 7))
    assert run.correct.trace.tokens == speculative(target, load("tales-1")[0], run.correct.trace.prompt, 7, 2).tokens


def test_the_totals_are_those_of_the_runs():
    lines = repr(totals("no-earlier-drafts", prompts=2, tau=3, new_tokens=20)).splitlines()
    assert lines[0].split() == ["correct", "no-earlier-drafts"]
    assert lines[1].endswith("2 of 2") and "tokens decoded" in lines[2] and lines[2].split()[-2:] == ["40", "40"]


def test_the_lanes_show_what_was_not_read():
    """A picture of a bug must not repeat the claim of the correct code."""
    pytest.importorskip("matplotlib")
    run = runs("first-draft-only")[4]
    figure = draft_contexts(run)
    assert "draft 3 reads “… The cat sat on” without “the” and becomes “the”, rejected" in figure.alt
    assert "correct: draft 1 reads" in figure.alt and "without" not in figure.alt.split("first-draft-only:")[0]
    names = [artist.get_gid() for artist in figure.figure.findobj() if artist.get_gid()]
    assert names.count("missing") == 1
    assert draft_contexts(run).png() == figure.png()
    with pytest.raises(ValueError, match="number"):
        draft_contexts(run, number=99)
    with pytest.raises(ValueError, match="first"):
        draft_contexts(run, first=9)


def test_a_context_with_stale_tokens_in_it_is_shown_beside_what_is_missing():
    run = runs("first-draft-only")[4]
    r = run.correct.trace.rounds[0]
    stale = r.tokens + (r.proposed[2],)
    states = read_states(run.correct.trace, r, 1, stale)
    assert [token for token, state in states if state != "missing"] == list(stale)
    assert [token for token, state in states if state == "missing"] == [r.proposed[0]]
    states = read_states(run.correct.trace, r, 2, r.tokens + r.proposed[1:2])
    assert [state for _, state in states][-2:] == ["missing", "pending"]


def test_bugs_load_from_an_installed_wheel(tmp_path):
    """Without the repository on the path."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("no setuptools to build a wheel with")
    site, project = tmp_path / "site", tmp_path / "project"
    shutil.copytree(PACKAGE, project / "minispec", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PACKAGE.parent / name, project)
    # what a wheel is packed from: the packages and data files that pyproject.toml names, and nothing else
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", "build", "--build-lib",
               str(site)]
    built = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, cwd=project)
    assert built.returncode == 0, built.stderr
    code = """
import minispec, sys
from minispec.teaching.bugs import load_bug
from minispec.teaching.runs import side_by_side
assert "site" in minispec.__file__
print(side_by_side("first-draft-only", "The cat sat", tau=3, new_tokens=12).broken.trace.rounds[0].n_accepted)
"""
    assert in_another_process(code, PYTHONPATH=str(site)) == "2\n"


def test_a_run_that_was_recorded_leaves_the_copy_as_it_was():
    """After an error too: the next run must not be recorded into this one's list."""
    for name in ("target-not-rolled-back", "first-draft-only"):
        package = load_bug(name)
        speculation = importlib.import_module(f"{package.__name__}.speculation")
        before = speculation.speculative_round
        runs(name)
        assert speculation.speculative_round is before is package.speculative_round
        with pytest.raises(KeyError), recorded_rounds(package, 9) as recorder:
            assert speculation.speculative_round is not before and recorder.rounds == []
            raise KeyError
        assert speculation.speculative_round is before


# ------------------------------------------------------------------------------------------------- bugs of one's own

def test_the_files_of_the_package_cannot_be_edited_through_the_copys_links():
    """Weights and prompts are linked into the copy; writing to a link would write to the package."""
    with pytest.raises(ValueError, match="'data' edits 'models/held_out_prompts.txt'; it must be a file of the code"):
        load_bug(Bug("data", "I7", (("models/held_out_prompts.txt", "Once", "Twice"),)))


@pytest.mark.parametrize("bug, sentence", [
    (Bug("a.b c", "I1", ()), "name is 'a.b c'"), (Bug("", "I1", ()), "name is ''"),
    (Bug("a/b", "I1", ()), "name is 'a/b'"),
    (Bug("list", "I1", [("cache.py", "a", "b")]), "edits is"), (Bug("pair", "I1", (("cache.py", "a"),)), "edits is")])
def test_a_bug_that_is_none_is_refused_in_one_sentence(bug, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence.replace(".", r"\.")):
        load_bug(bug)


def test_a_bug_loads_from_a_package_that_nobody_may_write(tmp_path):
    """As a package manager installs it; and the copy goes all the same."""
    package, temporary = tmp_path / "site" / "minispec", tmp_path / "tmp"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "models"))
    temporary.mkdir()
    for path in (*package.rglob("*"), package):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = """
from pathlib import Path
from minispec.teaching.bugs import load_bug
folder = Path(load_bug("bonus-lost").__file__).parent
for path in (folder, *[path for path in folder.rglob("*") if path.is_dir() or path.suffix == ".py"]):
    assert path.stat().st_mode & 0o200, path
print("loaded")
"""
    printed = in_another_process(code, PYTHONPATH=str(package.parent), TMPDIR=str(temporary))
    for path in (package, *package.rglob("*")):
        path.chmod(0o755)
    assert printed == "loaded\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="a process of that number cannot be asked for without ending it")
def test_what_a_killed_process_left_behind_is_deleted_by_the_next_one(tmp_path):
    """A signal leaves no time to clean up; folders of living processes, and of others, stay."""
    code = """
import os, signal
from minispec.teaching.bugs import load_bug
load_bug("bonus-lost")
os.kill(os.getpid(), signal.SIGKILL)
"""
    in_another_process(code, TMPDIR=str(tmp_path))
    left, = tmp_path.iterdir()
    for name in (f"minispec-bug-{os.getpid()}-alive", "minispec-bug-x-other", "something-else"):
        (tmp_path / name).mkdir()
    code = "from minispec.teaching.bugs import load_bug; load_bug('minus-zero')"
    assert in_another_process(code, TMPDIR=str(tmp_path)) == ""
    assert not left.exists() and len(list(tmp_path.iterdir())) == 3


def test_a_long_decode_is_not_taken_for_an_endless_one():
    """With a draft whose every token is rejected, the passes are many and still end."""
    run = decode_both(load_both("vocabularies-permuted", "tales-2", "tales-1"), "The cow", 8, 130, None)
    assert run.error == "" and len(run.broken.draft_passes) > 1000 and run.same_text
