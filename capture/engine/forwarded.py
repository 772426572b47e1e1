"""An attribute of a part, as an attribute of the whole."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar, overload

__all__ = ["Forwarded"]

_T = TypeVar("_T")


class Forwarded(Generic[_T]):
    """Reads and sets ``owner.<path>``, the name of a part and of its attribute."""

    def __init__(self, path: str, doc: str) -> None:
        self._part, _, self._name = path.partition(".")
        self.__doc__ = doc

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
