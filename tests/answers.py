"""The answers in `right_answers` and `wrong_answers` as functions: exercise -> style or mistake -> function."""

import types

import right_answers
import wrong_answers

from minispec.classroom.calls import SIGNATURES


def texts_of(module: types.ModuleType) -> dict[str, dict[str, str]]:
    """Of a function <exercise>__<style> its name; of an expression a lambda with the exercise's parameters."""
    found = {exercise: {} for exercise in SIGNATURES}
    for name, value in vars(module).items():
        exercise, parted, style = name.partition("__")
        if parted and exercise:
            assert isinstance(value, types.FunctionType), name
            found[exercise][style.replace("_", " ")] = name
    for exercise, expressions in module.EXPRESSIONS.items():
        for style, expression in expressions.items():
            parameters = "*a" if "(*a" in expression else ", ".join(SIGNATURES[exercise][0])
            found[exercise][style] = f"lambda {parameters}: ({expression})"
    return found


RIGHT, WRONG = [{exercise: {style: eval(text, vars(module)) for style, text in texts.items()}
                 for exercise, texts in texts_of(module).items()} for module in (right_answers, wrong_answers)]


def first_right(exercise: str):
    """A right answer to an exercise."""
    return next(iter(RIGHT[exercise].values()))
