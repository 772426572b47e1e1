"""Shared code of the readers of scripts: times that are made up, taps and ways that are played."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.logs.samples import SampleWriter

__all__ = ["BETWEEN_NS", "MS", "STEP_NS", "TAP_NS", "Player", "even_times"]

MS = 1_000_000
#: How long a tap is made to last, how far apart two commands are made to be, and two samples of a way.
TAP_NS = 50 * MS
BETWEEN_NS = 1_000 * MS
STEP_NS = 10 * MS
#: No wait and no way takes longer (ns), and no way has more samples: a script may ask for endless ones.
_LONGEST_NS = 3_600 * 1_000 * MS
_MOST_SAMPLES = 10_000


def even_times(start_ns: int, lasts_ns: int, steps: int) -> list[int]:
    """Return the times at the ends of equal steps, the start among them."""
    if lasts_ns > 0 and lasts_ns % steps == 0:
        return list(range(start_ns, start_ns + lasts_ns + 1, lasts_ns // steps))
    return [start_ns + lasts_ns * step // steps for step in range(steps + 1)]


class Player:
    """Plays commands into samples, one after the other.

    Parameters
    ----------
    longest_ns : float
        No wait and no way takes longer.

    Attributes
    ----------
    now_ns : int
        When the next command begins.
    """

    def __init__(self, longest_ns: float = _LONGEST_NS) -> None:
        self.now_ns = 0
        self._longest_ns = longest_ns

    def wait(self, span_ns: float) -> None:
        """Advance the time by a wait."""
        self.now_ns += self._limited(span_ns)

    def tap(self, writer: SampleWriter, x: float, y: float, lasts_ns: float = TAP_NS) -> None:
        """Add a tap, and the time to the next command."""
        end_ns = self.now_ns + self._limited(lasts_ns)
        writer.stroke([self.now_ns, end_ns], [x, x], [y, y])
        self.now_ns = end_ns + BETWEEN_NS

    def way(
        self,
        writer: SampleWriter,
        start: tuple[float, float],
        end: tuple[float, float],
        lasts_ns: float,
        steps: int = 0,
    ) -> None:
        """Add a straight way in so many equal steps, each 10 ms where that is 0, and the time to the next."""
        lasts = self._limited(lasts_ns)
        steps = min(max(steps or -(-lasts // STEP_NS), 1), _MOST_SAMPLES)
        (x0, y0), (x1, y1) = start, end
        dx, dy = (x1 - x0) / steps, (y1 - y0) / steps
        each = range(steps + 1)
        times = even_times(self.now_ns, lasts, steps)
        xs = [x0 + dx * step for step in each]
        ys = [y0 + dy * step for step in each]
        xs[-1], ys[-1] = x1, y1
        writer.stroke(times, xs, ys)
        self.now_ns += lasts + BETWEEN_NS

    def _limited(self, span_ns: float) -> int:
        return round(min(max(span_ns, 0), self._longest_ns))
