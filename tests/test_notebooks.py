"""The course notebooks: they run, print what they show, keep the conventions, and cover the course."""

import ast
import asyncio
import json
import os
import re
import shutil
import time
from functools import cache
from pathlib import Path

import pytest

from conftest import HANGS, measured
from minispec.views.answer import BAR, PRE, fold_answer

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXERCISES = sorted((ROOT / "notebooks" / "exercises").glob("*.ipynb"))
NUMBERS = [f"{number:02d}" for number in range(len(NOTEBOOKS))]

# what the course asks of these notebooks: each concept run, seen and asked; each question predicted, then answered
CONCEPTS = [f"C{number}" for number in range(1, 27)]
QUESTIONS = [f"Q{number}" for number in range(1, 12)]
# and on the pages of the course that belong to this subject; Q12 is the case studies, C16 to C23
FURTHER = {
    "Q13": "which context belongs to the row that judges the third draft?",
    "Q14": "every row of the target sees X and y_<=i only: what is accepted behind 'The cat sat on the'?",
    "Q15": "several drafts: what does the large model do with them, and how?",
    "Q16": "'the quick brown' should be 'red', 'the quick brown dog' should be 'fox': what is added?",
    "Q17": "the verdicts are A, A, R, A, A: how many drafts are accepted?",
    "Q18": "'on the mat' with 'rug' after two, 'the quick brown fox jumps' with 'sly' after three: what is added?",
    "Q19": "'over the lazy', two accepted: which model writes the next token, and from what?",
    "Q20": "'and the lion' was added: how many drafts were accepted?",
    "Q21": "drafts 'the fast car sped', added 'the fast car': is all well?",
    "Q22": "only the verifier's token joins the context of the round's beginning: what becomes of the text?",
    "Q23": "a token with 0.2 under the target and 0.8 under the draft: with which chance is it rejected?",
    "Q24": "'for the win !', two accepted by the ratio test: what is known of the third random number?",
}

BYTES = 1_500_000                        # of one notebook
CODE_LINES = 8
COLUMNS = 88                             # of code: what a slide shows without a break
WORDS = 60                               # of prose in a markdown cell; see `prose` for what does not count
SLIDES = {"slide", "subslide", "fragment", "skip", "-", "notes"}
A_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|usr|opt|var|mnt|Users|private)/|\b[A-Z]:\\\\?\w")
HOW_TO_RUN = ("If that is right: jupyter nbconvert --to notebook --execute --inplace "
              "--ExecutePreprocessor.record_timing=False")
STEPPER = '<pre class="minispec-text"'
FOLD = "fold_answer()\n"                  # the first line of a cell that answers a Predict cell


@cache
def read(path: Path) -> dict:
    """A notebook as its JSON; sources and texts, which may be lists of lines, as they are."""
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path: Path, kind: str | None = None) -> list[dict]:
    """The cells of a notebook, or those of one kind, "code" or "markdown"."""
    return [cell for cell in read(path)["cells"] if kind in (None, cell["cell_type"])]


def text(lines) -> str:
    """A source or an output, whether it was saved as lines or in one piece."""
    return lines if isinstance(lines, str) else "".join(lines)


def source(cell: dict) -> str:
    return text(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def name(cell: dict) -> str:
    """What a failure calls a cell: its id and how it begins."""
    return f"{cell.get('id')} ({source(cell)[:40]!r})"


def is_predict(cell: dict) -> bool:
    return cell["cell_type"] == "markdown" and source(cell).startswith("**Predict.**")


def data_of(output: dict) -> dict[str, str]:
    """An output as texts by kind, without pictures and pages (fonts and last bits differ) and the numbers of a diff's lines (files grow)."""
    if output["output_type"] == "stream":
        return {output["name"]: text(output["text"])}
    if output["output_type"] == "error":
        return {"error": f"{output['ename']}: {output['evalue']}"}
    data = {kind: text(body) for kind, body in output["data"].items() if kind.startswith("text/")}
    data = {kind: re.sub(r"@@ -[\d,]+ \+[\d,]+ @@", "@@", body) for kind, body in data.items()}
    if "text/html" in data:
        data["text/html"] = re.sub(r'(src|srcdoc)="[^"]*"', r"\1=…", data["text/html"])
    return data


def outputs(cell: dict) -> list[dict[str, str]]:
    """All outputs of a cell in order; what was printed in several pieces is one."""
    found = []
    for output in cell["outputs"]:
        data = data_of(output)
        if output["output_type"] == "stream" and found and found[-1].keys() == data.keys():
            found[-1] = {kind: found[-1][kind] + body for kind, body in data.items()}
        else:
            found.append(data)
    return found


def difference(now: list[dict[str, str]], committed: list[dict[str, str]]) -> str:
    """Where the outputs begin to differ, in words; "" if nowhere."""
    if [output.keys() for output in now] != [output.keys() for output in committed]:
        return f"has outputs {[list(output) for output in now]}, committed are {[list(output) for output in committed]}"
    for ran, shown in zip(now, committed):
        for kind, body in ran.items():
            if body != shown[kind]:
                start = len(os.path.commonprefix([body, shown[kind]]))
                part = slice(max(start - 30, 0), start + 80)
                return f"prints ({kind}) …{body[part]!r}\nand not, as committed, …{shown[kind][part]!r}"
    return ""


def prose(cell: dict) -> str:
    """A markdown cell without fenced blocks and <details>, which a slide shows otherwise or not at once."""
    without_blocks = re.sub(r"```.*?```", " ", source(cell), flags=re.DOTALL)
    return re.sub(r"<details>.*?</details>", " ", without_blocks, flags=re.DOTALL)


def words(cell: dict) -> int:
    return sum(bool(re.search(r"\w", piece)) for piece in prose(cell).split())


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def test_there_are_twelve_notebooks_or_more_without_a_gap():
    assert len(NOTEBOOKS) >= 12
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number}_" for number in NUMBERS]


# ---- they run, and print what they show


NEEDED = ("nbformat", "nbclient", "ipykernel")


@pytest.fixture
def executed(path, tmp_path):
    """The notebook, run from top to bottom in a copy of its own."""
    for name in NEEDED:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install jupyter")
    import nbclient
    import nbformat
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": python_path, "IPYTHONDIR": str(tmp_path / "ipython")}
    started = time.monotonic()
    notebook = nbformat.read(shutil.copy(path, tmp_path), as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=HANGS, kernel_name="python3", record_timing=False,
                                     allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    asyncio.run(client.async_execute(env=environment))       # in a loop of its own, which it closes
    measured(f"notebook {path.stem}: {time.monotonic() - started:.0f} s")
    return json.loads(nbformat.writes(notebook))


@each_notebook
def test_a_notebook_runs_and_prints_what_is_committed(path, executed):
    """A cell tagged `timing` prints other numbers on every machine; it must only print as much as before."""
    for shown, ran in zip(cells(path, "code"), [cell for cell in executed["cells"] if cell["cell_type"] == "code"]):
        now, committed = outputs(ran), outputs(shown)
        for output in now:
            assert "error" not in output, f"{name(ran)} stops with {output['error']}"
            assert "stderr" not in output, f"{name(ran)} writes to stderr: {output['stderr']}"
        if "timing" in tags(ran):
            assert [output.keys() for output in now] == [output.keys() for output in committed], name(ran)
        else:
            assert not (found := difference(now, committed)), f"{name(ran)} {found}\n{HOW_TO_RUN} {path.name}"


# ---- they keep the conventions


@each_notebook
def test_a_notebook_was_saved_after_a_clean_run(path):
    """Cells counted 1, 2, 3 …, nothing on stderr, no state of widgets (GitHub refuses it), no times of one machine."""
    notebook = read(path)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in cells(path):
        assert "execution" not in cell["metadata"], f"{name(cell)}: seconds of one machine (record_timing=False)"
    for cell in code:
        for output in outputs(cell):
            assert not output.keys() & {"stderr", "error"}, name(cell)
        if re.search(r"\bprint\(", source(cell)):
            assert cell["outputs"], f"{name(cell)} prints, but its output was not kept"


@each_notebook
def test_a_notebook_is_small_and_holds_the_stepper_at_most_once(path):
    assert path.stat().st_size <= BYTES
    code = cells(path, "code")
    steppers = [name(cell) for cell in code for output in outputs(cell) if STEPPER in output.get("text/html", "")]
    assert len(steppers) <= 1, steppers


@each_notebook
def test_code_cells_are_short_and_define_nothing(path):
    """What is worth a function is in the package, where it is tested and can be stepped into.  In a cell tagged
    `yours` the reader writes one."""
    for cell in cells(path, "code"):
        assert source(cell).strip(), f"{cell['id']} is empty"
        lines = source(cell).removeprefix(FOLD).splitlines()
        assert len(lines) <= CODE_LINES, f"{name(cell)} is longer than {CODE_LINES} lines"
        assert max(map(len, lines)) <= COLUMNS, f"{name(cell)} has a line of more than {COLUMNS} columns"
        for node in ast.walk(ast.parse(source(cell))):
            defines = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
            assert not defines or "yours" in tags(cell), f"{name(cell)} defines a {type(node).__name__}"


@each_notebook
def test_what_a_notebook_imports_exists(path):
    """A name that has moved, seen at once and not when the notebook has run."""
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("minispec"):
                exec(compile(ast.Module([node], []), name(cell), "exec"), {})


@each_notebook
def test_markdown_cells_are_short(path):
    """At most 60 words.  Exempt: the first and the last two cells, fenced blocks (formulas), and <details>."""
    for cell in cells(path)[1:-2]:
        if cell["cell_type"] == "markdown":
            assert words(cell) <= WORDS, f"{name(cell)} has {words(cell)} words"


@each_notebook
def test_formulas_are_readable_without_mathjax(path):
    for cell in cells(path, "markdown"):
        assert "$" not in source(cell), f"{name(cell)}: write formulas as code, with Unicode"


@each_notebook
def test_cells_have_stable_ids_and_a_place_in_the_slides(path):
    number = path.name[:2]
    ids = [cell.get("id") for cell in cells(path)]
    assert len(set(ids)) == len(ids)
    for cell in cells(path):
        assert re.fullmatch(rf"{number}-\w+", cell.get("id", "")), f"{name(cell)}: an id begins with {number}-"
        slide = cell["metadata"].get("slideshow", {}).get("slide_type")
        assert slide in SLIDES, f"{name(cell)} has slide type {slide}"


@each_notebook
def test_no_path_of_one_machine_is_in_a_notebook(path):
    for cell in cells(path):
        shown = [source(cell)]
        if cell["cell_type"] == "code":
            shown += [body for output in outputs(cell) for body in output.values()]
        for body in shown:
            found = A_PATH.search(body)
            assert not found, f"{name(cell)}: …{body[max(found.start() - 20, 0):found.end() + 20]}…"


@each_notebook
def test_every_picture_says_in_words_what_is_seen(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                assert "text/html" in data, f"{name(cell)}: an image without HTML has no alternative text"
            for image in re.findall(r"<img\b[^>]*>", text(data.get("text/html", ""))):
                assert re.search(r'alt="[^"]{20,}"', image), f"{name(cell)}: an image without alternative text"


@each_notebook
def test_a_notebook_begins_and_ends_as_all_do(path):
    first, *_, questions, roads = cells(path)
    opening = source(first)
    assert opening.startswith(f"# {path.name[:2]} · "), name(first)
    assert "After this notebook you can" in opening
    assert len(re.findall(r"^[-*] ", opening, flags=re.MULTILINE)) == 3, "three things that one can do afterwards"
    assert source(questions).startswith("## Three questions\n"), name(questions)
    assert source(questions).count("<details>") == 1, f"{name(questions)}: the answers stand in one <details>"
    asked, answered = source(questions).split("<details>")
    for part in (asked, answered):
        assert re.findall(r"^(\d)\. ", part, flags=re.MULTILINE) == ["1", "2", "3"], name(questions)
    assert source(roads).startswith("## Roads not taken\n"), name(roads)


@each_notebook
def test_a_notebook_names_a_breakpoint_that_exists(path):
    """A file of the package, and a function in it."""
    found = [cell for cell in cells(path, "markdown") if source(cell).startswith("## In the debugger\n")]
    assert len(found) == 1, f"{len(found)} cells begin with ## In the debugger"
    spans = re.findall(r"`([^`]+)`", source(found[0]))
    files = [ROOT / span for span in spans if re.fullmatch(r"minispec/[\w/]+\.py", span)]
    assert files, "it names no file of the package"
    functions = set()
    for file in files:
        assert file.exists(), file
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions |= {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert functions & {span.split("(")[0].split(".")[-1] for span in spans}, "it names no function of that file"


# ---- they ask before they show, and cover the course


def next_code(path: Path, cell: dict) -> dict | None:
    """The code cell behind a Predict cell; None if another Predict cell or nothing comes first."""
    behind = cells(path)[cells(path).index(cell) + 1:]
    for each in behind:
        if each["cell_type"] == "code":
            return each
        if is_predict(each):
            return None
    return None


@each_notebook
def test_what_is_asked_the_next_code_cell_answers(path):
    """A Predict cell is followed by a code cell with an output, which carries every question of the course it asks."""
    for cell in cells(path, "markdown"):
        asks = [tag for tag in tags(cell) if re.fullmatch(r"Q\d+|C\d+-ask", tag)]
        assert not asks or is_predict(cell), f"{name(cell)} is tagged {asks}, but does not begin with **Predict.**"
        if is_predict(cell):
            answer = next_code(path, cell)
            assert answer and answer["outputs"], f"no code cell with an output answers {name(cell)}"
            missing = {tag for tag in tags(cell) if tag.startswith("Q")} - set(tags(answer))
            assert not missing, f"{name(cell)} asks {missing}, which the next code cell {name(answer)} does not carry"


@each_notebook
def test_an_answer_is_behind_a_bar_and_nothing_else_is(path):
    """Whether the cell was run or not, by hand or with Run All, in JupyterLab, on a slide or on a page."""
    answers = [next_code(path, cell)["id"] for cell in cells(path) if is_predict(cell)]
    assert [cell["id"] for cell in cells(path, "code") if FOLD.strip() in source(cell)] == answers
    for cell in cells(path, "code"):
        assert "outputs_hidden" not in cell["metadata"].get("jupyter", {}), f"{name(cell)} is folded by JupyterLab only"
        if cell["id"] in answers:
            assert source(cell).startswith(FOLD) and len(cell["outputs"]) == 1, name(cell)
            assert outputs(cell)[0]["text/html"].startswith(f"<details>{BAR}"), name(cell)


def run_cells(*sources: str) -> list[list[dict[str, str]]]:
    """The outputs of a notebook of these cells, which begins with the import."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    written = [nbformat.v4.new_code_cell(source) for source in ("from minispec.views import fold_answer", *sources)]
    notebook = nbformat.v4.new_notebook(cells=written)
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True)
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT)}))
    return [outputs(cell) for cell in notebook.cells[1:]]


def test_fold_answer_keeps_all_that_a_cell_shows_behind_one_bar_and_nothing_of_the_next_cell():
    """Printed or displayed, as HTML or as text; after an error and after a second call too."""
    table = "from IPython.display import HTML\nHTML('<b>bold</b>')"
    folded, plain, html, failed, after, empty = run_cells(
        FOLD + FOLD + "print('1 < 2')\n3", "print('open')", FOLD + table, FOLD + "print('so far')\n1 / 0", "4", FOLD)
    assert folded == [{"text/html": f"<details>{BAR}\n{PRE.format('1 &lt; 2')}\n{PRE.format('3')}\n</details>",
                       "text/plain": "Answer:\n1 < 2\n3"}]
    assert plain == [{"stdout": "open\n"}]
    assert html[0]["text/html"] == f"<details>{BAR}\n<b>bold</b>\n</details>"
    assert sorted(next(iter(output)) for output in failed) == ["error", "text/html"]
    assert after == [{"text/plain": "4"}] and empty == []


def test_outside_a_notebook_fold_answer_does_nothing(capsys):
    fold_answer()
    print("said")
    assert capsys.readouterr().out == "said\n"


@each_notebook
def test_traces_get_their_words_in_one_way(path):
    """`trace.with_texts(tokenizer)`; `replace(trace, texts=…)` is one more word to learn."""
    for cell in cells(path, "code"):
        assert not re.search(r"(?<!\.)\breplace\(|\btexts=", source(cell)), name(cell)


@each_notebook
def test_no_code_cell_follows_another_without_a_word(path):
    """Between two outputs stands what to look at in the second."""
    pairs = zip(cells(path), cells(path)[1:])
    assert not [name(right) for left, right in pairs if left["cell_type"] == right["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS + EXERCISES, ids=[path.stem for path in NOTEBOOKS + EXERCISES])
def test_the_formula_is_spelled_in_one_way(path):
    """`ŷ_{i+t}` in code, with the names Pr_q and Pr_p: no ŷᵢ₊ₜ, no ŷ_i+t, no other name of a model behind Pr."""
    for cell in cells(path):
        shown = [source(cell)]
        if cell["cell_type"] == "code":
            shown += [body for output in outputs(cell) for kind, body in output.items() if kind != "text/html"]
        for body in shown:
            found = re.search(r"[ᵢ₊ₜ≤]|ŷ_i|Pr_(?![pq]\b)", body)
            assert not found, f"{name(cell)}: …{body[max(found.start() - 20, 0):found.end() + 20]}…"
    for cell in cells(path, "markdown"):
        text_only = re.sub(r"`[^`]*`", "", re.sub(r"```.*?```", "", source(cell), flags=re.DOTALL))
        assert not re.search(r"ŷ|Pr_|[_^]\{", text_only), f"{name(cell)}: a formula stands in code"


@each_notebook
def test_only_names_of_the_course_are_tags(path):
    """A misspelt tag would leave a row uncovered that somebody thinks is covered."""
    for cell in cells(path):
        for tag in tags(cell):
            known = re.fullmatch(r"C(\d+)(-see|-ask)?", tag) and 1 <= int(re.findall(r"\d+", tag)[0]) <= 26
            assert known or tag in (*QUESTIONS, *FURTHER, "timing", "yours"), f"{name(cell)} has the tag {tag!r}"


def is_picture(cell: dict) -> bool:
    """A figure, the stepper, or a text picture, which has signs such as ✓ ■ → and not words alone."""
    for output in outputs(cell):
        html = output.get("text/html", "")
        shown = output.get("stdout", "") + output.get("text/plain", "")
        if "<img" in html or STEPPER in html or re.search("[✓✗↳★■░▒▓█▇▂▌●○│├└→▶]", shown):
            return True
    return False


def uncovered(paths: list[Path]) -> list[str]:
    """What the course asks for and no notebook has, as short sentences."""
    run, seen, asked, answered = set(), set(), set(), set()
    for path in paths:
        for cell in cells(path):
            marks = set(tags(cell))
            if cell["cell_type"] == "code" and cell["outputs"]:
                run |= marks
                seen |= {tag for tag in marks if tag.endswith("-see") and is_picture(cell)}
            if is_predict(cell) and next_code(path, cell):
                asked |= marks
                answered |= marks & set(tags(next_code(path, cell)))
    missing = []
    for row in CONCEPTS:
        missing += [f"{row}: no code cell tagged {row} runs it"] * (row not in run)
        missing += [f"{row}: no code cell tagged {row}-see shows a picture of it"] * (f"{row}-see" not in seen)
        missing += [f"{row}: no Predict cell tagged {row}-ask asks about it"] * (f"{row}-ask" not in asked)
    for question in (*QUESTIONS, *FURTHER):
        if question not in asked:
            missing.append(f"{question}: no Predict cell asks it")
        elif question not in answered:
            missing.append(f"{question}: asked, but the next code cell is not tagged {question}")
    return missing


def test_every_row_of_the_course_is_run_seen_and_asked_and_every_question_answered():
    missing = uncovered(NOTEBOOKS)
    assert not missing, "\n".join(missing)


# ---- the page for lecturers, and links


def test_the_page_for_lecturers_lists_the_notebooks_in_order_and_counts_their_minutes():
    """Two minutes for each Predict cell, one for each other heading."""
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d\d) · [^\]]*\]\(([^)]*)\) \| (\d+) \|", page, flags=re.MULTILINE)
    listed = [(number, name, int(minutes)) for number, name, minutes in rows]
    expected = []
    for path in NOTEBOOKS:
        asked = sum([is_predict(cell) for cell in cells(path)])
        headings = sum([bool(re.search(r"^## ", source(cell), flags=re.MULTILINE)) for cell in cells(path, "markdown")])
        expected.append((path.name[:2], path.name, 2 * asked + headings))
    assert listed == expected


@each_notebook
def test_a_link_to_a_file_leads_to_one(path):
    for cell in cells(path, "markdown"):
        for link in re.findall(r"\]\(([^)#]+)", source(cell)):
            assert link.startswith("https://") or (path.parent / link).exists(), f"{name(cell)}: {link}"
