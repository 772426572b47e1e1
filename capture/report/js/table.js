// The table of strokes: only the rows in sight are in the document, so that 10,000 cost what 30 do.

const ROW = 33, AHEAD = 8;

function makeTable(app) {
  const box = $("rows-box"), body = $("rows"), table = $("table");
  let rows = [], printing = false;

  function filter() {
    rows = [];
    for (let i = 0; i < app.rec.count; i++) if (app.passes(i)) rows.push(i);
    table.setAttribute("aria-rowcount", rows.length + 1);
    $("count").textContent = rows.length === app.rec.count
      ? plural(rows.length, "stroke") : `${rows.length.toLocaleString("en")} of ${plural(app.rec.count, "stroke")}`;
    $("no-rows").hidden = rows.length > 0;
    draw();
  }

  function draw() {
    const first = printing ? 0 : Math.max(0, Math.floor(box.scrollTop / ROW) - AHEAD);
    const last = printing ? Math.min(rows.length, 2000) : Math.min(rows.length, first + Math.ceil(box.clientHeight / ROW) + 2 * AHEAD);
    const nodes = [];
    if (first > 0) nodes.push(spacer(first));
    for (let n = first; n < last; n++) nodes.push(line(rows[n], n));
    if (last < rows.length && !printing) nodes.push(spacer(rows.length - last));
    body.replaceChildren(...nodes);
  }

  function spacer(count) {
    const row = el("tr", { "aria-hidden": "true", className: "spacer" }, el("td", { colSpan: 8 }));
    row.style.height = `${count * ROW}px`;
    return row;
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
  function reveal() {
    const n = rows.indexOf(app.selected);
    const top = n * ROW;
    if (n >= 0 && (top < box.scrollTop || top + 2 * ROW > box.scrollTop + box.clientHeight)) {
      box.scrollTop = top - box.clientHeight / 2;
    }
    draw();
  }

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

  box.addEventListener("scroll", () => requestAnimationFrame(draw));
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row) app.select(Number(row.dataset.row));
  });
  window.addEventListener("beforeprint", () => { printing = true; draw(); });
  window.addEventListener("afterprint", () => { printing = false; draw(); });

  return { draw, filter, reveal, step };
}
