"""How many examples Hypothesis tries: ``CAPTURE_EXAMPLES`` where a test names no number, default 100.

A smaller number than that, as in emulation, makes the numbers that tests name smaller too.
"""

import os

EXAMPLES = int(os.environ.get("CAPTURE_EXAMPLES", "100"))


def examples(count):
    """Return how many of `count` examples are tried, at least 5."""
    return max(5, min(count, count * EXAMPLES // 100))
