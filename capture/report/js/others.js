// The card of dialects: how many strokes of each kind each one has, how many it calls the same as another, and a way to
// see the recording in it.

function makeOthers(app) {
  const card = $("dialects"), body = $("dialect-rows"), matrix = $("agreement");

  /** All dialects of a recording, its own first. */
  const all = () => [[app.rec.dialect, app.original], ...app.rec.others];

  function show() {
    card.hidden = !app.rec.measured || !app.rec.others.size;
    if (card.hidden) return;
    body.replaceChildren(...all().map(line));
    const names = all().map(([name]) => name), parted = partings();
    $("partings").textContent = parted ? `${plural(parted, "stroke")} of ${app.rec.count.toLocaleString("en")} are not the same in all dialects` : "All dialects call every stroke the same";
    matrix.replaceChildren(
      el("tr", {}, el("td"), ...names.map((name) => el("th", { scope: "col" }, el("span", { textContent: name })))),
      ...all().map(([name, classes]) => el("tr", {}, el("th", { scope: "row", textContent: name }), ...all().map(([, other]) => share(agreement(classes, other))))));
  }

  function line([name, classes]) {
    const own = name === app.rec.dialect, counts = countsOf(classes.kind);
    const button = el("button", { type: "button", textContent: name, "aria-pressed": String(own ? !app.view : app.view === name) });
    button.addEventListener("click", () => app.see(own ? null : name));
    return el("tr", {}, el("th", { scope: "row" }, button),
      ...KINDS.map(({ kind }) => el("td", { className: "number", textContent: (counts.get(kind) || 0).toLocaleString("en") })),
      el("td", { className: "number", textContent: own ? "" : percent(agreement(classes, app.original)) }));
  }

  function agreement(one, other) {
    let same = 0;
    for (let i = 0; i < app.rec.count; i++) if (one.kind[i] === other.kind[i]) same++;
    return app.rec.count ? same / app.rec.count : 1;
  }

  function partings() {
    const classes = all().map(([, each]) => each.kind);
    let count = 0;
    for (let i = 0; i < app.rec.count; i++) if (classes.some((kind) => kind[i] !== classes[0][i])) count++;
    return count;
  }

  const percent = (part) => `${Math.round(part * 100)} %`;

  function share(part) {
    const cell = el("td", { className: "number", textContent: Math.round(part * 100) });
    cell.style.setProperty("--share", `${Math.round(part * 100)}%`);
    return cell;
  }

  $("dialect-kinds").append(el("th", { scope: "col", textContent: "as" }), ...KINDS.map((row) => el("th", { scope: "col", className: "number", title: row.legend }, icon(row), el("span", { className: "unseen", textContent: row.legend }))),
    el("th", { scope: "col", className: "number", textContent: "the same" }));

  return { show };
}
