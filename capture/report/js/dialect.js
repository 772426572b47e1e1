// The decision of a dialect from recorded measures, and the classes of the other dialects. The rule of the default
// dialect, which is a table of conditions, is in classify.js; here the words of the row choose the steps.

const TAP = KINDS.find((row) => row.name === "tap").kind, LONG_PRESS = KINDS.find((row) => row.name === "long_press").kind;
const DRAG = KINDS.find((row) => row.name === "drag").kind, FLING = KINDS.find((row) => row.name === "fling").kind;
const MULTI_TOUCH = 2, BETWEEN_TAP_AND_HOLD = 6;
/** The measure that records lack: the way within the samples of a release velocity. */
const UNRECORDED = "fling distance";

const isOpen = (rec, key) => rec.row.open.includes(key);

/** A limit in dp or dp/s as it is compared: float32, whole px where places are. */
function lengthOf(rec, limits, key) {
  let value = limits[key];
  if (rec.row.slop_metric === "trunc" && (key === "touch_slop_dp" || key === "drag_distance_dp") && value !== Infinity) {
    value = Math.max(1, Math.floor(value * rec.density + 0.5)) / rec.density;
  }
  return Math.fround(value);
}

/** A time in ns as it is compared: an open one is a nanosecond nearer. */
function spanOf(rec, limits, key) {
  const value = limits[key];
  if (value === Infinity) return Infinity;
  return nsOf(value) + (!isOpen(rec, key) ? 0 : key === "hold_ms" || key === "multi_tap_min_ms" ? 1 : -1);
}

/** Returns the test whether a length is beyond a limit. */
function beyondOf(rec, limits, key) {
  const limit = lengthOf(rec, limits, key);
  return isOpen(rec, key) ? (value) => value >= limit : (value) => value > limit;
}

/** When (ms after the DOWN) the touch slop was passed: as recorded, or along the trail under another slop. */
function slopTimeOf(rec, limits) {
  if (limits.touch_slop_dp === rec.gestures.touch_slop_dp || !rec.trail) return (c, i) => c.slop_time[i];
  const { trail } = rec, passed = beyondOf(rec, limits, "touch_slop_dp"), metric = rec.row.slop_metric;
  const whole = metric === "trunc" ? Math.trunc : (way) => way, place = metric === "round" ? (v) => Math.floor(v + 0.5) : (v) => v;
  return (c, i) => {
    const first = trail.start[i], end = trail.start[i + 1] - (rec.row.up_moves ? 0 : 1);
    for (let s = first + 1; s < end; s++) {
      const dx = whole(f32(place(trail.x[s]) - place(trail.x[first]))), dy = whole(f32(place(trail.y[s]) - place(trail.y[first])));
      if (passed(f32(length32(dx, dy) / rec.density))) return Math.max(0, trail.time[s] - trail.time[first]);
    }
    return NaN;
  };
}

/** The speed that a fling's limit is compared with. */
function speedOf(rec) {
  return rec.row.fling_on !== "axis" ? (c, i) => c.velocity[i]
    : (c, i) => Math.max(Math.abs(c.velocity_x[i]), Math.abs(c.velocity_y[i]));
}

/** Returns the function that decides a stroke: held, dragged, kind, reason. `canHold` is false in a run without holds. */
function judgeOf(rec, limits) {
  const { row } = rec, hold = spanOf(rec, limits, "hold_ms"), timeout = spanOf(rec, limits, "tap_timeout_ms");
  const goneBy = beyondOf(rec, limits, "drag_distance_dp"), fast = beyondOf(rec, limits, "fling_velocity_dp_s");
  const away = beyondOf(rec, limits, "touch_slop_dp"), slopTime = slopTimeOf(rec, limits), speed = speedOf(rec);
  return (c, i, canHold = true) => {
    const span = c.span_ns[i], passed = slopTime(c, i);
    const late = row.after_hold !== "whole" && Math.round(passed * 1e6) >= hold;
    const held = canHold && span >= hold && (Number.isNaN(passed) || late);
    const dragged = goneBy(c.drag_distance[i]);
    const pressed = held && !(row.after_hold === "drag" && dragged);
    const near = !away(row.tap_at === "end" ? c.end_distance[i] : c.slop_distance[i]);
    const begun = (held ? 1 : 0) | (dragged && !pressed ? 2 : 0);
    if (pressed) return { kind: LONG_PRESS, reason: RECOGNIZED, begun };
    if (dragged) return { kind: fast(speed(c, i)) && c.far[i] ? FLING : DRAG, reason: RECOGNIZED, begun };
    if (near && span <= timeout) return { kind: TAP, reason: RECOGNIZED, begun };
    return { kind: NONE, reason: near ? BETWEEN_TAP_AND_HOLD : BETWEEN_SLOP_AND_DRAG, begun };
  };
}

/** The direction of a movement by the words of the row. */
function wayOf(rec, c, i, kind, limits) {
  const { row } = rec, flung = kind === FLING;
  if (row.direction === "box") return directionOf(c, i, limits);
  // The axis of the drag is not recorded, but for the direction that it had.
  if (row.direction === "axis" && c.direction[i] !== 0) {
    const sideways = c.direction[i] >= LEFT;
    if (kind === c.kind[i]) return c.direction[i];
    const way = flung ? (sideways ? c.velocity_x : c.velocity_y)[i] : (sideways ? c.dx : c.dy)[i];
    return towards(way, sideways);
  }
  const byVelocity = flung && row.direction !== "travel";
  const x = (byVelocity ? c.velocity_x : c.dx)[i], y = (byVelocity ? c.velocity_y : c.dy)[i];
  const sideways = Math.abs(x) === Math.abs(y) ? row.tie === "horizontal" : Math.abs(x) > Math.abs(y);
  return towards(sideways ? x : y, sideways);
}

const towards = (way, sideways) => (sideways ? (way > 0 ? RIGHT : LEFT) : way > 0 ? DOWN : UP);

/** Classes of all strokes in a dialect under limits. */
function classifyDialect(rec, limits) {
  const c = rec.columns, out = classesOf(rec), judge = judgeOf(rec, limits), runs = runsOf(rec, limits);
  for (let i = 0; i < rec.count; i++) {
    const stream = rec.streamOf[i], settled = c.reason[i] <= BETWEEN_SLOP_AND_DRAG || c.reason[i] === BETWEEN_TAP_AND_HOLD;
    const next = runs.next(stream, i);
    if (!settled) {
      out.kind[i] = NONE;
      out.reason[i] = c.reason[i];
      // Begun gestures are as recorded: the samples up to the other finger's DOWN, or the CANCEL, decided it.
      out.tapCount[i] = rec.row.run_drag && next > 1 && c.begun[i] ? next : 0;
      if (!(rec.row.second_finger === "ignore" && c.reason[i] === MULTI_TOUCH)) runs.end(stream);
      continue;
    }
    const canHold = rec.row.run_hold || next < 2;
    const { kind, reason, begun } = judge(c, i, canHold), row = ROWS.get(kind);
    out.kind[i] = kind;
    out.reason[i] = reason;
    out.direction[i] = row.moves ? wayOf(rec, c, i, kind, limits) : 0;
    out.dead[i] = row.runs && rec.targets[c.target[i]].responsive === false ? 1 : 0;
    if (row.runs) runs.tap(stream, i, out); else runs.end(stream);
    if (!row.runs && rec.row.run_drag && next > 1 && (kind !== NONE || begun)) out.tapCount[i] = next;
  }
  return out;
}

function classesOf({ count }) {
  return {
    kind: new Uint8Array(count), reason: new Uint8Array(count), direction: new Uint8Array(count),
    dead: new Uint8Array(count), rage: new Uint8Array(count), tapCount: new Int32Array(count),
    run: new Uint8Array(count), // 1 for each tap of a run that became a rage run
  };
}

/** The runs of taps of each stream, by the words of the row. */
function runsOf(rec, limits) {
  const c = rec.columns, { row } = rec, last = new Map();
  const timeout = spanOf(rec, limits, "multi_tap_timeout_ms"), least = spanOf(rec, limits, "multi_tap_min_ms");
  const apart = beyondOf(rec, limits, "multi_tap_slop_dp"), upUp = row.multi_tap_from === "up_up";
  const ns = (ms) => Math.round(ms * 1e6), down = (i) => ns(c.start[i]), up = (i) => down(i) + Math.max(0, c.span_ns[i]);
  const way = (x0, y0, x1, y1) => {
    const dx = Math.fround(x1 - x0), dy = Math.fround(y1 - y0);
    return Math.fround(Math.fround(Math.sqrt(Math.fround(Math.fround(dx * dx) + Math.fround(dy * dy)))) / rec.density);
  };
  /** Count that a tap has, or would have. */
  const count = (before, i) => {
    if (!before) return 1;
    const p = before.row, from = upUp ? up(i) - up(p) : down(i) - (row.multi_tap_from === "down" ? down(p) : up(p));
    const since = down(i) - (row.multi_tap_min_from === "down" ? down(p) : up(p));
    const far = upUp ? way(c.x_up[p], c.y_up[p], c.x_up[i], c.y_up[i]) : way(c.x[p], c.y[p], c.x[i], c.y[i]);
    if (Math.max(0, from) > timeout || Math.max(0, since) < least || apart(far)) return 1;
    return row.multi_tap_count && before.taps + 1 > row.multi_tap_count ? 1 : before.taps + 1;
  };
  return {
    end: (stream) => last.delete(stream),
    /** With runs from UP to UP nothing is known at the DOWN. */
    next: (stream, i) => (upUp ? 0 : count(last.get(stream), i)),
    tap(stream, i, out) {
      const before = last.get(stream), p = before ? before.row : -1;
      const raging = before && Math.max(0, down(i) - up(p)) <= nsOf(limits.rage_tap_timeout_ms) &&
        way(c.x[p], c.y[p], c.x[i], c.y[i]) <= Math.fround(limits.rage_tap_radius_dp);
      const taps = count(before, i), rage = raging ? [...before.rage, i] : [i];
      out.tapCount[i] = taps;
      if (rage.length === limits.rage_tap_count) {
        out.rage[i] = 1;
        for (const each of rage) out.run[each] = 1;
      } else if (rage.length > limits.rage_tap_count) out.run[i] = 1;
      last.set(stream, { row: i, taps, rage });
    },
  };
}

/** Classes of all strokes in the other dialects: dialect -> classes. */
function othersOf(rec, { names, ...parts }) {
  const found = new Map(names.map((name) => [name, { ...classesOf(rec), margin: new Float32Array(rec.count) }]));
  if (!names.length) return found;
  const words = columnOf(parts.words), of = columnOf(parts.of), margins = columnOf(parts.margins), sets = words.length / names.length / 2;
  names.forEach((name, n) => {
    const out = found.get(name);
    for (let i = 0; i < rec.count; i++) {
      const word = words[n * sets + of[i]], margin = margins[n * rec.count + i], row = KINDS[word & 7], detail = (word >> 3) & 7;
      out.kind[i] = row.kind;
      if (row.kind === NONE) out.reason[i] = detail; else out.direction[i] = detail;
      out.tapCount[i] = words[(names.length + n) * sets + of[i]];
      out.rage[i] = out.run[i] = word >> 6;
      out.margin[i] = margin === 255 ? NaN : margin / 100;
      out.dead[i] = row.runs && rec.targets[rec.columns.target[i]].responsive === false ? 1 : 0;
    }
  });
  rec.mostMargin = (parts.most - 1) / 100;
  return found;
}

/** The conditions of each kind in a dialect, in the order in which kinds are tried (as `capture explain`). */
function needsOf(rec, c, i, limits, cls) {
  const { row } = rec, ms = c.span_ns[i] / 1e6, passed = slopTimeOf(rec, limits)(c, i);
  const length = (measure, value, setting, far) => {
    const limit = lengthOf(rec, limits, setting), open = isOpen(rec, setting), past = open ? value >= limit : value > limit;
    return condition(measure, value, far ? (open ? ">=" : ">") : open ? "<" : "<=", limit, setting, far ? past : !past);
  };
  const time = (setting, far, measure = "duration", value = ms) => {
    const limit = limits[setting], ns = spanOf(rec, limits, setting), open = isOpen(rec, setting), exact = Math.round(value * 1e6);
    return condition(measure, value, far ? (open ? ">" : ">=") : open ? "<" : "<=", limit, setting, far ? exact >= ns : exact <= ns);
  };
  const not = (each) => ({ ...each, relation: { "<": ">=", "<=": ">", ">": "<=", ">=": "<" }[each.relation], holds: !each.holds, margin: -each.margin });
  const dragged = length("drag_distance", c.drag_distance[i], "drag_distance_dp", true);
  const fast = length("velocity", speedOf(rec)(c, i), "fling_velocity_dp_s", true);
  const flung = [fast];
  if (row.fling_distance_dp && fast.holds) {
    if (row.fling_over === "stroke" && row.fling_on !== "drag_axis") {
      const gone = f32(length32(f32(c.x_up[i] - c.x[i]), f32(c.y_up[i] - c.y[i])) / rec.density);
      flung.push(length("fling_distance", gone, "fling_distance_dp", true));
    } else if (ROWS.get(cls.kind[i]).moves) {
      flung.push(condition(UNRECORDED, NaN, ">", row.fling_distance_dp, "fling_distance_dp", cls.kind[i] === FLING));
    }
  }
  const within = length("slop_distance", c.slop_distance[i], "touch_slop_dp", false);
  const close = row.tap_at === "end" ? length("slop_distance", c.end_distance[i], "touch_slop_dp", false) : within;
  const held = [time("hold_ms", true)];
  if (!Number.isNaN(passed)) held.push(row.after_hold === "whole" ? within : time("hold_ms", true, "slop_time", passed));
  const inTime = time("tap_timeout_ms", false), late = cls.kind[i] === NONE && close.holds && !inTime.holds;
  let pressed = [...held, ...(row.after_hold === "drag" ? [not(dragged)] : [])];
  const unlike = cls.kind[i] !== LONG_PRESS && !OVERRULED[cls.reason[i]] && pressed.every((each) => each.holds);
  // In a run of taps there are no holds.
  if (!row.run_hold && unlike) pressed = [condition("duration", ms, ">=", Infinity, "run_hold", false)];
  return new Map([
    [LONG_PRESS, pressed],
    [FLING, [dragged, ...flung]],
    [DRAG, [dragged]],
    [TAP, limits.tap_timeout_ms < Infinity ? [close, inTime] : [close]],
    [NONE, [not(dragged), not(late ? inTime : close)]],
  ]);
}

function condition(measure, value, relation, threshold, setting, holds) {
  const unit = UNITS[measure] || "dp", margin = relation[0] === "<" ? threshold - value : value - threshold;
  return { measure, value, relation, threshold, setting, unit, holds, margin };
}
