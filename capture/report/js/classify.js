// Classification as the engine does it: over the recorded measures (float32) and whole nanoseconds,
// nothing else. Numbers read from a Float32Array are exact; where the core computes in float32, so does
// Math.fround.

const NONE = 0, TAP = 6, LONG_PRESS = 8, DRAG = 9, FLING = 10;
const RECOGNIZED = 0, BETWEEN_SLOP_AND_DRAG = 1;
const UP = 1, DOWN = 2, LEFT = 3, RIGHT = 4, COMPLEX_PATTERN = 5;

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
  if (beyondX > limits.touch_slop_dp || beyondY > limits.touch_slop_dp) return COMPLEX_PATTERN;
  if (Math.abs(c.dx[i]) > Math.abs(c.dy[i])) return c.dx[i] < 0 ? LEFT : RIGHT;
  return c.dy[i] < 0 ? UP : DOWN;
}

function kindOf(c, i, limits) {
  if (c.distance[i] < limits.touch_slop_dp) {
    return c.span_ns[i] > nsOf(limits.tap_timeout_ms) ? LONG_PRESS : TAP;
  }
  if (c.distance[i] > limits.drag_distance_dp) {
    return c.velocity[i] > limits.fling_velocity_dp_s ? FLING : DRAG;
  }
  return NONE;
}

/** Classes of all strokes under thresholds: kind, reason, direction, tap runs, rage. */
function classifyAll(rec, limits) {
  const c = rec.columns, count = rec.count;
  if (!rec.measured) {
    return { kind: c.kind, reason: c.reason, direction: c.direction, dead: c.dead, rage: c.rage, tapCount: c.tap_count, run: c.rage };
  }
  const out = {
    kind: new Uint8Array(count), reason: new Uint8Array(count), direction: new Uint8Array(count),
    dead: new Uint8Array(count), rage: new Uint8Array(count), tapCount: new Int32Array(count),
    run: new Uint8Array(count), // 1 for each tap of a run that became a rage run
  };
  const runs = new Map();
  for (let i = 0; i < count; i++) {
    // What was cancelled, cut off or one of several fingers stays so under any threshold.
    const judged = c.reason[i] <= BETWEEN_SLOP_AND_DRAG;
    const kind = judged ? kindOf(c, i, limits) : NONE;
    out.kind[i] = kind;
    out.reason[i] = !judged ? c.reason[i] : kind === NONE ? BETWEEN_SLOP_AND_DRAG : RECOGNIZED;
    out.direction[i] = kind === DRAG || kind === FLING ? directionOf(c, i, limits) : NONE;
    out.dead[i] = kind === TAP && rec.targets[c.target[i]].responsive === false ? 1 : 0;
    countTap(c, i, kind, limits, runs, out, rec.streamOf[i]);
  }
  return out;
}

/** Continue or break the tap runs of a stream. */
function countTap(c, i, kind, limits, runs, out, stream) {
  if (kind !== TAP) { runs.delete(stream); return; }
  let run = runs.get(stream);
  const gap = c.gap_ns[i], apart = c.apart[i];
  if (run) {
    if (gap > nsOf(limits.multi_tap_timeout_ms) || !(apart <= limits.multi_tap_slop_dp)) run.taps = 0;
    if (gap > nsOf(limits.rage_tap_timeout_ms) || !(apart <= limits.rage_tap_radius_dp)) run.rage = [];
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
