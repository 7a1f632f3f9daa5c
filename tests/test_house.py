"""The shape of the house: which room may import which, how long anything may be, and what no text may say."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "atypeak_scale"
# From the ground up; rooms of one line stand beside each other. The package itself is its public names.
ROOMS = (
    ("errors",),
    ("storage", "execution", "registry"),
    ("config", "config_problems"),
    ("tables", "provenance", "keras_backend", "workdir"),
    ("catalogue",),
    ("store",),
    ("model",),
    ("scoring",),
    ("assess",),
    ("plot",),
    ("report",),
    ("pipeline", "demo", "prepare"),
    (PACKAGE,),
    ("cli",),
)
LEVELS = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
MODULE_LINES, FUNCTION_LINES = 350, 50
WORDS = re.compile(r"\b(SPEC|DESIGN)\b")
FLAG = re.compile(r"--[a-z]")


@dataclass(frozen=True)
class Module:
    """A module by the name under which it is imported."""

    name: str
    file: Path

    @property
    def tree(self) -> ast.Module:
        return parsed(self.file)

    @property
    def shown(self) -> str:
        return str(self.file.relative_to(ROOT))

    @property
    def room(self) -> str:
        return room_of(self.name)

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.name if self.file.stem == "__init__" else self.name.rpartition(".")[0]


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


@cache
def modules() -> dict[str, Module]:
    found = {}
    for folder, prefix in ((ROOT / PACKAGE, PACKAGE), (ROOT / "cli", f"{PACKAGE}.cli")):
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            name = ".".join([prefix, *(part for part in parts if part != "__init__")])
            found[name] = Module(name, file)
    return found


def room_of(name: str) -> str:
    return [*name.split("."), PACKAGE][1] if name != PACKAGE else PACKAGE


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Yield every module of ours that this one names in an import, at any depth, with the line."""
    known = modules()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = module.package.split(".")[: len(module.package.split(".")) - node.level + 1]
            source = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
            # `from package import name` names a module, or something inside of the package.
            names = [
                inner if (inner := f"{source}.{alias.name}") in known else source for alias in node.names
            ]
        else:
            continue
        for name in names:
            if name.split(".")[0] == PACKAGE and name != module.name:
                yield name, node.lineno


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from `def` to the end, without those of the docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        text = function.body[0]
        assert text.end_lineno is not None
        lines -= text.end_lineno - text.lineno + 1
    return lines


def told(wrong: list[str], rule: str) -> str:
    return "\n".join([f"{rule} ({len(wrong)}):", *wrong])


def test_modules__are_found_with_their_imports() -> None:
    """Without this, a test that looks at nothing would pass."""
    names = modules()
    assert {"atypeak_scale.errors", "atypeak_scale.cli.common", "atypeak_scale.store.build"} <= set(names)
    assert "atypeak_scale.cli.common" in dict(imports(names["atypeak_scale.cli.score"]))  # relative
    assert "atypeak_scale.errors" in dict(imports(names["atypeak_scale.cli.program"]))
    assert room_of("atypeak_scale.cli.score") == "cli"
    assert room_of("atypeak_scale") == "atypeak_scale"


def test_modules__every_room_has_its_place() -> None:
    wrong = sorted({module.room for module in modules().values()} - set(LEVELS))
    assert not wrong, told(wrong, "rooms that are not in the order of rooms")


def test_imports__go_down() -> None:
    """Rooms that stand beside each other may be imported one way, not both."""
    used: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module in modules().values():
        for name, line in imports(module):
            used[module.room, room_of(name)].append(f"{module.shown}:{line} imports {name}")
    wrong = []
    for (room, other), where in used.items():
        here, there = LEVELS.get(room, -1), LEVELS.get(other, len(ROOMS))
        if there > here or (there == here and room != other and (other, room) in used):
            wrong += where
    assert not wrong, told(sorted(wrong), "imports that do not go down")


def test_imports__make_no_circle() -> None:
    direct = {name: {other for other, _ in imports(module)} for name, module in modules().items()}
    reached = {name: reachable(name, direct) for name in direct}
    circles = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in direct
        if name in reached[name]
    }
    wrong = [" <-> ".join(circle) for circle in sorted(circles)]
    assert not wrong, told(wrong, "modules that import each other, directly or through others")


def reachable(name: str, direct: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    to_visit = [name]
    while to_visit:
        new = direct.get(to_visit.pop(), set()) - found
        found |= new
        to_visit += new
    return found


def test_modules__are_read_in_one_sitting() -> None:
    lengths = {module.shown: len(module.file.read_text().splitlines()) for module in modules().values()}
    wrong = [f"{shown}: {lines} lines" for shown, lines in lengths.items() if lines > MODULE_LINES]
    assert not wrong, told(wrong, f"modules of more than {MODULE_LINES} lines")


def test_functions__are_short() -> None:
    wrong = [
        f"{module.shown}:{function.lineno} {function.name}: {length(function)} lines"
        for module in modules().values()
        for function in functions(module.tree)
        if length(function) > FUNCTION_LINES
    ]
    assert not wrong, told(wrong, f"functions of more than {FUNCTION_LINES} lines")


def test_modules__have_their_test_files() -> None:
    wrong = []
    for module in modules().values():
        if module.file.stem in ("__init__", "__main__"):
            continue
        inside = module.file.relative_to(ROOT / "cli" if module.room == "cli" else ROOT / PACKAGE)
        folder = ROOT / "tests" / ("cli" if module.room == "cli" else "") / inside.parent
        test = folder / f"test_{inside.name}"
        if not test.is_file():
            wrong.append(f"{module.shown}: no {test.relative_to(ROOT)}")
    assert not wrong, told(wrong, "modules without a test file")


def test_texts__cite_nothing_that_does_not_ship() -> None:
    wrong = []
    for folder in (PACKAGE, "cli", "configs", "docs"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix not in (".py", ".yaml", ".md", ".txt"):
                continue
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if WORDS.search(line):
                    wrong.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not wrong, told(wrong, "lines that cite what does not ship")


def test_library__does_not_know_the_command_line() -> None:
    wrong = []
    for module in modules().values():
        if module.room == "cli":
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and FLAG.search(node.value):
                around = " ".join(node.value.split())
                wrong.append(f"{module.shown}:{node.lineno}: {around[:100]}")
    assert not wrong, told(wrong, "strings that hold an option of the command line")


def test_packages__are_all_installed() -> None:
    """The list in pyproject.toml is written by hand, since cli/ and configs/ lie beside the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {
        ".".join(folder.relative_to(ROOT).parts)
        for folder in [ROOT / PACKAGE, *(ROOT / PACKAGE).rglob("*")]
        if (folder / "__init__.py").is_file()
    }
    listed = set(project["tool"]["setuptools"]["packages"])
    assert listed == found | {f"{PACKAGE}.cli", f"{PACKAGE}.configs"}


def test_zarr__is_opened_by_few() -> None:
    """Elsewhere a handle reads and writes; nobody else knows how anything lies in a store."""
    may = tuple(f"{PACKAGE}.{name}" for name in ("storage", "store", "scoring", "assess.results"))
    others = [module for module in modules().values() if not module.name.startswith(may)]
    wrong = [
        f"{module.shown}:{line} imports {name}"
        for module in others
        for name, line in imports(module)
        if name.startswith((f"{PACKAGE}.store.arrays", f"{PACKAGE}.store.groups"))
    ]
    zarr = re.compile(r"^\s*(import|from) zarr\b", re.MULTILINE)
    wrong += [f"{module.shown} imports zarr" for module in others if zarr.search(module.file.read_text())]
    assert not wrong, told(wrong, "modules that open Zarr groups or arrays themselves")


def test_tests__leave_the_clock_of_the_process_alone() -> None:
    """A loop of Dask in the same process reads it too, and one that gets no number ends for good."""
    clock = re.compile(r"setattr\([^,\n]*\btime(,|\.(monotonic|time|sleep)\")|setattr\(\"[\w.]*\btime\.")
    assert clock.search('monkeypatch.setattr(module.time, "monotonic", x)')
    wrong = [
        f"{file.relative_to(ROOT)}: {found.group()}"
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if file != Path(__file__)
        for found in clock.finditer(file.read_text())
    ]
    assert not wrong, told(wrong, "tests that set a clock that other threads read; set the module's `time`")
