"""Late imports: names of a package at first use, hooks, and packages that an extra installs."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["EXTRAS", "hook", "how_to_install", "lazy_names", "need", "require"]

#: Package -> the extra that installs it.
EXTRAS = {
    "backports.zstd": "zstd",
    "confluent_kafka": "kafka",
    "duckdb": "duckdb",
    "fastavro": "currents",
    "google": "otlp",
    "obstore": "currents",
    "opentelemetry": "otlp",
    "polars": "polars",
    "pyarrow": "arrow",
    "ray": "ray",
    "resvg_py": "report",
    "sentry_sdk": "sentry",
    "starlette": "demo",
    "uvicorn": "demo",
    "wsproto": "demo",
}


def lazy_names(package: str, home: str, names: Collection[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of `package`, which imports `names` from the module `home`."""

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    return get


def hook(name: str) -> Callable[..., Any]:
    """Return a function of `capture.HOOKS`, by which a lower layer calls a higher one; it is imported now."""
    module, _, function = sys.modules["capture"].HOOKS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def how_to_install(package: str, what: str = "this", extra: str | None = None) -> str:
    """Return the sentence for a user who lacks a package of `EXTRAS`, which `what` needs."""
    name, extra = package.replace("_", "-"), extra or EXTRAS[package]
    return f"{what} needs the package {name}: pip install 'touchcapture[{extra}]'"


def need(package: str, what: str) -> None:
    """Raise a ConfigError unless a package of `EXTRAS` is installed; it is not imported."""
    if find_spec(package) is None:
        raise ConfigError(how_to_install(package, what))


def require(
    module: str,
    what: str = "this",
    error: Callable[[str], Exception] = ConfigError,
    extra: str | None = None,
) -> Any:
    """Import a module of an optional package, or raise an `error` that names the command to install it.

    `extra` is named in place of that of `EXTRAS`, for a package that several extras have.

    A package that is installed but broken raises its own ImportError.
    """
    try:
        return import_module(module)
    except ImportError as failure:
        package = next(name for name in EXTRAS if f"{module}.".startswith(f"{name}."))
        if failure.name is None or not f"{package}.".startswith(f"{failure.name}."):
            raise
        raise error(how_to_install(package, what, extra)) from None
