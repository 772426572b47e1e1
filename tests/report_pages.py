"""Scripts and helpers for tests that look at a report page in a browser."""

#: Name of a class in the page -> column of the engine's table.
CLASSES = {
    "kind": "kind",
    "reason": "reason",
    "direction": "direction",
    "tapCount": "tap_count",
    "rage": "rage",
}

#: Open a recording, and from its own thresholds move one slider at a time.
SLIDE = """([number, moves]) => {
    const choice = document.getElementById("recording");
    choice.value = number;
    choice.dispatchEvent(new Event("change"));
    return moves.map(([key, value]) => {
        touchReport.limits = { ...touchReport.rec.gestures };
        const field = document.getElementById(key);
        field.value = value;
        field.dispatchEvent(new Event("input"));
        const { limits, classes } = touchReport;
        const names = ["kind", "reason", "direction", "tapCount", "rage"];
        return [limits, Object.fromEntries(names.map((name) => [name, classes[name].join()]))];
    });
}"""

#: Select each stroke, and return what the why box says of it; the other cards are not laid out meanwhile.
WHY = """(count) => {
  const cards = [...document.querySelectorAll(".card:not(#why, [hidden])")];
  for (const each of cards) each.hidden = true;
  const told = Array.from({ length: count }, (_, row) => {
    touchReport.select(row);
    const exact = (node) => {
        const copy = node.cloneNode(true);
        for (const each of copy.querySelectorAll("[data-exact]")) each.textContent = each.dataset.exact;
        return copy.textContent;
    };
    const texts = (query, from = document) => [...from.querySelectorAll(query)].map(exact);
    return {
        verdict: texts(".verdict")[0],
        values: texts(".meters .value"),
        margins: texts(".margin.decides"),
        rivals: [...document.querySelectorAll(".rivals li")].map(
            (each) => [...texts(".rival", each), ...texts(".lack", each)]),
    };
  });
  for (const each of cards) each.hidden = false;
  return told;
}"""


def lack(condition):
    margin = "exactly at it" if condition.margin == 0 else f"off by {abs(condition.margin):.6g}"
    return f"{condition.measure} {condition.relation} {condition.threshold:.6g} {condition.unit}{margin}"


def ink(page, canvas):
    """How many pixels of a canvas are not the colour of its corner."""
    return page.evaluate(
        """(id) => {
            const canvas = document.querySelector(id);
            const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const data = new Uint32Array(image.data.buffer);
            return data.reduce((sum, each) => sum + (each !== data[0] ? 1 : 0), 0);
        }""",
        canvas,
    )


def picture(page, canvas):
    """A canvas as it looks when the next frame has been drawn."""
    return page.evaluate(
        """(id) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
            () => done(document.querySelector(id).toDataURL()))))""",
        canvas,
    )
