// The table of strokes.

function makeTable(app) {
  const body = $("rows"), list = makeRows($("rows-box"), body, 8, line);
  let rows = [];

  function filter() {
    rows = [];
    for (let i = 0; i < app.rec.count; i++) if (app.passes(i)) rows.push(i);
    $("count").textContent = rows.length === app.rec.count
      ? plural(rows.length, "stroke") : `${rows.length.toLocaleString("en")} of ${plural(app.rec.count, "stroke")}`;
    $("no-rows").hidden = rows.length > 0;
    list.show(rows);
  }

  function line(i, n) {
    const { rec, classes } = app, c = rec.columns, target = rec.targets[c.target[i]];
    const row = el("tr", { "aria-rowindex": n + 2 });
    row.dataset.row = i;
    if (i === app.selected) row.setAttribute("aria-current", "true");
    const what = el("td", { className: "what" }, icon(ROWS.get(classes.kind[i]), classes.direction[i]), el("span", { textContent: strokeName(app, i) }));
    const chord = rec.chordOf.get(i);
    if (chord) what.append(el("span", { className: "badge chord", textContent: CHORDS[chord.kind], title: chordName(chord) }));
    if (app.changed(i)) {
      what.append(el("span", { className: "was", textContent: `was ${app.formerly(i)}` }));
      row.classList.add("changed");
    }
    if (classes.tapCount[i] > 1) what.append(el("span", { className: "badge", textContent: `×${classes.tapCount[i]}`, title: `tap ${classes.tapCount[i]} of a run` }));
    if (classes.dead[i]) what.append(el("span", { className: "badge dead", textContent: "dead" }));
    if (classes.rage[i]) what.append(el("span", { className: "badge rage", textContent: "rage" }));
    const name = target.id || lastOf(target.path);
    row.append(
      el("td", { className: "number" }, el("button", { type: "button", textContent: i, "aria-label": `Stroke ${i}, ${strokeName(app, i)}` })),
      el("td", { className: "number", textContent: clock(c.start[i], true) }),
      what,
      el("td", {}, quoted(stageName(rec.stages[c.stage[i]]), "clip")),
      el("td", { className: "number", textContent: c.span_ns[i] < 0 ? "–" : round(c.span_ns[i] / 1e6) }),
      el("td", { className: "number", textContent: blank(c.distance[i]) }),
      el("td", { className: "number", textContent: blank(c.velocity[i]) }),
      el("td", {}, quoted(name, "clip")),
    );
    row.lastChild.title = target.path.slice(0, 500);
    return row;
  }

  const blank = (value) => (Number.isNaN(value) ? "–" : round(value));

  /** Bring the selected row into sight. */
  function reveal() { list.reveal(rows.indexOf(app.selected)); }

  /** The stroke after, or before, the selected one, of those that are shown. */
  function step(by) {
    if (!rows.length) return;
    let n = rows.indexOf(app.selected);
    if (n < 0) {
      n = rows.findIndex((i) => app.rec.columns.start[i] >= app.now);
      if (n < 0) n = rows.length;
      if (by > 0) n--;
    }
    app.select(rows[Math.min(rows.length - 1, Math.max(0, n + by))]);
  }

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row) app.select(Number(row.dataset.row));
  });

  return { draw: list.draw, filter, reveal, step };
}
