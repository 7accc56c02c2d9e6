"""What the tests of the core share: the golden models, random ones, a model that notes what it reads, equal bits.
"""

import inspect
import json
import os
import shutil
import signal
from functools import cache
from pathlib import Path

# before NumPy is imported: at this size threads only wait for each other, and for the second process of a run
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:        # in the background; commands that tests start inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("PYTHONUTF8", "1")     # what child processes print is read as UTF-8, whatever the locale

import numpy as np
import pytest

from minispec import Config, KVCache, Transformer, load
from minispec.lab.blas import ROUNDS_ROWS_APART, blocks_round_differently
from minispec.lab.exactness import bits_hold
from minispec.shapes import weight_shapes
from sharing import Sharing

GOLDEN = Path(__file__).parent / "golden"
HELD_OUT = Path(__file__).parent.parent / "minispec" / "models" / "held_out_prompts.txt"
GENERATED = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))["generate"]
PROMPTS = [entry["prompt"] for entry in GENERATED]

POSIX = os.name == "posix"
# what only some systems have: the words that a test which uses it has in its source or its parameters
ONLY_ELSEWHERE = {
    "os.mkfifo": (hasattr(os, "mkfifo"), "Windows has no named pipes in folders"),
    "symlink": (POSIX, "links need privileges on Windows"),
    "0o": (POSIX, "Windows has no mode bits"),
    "os.kill(": (POSIX, "on Windows os.kill ends the process"),
    "/dev/null": (POSIX, "Windows has no /dev"),
    "/dev/full": (os.path.exists("/dev/full"), "only Linux has /dev/full"),
    '"bash"': (POSIX, "needs a POSIX shell"),
}
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
HANGS = 900                              # seconds until something is taken to hang; no limit on speed
MEASURED = []                            # lines that are printed behind the tests

NOT_THE_SAME_BITS = ("not the same bits, although this machine's BLAS library keeps a row's bits for all sizes (ask it: "
                     "python -m minispec check); so it is the package")
CHECK_SAYS_NO = f"python -m minispec check says NO: {ROUNDS_ROWS_APART}"


@cache
def golden(name: str) -> Transformer:
    """The golden model `target`, `draft` or `noisy`: random weights, 64 positions, 400 tokens."""
    return load(GOLDEN / name)[0]


@cache
def bundled(name: str):
    """A bundled model and its tokenizer, read from disk once."""
    return load(name)


def random_model(seed: int, scale: float = 0.3, **sizes) -> Transformer:
    """A small model with random weights: every bias off 0 and every gain off 1, so that a missing one shows."""
    defaults = {"n_layer": 2, "n_head": 2, "n_embd": 12, "n_positions": 24, "vocab_size": 30}
    config = Config(**{**defaults, **sizes})
    random = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config):
        array = scale * random.normal(size=shape)
        if name.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
            array += 1
        weights[name] = array.astype(np.float32)
    return Transformer(config, weights, name=f"random-{seed}")


def refusal(action, *mentions, kind=(ValueError, OSError)):
    """The message of an error, which is one short line and mentions what it must."""
    with pytest.raises(kind) as caught:
        action()
    message = str(caught.value)
    assert message and "\n" not in message and len(message) < 600, message
    assert [mention for mention in mentions if str(mention) not in message] == [], message
    return message


def random_tokens(seed, length: int, vocab_size: int) -> list[int]:
    """`length` token ids that depend on nothing but the arguments."""
    return np.random.default_rng(seed).integers(vocab_size, size=length).tolist()


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal type, shape and bytes."""
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def assert_same_bits(left: np.ndarray, right: np.ndarray, what) -> None:
    """Stop unless the arrays are equal to the last bit; `what` says which ones they are.

    Where this machine's BLAS library does not keep a row's bits for all sizes, a difference skips the test.
    """
    if not same_bits(left, right):
        if not bits_hold():
            pytest.skip(f"{CHECK_SAYS_NO} ({what})")
        pytest.fail(f"{what}: {NOT_THE_SAME_BITS}")


def assert_fresh(model, cache: KVCache, tokens: list[int], what) -> None:
    """Stop unless the cache is, bit for bit, what the model writes when it reads tokens[:length] from the start."""
    fresh = KVCache(model.config)
    if cache.length > 0:
        model(list(tokens[:cache.length]), fresh)
    held = slice(0, cache.length)
    assert_same_bits(cache.keys_LHPC[:, :, held], fresh.keys_LHPC[:, :, held], f"{what}: keys")
    assert_same_bits(cache.values_LHPC[:, :, held], fresh.values_LHPC[:, :, held], f"{what}: values")


def by_long(*cases) -> list:
    """More cases of a parameter, for `-m long` only."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long) for case in cases]


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium for the tests of one file."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


class Reader:
    """A model that notes every call in `calls` as (name, start, tokens fed); several can share one list."""

    def __init__(self, model, calls: list | None = None, name: str | None = None):
        self.model = model
        self.config = model.config
        self.vocabulary = model.vocabulary
        self.name = name or model.name
        self.calls = [] if calls is None else calls

    def __call__(self, tokens, cache=None, record=None):
        start = 0 if cache is None else cache.length
        self.calls.append((self.name, start, list(tokens)))
        return self.model(tokens, cache, record)


def prefixes_read(calls: list, name: str) -> list[tuple[int, ...]]:
    """For every row that was fed to the model `name`, in order: the text up to and with it."""
    text, prefixes = [], []
    for reader, start, tokens in calls:
        if reader == name:
            assert start <= len(text), f"{name} was asked to go on behind position {start} of {len(text)}"
            text = text[:start] + tokens
            prefixes += [tuple(text[:end]) for end in range(start + 1, len(text) + 1)]
    return prefixes


def pytest_configure(config):
    """A run of several files is for two processes."""
    config.pluginmanager.register(Sharing(config, MEASURED))


def pytest_ignore_collect(collection_path, config):
    """Importing transformers takes seconds, which a run that leaves its tests out should not wait for."""
    left_out = "not reference" in (config.option.markexpr or "")
    return True if left_out and collection_path.name == "test_reference.py" else None


def pytest_runtest_setup(item):
    """Tests of what this machine does not have or do are skipped, with the reason."""
    if item.get_closest_marker("exact_bits") and not bits_hold():
        pytest.skip(CHECK_SAYS_NO)
    if item.get_closest_marker("block_rounding") and not blocks_round_differently():
        pytest.skip("on this BLAS library a product of many rows has the bits of products of one row")
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if reasons := missing(f"{source_of(item.function)} {parameters}"):
        pytest.skip(reasons[0])


@cache
def source_of(function) -> str:
    """The text of a test, read once for all its parameters."""
    return inspect.getsource(function)


def missing(source: str, only_elsewhere: dict | None = None) -> list[str]:
    """Why a test of that source cannot run on this system."""
    table = ONLY_ELSEWHERE if only_elsewhere is None else only_elsewhere
    return [reason for word, (is_here, reason) in table.items() if word in source and not is_here]


def measured(line: str) -> None:
    """Have a line, such as the seconds of something, printed behind the tests: speed is reported, never judged."""
    MEASURED.append(line)


def pytest_terminal_summary(terminalreporter):
    """What was measured, in a section of its own."""
    if MEASURED:
        terminalreporter.section("measured on this machine, whatever else it was doing")
        for line in MEASURED:
            terminalreporter.line(line)
