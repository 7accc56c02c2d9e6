"""The rooms of the house: who may import whom, how long a file may be, and what the core does without."""

import ast
import re
import importlib
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minispec

PACKAGE = Path(minispec.__file__).parent
# rooms; whatever else has files of its own is core
ABOVE_THE_CORE = ("views", "compare", "lab", "train", "teaching", "classroom", "site")
COMMAND_LINE = ("command.py", "__main__.py")


def room_of(path):
    """The room of a file: core, command line, or the name of its folder."""
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 1:
        return "command line" if parts[0] in COMMAND_LINE else "core"
    if parts[0] == "commands":
        return "command line"
    return parts[0] if parts[0] in ABOVE_THE_CORE else "core"


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
NODES = {path: list(ast.walk(tree)) for path, tree in TREES.items()}
CORE = [path for path in FILES if room_of(path) == "core"]
MAY_IMPORT = {"core": {"core"}, "views": {"core", "views"}, "train": {"core", "train"},
              "compare": {"core", "views", "compare"}, "lab": {"core", "views", "compare", "lab"},
              "teaching": {"core", "views", "compare", "lab", "teaching"},
              "classroom": {"core", "views", "compare", "lab", "teaching", "classroom"},
              "site": {"core", "site"},
              "command line": {"core", *ABOVE_THE_CORE, "command line"}}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def found_imports(path):
    """The imports of a file: (outside name or None, file inside the package or None), wherever in it they stand."""
    for node in NODES[path]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, None
        elif isinstance(node, ast.ImportFrom):
            folder = path.parents[node.level - 1]
            assert folder == PACKAGE or PACKAGE in folder.parents, f"{name_of(path)} imports from outside the package"
            base = folder.joinpath(*node.module.split(".")) if node.module else folder
            for alias in node.names:
                candidates = [base / f"{alias.name}.py", base / alias.name / "__init__.py", base.with_suffix(".py"),
                              base / "__init__.py"]
                found = [candidate for candidate in candidates if candidate in TREES]
                assert found, f"{name_of(path)} imports {node.module}.{alias.name}, which is no file"
                yield None, found[0]


IMPORTS = {path: list(found_imports(path)) for path in FILES}


def outside(path):
    """The packages that a file imports, by their first names."""
    return {name.split(".")[0] for name, _ in IMPORTS[path] if name}


def inside(path):
    """The files of this package that it imports, itself not among them."""
    return {file for _, file in IMPORTS[path] if file not in (None, path)}


def functions(path):
    return [node for node in NODES[path] if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def length(node):
    """Lines from the first decorator to the last line."""
    first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
    return node.end_lineno - first + 1


def offenders(files, problem):
    """(file, what is wrong with it) of the files that have a problem: what a failure shows, all at once."""
    assert len(files) > 20, "a rule about files that are not found holds always"
    return [(name_of(path), found) for path in files if (found := problem(path))]


# ------------------------------------------------------------------------------------------------- who imports whom

def test_the_rooms_are_all_there():
    """A rule about files that are not found holds always."""
    assert {room_of(path) for path in FILES} >= {"core", *ABOVE_THE_CORE, "command line"}
    assert {"model.py", "speculation.py", "trace.py", "files/safetensors.py"} <= {name_of(path) for path in CORE}
    folders = {path.relative_to(PACKAGE).parts[0] for path in FILES if path.parent != PACKAGE}
    assert folders <= {*ABOVE_THE_CORE, "files", "commands"}, "a new folder: say here which room it is"


def test_a_room_imports_only_the_rooms_that_it_stands_on():
    """The core must be readable without the rest, and a view that decodes would be a second algorithm."""
    assert offenders(FILES, lambda path: [name_of(file) for file in inside(path)
                                          if room_of(file) not in MAY_IMPORT[room_of(path)]]) == []


def test_imports_inside_the_package_are_relative():
    """A copy of the package with a bug in it must not fall back on the clean one for the other half."""
    assert offenders(FILES, lambda path: {PACKAGE.name} & outside(path)) == []


def test_each_room_imports_numpy_and_the_standard_library_and_only_views_what_draws():
    """Decoding on a bare server, and drawing on the lecturer's laptop; all else would have to be explained first."""
    known = {"numpy", *sys.stdlib_module_names}
    more = {"views": {"matplotlib", "PIL", "IPython", "pygments"}, "site": {"nbconvert"}}
    assert offenders(FILES, lambda path: outside(path) - known - more.get(room_of(path), set())) == []


def test_only_the_command_line_reads_arguments_and_nothing_imports_the_command_line():
    """A lab that parses options cannot be called from a notebook without them."""
    others = [path for path in FILES if room_of(path) != "command line"]
    assert offenders(others, lambda path: {"argparse"} & outside(path)) == []


def test_a_plain_decode_imports_no_trainer_no_gallery_and_no_classroom():
    """Each command's module is imported when the command is asked for: `python -m minispec hi` starts at once."""
    code = "import sys\nfrom minispec.command import main\nmain(['The cat', '--new-tokens', '1'])\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, encoding="utf-8",
                          timeout=300)
    loaded = done.stdout.split("\n")[-2].split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("minispec.")}
    assert "speculation" in rooms and rooms.isdisjoint({"classroom", "train", "teaching"}), done.stderr


def test_core_files_import_at_their_top_only():
    """An import inside a function hides who depends on whom."""
    kinds = (ast.Import, ast.ImportFrom)
    assert offenders(CORE, lambda path: [node.lineno for node in NODES[path] if isinstance(node, kinds)
                                         and node not in TREES[path].body]) == []


def test_the_files_can_be_read_in_an_order_in_which_each_needs_only_earlier_ones():
    """A circle of imports has no first page."""
    needs = {path: inside(path) for path in FILES}
    readable = []
    while needs:
        free = [path for path, needed in needs.items() if needed <= set(readable)]
        assert free, f"a circle among {sorted(map(name_of, needs))}"
        readable += free
        for path in free:
            del needs[path]
    assert readable.index(PACKAGE / "model.py") < readable.index(PACKAGE / "speculation.py")


def test_speculation_stands_on_few_files_and_none_of_them_is_about_disks():
    """Who steps through a round should be able to have read all of it."""
    needed, waiting = set(), [PACKAGE / "speculation.py"]
    while waiting:
        path = waiting.pop()
        needed.add(path)
        waiting += inside(path) - needed
    assert len(needed) <= 9, sorted(map(name_of, needed))
    assert {path.parent for path in needed} == {PACKAGE}


def test_the_reading_order_in_the_docstring_of_the_package_is_that_of_the_readmes():
    """`import minispec; help(minispec)` says where to begin, and GitHub shows the same."""
    text = minispec.__doc__[minispec.__doc__.index("order:"):]
    names = [name.strip(" .\n") for name in text.removeprefix("order:").split(",")]
    assert names[0] == "speculation" and all(PACKAGE / f"{name}.py" in TREES for name in names)
    for readme in (PACKAGE.parent / "README.md", PACKAGE / "README.md"):
        linked = re.findall(r"\[(\w+)\.py\]", readme.read_text(encoding="utf-8"))
        assert [name for name in linked if name in names] == names, readme


def test_a_copy_under_another_name_works_without_the_original(tmp_path):
    """How a bug is loaded: as a copy.  Here the clean package cannot be imported, and the copy does all of its work."""
    copy = tmp_path / "edited_copy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = f"""
import sys, importlib, pkgutil
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {PACKAGE.name!r}:
            raise ImportError("the copy asked for the original")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, {str(tmp_path)!r})
import edited_copy
for module in pkgutil.walk_packages(edited_copy.__path__, "edited_copy."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert edited_copy.list_models() == {minispec.list_models()!r}
from edited_copy.scripted import Mix, scripted
model = scripted(Mix(9), 9)
assert edited_copy.speculative(model, model, [1], 5).tokens == edited_copy.greedy(model, [1], 5)
assert {PACKAGE.name!r} not in sys.modules
mine = [module for name, module in sys.modules.items() if name.startswith("edited_copy.")]
assert len(mine) > 20 and all("edited_copy" in str(module.__file__) for module in mine)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path,
                          capture_output=True, encoding="utf-8", timeout=300)
    assert done.stdout == "done\n", done.stderr
    done = subprocess.run([sys.executable, "-m", "edited_copy", "--version"], cwd=tmp_path, capture_output=True,
                          encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------------- sizes

def test_a_file_fits_a_sitting_and_a_line_a_screen():
    """150 lines in the core, 250 elsewhere; 120 characters, as projected."""
    def problem(path):
        lines = path.read_text(encoding="utf-8").split("\n")
        wrong = [number for number, line in enumerate(lines, start=1)
                 if len(line) > 120 or line != line.rstrip() or "\t" in line]
        return wrong or len(lines) - 1 > (150 if path in CORE else 250)
    assert offenders(FILES, problem) == []


def test_a_function_fits_a_screen():
    """30 lines in the core, 40 elsewhere."""
    assert offenders(FILES, lambda path: [node.name for node in functions(path)
                                          if length(node) > (30 if path in CORE else 40)]) == []


# ------------------------------------------------------------------------------------------------- one step at a time

def test_the_core_has_no_lambda_and_no_function_inside_a_function():
    """A debugger steps through lines; what happens inside an expression, or later, is out of sight (style.md 8)."""
    assert offenders(CORE, lambda path: [node.lineno for node in NODES[path] if isinstance(node, ast.Lambda)]) == []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert offenders(CORE, lambda path: [outer.name for outer in functions(path) for node in ast.walk(outer)
                                         if node is not outer and isinstance(node, kinds)]) == []


def test_the_core_is_decorated_only_where_everybody_knows_what_it_means():
    allowed = {"dataclass", "property", "classmethod"}
    assert offenders(CORE, lambda path: {ast.unparse(decorator).split("(")[0] for node in NODES[path]
                                         for decorator in getattr(node, "decorator_list", [])} - allowed) == []


def test_the_core_calls_nothing_p_or_q():
    """The founding papers swap the two letters, and many a bug came of it; here it is target and draft, and query."""
    assert offenders(CORE, lambda path: [node.lineno for node in NODES[path] if {"p", "q", "P", "Q"} &
                                         {getattr(node, field, None) for field in ("id", "arg", "attr")}]) == []


def test_the_core_swallows_no_error_and_has_no_global_state():
    """A bare except, or `pass` for what went wrong, and the symptom shows up three files later."""
    def problem(path):
        handlers = [node for node in NODES[path] if isinstance(node, ast.ExceptHandler)]
        wide = [node for node in handlers if not node.type or ast.unparse(node.type) in ("Exception", "BaseException")]
        silent = [node for node in handlers if all(isinstance(each, ast.Pass) for each in node.body)]
        shared = [node for node in NODES[path] if isinstance(node, (ast.Global, ast.Nonlocal))]
        return [node.lineno for node in wide + silent + shared]
    assert offenders(CORE, problem) == []


# ------------------------------------------------------------------------------------------------- words

def test_a_module_says_what_it_is_in_at_most_twelve_lines():
    """What, the invariant, and what it does not do."""
    said = {path: ast.get_docstring(TREES[path], clean=False) or "" for path in FILES}
    assert offenders(FILES, lambda path: not 1 <= len(said[path].rstrip().split("\n")) <= 12 or not said[path]) == []


def test_every_public_function_and_class_says_what_it_does():
    """help() is the first thing a student tries.  A helper of one or two lines may speak for itself."""
    assert offenders(FILES, lambda path: [node.name for node in NODES[path]
                                          if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and len(node.body) > 2
                                          and node.name[0] != "_" and not ast.get_docstring(node)]) == []


@pytest.mark.parametrize("of_the_classroom", [False, True])
def test_no_two_things_of_the_package_share_a_name(of_the_classroom):
    """There were three verdicts, three Pairs and three modules called command.  The classroom, which a grader runs in a
    process of its own, is counted by itself; a module may be called as its main function; commands have one protocol."""
    places = {}
    for path in FILES:
        if (room_of(path) == "classroom") == of_the_classroom and not path.stem.startswith("__"):
            places.setdefault(path.stem, set()).add(path)
            for node in TREES[path].body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in ("add_arguments", "run"):
                    places.setdefault(node.name, set()).add(path)
    assert {name: sorted(map(name_of, where)) for name, where in places.items() if len(where) > 1} == {}


def modules():
    return [module.name for module in pkgutil.walk_packages(minispec.__path__, "minispec.")
            if not module.name.endswith("__main__")]


def test_no_name_of_the_package_hides_one_of_its_modules():
    """After `from .greedy import greedy`, minispec.greedy is the function, and the module cannot be reached."""
    public = {name for name in vars(minispec) if callable(getattr(minispec, name)) and not name.startswith("_")}
    assert public.isdisjoint({name.split(".")[-1] for name in modules()})
    for name in modules():
        module = importlib.import_module(name)
        parent = sys.modules[name.rpartition(".")[0]]
        assert getattr(parent, name.rpartition(".")[2]) is module, f"{name} is hidden"


def test_the_names_that_the_course_uses_can_be_imported():
    """The first cell of every notebook."""
    from minispec import (KVCache, Round, Trace, greedy, list_models, load, load_trace, propose, propose_literal,
                          save_trace, speculative, verify)
    assert all(callable(each) for each in (KVCache, Round, Trace, greedy, list_models, load, load_trace, propose,
                                           propose_literal, save_trace, speculative, verify))
    assert isinstance(minispec.__version__, str)
    assert minispec.list_models() == sorted(minispec.list_models()) != []


def test_an_installed_package_has_every_file_that_is_here():
    """A folder without __init__.py, or a data file of no listed pattern, works here and is missing once installed."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert 'include = ["minispec*"]' in text
    assert [path for path in FILES if not (path.parent / "__init__.py").exists()] == []
    [line] = [line for line in text.split("\n") if line.startswith("minispec = [")]
    listed = {path for pattern in ast.literal_eval(line.removeprefix("minispec = ")) for path in PACKAGE.glob(pattern)}
    data = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".md")}
    assert {path.name for path in data} >= {"held_out_prompts.txt", "model.safetensors", "merges.txt", "vocab.json"}
    assert sorted(map(str, data - listed)) == []
