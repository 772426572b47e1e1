"""python-for-android recipe of msgspec: a C extension without dependencies."""

from pythonforandroid.recipe import PyProjectRecipe


class MsgspecRecipe(PyProjectRecipe):
    """Builds msgspec from its sdist."""

    version = "0.19.0"
    url = "https://pypi.org/packages/source/m/msgspec/msgspec-{version}.tar.gz"
    depends = ["python3"]  # noqa: RUF012 - as python-for-android has it
    hostpython_prerequisites = ["setuptools>=77"]  # noqa: RUF012 - as python-for-android has it


recipe = MsgspecRecipe()
