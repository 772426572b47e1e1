"""Settings: sections of keys, and how a TOML table or an environment variable becomes a checked struct.

A wrong value is one line that names the key, the value, the allowed values and the nearest known key. Sinks
check their own keys with it.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import types
from functools import cache
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta

from capture.errors import ConfigError, hide_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = [
    "FROM_ROW",
    "INFINITE",
    "Seconds",
    "Section",
    "Text",
    "allowed",
    "build_sections",
    "build_sinks",
    "check",
    "check_key",
    "check_required",
    "check_text",
    "construct",
    "expanded",
    "is_disabled",
    "is_loopback",
    "nearest",
    "noted",
    "read_toml",
    "shown",
]

Seconds = Annotated[float, Meta(gt=0, le=31_536_000, description="s")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]

#: The default of a key whose value another key chooses; its section fills it in.
FROM_ROW: Any = msgspec.UNSET
#: ``Meta(extra=...)`` of a number that may be infinite: nothing limits then.
INFINITE = {"infinite": True}

_FALSE = frozenset({"", "0", "false", "no", "off"})
_BASICS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "nothing",
    dict: "a table",
    tuple: "a list",
    Any: "anything",
}
_SinkT = TypeVar("_SinkT", bound=msgspec.Struct)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A group of settings; every one that is built is checked.

    Raises
    ------
    ConfigError
        On construction, naming the key, the value and the allowed values.
    """

    #: Key path of the section, in messages.
    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for key, kind in hints(type(self)).items():
            value = getattr(self, key)
            checked = check(f"{self.section}.{key}", value, kind)
            if checked is not value:
                msgspec.structs.force_setattr(self, key, checked)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(key, hide_value(key, getattr(self, key))) for key in self.__struct_fields__]

    def __repr__(self) -> str:
        """Return the keys and their values, secrets hidden."""
        fields = ", ".join(f"{key}={value!r}" for key, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"


@cache
def hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return key -> annotated type of a section or a sink's table, in the order of its fields."""
    known = get_type_hints(struct, include_extras=True)
    return {key: known[key] for key in struct.__struct_fields__}


def check(path: str, value: Any, kind: Any) -> Any:
    """Return `value` as `kind` has it, or raise a `ConfigError` that names the allowed values at `path`."""
    if value == math.inf and isinstance(value, float) and _may_be_infinite(kind):
        return value
    try:
        result = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise ConfigError(f"{path} = {shown(path, value)}: expected {allowed(kind)}") from None
    if isinstance(result, float) and not math.isfinite(result):
        raise ConfigError(f"{path} = {value}: expected {allowed(kind)}, finite")
    return result


def check_key(path: str, key: str, value: Any, kinds: Mapping[str, Any], *beside: str) -> Any:
    """Return the value of a key as `check` does; an error about an unknown key names one of the known.

    Those are the keys of `kinds` (key -> type), and `beside`.
    """
    if key not in kinds:
        raise ConfigError(f"{path}.{key}: no such key; {nearest(key, [*kinds, *beside])}")
    return check(f"{path}.{key}", value, kinds[key])


def check_required(
    path: str, struct: type[msgspec.Struct], values: Collection[str], problems: list[str], prefix: str = ""
) -> bool:
    """Return whether all required keys are in `values`; those that are not join `problems`."""
    missing = [
        field.name for field in msgspec.structs.fields(struct) if field.required and field.name not in values
    ]
    for key in missing:
        # Not if its value is a problem already.
        if not any(f"{path}.{key}{end}" in problem for problem in problems for end in " :"):
            problems.append(f"{prefix}{path}.{key}: required; expected {allowed(hints(struct)[key])}")
    return not missing


@contextlib.contextmanager
def noted(problems: list[str], prefix: str = "") -> Iterator[None]:
    """Add the message of a `ConfigError` to `problems` and continue behind the block."""
    try:
        yield
    except ConfigError as error:
        problems.append(f"{prefix}{error}")


def _may_be_infinite(kind: Any) -> bool:
    if get_origin(kind) in {Union, types.UnionType}:
        return any(map(_may_be_infinite, get_args(kind)))
    return any(
        isinstance(meta, Meta) and meta.extra is not None and "infinite" in meta.extra
        for meta in get_args(kind)[1:]
    )


def check_text(path: str, text: str, kind: Any) -> Any:
    """Return the value of an option or a variable, which is text; as `check` does."""
    return check(path, _from_text(text, kind), kind)


def expanded(path: str, text: str) -> Path:
    """Return a folder or file whose name may begin with ``~``, or raise a `ConfigError` that names `path`."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{path} = {shown(path, text)}: expected a path; that home folder is not known"
        ) from None


def allowed(kind: Any) -> str:
    """Describe in words the values that a setting's type allows: ``a number above 0, at most 10 (dp)``."""
    origin = get_origin(kind)
    if origin is Annotated:
        base, *metas = get_args(kind)
        words = allowed(base) + "".join(_limits(meta) for meta in metas if isinstance(meta, Meta))
        return words + (", or inf" if _may_be_infinite(kind) else "")
    if origin is Literal:
        return "one of " + ", ".join(str(option) for option in get_args(kind))
    if origin in {Union, types.UnionType}:
        return " or ".join(allowed(part) for part in get_args(kind) if part is not type(None))
    if origin is dict:
        return f"a table of {allowed(get_args(kind)[1])}"
    if origin is tuple:
        return f"a list of {allowed(get_args(kind)[0])}"
    return _BASICS.get(kind, str(kind))


def _limits(meta: Meta) -> str:
    words = [
        (meta.gt, " above {}"),
        (meta.ge, " at least {}"),
        (meta.lt, " below {}"),
        (meta.le, " at most {}"),
        (None if meta.description else meta.pattern, " that matches {}"),
    ]
    limits = ",".join(text.format(limit) for limit, text in words if limit is not None)
    if meta.max_length is not None:
        limits = f", {meta.min_length or 0} to {meta.max_length} characters" + limits
    return limits + (f" ({meta.description})" if meta.description else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or all known names if none is similar."""
    options = list(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(options)}"


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; a `ConfigError` names the file and the place of a mistake."""
    try:
        document = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return dict(document)


def build_sections(
    sections: Mapping[str, type[Section]], tables: Mapping[str, Any], source: str, environ: Mapping[str, str]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return section -> key -> value from the file's tables and the environment, and the mistakes.

    An override is checked by itself, so that a message names the variable and not the file.
    """
    prefix = f"{source}: " if source else ""
    problems = [
        f"{prefix}{name}: no such section; {nearest(name, [*sections, 'sinks'])}"
        for name in tables
        if name not in sections and name != "sinks"
    ]
    values: dict[str, dict[str, Any]] = {}
    for name, struct in sections.items():
        table = tables.get(name, {})
        values[name] = {}
        if not isinstance(table, dict):
            problems.append(f"{prefix}{name} = {shown(name, table)}: expected a table of settings")
            continue
        for key, value in table.items():
            with noted(problems, prefix):
                values[name][key] = check_key(name, key, value, hints(struct))
    for variable, text in environ.items():
        match variable.split("_", 2):
            case ["CAPTURE", section, key] if section.lower() in sections:
                section, key = section.lower(), key.lower()
                kinds = hints(sections[section])
                with noted(problems, f"{variable}: "):
                    value = _from_text(text, kinds[key]) if key in kinds else text
                    values[section][key] = check_key(section, key, value, kinds)
    return values, problems


def _from_text(text: str, kind: Any) -> Any:
    """Read an environment variable as TOML where that fits the type, else as the bare text."""
    if "," in text and get_origin(kind) is tuple and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        value = msgspec.toml.decode(f"value = {text}")["value"]
    except msgspec.DecodeError:
        return [text] if get_origin(kind) is tuple else text
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        # A text that looks like a number or a date: app_version = 2.0.
        return text if _takes_text(kind) else value
    return value


def _takes_text(kind: Any) -> bool:
    try:
        msgspec.convert("text", kind)
    except msgspec.ValidationError:
        return False
    return True


def construct(
    sections: Mapping[str, type[Section]],
    values: Mapping[str, Mapping[str, Any]],
    source: str,
    problems: list[str],
) -> dict[str, Section]:
    """Build each section whose values are right; errors between its keys join `problems`."""
    prefix = f"{source}: " if source else ""
    built: dict[str, Section] = {}
    for name, struct in sections.items():
        # A key whose value is a problem would be at its default.
        wrong = f"{prefix}{name}.", f"CAPTURE_{name.upper()}_"
        is_right = not any(problem.startswith(wrong) for problem in problems)
        if check_required(name, struct, values[name], problems, prefix) and is_right:
            with noted(problems, prefix):
                built[name] = struct(**values[name])
    return built


def build_sinks(struct: type[_SinkT], tables: Any, source: str, problems: list[str]) -> tuple[_SinkT, ...]:
    """Build the ``[[sinks]]`` tables; keys that are not fields of the struct are left to the sink."""
    prefix = f"{source}: " if source else ""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(
            f"{prefix}sinks = {shown('sinks', tables)}: expected [[sinks]] tables, each with a type"
        )
        return ()
    kinds = {key: kind for key, kind in hints(struct).items() if key != "options"}
    built: list[_SinkT] = []
    for index, table in enumerate(tables):
        path, before = f"sinks[{index}]", len(problems)
        common: dict[str, Any] = {}
        check_required(path, struct, table, problems, prefix)
        for key in kinds.keys() & table.keys():
            with noted(problems, prefix):
                common[key] = check_key(path, key, table[key], kinds)
        if len(problems) == before:
            options = {key: value for key, value in table.items() if key not in kinds}
            built.append(struct(**common, options=options))
    return tuple(built)


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether ``CAPTURE_DISABLED`` switches everything off."""
    return environ.get("CAPTURE_DISABLED", "").strip().lower() not in _FALSE


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    import ipaddress  # apps that embed the engine do not need it

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(path: str, value: Any) -> str:
    """Return a value for a message: secrets hidden, cut at 60 characters."""
    text = repr(hide_value(path, value))
    return text if len(text) <= 60 else text[:57] + "..."
