"""One log through several dialects: the classes, where they part, and why.

Every dialect has one record for each DOWN, in the order in which strokes end, so that row n is the same
stroke in all of them.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures import dialects
from capture.gestures.config import GestureConfig
from capture.gestures.explain import Verdict, explain
from capture.gestures.explain_dialect import JUDGED
from capture.gestures.kinds import KINDS, GestureKind, counts, plain_value
from capture.gestures.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from capture.gestures.recognizer import Gesture, GestureTable
    from capture.gestures.samples import TouchSamples

__all__ = ["Lineup", "Parting", "configurations"]


class Parting(msgspec.Struct, frozen=True):
    """A stroke that dialects call differently.

    Attributes
    ----------
    stroke : int
        Its row.
    time_down : int
        ns.
    kinds : dict of str to str
        Dialect -> class of the stroke.
    margin : float or None
        The smallest margin of all dialects: how near the stroke was to another verdict somewhere.
    why : str
        For each kind but the most frequent one, the comparison that keeps it from that, in one dialect.
    """

    stroke: int
    time_down: int
    kinds: dict[str, str]
    margin: float | None
    why: str


def configurations(config: GestureConfig, names: Sequence[str] = ()) -> dict[str, GestureConfig]:
    """Return a configuration for each dialect: all that there are, rows of the configuration's own last."""
    wanted = names or dialects.names(config.dialects)
    # Verdict columns in the default row too: a comparison needs margins.
    return {
        name: GestureConfig(dialect=name, dialects=config.dialects, verdict_columns=True) for name in wanted
    }


class Lineup:
    """One log, recognised in several dialects at once.

    Parameters
    ----------
    configs : mapping of str to GestureConfig
        Dialect -> its configuration.
    density : float, default 1.0
        px per dp.
    """

    def __init__(self, configs: Mapping[str, GestureConfig], density: float = 1.0) -> None:
        self.configs = dict(configs)
        self.density = density
        self._recognizers = {name: Recognizer(density, config) for name, config in configs.items()}
        self._tables: dict[str, list[GestureTable]] = {name: [] for name in configs}
        self.count = 0

    def feed(self, samples: TouchSamples) -> None:
        """Process a chunk of samples in every dialect."""
        for name, recognizer in self._recognizers.items():
            self._tables[name].append(recognizer.feed(samples))
        self.count += len(next(iter(self._tables.values()))[-1])

    def finish(self) -> None:
        """End the strokes that are open."""
        for name, recognizer in self._recognizers.items():
            self._tables[name].append(recognizer.finish())
        self.count += len(next(iter(self._tables.values()))[-1])

    def forget(self) -> None:
        """Drop the strokes so far; the next one is number 0."""
        for tables in self._tables.values():
            tables.clear()
        self.count = 0

    def column(self, dialect: str, field: str) -> np.ndarray[Any, Any]:
        """Return a column of all strokes in a dialect."""
        import numpy as np

        return np.concatenate([getattr(table, field) for table in self._tables[dialect]])

    def gestures(self, stroke: int) -> dict[str, Gesture]:
        """Return the record of a stroke in each dialect."""
        return {name: self._record(tables, stroke) for name, tables in self._tables.items()}

    @staticmethod
    def _record(tables: list[GestureTable], stroke: int) -> Gesture:
        for table in tables:
            if stroke < len(table):
                return table[stroke]
            stroke -= len(table)
        raise IndexError(stroke)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return dialect -> kind -> number of strokes."""
        kinds = [row.kind for row in KINDS]
        return {name: counts(kinds, self.column(name, "kind")) for name in self.configs}

    def agreement(self) -> dict[str, dict[str, int]]:
        """Return dialect -> dialect -> number of strokes that both call the same."""
        kinds = {name: self.column(name, "kind") for name in self.configs}
        return {one: {other: int((kinds[one] == kinds[other]).sum()) for other in kinds} for one in kinds}

    def partings(self) -> Iterator[Parting]:
        """Yield the strokes that dialects call differently, in order."""
        import numpy as np

        kinds = np.stack([self.column(name, "kind") for name in self.configs])
        for stroke in np.flatnonzero((kinds != kinds[0]).any(axis=0)).tolist():
            yield self.parting(stroke)

    def parting(self, stroke: int) -> Parting:
        """Return the class of a stroke in each dialect."""
        gestures = self.gestures(stroke)
        margins = [gesture.margin for gesture in gestures.values() if gesture.margin == gesture.margin]
        return Parting(
            stroke,
            next(iter(gestures.values())).time_down,
            {name: gesture.kind.name.lower() for name, gesture in gestures.items()},
            min(margins, default=None),
            self._why(gestures),
        )

    def verdicts(self, stroke: int, gesture: Gesture) -> list[Verdict]:
        """Return a stroke's class in each dialect, and the condition that parts it from the record.

        Parameters
        ----------
        stroke : int
            Its row.
        gesture : Gesture
            Its record in the dialect to compare with.
        """
        return [
            Verdict(
                dialect=name,
                kind=each.kind.name.lower(),
                reason=each.reason.name.lower(),
                direction=each.direction.name.lower(),
                tap_count=each.tap_count,
                margin=each.margin if each.margin == each.margin else None,
                why="" if each.kind == gesture.kind else self._parts(name, each, gesture),
            )
            for name, each in self.gestures(stroke).items()
        ]

    def _parts(self, name: str, gesture: Gesture, other: Gesture) -> str:
        """Return the comparison that keeps a stroke in a dialect from being what another calls it."""
        # Only a second finger is a reason in some dialects and none in others.
        if gesture.reason not in JUDGED:
            return "another finger was down"
        if other.reason not in JUDGED:
            return "another finger is ignored"
        found = explain(gesture, self.configs[name], density=self.density)
        kind, wanted = found.kind, plain_value(other.kind)
        failed = next((rival.failed for rival in found.rivals if rival.kind == wanted), ())
        if failed:
            kind, first = wanted, failed[0]
        else:
            first = found.decisive(wanted)
        return f"{first.measure} {first.value_text()}, {kind} needs {first.relation} {first.threshold:.6g}"

    def _why(self, gestures: dict[str, Gesture]) -> str:
        most = Counter(gesture.kind for gesture in gestures.values()).most_common(1)[0][0]
        usual = next(gesture for gesture in gestures.values() if gesture.kind == most)
        others = sorted(
            (item for item in gestures.items() if item[1].kind != most), key=lambda item: item[1].kind
        )
        said = []
        for kind, group in groupby(others, key=lambda item: item[1].kind):
            name, gesture = next(group)
            said.append(f"{kind.name.lower()} in {name}: {self._parts(name, gesture, usual)}")
        return "; ".join(said)

    def to_arrow(self) -> pa.Table:
        """Return a row for each stroke: the stroke, then the kind and the margin of each dialect."""
        import numpy as np
        import pyarrow as pa

        first = next(iter(self.configs))
        columns: dict[str, Any] = {
            name: pa.array(self.column(first, name))
            for name in ("stream", "pointer", "time_down", "time_up", "duration", "distance", "first_sample")
        }
        labels = [member.name.lower() for member in GestureKind]
        places = np.zeros(max(GestureKind) + 1, np.int8)
        places[[int(member) for member in GestureKind]] = range(len(labels))
        for name in self.configs:
            indices = pa.array(places[self.column(name, "kind")])
            columns[name] = pa.DictionaryArray.from_arrays(indices, pa.array(labels))
            columns[f"{name}_margin"] = pa.array(self.column(name, "margin"))
        return pa.table(columns)
