"""Build the native core; everything else about the package is in pyproject.toml.

``CAPTURE_BUILD`` chooses the build: ``release`` (the default), ``checked`` (bounds and
initialisation checks on) or ``trace`` (line tracing, for coverage of the ``.pyx`` files).
``CAPTURE_ABI3=1`` builds with the stable ABI, for every Python from 3.12 on: slower sample by sample.
``CAPTURE_ANNOTATE=1`` writes Cython's annotated HTML beside the sources.
"""

import multiprocessing
import os
import re
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

BUILDS = ("release", "checked", "trace")
build = os.environ.get("CAPTURE_BUILD", "release")
if build not in BUILDS:
    sys.exit(f"CAPTURE_BUILD={build!r}: expected one of {', '.join(BUILDS)}")
checked = build == "checked"
trace = build == "trace"

directives = {
    "language_level": 3,
    "boundscheck": checked,
    "initializedcheck": checked,
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
    "embedsignature.format": "python",
    "auto_pickle": False,  # else every class gets a __reduce_cython__ that the stubs would have to list
    "autotestdict": False,
    "freethreading_compatible": True,
    "linetrace": trace,
}
macros = (
    [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")] if trace else []
)
if checked:
    macros.append(("CAPTURE_CHECKED", "1"))
abi3 = os.environ.get("CAPTURE_ABI3") == "1"
if abi3:
    macros.append(("Py_LIMITED_API", "0x030C0000"))
# No contraction to FMA: records are bit-identical on every machine (gestures.md, section 7). No vectors of
# neighbouring statements: GCC 12 drops the rounding to float between a division and a product in them.
flags = [
    "-O3",
    "-g0",
    "-fno-math-errno",
    "-ffp-contract=off",
    "-fno-tree-slp-vectorize",
    "-Wall",
    "-Wno-unused-function",
]

# Cython finds the headers that a module names, and those of the modules that it imports; not what these
# headers include in turn.
USED = re.compile(r'from (?P<module>capture\._native[\w.]*) cimport|(?:from|#include) "(?P<header>[\w./]+)"')


def sources(file: Path, seen: set[Path]) -> set[Path]:
    """Return a native source and every source and header that it is compiled with."""
    if file in seen or not file.exists():
        return seen
    seen.add(file)
    if file.suffix == ".pyx":
        sources(file.with_suffix(".pxd"), seen)
    for use in USED.finditer(file.read_text(encoding="utf-8")):
        module, header = use["module"], use["header"]
        path = module.replace(".", "/") + ".pxd" if module else os.path.normpath(file.parent / header)
        sources(Path(path), seen)
    return seen


def native(file: Path) -> Extension:
    """Return the extension module of a ``.pyx`` file."""
    used = sources(file, set())
    return Extension(
        ".".join(file.with_suffix("").parts),
        [file.as_posix()],
        define_macros=macros,
        extra_compile_args=[] if sys.platform == "win32" else flags,
        py_limited_api=abi3,
        depends=sorted(each.as_posix() for each in used if each.suffix == ".h"),
    )


setup(
    options={"bdist_wheel": {"py_limited_api": "cp312"}} if abi3 else {},
    ext_modules=cythonize(
        [native(file) for file in sorted(Path("capture/_native").rglob("*.pyx"))],
        compiler_directives=directives,
        annotate=bool(os.environ.get("CAPTURE_ANNOTATE")),
        force=build != "release",  # a change of directives is not in Cython's dependency check
        # Processes that do not begin as a copy of this one would run this file again.
        nthreads=(os.cpu_count() or 1) if multiprocessing.get_start_method() == "fork" else 0,
    ),
)
