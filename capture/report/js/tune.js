// Sliders for the four thresholds: what would another have done? And the strokes that were not recognised.

const SLIDERS = [
  ["tap_timeout_ms", "Tap timeout", "ms", 1000, 10],
  ["touch_slop_dp", "Touch slop", "dp", 96, 1],
  ["drag_distance_dp", "Drag distance", "dp", 192, 1],
  ["fling_velocity_dp_s", "Fling velocity", "dp/s", 1000, 5],
];

function makeTune(app) {
  const box = $("sliders"), fields = new Map();

  for (const [key, name, unit, , step] of SLIDERS) {
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
    // A drag distance below the touch slop is no configuration: the other one gives way.
    if (limits.drag_distance_dp < limits.touch_slop_dp) {
      if (key === "touch_slop_dp") limits.drag_distance_dp = value; else limits.touch_slop_dp = value;
    }
    app.tune(limits);
  }

  function show() {
    for (const [key, , , most] of SLIDERS) {
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
    $("reset").disabled = SLIDERS.every(([key]) => app.limits[key] === app.rec.gestures[key]);
  }

  function toml() {
    const number = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));
    return `[gestures]\n${SLIDERS.map(([key]) => `${key} = ${number(app.limits[key])}`).join("\n")}\n`;
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

  return { show };
}

/** Kinds and reasons as bars; a click filters the table by it. */
function drawHistogram(app) {
  const kinds = new Map(), reasons = new Map();
  for (let i = 0; i < app.rec.count; i++) {
    const kind = app.classes.kind[i], reason = app.classes.reason[i];
    if (kind !== NONE) kinds.set(kind, (kinds.get(kind) || 0) + 1);
    if (reason !== RECOGNIZED) reasons.set(reason, (reasons.get(reason) || 0) + 1);
  }
  const most = Math.max(1, ...kinds.values(), ...reasons.values());
  const bar = (name, count, mark, filter) => {
    const fill = el("span", { className: "fill" });
    fill.style.width = `${(count / most) * 100}%`;
    const row = el("button", { type: "button", className: "bar", disabled: !count }, el("span", { className: "name" }, ...mark, name), el("span", { className: "track", "aria-hidden": "true" }, fill), el("span", { className: "number", textContent: count.toLocaleString("en") }));
    row.addEventListener("click", () => app.filter(filter));
    return row;
  };
  $("kinds").replaceChildren(...[TAP, LONG_PRESS, DRAG, FLING].map((kind) => {
    const node = bar(KINDS[kind], kinds.get(kind) || 0, [icon(kind)], { kind: String(kind) });
    node.classList.add(`kind-${KEYS[kind]}`);
    return node;
  }));
  $("reasons").replaceChildren(...REASONS.slice(1).map((name, n) => bar(name, reasons.get(n + 1) || 0, [], { reason: String(n + 1) })));
  const none = [...reasons.values()].reduce((a, b) => a + b, 0);
  $("unrecognized").textContent = app.rec.measured ? `${plural(none, "stroke")} not recognised` : "Batches carry recognised gestures only";
}
