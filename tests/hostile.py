"""Submissions of those who want marks without solving anything, or who break what they touch.

Each: (name, content, the exercises that are honestly right in it; None where that is the system's to say).  `RIGHT`
answers three exercises rightly, `WRONG` wrongly.
"""

import io
import json
import zipfile

RIGHT = """
def next_token(logits):
    return logits.index(max(logits))

def draft_context(prompt, verified, drafts, t):
    return prompt + verified + drafts[:t - 1]

def count_accepted(proposed, choices):
    n = 0
    while n < len(proposed) and proposed[n] == choices[n]:
        n += 1
    return n
"""
WRONG = """
def next_token(logits): return 0
def draft_context(prompt, verified, drafts, t): return prompt
def count_accepted(proposed, choices): return len(proposed)
"""
THREE = {"next_token", "draft_context", "count_accepted"}
TWO = THREE - {"next_token"}


def called(body: str, head: str = "") -> str:
    """RIGHT, but for next_token, whose body this is."""
    lines = "\n".join("    " + line for line in body.split("\n"))
    return f"{RIGHT}\nimport os, sys\n{head}\ndef next_token(logits):\n{lines}\n"


def notebook(*sources, **more) -> str:
    """A notebook of code cells."""
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


def zipped(files: dict) -> bytes:
    """A zip with these names and contents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


ALIKE = """
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __int__(self): return Yes(0)
    __index__ = __int__
    __hash__ = int.__hash__
"""
FORGE = """
import os, json
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'{"answer": 0}\\n' * 300 + b'{"found": ["next_token"], "notes": []}\\n')
    except OSError:
        pass
"""
FRAMES = """
frame = sys._getframe()
while frame:
    for name in ("case", "asked", "line"):
        value = frame.f_locals.get(name)
        if isinstance(value, dict):
            for key in ("_answer", "_expected", "expected", "answer"):
                if key in value: return value[key]
    if "answer" in frame.f_globals: frame.f_globals["answer"] = lambda *given: {"answer": True, "points": 100}
    frame = frame.f_back
return 0"""
SWALLOW = "while True:\n    try:\n        while True: sum([1])\n    except BaseException: pass"
REAL = "import sys\nsys.path.insert(0, ROOT)\nfor name in list(sys.modules):\n    if name.startswith('minispec'): " \
       "del sys.modules[name]\nfrom minispec.speculation import count_accepted as real\n" \
       "def count_accepted(proposed, choices): return real(proposed, choices)\n"
READ = "stolen = open(ROOT + '/minispec/speculation.py').read()\nexec(stolen[stolen.index('def count_accepted'):" \
       "stolen.index('def speculative_round')], globals())\n"

DAMAGED = bytearray(zipped({"right.py": RIGHT}))
DAMAGED[50] ^= 255                       # the first bytes of what is packed stand at 38
DAMAGED = bytes(DAMAGED)

# name, text, honestly right; ROOT stands for the folder of the real package, OUT for that of the results
CODE = [
    ("loop at import", "while True: pass\n" + RIGHT, THREE),
    ("loop at import that swallows all", SWALLOW + RIGHT, set()),
    ("loop in C at import", "x = sum(range(10 ** 15))\n" + RIGHT, set()),
    ("loop in a call", called("while True: pass"), TWO),
    ("loop in a call that swallows all", called(SWALLOW), TWO),
    ("loop in C in a call", called("return sum(range(10 ** 15))"), TWO),
    ("sleep", called("import time\ntime.sleep(10 ** 6)"), TWO),
    ("alarms ignored", called(SWALLOW, "import signal\nfor n in range(1, 64):\n    try: signal.signal(n, "
                                       "signal.SIG_IGN)\n    except (OSError, ValueError): pass"), TWO),
    ("os._exit at import", "import os\nos._exit(0)\n" + RIGHT, set()),
    ("os._exit in a call", called("os._exit(0)"), TWO),
    ("os.abort in a call", called("os.abort()"), TWO),
    ("sys.exit at import", "import sys\nsys.exit(0)\n" + RIGHT, THREE),
    ("sys.exit in a call", called("sys.exit(0)"), TWO),
    ("SystemExit in __del__", WRONG + "class Bye:\n    def __del__(self): raise SystemExit(0)\nBye()\nx = Bye()\n"
     "", set()),
    ("KeyboardInterrupt", called("raise KeyboardInterrupt"), TWO),
    ("error whose text fails", called("raise Odd()", "class Odd(BaseException):\n    def __str__(self): return 1 / "
     "0"), TWO),
    ("fork bomb", "import os\nwhile True: os.fork()\n" + WRONG, set()),
    ("fork without the audit", "import _posixsubprocess\n" + WRONG, set()),
    ("threads", "import threading\nfor n in range(500): threading.Thread(target=print, daemon=False).start()\n"
     "" + WRONG, set()),
    ("a daemon that rewrites results", "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import "
     "time, os; "
     "time.sleep(2); open(OUT + \"/results.json\", \"w\").write(\"100\")'], start_new_session=True)\n" + WRONG, set()),
    ("a shell", "import os\nos.system('touch ' + OUT + '/touched')\n" + WRONG, set()),
    ("exec", "import os\nos.execv('/bin/true', ['true'])\n" + WRONG, set()),
    ("kill the parent", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + WRONG, set()),
    ("kill the parent by descriptor", "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)\n"
     "" + WRONG,
     set()),
    ("kill the group", "import os\nos.killpg(0, 9)\n" + WRONG, set()),
    ("memory", called("x = [0]\nwhile True: x = x + x"), TWO),
    ("memory at import", "x = bytearray(10 ** 10)\nimport numpy as np\ny = np.ones(10 ** 9)\n" + RIGHT, THREE),
    ("100 MB of output", "for n in range(100): print('x' * 10 ** 6)\n" + RIGHT, THREE),
    ("output past print", "import os\nfor n in range(100): os.write(1, b'y' * 10 ** 6); os.write(2, b'z' * 10 ** "
     "6)\n" + RIGHT,
     THREE),
    ("output closed", "import os, sys\nsys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)\n"
     "" + WRONG, set()),
    ("recursion", called("return next_token(logits)"), TWO),
    ("recursion without a limit", called("return next_token(logits)", "sys.setrecursionlimit(10 ** 9)"), TWO),
    ("a crash", called("import ctypes\nctypes.string_at(0)"), TWO),
    ("patched numpy", "import numpy as np\nfor f in ('isclose', 'allclose', 'array_equal', 'argmax', 'integer', "
     "'ndarray'): "
     "setattr(np, f, lambda *a, **k: True)\n" + WRONG, set()),
    ("patched builtins", "import builtins\nfor f in ('all', 'any', 'isinstance', 'len', 'zip', 'type', 'max', "
     "'min', 'open'): "
     "setattr(builtins, f, lambda *a, **k: True)\n" + WRONG, set()),
    ("builtins deleted", "import builtins\nfor f in list(vars(builtins)): delattr(builtins, f)\n" + WRONG, set()),
    ("patched json", "import json\njson.dumps = json.JSONEncoder.encode = json.encoder.encode_basestring_ascii = "
     "lambda *a, **k: '{\"answer\": true}'\njson.loads = lambda *a: {}\n" + WRONG, set()),
    ("patched pickle", "import pickle\npickle.loads = pickle.dumps = lambda *a: b''\n" + WRONG, set()),
    ("patched calls", "import minispec.classroom.calls as calls\ncalls.converted = calls.call = lambda *a: True\n" + WRONG, set()),
    ("empty answers", "import minispec.classroom.calls as calls\ncalls.converted = lambda *a: []\ndef policy(rounds): return 3\n" + WRONG, set()),
    ("hindsight", "import sys\ndef policy(rounds):\n    frame = sys._getframe()\n    while frame:\n        case = "
     "frame.f_locals."
     "get('case')\n        if isinstance(case, dict) and 'right' in case: return min(12, case['right'][len(rounds)])\n"
     "        frame = frame.f_back\n    return 3\n" + WRONG, set()),
    ("patched worker", "import sys\nmain = sys.modules['__main__']\nmain.answer = lambda *a: {'answer': None, "
     "'score': 100}\n"
     + WRONG, set()),
    ("equal to everything", ALIKE + "def next_token(logits): return Yes(0)\ndef draft_context(*a): return [Yes(0)]\n"
     "def count_accepted(*a): return Yes(0)\n", set()),
    ("NaN", "def next_token(logits): return float('nan')\ndef draft_context(*a): return [float('nan')]\n"
     "def count_accepted(*a): return float('inf')\n", set()),
    ("NaN past the converter", "import minispec.classroom.calls as calls\n"
     "calls.converted = lambda *a: [float('nan')] * 30\ndef softmax(scores): return scores\n" + WRONG, set()),
    ("giant numbers", "def next_token(logits): return 10 ** 100_000\ndef draft_context(*a): return [10 ** 4_000] * "
     "100\n"
     "def count_accepted(*a): return -10 ** 3_000\n", set()),
    ("giant strings", "def next_token(logits): return 'x' * 10 ** 7\ndef draft_context(*a): return "
     "['\\ud800\\x1b[31m'] * 10\n"
     "def count_accepted(*a): return '0'\n", set()),
    ("bytes, sets, None", "def next_token(logits): return b'0'\ndef draft_context(*a): return None\n"
     "def count_accepted(*a): return {0}\n", set()),
    ("an endless answer", "import itertools\ndef next_token(logits): return 0\nclass Long(list):\n    def "
     "__iter__(self): "
     "return itertools.count()\ndef draft_context(*a): return Long()\ndef count_accepted(*a): return 0\n", set()),
    ("a nested answer", "deep = []\nfor n in range(10 ** 5): deep = [deep]\ndef next_token(logits): return deep\n"
     "def draft_context(*a): return deep\ndef count_accepted(*a): return deep\n", set()),
    ("True for 1", "def next_token(logits): return True\ndef count_accepted(*a): return True\n", set()),
    ("frame walking", called(FRAMES) + WRONG.replace("def next_token", "def other"), set()),
    ("forged messages at import", FORGE + WRONG, set()),
    ("forged messages in a call", called("for n in range(40): forge()\nreturn 0", "def forge():\n" + "".join(
        "    " + line + "\n" for line in FORGE.strip().split("\n"))) + WRONG.replace("def next_token", "def "
        "other"), set()),
    ("no json on the wire", "import os\nfor n in range(3, 9):\n    try: os.write(n, b'\\xff{{' * 1000 + b'\\n')\n"
     "    except OSError: pass\n" + WRONG, set()),
    ("an endless line on the wire", "import os\nwhile True:\n    for n in range(3, 9):\n        try: os.write(n, "
     "b'[' * 60000)\n"
     "        except OSError: pass\n" + WRONG, set()),
    ("descriptors closed", "import os\nos.closerange(0, 200)\n" + RIGHT, set()),
    ("memory searched", "import gc\nfound = [x for x in gc.get_objects() if type(x).__name__ == 'Guard']\n"
     "" + WRONG, set()),
    ("an audit hook of one's own", "import sys\ndef hook(*a): raise RuntimeError\nsys.addaudithook(hook)\n"
     "" + WRONG, set()),
    ("the grader's files", READ + "def next_token(logits): return 0\n", set()),
    ("the real package by its path", REAL, set()),
    ("the package's own answer", "from minispec import count_accepted\nimport minispec\n"
     "def next_token(logits): return minispec.count_accepted([], [0])\n", set()),
    ("the judge", "from minispec.classroom.registry import judge\nfrom minispec.classroom import verifying_steps\n"
     "" + WRONG, set()),
    ("a link to the answers", "import os\nos.symlink(ROOT, 'here')\nimport here.minispec\n" + WRONG, set()),
    ("the process table", "import os\nmine = open(f'/proc/{os.getppid()}/environ', 'rb').read()\n"
     "os.listdir('/proc')\n" + WRONG, set()),
    ("the parent's memory", "import os\nos.open(f'/proc/{os.getppid()}/mem', os.O_RDWR)\n" + WRONG, set()),
    ("results overwritten", "import os\nfor name in os.listdir(OUT): open(OUT + '/' + name, 'w').write('100')\n"
     "" + WRONG,
     set()),
    ("results written at the end", "import atexit\natexit.register(lambda: open(OUT + '/results.json', 'w'))\n"
     "" + WRONG, set()),
    ("results removed", "import shutil\nshutil.rmtree(OUT)\n" + WRONG, set()),
    ("attempts without end", called("while True:\n    try: open('/etc/passwd')\n    except OSError: pass"), TWO),
    ("the network", "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)\n" + WRONG, set()),
    ("limits raised", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\n" + WRONG, set()),
    ("asking", "answer = input()\nimport sys\nsys.stdin.read()\n" + WRONG, set()),
    ("counting calls", "calls = []\ndef next_token(logits): calls.append(0); return (1, 0, 0, 1, 0)[len(calls) % "
     "5]\n", set()),
    ("odd names", RIGHT + "globals()[3] = print\nclass Odd:\n    def __getattribute__(self, name): raise SystemExit\n"
     "    def __call__(self): pass\nodd = Odd()\n", THREE),
    ("10,000 failing lines", "1 / 0\n" * 10_000 + RIGHT, THREE),
    ("terminal codes", called("raise ValueError('\\x1b[2J\\x00\\u202e\\ud800' * 1000)"), TWO),
    ("many files", "n = 0\nwhile True:\n    n += 1\n    open(f'{n}.txt', 'w').write('x' * 10 ** 6)\n" + RIGHT, THREE),
    ("stubs", "def next_token(logits): raise NotImplementedError\ndef draft_context(*a): ...\n", set()),
    ("syntax error", RIGHT + "def (:\n", set()),
    ("null bytes", RIGHT + "\0", set()),
    ("empty", "", set()),
    ("deep source", "x = " + "(" * 10 ** 5 + "\n" + RIGHT, set()),
    ("long expression", "x = " + "1 + " * 10 ** 5 + "1\n" + RIGHT, None),      # as Python's version has it
]
FILES = [
    ("latin-1.py", ("# \xe9\n" + RIGHT).encode("latin-1"), set()),
    ("latin-1 declared.py", ("# -*- coding: latin-1 -*-\n# \xe9\n" + RIGHT).encode("latin-1"), THREE),
    ("utf-16.py", RIGHT.encode("utf-16"), THREE),
    ("byte-order mark.py", RIGHT.encode("utf-8-sig"), THREE),
    ("windows lines.py", RIGHT.replace("\n", "\r\n").encode(), THREE),
    ("unknown coding.py", ("# coding: klingon\n" + RIGHT).encode(), set()),
    ("binary.py", bytes(range(256)) * 10, set()),
    ("too large.py", b"#" * 21_000_000, set()),
    ("magics.ipynb", notebook("%matplotlib inline\nimport os\n!ls", "%%bash\nrm -rf /", "%%time\n" + RIGHT, "x = "
     "!ls\nlen?"), THREE),
    ("one bad cell.ipynb", notebook(RIGHT, "def (:", "1 / 0", ["a = 1\n", "b = 2"]), THREE),
    ("not json.ipynb", "{", set()),
    ("json of another kind.ipynb", "[1, 2]", set()),
    ("no cells.ipynb", "{}", set()),
    ("cells of another kind.ipynb", json.dumps({"cells": [None, 3, {"cell_type": "code", "source": 5}]}), set()),
    ("deep.ipynb", "[" * 10 ** 6, set()),
    ("100,000 cells.ipynb", notebook(*["x = 1"] * 10 ** 5), set()),
    ("surrogates.ipynb", notebook(RIGHT, "x = '\ud800'"), THREE),
    ("old format.ipynb", json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": RIGHT}]}]}), THREE),
    ("=HYPERLINK('x').py", WRONG, set()),
    ("new\nline and  spaces.py", RIGHT, THREE),
    ("words.docx", b"PK", set()),
    ("not a zip.zip", b"PK\x03\x04", set()),
    ("slip.zip", zipped({"../../results.json": "100", "../../slip.py": RIGHT, "/etc/cron.py": ""}), THREE),
    ("bomb.zip", zipped({f"{number}.py": b"#" * 19_000_000 for number in range(4)}), set()),
    ("many.zip", zipped({f"{number}.py": "" for number in range(500)}), set()),
    ("zip in a zip.zip", zipped({"inner.zip": zipped({"right.py": RIGHT})}), set()),
    ("damaged.zip", DAMAGED, set()),
    ("cut.zip", zipped({"right.py": RIGHT * 100})[:150], set()),
    ("folder of modules", {"numpy.py": "raise SystemExit", "json.py": "1 / 0", "random.py": "", "conftest.py": "x = 1",
     "sitecustomize.py": "x = 2", "pytest.ini": "[pytest]", "work.py": "import numpy, json, "
     "random\nrandom.Random\nnumpy.argmax\njson.loads\n" + RIGHT}, THREE),
    ("helper beside", {"work.py": RIGHT + "from helper import f\ndef next_token(logits): return f(logits)",
                       "helper.py": "def f(logits): return logits.index(max(logits))"}, THREE),
    ("empty folder", {}, set()),
]
