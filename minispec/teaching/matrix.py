"""The detection matrix: every bug against every check, measured.

Invariant: a cell says what happened on all cases of `cases.py`: the check saw it, the run stopped with an error, or
the bug survived.  The first row is the clean package, which every check must let pass.
"""

import importlib
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

from ..lab.blas import NO_BLOCK_ROUNDING, blocks_round_differently
from .bug import Bug
from .bugs import load_bug
from .cases import Case, few_cases
from .evidence import Evidence, Oracle, consult, gather
from .checks import CHECKS, Check
from .gallery import GALLERY
from .observer import ENDLESS

CAUGHT, CRASHED, SURVIVED = "X", "!", "."
CLEAN = "(the clean code)"
LEGEND = "X the check sees it   ! the run stops with an error   . the bug survives the check"


@dataclass(frozen=True)
class MatrixRow:
    """One bug: a sign per check, how it was met, and the first sentence of each check that saw it."""

    name: str
    outcome: str                         # a key of OUTCOMES; "" for clean code
    signs: tuple[str, ...]
    sentences: tuple[str, ...]           # "" where the check saw nothing

    @property
    def caught_by(self) -> tuple[str, ...]:
        """The checks that see it; "any run" where no check has to look, because every run stops with an error."""
        seen = tuple(check.name for check, sign in zip(CHECKS, self.signs) if sign == CAUGHT)
        return seen or ("any run",) * (CRASHED in self.signs)


@dataclass(frozen=True)
class Matrix:
    """All rows; prints as a table."""

    rows: tuple[MatrixRow, ...]

    @property
    def bugs(self) -> tuple[MatrixRow, ...]:
        """The rows without the clean code."""
        return tuple(row for row in self.rows if row.name != CLEAN)

    def survivors(self, names: tuple[str, ...]) -> list[str]:
        """The bugs that these checks all let pass."""
        columns = [column for column, check in enumerate(CHECKS) if check.name in names]
        return [row.name for row in self.bugs if all(row.signs[column] == SURVIVED for column in columns)]

    def fewest(self) -> tuple[str, ...]:
        """As few checks as possible that together stop as many bugs as all of them; the first such set."""
        names = tuple(check.name for check in CHECKS)
        least = len(self.survivors(names))
        sets = [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]
        return next(chosen for chosen in sets if len(self.survivors(chosen)) == least)

    def __repr__(self) -> str:
        widest = max(len(row.name) for row in self.rows)
        names = [check.name for check in CHECKS]
        lines = [f"{'':<{widest}}  {'  '.join(names)}  outcome"]
        for row in self.rows:
            signs = "  ".join(f"{sign:^{len(name)}}" for sign, name in zip(row.signs, names))
            lines.append(f"{row.name:<{widest}}  {signs}  {row.outcome}".rstrip())
        count = len(self.bugs)
        caught = "  ".join(f"{count - len(self.survivors((name,))):^{len(name)}}" for name in names)
        together = " + ".join(self.fewest()) or "none"
        return "\n".join(lines + ["", f"{f'caught (of {count})':<{widest}}  {caught}".rstrip(), "", LEGEND,
                                  f"the fewest that catch them all together: {together}; "
                                  f"surviving all: {', '.join(self.survivors(tuple(names))) or 'none'}"])


@cache
def clean_runs(cases: tuple[Case, ...]) -> tuple[list[Oracle], list[Evidence]]:
    """What plain decoding and the clean package say of these cases, asked once."""
    clean = importlib.import_module("..", __package__)
    oracles = [consult(clean, case) for case in cases]
    return oracles, [gather(clean, case, oracle) for case, oracle in zip(cases, oracles)]


def detection_matrix(bugs: tuple[Bug, ...] = GALLERY, cases: tuple[Case, ...] | None = None) -> Matrix:
    """Run every bug on every case (`few_cases`, if none are given), and the clean package first."""
    cases = few_cases() if cases is None else cases
    oracles, witnesses = clean_runs(cases)
    rows = [examine(CLEAN, witnesses, witnesses)]
    for bug in bugs:
        package = load_bug(bug, core_only=True)
        if bug.of_noise or bug.of_rule:  # greedy decoding reads none of what it edits: one case stands for all
            seen = [replace(witnesses[0], package=package)]
        else:
            seen = [gather(package, case, oracle) for case, oracle in zip(cases, oracles)]
        rows.append(examine(bug.name, seen, witnesses, unseen_outcome(bug)))
    return Matrix(tuple(rows))


def unseen_outcome(bug: Bug) -> str:
    """What is said of a bug that changes nothing on this machine; "" of all others."""
    return NO_BLOCK_ROUNDING if bug.outcome == "other bits" and not blocks_round_differently() else ""


def examine(name: str, seen: list[Evidence], clean: list[Evidence], unseen: str = "") -> MatrixRow:
    """Every check over the evidence of one copy of the package; the outcome is `unseen` where nothing was seen."""
    findings = [finding(check, seen) for check in CHECKS]
    signs, sentences = zip(*findings)
    return MatrixRow(name, outcome(seen, clean, signs) or unseen, signs, sentences)


def finding(check: Check, seen: list[Evidence]) -> tuple[str, str]:
    """The sign of one check, and the first thing it found."""
    crashed = ""
    for evidence in seen:
        problem, stopped = "", "" if check.own_models else evidence.error
        if not stopped or check.partial:
            try:
                problem = check.look(evidence)
            except Exception as error:   # of the copy's own rates or plain decoding
                crashed = crashed or f"{type(error).__name__}: {error}"
        if problem:
            return CAUGHT, problem if check.own_models else f"{evidence.case.name}: {problem}"
        crashed = crashed or stopped
    return (CRASHED, crashed) if crashed else (SURVIVED, "")


def outcome(seen: list[Evidence], clean: list[Evidence], signs: tuple[str, ...]) -> str:
    """How the bug is met, the worst over all cases; "" where nothing was seen."""
    sign = {check.name: found for check, found in zip(CHECKS, signs)}
    if CAUGHT in (sign["greedy"], sign["budget"]):
        return "wrong text"
    errors = [evidence.error for evidence in seen if evidence.error]
    if errors:
        return "endless" if all([ENDLESS in error for error in errors]) else "crash"
    vain = CAUGHT in (sign["formula"], sign["perfect draft"], sign["work"])
    if vain or any(rows_read(one) > rows_read(other) for one, other in zip(seen, clean)):
        return "slow"
    if CAUGHT in (sign["counters"], sign["record"]):
        return "wrong counters"
    if sign["baseline"] == CAUGHT:
        return "wrong baseline"
    if CAUGHT in (sign["noise"], sign["law"]):
        return "wrong sample"
    return "other bits" if sign["bits"] == CAUGHT else ""


def rows_read(evidence: Evidence) -> tuple[int, int]:
    """What a decode cost: passes of the target, and rows of both models."""
    passes = evidence.target_passes + evidence.draft_passes
    return len(evidence.target_passes), sum([rows for _, rows in passes])
