"""The form of the code: sizes, inheritance, the root of the package, and what tests may reach."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from capture import Capture

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "capture"
MODULES = sorted(PACKAGE.rglob("*.py"))
NATIVE = sorted(each for kind in ("*.pyx", "*.pxd", "*.h") for each in PACKAGE.rglob(kind))
TESTS = sorted({*(ROOT / "tests").rglob("*.py")} - {Path(__file__)})
#: A file may have so many lines; `Capture` has all its public methods, and their documentation, in one.
MOST_LINES = defaultdict(lambda: 400, {"engine/capture.py": 700})
MOST_LINES_OF_A_FUNCTION = 60
#: Bases of structs, enums and errors.
RECORDS = {"Struct", "Enum", "Flag", "IntEnum", "Exception"}
#: The one concrete class that hosts and tests may derive from: the source of time.
CLOCK = "Clock"


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def functions_in(node):
    return [each for each in ast.walk(node) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]


# The package


def test_the_root_has_at_most_twelve_modules():
    modules = [path.name for path in PACKAGE.glob("*.py")]

    assert len(modules) <= 12
    assert [name for name in modules if name.startswith("_") and not name.startswith("__")] == []


def test_no_file_is_long():
    assert [
        name_of(path)
        for path in (*MODULES, *NATIVE)
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES[name_of(path)]
    ] == []


def test_no_function_is_long():
    assert [
        f"{name_of(path)}: {function.name}"
        for path in MODULES
        for function in functions_in(tree_of(path))
        if function.end_lineno - function.lineno >= MOST_LINES_OF_A_FUNCTION
    ] == []


# Inheritance


def test_capture_inherits_from_nothing():
    assert Capture.__mro__ == (Capture, object)


@cache
def classes():
    """Return the classes of the package by name, each with its file: one name may stand for several."""
    found = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                found[node.name].append((path, node))
    return found


def bases_of(node):
    """Return the names of a class's bases, without modules and type parameters."""
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return {ast.unparse(base).rpartition(".")[2] for base in bases}


def ancestors(path, node):
    """Return the classes of ours that a class in the file `path` inherits from, with their files."""
    found = []
    for base in bases_of(node) - {node.name}:  # a wrapper of a native class has its name
        ours = classes().get(base, [])
        found += [each for each in ours if each[0] == path] or ours
    return found


def is_record(path, node):
    """Return whether a class is a struct, an enum or an error."""
    return bool(RECORDS & bases_of(node)) or any(is_record(*each) for each in ancestors(path, node))


def is_abstract(node):
    """Return whether a class is a protocol, or leaves a method to its leaves."""
    left = any(ast.unparse(each.body[-1]) == "raise NotImplementedError" for each in functions_in(node))
    return left or bool({"ABC", "Protocol"} & bases_of(node))


def test_only_protocols_abstract_classes_structs_enums_and_errors_are_inherited_from():
    assert [
        f"{node.name}({base.name})"
        for each in classes().values()
        for path, node in each
        for home, base in ancestors(path, node)
        if not is_record(home, base) and not is_abstract(base) and base.name != CLOCK
    ] == []


# What tests reach


def is_private(name):
    """Return whether a name is private, by its one underscore in front; `_repr_html_` is a protocol's."""
    return name.startswith("_") and not name.endswith("_") and not name.startswith("__")


def defined_in(path):
    """Yield the private names that a file defines: functions, classes, attributes and variables."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                pass
            case _:
                continue
        if is_private(name):
            yield name


@cache
def owners():
    """Return the packages that define each private name."""
    found = defaultdict(set)
    for path in MODULES:
        for name in defined_in(path):
            found[name].add(path.relative_to(PACKAGE).parts[0])
    return found


def reached_in(path):
    """Yield the private names that a test uses of something else than itself."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=name):
                yield name, node.lineno
            case ast.alias(name=name):
                yield name.rpartition(".")[2], node.lineno
            case ast.Constant(value=str(name)) if name.isidentifier():
                yield name, node.lineno


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_test_reaches_into_its_own_part_only(path):
    """A private name that a part defines is for the tests in the folder of that part alone."""
    folder = path.relative_to(ROOT).parent
    own = folder.parts[1] if len(folder.parts) > 1 else ""
    known = {*defined_in(path), "_native", "_replace"}  # the native package; a method of named tuples

    assert [
        f"line {line}: {name}"
        for name, line in reached_in(path)
        if is_private(name) and name in owners() and own not in owners()[name] and name not in known
    ] == []
