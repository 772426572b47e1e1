"""python-for-android recipe of touchcapture: the live path, for Kivy apps."""

from pythonforandroid.recipe import PyProjectRecipe


class TouchcaptureRecipe(PyProjectRecipe):
    """Builds the native core from the sdist; numpy, rich and typer stay out of the app."""

    version = "0.1.0"
    # None: the unpacked sdist (python -m build --sdist) is given as P4A_touchcapture_DIR.
    url = None
    # Recipes are not resolved through pip: what the live path imports stands here.
    depends = ["python3", "msgspec", "urllib3"]  # noqa: RUF012 - as python-for-android has it
    hostpython_prerequisites = ["setuptools>=77", "cython>=3.1,<4"]  # noqa: RUF012 - as python-for-android has it


recipe = TouchcaptureRecipe()
