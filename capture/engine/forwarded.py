"""An attribute of a part, as an attribute of the whole."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["Forwarded"]

_T = TypeVar("_T")


class Forwarded(Generic[_T]):
    """Reads and sets ``owner.<part>.<name>`` under its own name.

    Parameters
    ----------
    part : str
        Attribute of the owner that has the part.
    doc : str
        Its description.
    """

    def __init__(self, part: str, doc: str) -> None:
        self._part = part
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type) -> _T: ...
    def __get__(self, owner: object | None, kind: type) -> _T | Self:
        if owner is None:
            return self
        value: _T = getattr(getattr(owner, self._part), self._name)
        return value

    def __set__(self, owner: Any, value: _T) -> None:
        setattr(getattr(owner, self._part), self._name, value)
