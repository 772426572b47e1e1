"""The boat shop, captured: two lines of it are the capture's.

python examples/kivy_shop                          to click through it
python examples/kivy_shop --tour                   a scripted visit, also without a display
python examples/kivy_shop --overlay                with the touches drawn over it
"""

import argparse
import os
import sys
from pathlib import Path

os.environ["KIVY_NO_ARGS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

parser = argparse.ArgumentParser(description="A shop for model boats, captured.")
parser.add_argument("--config", default=str(Path(__file__).parent / "capture.toml"))
parser.add_argument("--tour", action="store_true", help="visit the shop by script, then stop")
parser.add_argument("--overlay", action="store_true", help="draw the touches over the app")
parser.add_argument("--record", metavar="FILE", help="record the touches to a .touch.jsonl file")
options = parser.parse_args()

from shop import ShopApp  # noqa: E402 - Kivy reads its environment when it is imported

from capture.integrations.kivy import capture_app, record, show_overlay  # noqa: E402 - it imports Kivy

app = ShopApp(on_sale=lambda total: cap.track_transaction(total, "EUR"))
cap = capture_app(app, options.config)
if options.overlay:
    show_overlay(cap)
if options.record:
    record(cap, options.record)
if options.tour:
    from tour import Tour

    Tour(app).start()
app.run()

stats = cap.stats
marks = {
    mark: stats.gestures.get(mark, 0) for mark in ("dead", "rage")
}  # of taps, which are among the kinds too
kinds = {kind: count for kind, count in stats.gestures.items() if kind not in marks}
place = getattr(cap.sinks.get("file"), "path", "its sinks")
print(f"{stats.collected} events, {stats.delivered} delivered to {place}")
print(f"strokes: {kinds}; of the taps {marks['dead']} dead, {marks['rage']} at the end of a rage run")
