// A slider for each threshold of the table of kinds, and the strokes that were not recognised.

/** Of a slider by its unit: the end of its range in times of the default, and its step. */
const RANGES = { ms: [2, 10], dp: [4, 1], "dp/s": [10, 5] };
const SLIDERS = [...SETTINGS].flatMap(([measure, settings]) => [...settings].map((key) => sliderOf(key, UNITS[measure] || "dp")));
/** In other dialects a long press has a limit of its own; a limit that never applies has no slider. */
const DIALECT_SLIDERS = [["tap_timeout_ms", "ms"], ["hold_ms", "ms"], ["touch_slop_dp", "dp"], ["drag_distance_dp", "dp"], ["fling_velocity_dp_s", "dp/s"]];
const slidersOf = (rec) => (rec.plain ? SLIDERS : DIALECT_SLIDERS.filter(([key]) => rec.gestures[key] < Infinity).map((each) => sliderOf(...each)));
const hasDefaultLens = ({ plain, row }) => plain ||
  (row.slop_metric === "euclid" && row.drag_metric === "euclid" && row.tap_at === "farthest" && row.up_moves);

function sliderOf(key, unit) {
  const name = settingName(key), [times, step] = RANGES[unit];
  return { key, name: name[0].toUpperCase() + name.slice(1), unit, most: (DEFAULTS[key] ?? DEFAULTS.tap_timeout_ms) * times, step };
}

function makeTune(app) {
  const box = $("sliders"), fields = new Map();
  let sliders = [];

  /** The sliders of a recording. */
  function open(rec) {
    sliders = slidersOf(rec);
    fields.clear();
    box.replaceChildren();
    for (const each of sliders) add(each);
  }

  function add({ key, name, unit, step }) {
    const range = el("input", { type: "range", min: 0, step, id: `range-${key}`, "aria-label": `${name}, ${unit}` });
    const number = el("input", { type: "number", min: 0, step: "any", id: key });
    const change = (value) => { if (Number.isFinite(value) && value >= 0) set(key, value); };
    range.addEventListener("input", () => change(Number(range.value)));
    number.addEventListener("input", () => { if (number.value !== "") change(Number(number.value)); });
    fields.set(key, { range, number });
    box.append(el("div", { className: "slider" },
      el("label", { htmlFor: key, textContent: name }), el("span", { className: "entry" }, number, el("span", { className: "unit", textContent: unit })), range));
  }

  function set(key, value) {
    const limits = { ...app.limits, [key]: value };
    // A drag distance below the touch slop is no configuration of the default lens: the other one gives way.
    if (hasDefaultLens(app.rec) && limits.drag_distance_dp < limits.touch_slop_dp) {
      if (key === "touch_slop_dp") limits.drag_distance_dp = value; else limits.touch_slop_dp = value;
    }
    app.tune(limits);
  }

  function show() {
    for (const { key, most } of sliders) {
      const { range, number } = fields.get(key), value = app.limits[key], own = app.rec.gestures[key];
      range.max = Math.max(most, own * 2);
      range.value = value;
      if (document.activeElement !== number || Number(number.value) !== value) number.value = value;
      number.closest(".slider").classList.toggle("moved", value !== own);
    }
    summary();
    $("toml").textContent = toml();
    $("tune").hidden = !app.rec.measured;
  }

  function summary() {
    const moves = new Map();
    let count = 0;
    for (let i = 0; i < app.rec.count; i++) {
      if (!app.changed(i)) continue;
      count++;
      const text = `${app.formerly(i)} → ${strokeName(app, i)}`;
      moves.set(text, (moves.get(text) || 0) + 1);
    }
    const list = [...moves].sort((a, b) => b[1] - a[1]).slice(0, 6);
    $("changes").replaceChildren(el("strong", { textContent: count ? `${plural(count, "stroke")} would change` : "No stroke would change" }),
      ...list.map(([text, number]) => el("span", { className: "move", textContent: `${number} × ${text}` })));
    $("reset").disabled = !app.view && sliders.every(({ key }) => app.limits[key] === app.rec.gestures[key]);
  }

  function toml() {
    const number = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));
    const dialect = app.rec.plain ? "" : `dialect = "${app.rec.dialect}"\n`;
    return `[gestures]\n${dialect}${sliders.map(({ key }) => `${key} = ${number(app.limits[key])}`).join("\n")}\n`;
  }

  $("reset").addEventListener("click", () => app.tune({ ...app.rec.gestures }));
  $("copy").addEventListener("click", async () => {
    const text = $("toml"), range = document.createRange();
    let done = true;
    try { await navigator.clipboard.writeText(text.textContent); } catch {
      // Where the clipboard is closed to scripts the text is selected instead, ready to be copied by hand.
      range.selectNodeContents(text);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = false;
    }
    $("copied").textContent = done ? "Copied" : "Selected: copy it with Ctrl+C";
    setTimeout(() => { $("copied").textContent = ""; }, 2500);
  });

  return { open, show };
}

/** Kinds and reasons as bars; a click filters the table by it. */
function drawHistogram(app) {
  const kinds = countsOf(app.classes.kind), reasons = countsOf(app.classes.reason);
  kinds.delete(NONE);
  reasons.delete(RECOGNIZED);
  const most = Math.max(1, ...kinds.values(), ...reasons.values());
  const bar = (row, name, count, mark, filter) => {
    const fill = el("span", { className: "fill" });
    fill.style.width = `${(count / most) * 100}%`;
    const node = el("button", { type: "button", className: `bar kind-${row.name}`, disabled: !count }, el("span", { className: "name" }, ...mark, name), el("span", { className: "track", "aria-hidden": "true" }, fill), el("span", { className: "number", textContent: count.toLocaleString("en") }));
    node.addEventListener("click", () => app.filter(filter));
    return node;
  };
  $("kinds").replaceChildren(...KINDS.filter(({ kind }) => kind !== NONE)
    .map((row) => bar(row, row.label, kinds.get(row.kind) || 0, [icon(row)], { kind: String(row.kind) })));
  $("reasons").replaceChildren(...REASONS.slice(1).flatMap((name, n) => n + 1 > 5 && !reasons.get(n + 1) ? [] : bar(ROWS.get(NONE), name, reasons.get(n + 1) || 0, [], { reason: String(n + 1) })));
  const none = [...reasons.values()].reduce((a, b) => a + b, 0);
  $("unrecognized").textContent = app.rec.measured ? `${plural(none, "stroke")} not recognised` : "Batches carry recognised gestures only";
}
