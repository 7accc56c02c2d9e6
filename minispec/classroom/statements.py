"""Reading a submission as text: a .py or .ipynb file becomes top-level statements, each ready to run on its own.

Invariant: nothing is run or imported here, and a part that cannot be read is a note, not the end of the rest.  Used in
the sandbox and in a student's own tests, so it stands on the standard library alone.
"""

import ast
import codecs
import io
import json
import re
import tokenize

MAX_CELLS = 5_000
MAX_SOURCE = 2_000_000                   # characters of code in one file
WHOLE_CELL = ("%%time", "%%timeit", "%%capture", "%%prun")       # cell magics below which Python stands
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.,\s]+=\s*[%!].*|\S*\?+\s*)$")


def read_code(name: str, data: bytes) -> tuple[list[tuple[str, ast.stmt]], list[str]]:
    """The top-level statements of a file as (place, statement), and notes on what could not be read."""
    try:
        cells = notebook_cells(data) if name.lower().endswith(".ipynb") else [(name, decoded(data))]
        if sum([len(source) for _, source in cells]) > MAX_SOURCE:
            raise ValueError(f"more than {MAX_SOURCE:,} characters of code")
    except (ValueError, RecursionError, LookupError, SyntaxError) as error:
        return [], [f"{name} cannot be read: {error}"]
    statements, notes = [], []
    for place, source in cells:
        try:
            body = parse(source)
            statements += [(place, statement) for statement in body]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            notes.append(f"{place} is not valid Python: {error}")
    return statements, notes


def decoded(data: bytes) -> str:
    """The text of a .py file, by its byte-order mark, its coding line, or as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def notebook_cells(data: bytes) -> list[tuple[str, str]]:
    """The code cells of a notebook, as (place, source).  Raises ValueError for what is not a notebook."""
    notebook = json.loads(data.decode("utf-8-sig"))
    if not isinstance(notebook, dict):
        raise ValueError("not a notebook")
    sheets = notebook.get("worksheets") or [notebook]    # of the third format, and of the fourth
    if not isinstance(sheets, list) or not isinstance(sheets[0], dict) or not isinstance(sheets[0].get("cells"), list):
        raise ValueError("a notebook without a list of cells")
    cells = sheets[0]["cells"]
    if len(cells) > MAX_CELLS:
        raise ValueError(f"a notebook with {len(cells):,} cells, of at most {MAX_CELLS:,}")
    found = []
    for number, cell in enumerate(cells, start=1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            lines = source if isinstance(source, list) else [source]
            found.append((f"cell {number}", "".join([line for line in lines if isinstance(line, str)])))
    return found


def parse(source: str) -> list[ast.stmt]:
    """The statements of a cell; if it is not Python as it stands, without its magics and shell lines."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return ast.parse(source).body
    except SyntaxError:
        return ast.parse(without_magics(source)).body


def without_magics(source: str) -> str:
    """The lines that IPython would not give to Python become `pass`, so that the line numbers stay."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in WHOLE_CELL:
        return ""
    return "\n".join([MAGIC.sub(r"\1pass", line) for line in lines])
