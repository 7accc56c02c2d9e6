"""The texts of the files that `handout` writes beside notebooks and package.

Invariant: SEED in capitals is replaced by the seed of the hand-out; nothing else is.
"""

SETUP = """#!/usr/bin/env bash
# Gradescope builds the image with this, as root on Ubuntu 22.04: Python 3.10 and NumPy, where the user nobody can read.
set -euo pipefail
root="${AUTOGRADER:-/autograder}"
if ! python3 -m venv --help >/dev/null 2>&1 || ! python3 -c 'import ensurepip' 2>/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv
fi
python3 -m venv "$root/python"
"$root/python/bin/python" -m pip install --quiet --disable-pip-version-check 'numpy>=2.0'
"""

RUN_AUTOGRADER = """#!/usr/bin/env bash
# Gradescope runs this for each submission, as root.  The marks are of the seed below: the same for the whole class.
root="${AUTOGRADER:-/autograder}"
mkdir -p "$root/results"
chmod -R go-rwx "$root/source" "$root/results" "$root/submission"
cd "$root/source" || exit 1
"$root/python/bin/python" -m minispec grade --one --seed SEED --out "$root/results" "$root/submission"
if [ ! -s "$root/results/results.json" ]; then
    echo '{"score": 0, "output": "The autograder failed; please tell your instructor."}' > "$root/results/results.json"
fi
"""

NBGRADER_CONFIG = '''"""nbgrader's settings for this course folder."""

c = get_config()
c.CourseDirectory.course_id = "minispec"
c.ClearSolutions.code_stub = {"python": "# Your answer belongs in this cell."}
# a student who deletes a test gets it back, and 0 if it fails
c.OverwriteCells.add_missing_cells = True
c.ExecutePreprocessor.timeout = 120
'''

WORKFLOW = """name: exercises
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install -r requirements.txt
      - run: python -m pytest -q --junitxml=exercises.xml
"""

STUDENTS_TESTS = '''\
"""`python -m pytest -q`: your answers on the notebooks' cases, to learn by; marks come from elsewhere."""

from pathlib import Path

import pytest

from minispec.classroom import check
from minispec.classroom.statements import read_code
from minispec.classroom.registry import EXERCISES
from minispec.classroom.worker import load

FOLDER = Path(__file__).parent / "notebooks" / "exercises"
FILES = [(path.name, path.read_bytes()) for path in sorted(FOLDER.iterdir()) if path.suffix in (".ipynb", ".py")]
FUNCTIONS, NOTES = load(FILES, read_code, "minispec")


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise(name):
    assert name in FUNCTIONS, f"there is no function {name}: {NOTES}"
    check(name, FUNCTIONS[name], graded=True)
'''
