// The why box: each measure of a stroke against its thresholds, which conditions of other kinds fail, curves.
// The conditions, the words and the digits are those of `capture explain`.

const OVERRULED = {
  2: "another finger of the same stream was down at the same time",
  3: "the system took the stroke away (CANCEL) before the finger was lifted",
  4: "the finger was never seen to lift: the pointer came down again, or the log ended",
  5: "the DOWN's position is not a number: nothing can be measured from it",
};
const UNITS = { duration: "ms", slop_time: "ms", velocity: "dp/s" };
/** The kinds in the order in which a dialect tries them. */
const TRIED = [LONG_PRESS, FLING, DRAG, TAP, NONE];
const WAYS = ["", "upwards", "downwards", "to the left", "to the right"];

/** A number with six digits, as the engine prints it. */
function six(value) {
  if (value === 0 || value === Infinity) return value ? "inf" : "0";
  const exponent = Number(value.toExponential(5).split("e")[1]);
  if (exponent < -4 || exponent >= 6) {
    const [digit, power] = value.toExponential(5).split("e");
    const size = Math.abs(Number(power));
    return `${Number(digit)}e${power[0]}${String(size).padStart(2, "0")}`;
  }
  const text = value.toFixed(Math.max(0, 5 - exponent));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A comparison; `exact` is the measure that is compared, a duration in ns. */
function compare(measure, value, relation, limits, setting, exact = value) {
  const threshold = limits[setting];
  return {
    measure, value, relation, threshold, setting, unit: UNITS[measure] || "dp",
    holds: HOLDS[relation](exact, measure === "duration" ? nsOf(threshold) : Math.fround(threshold)),
    margin: relation[0] === "<" ? threshold - value : value - threshold,
  };
}

const valueOf = (c, i, measure) => MEASURES[measure](c, i) / (measure === "duration" ? 1e6 : 1);

function explainStroke(rec, i, limits, cls) {
  return rec.plain ? explainPlain(rec, i, limits, cls) : explainDialect(rec, i, limits, cls);
}

function explainDialect(rec, i, limits, cls) {
  const needs = needsOf(rec, rec.columns, i, limits, cls);
  const measured = OVERRULED[cls.reason[i]] ? TRIED.find((kind) => needs.get(kind).every((each) => each.holds)) ?? NONE : cls.kind[i];
  const rivals = [...needs].filter(([kind]) => kind !== measured)
    .map(([kind, conditions]) => ({ kind, failed: conditions.filter((each) => !each.holds) }));
  const straight = rec.row.direction === "box" ? straightOf(rec.columns, i, limits, measured) : [];
  const all = [...needs.values()].flat(), measures = new Map();
  for (const { measure, value, setting, threshold } of all) {
    if (!measures.has(measure)) measures.set(measure, { value, settings: new Map() });
    if (threshold !== Infinity) measures.get(measure).settings.set(setting, threshold);
  }
  return { measured, conditions: needs.get(measured), rivals, straight, measures, verdict: verdictOf(cls, i, measured, straight) };
}

function explainPlain(rec, i, limits, cls) {
  const c = rec.columns, measured = ruleOf(limits)(c, i);
  const classes = new Map(KINDS.map(({ kind, when }) => [kind, when.map(([measure, relation, setting]) =>
    compare(measure, valueOf(c, i, measure), relation, limits, setting, MEASURES[measure](c, i)))]));
  const rivals = [...classes].filter(([kind]) => kind !== measured)
    .map(([kind, conditions]) => ({ kind, failed: conditions.filter((each) => !each.holds) }));
  const straight = straightOf(c, i, limits, measured);
  return { measured, conditions: classes.get(measured), rivals, straight, verdict: verdictOf(cls, i, measured, straight) };
}

/** The conditions of a straight movement. */
function straightOf(c, i, limits, measured) {
  if (!ROWS.get(measured).moves) return [];
  const [x, y] = beyond(c, i), across = Math.abs(c.dx[i]) > Math.abs(c.dy[i]);
  return [
    compare("backtrack", across ? x : y, "<=", limits, "touch_slop_dp"),
    compare("wander", across ? y : x, "<=", limits, "touch_slop_dp"),
  ];
}

const called = (kind) => (kind === NONE ? "nothing" : `a ${ROWS.get(kind).label}`);

function verdictOf(cls, i, measured, straight) {
  const reason = cls.reason[i];
  if (OVERRULED[reason]) {
    const text = `not recognised: ${OVERRULED[reason]}`;
    return reason === 5 ? text : `${text}; by its measures alone it would be ${called(measured)}`;
  }
  if (measured === NONE) {
    return reason === BETWEEN_TAP_AND_HOLD ? "not recognised: longer than a tap may last and not long enough for a long press"
      : "not recognised: farther than a tap may go and not far enough for a drag";
  }
  if (!straight.length) return `${called(measured)} ${WAYS[cls.direction[i]] || ""}`.trimEnd();
  const bent = straight.filter((each) => !each.holds).map((each) => each.measure);
  if (bent.length) return `${called(measured)} in a complex pattern: ${bent.join(" and ")} above the touch slop`;
  return `${called(measured)} ${WAYS[cls.direction[i]]}`;
}

function makeWhy(app) {
  const box = $("why-body");
  const shown = (value) => three(value, isExact(app.rec, app.selected));

  function draw() {
    const i = app.selected;
    if (i < 0) {
      box.replaceChildren(el("p", { className: "empty", textContent: "Choose a stroke: on the stage, on the timeline, in the table, or with J and K." }));
      $("why-title").textContent = "Why was it called that?";
      return;
    }
    $("why-title").replaceChildren(icon(ROWS.get(app.classes.kind[i]), app.classes.direction[i]), `Stroke ${i}: ${strokeName(app, i)}`);
    if (!app.rec.measured) { box.replaceChildren(facts(i), el("p", { className: "empty", textContent: "Batches carry no measures: the touch log tells why." })); return; }
    if (app.view) { box.replaceChildren(...together(i), el("p", { className: "verdict", textContent: `${app.view}: ${strokeName(app, i)}` }), others(i), curves(i), facts(i)); return; }
    const why = explainStroke(app.rec, i, app.limits, app.classes);
    const parts = [el("p", { className: "verdict", textContent: why.verdict })];
    if (app.changed(i)) parts.push(el("p", { className: "was", textContent: `Under the recording's thresholds: ${app.formerly(i)}.` }));
    parts.push(...together(i), meters(i, why), curves(i), el("h3", { className: "part", textContent: "Why not another gesture" }), rivals(why),
      el("h3", { className: "part", textContent: "In other dialects" }), others(i), facts(i), thresholds(why));
    box.replaceChildren(...parts);
  }

  /** Each measure as a bar; the threshold stands where two thirds of it are, unless the value is far off. */
  function meters(i, why) {
    const c = app.rec.columns, limits = app.limits;
    const list = el("ul", { className: "meters", "aria-label": "Measures against thresholds" });
    const decisive = new Set([...why.conditions, ...why.straight].map((each) => each.measure + each.setting));
    const add = (measure, value, settings) => {
      list.append(meter(measure, value, settings.map((setting) => [setting, limits[setting]]), decisive));
    };
    if (why.measures) {
      for (const [measure, { value, settings }] of why.measures) {
        if (settings.size && measure !== UNRECORDED) list.append(meter(measure, value, [...settings], decisive));
      }
      return list;
    }
    for (const [measure, settings] of SETTINGS) add(measure, valueOf(c, i, measure), [...settings]);
    for (const each of why.straight) add(each.measure, each.value, ["touch_slop_dp"]);
    return list;
  }

  function meter(measure, value, limits, decisive) {
    const unit = UNITS[measure] || "dp", highest = Math.max(...limits.map(([, limit]) => limit));
    const top = Math.max(highest * 1.5, Math.min(Number.isFinite(value) ? value * 1.08 : Infinity, highest * 4), 1e-9);
    const share = (each) => `${Math.min(100, Math.max(0, (each / top) * 100))}%`;
    const fill = el("span", { className: "fill" }), track = el("span", { className: "track", "aria-hidden": "true" }, fill);
    fill.style.width = share(Number.isFinite(value) ? value : top);
    if (value > top) track.classList.add("beyond");
    const margins = limits.map(([setting, limit]) => {
      const tick = el("span", { className: "tick" });
      tick.style.left = share(limit);
      track.append(tick);
      const away = value - limit;
      const words = !Number.isFinite(value) ? ["not finite"] : away === 0 ? ["exactly at"] : [shown(Math.abs(away)), ` ${away > 0 ? "over" : "under"}`];
      const margin = el("span", { className: "margin" }, ...words, " ", el("b", { textContent: six(limit) }), ` ${settingName(setting)}`);
      if (decisive.has(measure + setting)) margin.classList.add("decides");
      return margin;
    });
    return el("li", {},
      el("span", { className: "measure", textContent: measure }),
      el("span", { className: "value" }, el("b", {}, Number.isFinite(value) ? shown(value) : "not finite"), ` ${unit}`),
      track, el("span", { className: "margins" }, ...margins));
  }

  function rivals(why) {
    const list = el("ul", { className: "rivals", "aria-label": "Failed conditions of the other classes" });
    for (const rival of why.rivals) {
      const lacks = rival.failed.map((each) => {
        const off = Number.isFinite(each.margin) ? each.margin === 0 ? ["exactly at it"] : ["off by ", shown(Math.abs(each.margin))] : [each.measure === UNRECORDED ? "not recorded" : "never"];
        return el("span", { className: "lack" }, `${each.measure} ${each.relation} ${six(each.threshold)} ${each.unit}`, el("i", {}, ...off));
      });
      if (!lacks.length) lacks.push(el("span", { className: "lack", textContent: `nothing: ${ROWS.get(why.measured).label} is tried first` }));
      list.append(el("li", {}, el("span", { className: "rival" }, icon(ROWS.get(rival.kind)), ROWS.get(rival.kind).label), el("span", { className: "lacks" }, ...lacks)));
    }
    return list;
  }

  /** The gesture of all fingers of a stroke's chord. */
  function together(i) {
    const chord = app.rec.chordOf.get(i);
    if (!chord) return [];
    const list = el("dl", { className: "facts chord" }), others = chord.members.filter((each) => each !== i);
    const add = (name, value) => list.append(el("dt", { textContent: name }), el("dd", { textContent: value }));
    add("scale", `${round(chord.scale)}: ${round(chord.span_down)} → ${round(chord.span_up)} dp`);
    add("rotation", `${round(chord.rotation)}°`);
    add("outward, around", `${round(chord.spread)}, ${round(chord.arc)} dp`);
    add("along", `${round(chord.shift)} dp`);
    if (!Number.isNaN(chord.margin)) add("margin", `${round(chord.margin * 100)} %`);
    return [el("p", { className: "verdict", textContent: `${chordName(chord)}, with stroke ${others.join(" and ")}` }), list];
  }

  /** The class of a stroke in the other dialects, and how near that was. */
  function others(i) {
    const list = el("ul", { className: "others", "aria-label": "In other dialects" });
    for (const [name, classes] of app.rec.others) {
      const called = strokeName({ classes }, i), same = classes.kind[i] === app.original.kind[i], margin = classes.margin[i];
      const taps = classes.tapCount[i] > 1 ? ` ×${classes.tapCount[i]}` : "";
      list.append(el("li", { className: same ? "same" : "parts" }, el("span", { className: "dialect", textContent: name }),
        el("span", { className: "rival" }, icon(ROWS.get(classes.kind[i]), classes.direction[i]), called + taps),
        el("span", { className: "number", textContent: Number.isNaN(margin) ? "" : margin > app.rec.mostMargin + 0.005 ? `margin over ${Math.round(app.rec.mostMargin * 100)} %` : `margin ${Math.round(margin * 100)} %` })));
    }
    return list;
  }

  /** The thresholds that were compared, and where each is from. */
  function thresholds(why) {
    const used = new Map([...why.conditions, ...why.straight, ...why.rivals.flatMap((each) => each.failed)].map((each) => [each.setting, each]));
    const list = el("dl", { className: "facts sources" });
    for (const [setting, { threshold, unit }] of used) {
      const moved = app.limits[setting] !== app.rec.gestures[setting];
      list.append(el("dt", { textContent: settingName(setting) }), el("dd", { textContent: `${six(threshold)} ${unit}, ${moved ? "set on this page" : app.rec.sources[setting]}` }));
    }
    return list;
  }

  function facts(i) {
    const { rec } = app, c = rec.columns, target = rec.targets[c.target[i]];
    const list = el("dl", { className: "facts" });
    const add = (name, ...value) => list.append(el("dt", { textContent: name }), el("dd", {}, ...value));
    const place = quoted(lastOf(target.path), "long");
    place.title = target.path.slice(0, 2000);
    add("target", place);
    if (target.id) add("id", quoted(target.id, "long"));
    add("reacts", target.responsive === null ? "not known" : target.responsive ? "yes" : "no: a tap here is dead");
    add("screen", quoted(stageName(rec.stages[c.stage[i]]), "long"));
    if (rec.startMs !== null) add("time", new Date(rec.startMs + c.start[i]).toISOString().replace("T", " ").replace("Z", " UTC"));
    if (rec.measured) {
      add("from, to", `${round(c.x[i])}, ${round(c.y[i])} → ${round(c.x_up[i])}, ${round(c.y_up[i])} px`);
      add("path", shown(c.path_length[i]), ` dp in ${plural(c.sample_count[i], "sample")}`);
      add("box", shown(c.width[i]), " × ", shown(c.height[i]), " dp");
      if (!isExact(rec, i)) add("rounded", "places to 1 px, times to 1 ms; capture explain prints all digits");
    }
    if (rec.streams.names.length > 1) add("stream", rec.streams.names[rec.streamOf[i]]);
    add("finger", String(c.pointer[i]));
    return list;
  }

  function curves(i) {
    const path = app.rec.trail, first = path ? path.start[i] : 0, end = path ? path.start[i + 1] : 0;
    if (end - first < 2) return el("p", { className: "empty", textContent: "Too few samples for curves." });
    const t0 = path.time[first], density = app.rec.density, x = [], y = [], speed = [];
    for (let s = first; s < end; s++) {
      const t = path.time[s] - t0;
      x.push([t, (path.x[s] - path.x[first]) / density]);
      y.push([t, (path.y[s] - path.y[first]) / density]);
      if (s === first) continue;
      const dt = path.time[s] - path.time[s - 1];
      if (dt > 0) speed.push([t, (Math.hypot(path.x[s] - path.x[s - 1], path.y[s] - path.y[s - 1]) / density / dt) * 1e3]);
    }
    const last = Math.max(1e-6, path.time[end - 1] - t0);
    return el("div", { className: "curves" },
      chart("speed", "dp/s", last, [["speed", speed]], app.limits.fling_velocity_dp_s),
      chart("x and y from the DOWN", "dp", last, [["x", x], ["y", y]]));
  }

  function chart(title, unit, last, lines, limit) {
    const width = 320, height = 92, left = 44, bottom = 16;
    const values = lines.flatMap(([, points]) => points.map((point) => point[1]));
    let low = Math.min(0, ...values), high = Math.max(1, ...values);
    if (limit !== undefined && limit < high * 4) high = Math.max(high, limit * 1.1);
    const px = (t) => left + (t / last) * (width - left - 8), py = (v) => 8 + (1 - (v - low) / (high - low)) * (height - bottom - 8);
    const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${round(low)} to ${round(high)} ${unit} in ${round(last)} ms` });
    const text = (x, y, content, anchor) => node.append(svg("text", { x, y, "text-anchor": anchor }, content));
    node.append(svg("path", { class: "axis", d: `M${left} 8V${height - bottom}H${width - 8}` }));
    text(left - 5, 13, round(high), "end");
    text(left - 5, height - bottom, round(low), "end");
    text(width - 8, height - 4, `${round(last)} ms`, "end");
    text(left, height - 4, "0", "start");
    if (limit !== undefined && limit <= high) node.append(svg("path", { class: "limit", d: `M${left} ${py(limit)}H${width - 8}` }));
    for (const [name, points] of lines) {
      if (!points.length) continue;
      node.append(svg("path", { class: `curve ${name}`, d: `M${points.map(([t, v]) => `${px(t).toFixed(1)} ${py(v).toFixed(1)}`).join("L")}` }));
    }
    const legend = el("figcaption", {}, `${title} (${unit})`);
    if (lines.length > 1) for (const [name] of lines) legend.append(el("span", { className: `legend ${name}`, textContent: name }));
    if (limit !== undefined && limit <= high) legend.append(el("span", { className: "legend limit", textContent: "fling velocity" }));
    return el("figure", {}, legend, node);
  }

  return { draw };
}
