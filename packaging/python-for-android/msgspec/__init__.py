"""python-for-android recipe of msgspec: a C extension without dependencies."""

from pythonforandroid.recipe import PyProjectRecipe


class MsgspecRecipe(PyProjectRecipe):
    """Builds msgspec from its sdist."""

    version = "0.19.0"
    # None: the unpacked sdist is given as P4A_msgspec_DIR.
    url = None
    depends = ["python3"]  # noqa: RUF012 - as python-for-android has it
    hostpython_prerequisites = ["setuptools>=77"]  # noqa: RUF012 - as python-for-android has it


recipe = MsgspecRecipe()
