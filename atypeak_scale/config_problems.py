"""What is wrong with a configuration, in the words of those who write one."""

from typing import Any

from pydantic import BaseModel, ValidationError

from atypeak_scale.errors import MOST_SHOWN, nearest, quoted

# What a setting should have been, by the beginning of the name of its validator's complaint.
EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string_type": "text; if it looks like a number or a date, put it in quotes",
    "bool": "true or false",
    "tuple": "a list, such as [a, b]",
    "list": "a list, such as [a, b]",
    "dict": "a mapping, such as {name: value}",
    "model": "a section of settings, such as {name: value}",
}


def _location(error: Any) -> str:
    text = ".".join(str(part) for part in error["loc"])
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> set[str]:
    """Return the names of the settings next to the one at `path`, for the nearest-name hint."""
    for part in path[:-1]:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return set()
        model = annotation
    return set(model.model_fields)


def first_problem(failure: ValidationError, model: type[BaseModel]) -> str:
    """Return what is wrong with settings that a model refused, the first of it."""
    # A misspelt setting is reported before the setting that is missing because of it.
    errors = sorted(failure.errors(), key=lambda error: error["type"] != "extra_forbidden")
    error = errors[0]
    location = _location(error)
    if error["type"] == "extra_forbidden":
        known = _fields_at(model, error["loc"])
        return f"unknown setting {location!r}; {nearest(str(error['loc'][-1]), known)}"
    if error["type"] == "missing":
        return f"the setting {location!r} is missing; add it"
    if not location:
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{location}: {_expected(error)} (found {quoted(error['input'])})"


def _expected(error: Any) -> str:
    """Return what a setting should have been, in words that need no knowledge of Python."""
    kind = error["type"]
    for part, words in EXPECTED.items():
        if kind.startswith(part):
            return f"expected {words}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message.replace("Input should be", "expected").replace("String should", "the text should")
