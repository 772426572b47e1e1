"""The steps of journal and writer, by name: where tests stop, kill or fail a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEPS", "on_step", "step"]

#: All steps, in the order in which a batch passes them.
STEPS = (
    "journal.open", "journal.write", "journal.sync", "journal.answer", "journal.seal", "journal.renamed",
    "writer.read", "writer.written", "writer.renamed", "writer.commit", "writer.committed", "writer.unlinked",
    "swap.written", "swap.recorded", "swap.renamed", "swap.unlinked", "chain.written", "chain.created",
)  # fmt: skip

#: Called with the name of each step; for tests.
on_step: list[Callable[[str], None]] = []


def step(name: str) -> None:
    """Note that a step comes next."""
    for call in on_step:
        call(name)
