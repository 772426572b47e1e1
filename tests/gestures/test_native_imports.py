"""What the native package says of itself: who imports which of its modules, and what it imports."""

import re
from pathlib import Path

import capture
from capture import _native

PACKAGE = Path(capture.__file__).parent
IMPORT = re.compile(
    r"^ *(?:from capture\._native(?P<module>[\w.]*) import (?P<names>.+)|import capture\._native)",
    re.MULTILINE,
)


def test_the_native_modules_are_imported_as_the_package_states():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        package = path.relative_to(PACKAGE).parts[0]
        for use in IMPORT.finditer(path.read_text(encoding="utf-8")):
            assert use["names"], f"{path}: name the modules"
            names = [name.split(" as ")[0].strip() for name in use["names"].split(",")]
            modules = [use["module"].lstrip(".")] if use["module"] else names
            for module in modules:
                found.setdefault(module, set()).add(package)

    assert {module: tuple(sorted(packages)) for module, packages in found.items()} == _native.IMPORTED_BY


def test_the_native_package_imports_nothing_else_of_ours():
    sources = [
        path for path in (PACKAGE / "_native").rglob("*.p*") if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}
    ]
    ours = [
        f"{path.name}: {module}"
        for path in sources
        for module in re.findall(
            r"^ *(?:from|c?import) (capture[\w.]*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        if not module.startswith("capture._native")
    ]

    assert ours == []
