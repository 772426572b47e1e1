// Classification as the engine does it: over the recorded measures (float32) and whole nanoseconds,
// nothing else. Numbers read from a Float32Array are exact; where the core computes in float32, so does
// Math.fround. The table of kinds comes with the page: the rule is its first row whose conditions hold.

const { kinds: KINDS, reasons: REASONS, defaults: DEFAULTS, sources: SOURCES } = JSON.parse(document.getElementById("model").textContent);
const ROWS = new Map(KINDS.map((row) => [row.kind, row]));
const NONE = 0, RECOGNIZED = 0, BETWEEN_SLOP_AND_DRAG = 1;
const UP = 1, DOWN = 2, LEFT = 3, RIGHT = 4, COMPLEX_PATTERN = 5;

/** Measures that conditions compare, as in the record; durations in ns. */
const MEASURES = {
  duration: (c, i) => c.span_ns[i],
  distance: (c, i) => c.distance[i],
  velocity: (c, i) => c.velocity[i],
};
const HOLDS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => !(a > b), // NaN exceeds nothing
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
/** Measure -> its thresholds, both in the order of the table. */
const SETTINGS = new Map();
for (const [measure, , setting] of KINDS.flatMap((row) => row.when)) {
  SETTINGS.set(measure, (SETTINGS.get(measure) || new Set()).add(setting));
}

/** Milliseconds as whole ns, halves to the even number. */
function nsOf(ms) {
  const exact = ms * 1e6, low = Math.floor(exact), rest = exact - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** How far a stroke went back, or beyond its end, on each axis (dp). */
function beyond(c, i) {
  return [
    Math.fround(c.width[i] - Math.abs(c.dx[i])),
    Math.fround(c.height[i] - Math.abs(c.dy[i])),
  ];
}

function directionOf(c, i, limits) {
  const [beyondX, beyondY] = beyond(c, i);
  if (beyondX > Math.fround(limits.touch_slop_dp) || beyondY > Math.fround(limits.touch_slop_dp)) return COMPLEX_PATTERN;
  if (Math.abs(c.dx[i]) > Math.abs(c.dy[i])) return c.dx[i] > 0 ? RIGHT : LEFT;
  return c.dy[i] > 0 ? DOWN : UP;
}

/** Returns the function that finds the kind of a stroke under thresholds: the first row whose conditions hold. */
function ruleOf(limits) {
  const rows = KINDS.map(({ kind, when }) => [kind, when.map(([measure, relation, setting]) => {
    const holds = HOLDS[relation], valueOf = MEASURES[measure];
    const limit = measure === "duration" ? nsOf(limits[setting]) : Math.fround(limits[setting]);
    return (c, i) => holds(valueOf(c, i), limit);
  })]);
  return (c, i) => {
    for (const [kind, conditions] of rows) if (conditions.every((each) => each(c, i))) return kind;
    return NONE;
  };
}

/** Classes of all strokes under thresholds: kind, reason, direction, tap runs, rage. */
function classifyAll(rec, limits) {
  const c = rec.columns, count = rec.count;
  if (!rec.measured) {
    return { kind: c.kind, reason: c.reason, direction: c.direction, dead: c.dead, rage: c.rage, tapCount: c.tap_count, run: c.rage };
  }
  if (!rec.plain) return classifyDialect(rec, limits);
  const out = classesOf(rec);
  const runs = new Map(), kindOf = ruleOf(limits);
  for (let i = 0; i < count; i++) {
    // Strokes that were cancelled, cut off or one of several fingers stay so under any threshold.
    const judged = c.reason[i] <= BETWEEN_SLOP_AND_DRAG;
    const kind = judged ? kindOf(c, i) : NONE, row = ROWS.get(kind);
    out.kind[i] = kind;
    out.reason[i] = !judged ? c.reason[i] : kind === NONE ? BETWEEN_SLOP_AND_DRAG : RECOGNIZED;
    out.direction[i] = row.moves ? directionOf(c, i, limits) : 0;
    out.dead[i] = row.runs && rec.targets[c.target[i]].responsive === false ? 1 : 0;
    if (row.runs) countTap(c, i, limits, runs, out, rec.streamOf[i]); else runs.delete(rec.streamOf[i]);
  }
  return out;
}

/** Continue or begin the run of taps of a stream. */
function countTap(c, i, limits, runs, out, stream) {
  let run = runs.get(stream);
  const gap = c.gap_ns[i], apart = c.apart[i];
  if (run) {
    if (gap > nsOf(limits.multi_tap_timeout_ms) || !(apart <= Math.fround(limits.multi_tap_slop_dp))) run.taps = 0;
    if (gap > nsOf(limits.rage_tap_timeout_ms) || !(apart <= Math.fround(limits.rage_tap_radius_dp))) run.rage = [];
  } else {
    run = { taps: 0, rage: [] };
    runs.set(stream, run);
  }
  run.taps++;
  run.rage.push(i);
  out.tapCount[i] = run.taps;
  if (run.rage.length === limits.rage_tap_count) {
    out.rage[i] = 1;
    for (const row of run.rage) out.run[row] = 1;
  } else if (run.rage.length > limits.rage_tap_count) {
    out.run[i] = 1;
  }
}
