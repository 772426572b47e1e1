// Recordings of very many strokes: measures and trails are rounded, measures by the trail are left out. A stroke
// that rounding would put on another side of a threshold has its exact measures besides.

/** Add trail and measures to a recording. */
function addRounded(rec, { counts, samples, gaps, rests, rows, exact }) {
  const c = rec.columns, start = startsOf(columnOf(counts)), trail = { start };
  for (const [name, parts] of Object.entries(samples)) trail[name] = walksOf(start, ...parts.map(columnOf));
  const of = trailMeasures(trail, rec.count);
  for (const [name, [rest, part]] of Object.entries(rests)) {
    const more = columnOf(rest), whole = of[name];
    for (let i = 0; i < rec.count; i++) whole[i] = (whole[i] + more[i]) / part;
  }
  const density = (px) => Float32Array.from(px, (each) => f32(each / rec.density));
  c.start = startTimes(columnOf(gaps), of.span);
  c.span_ns = of.span.map((ms) => ms * 1e6);
  for (const name of ["distance", "path_length", "width", "height"]) c[name] = density(of[name]);
  for (const name of ["x", "y", "x_up", "y_up"]) c[name] = Float32Array.from(of[name]);
  c.gap_ns = gapTimes(rec);
  addMeasures(c, rec.streamOf, rec.density);
  const own = stepped(columnOf(rows));
  for (const [name, column] of Object.entries(exact)) columnOf(column).forEach((value, n) => { c[name][own[n]] = value; });
  rec.rounded = new Set(own); // but for these strokes
  for (let i = 0; i < rec.count; i++) for (let s = start[i]; s < start[i + 1]; s++) trail.time[s] += c.start[i];
  rec.trail = trail;
}

/** Values of samples: of each stroke that has any, the first and the steps from there. */
function walksOf(start, first, steps) {
  const out = new Float64Array(start[start.length - 1]);
  let stroke = 0, step = 0;
  for (let i = 0; i + 1 < start.length; i++) {
    for (let s = start[i], value; s < start[i + 1]; s++) {
      value = s === start[i] ? first[stroke++] : value + steps[step++];
      out[s] = value;
    }
  }
  return out;
}

/** Length of a way; Math.hypot may differ in the last bit. */
const rootOf = (dx, dy) => Math.sqrt(dx * dx + dy * dy);

/** Measures of the strokes by their samples; lengths in the parts of a px in which the rest is sent. */
function trailMeasures({ start, time, x, y }, count) {
  const names = ["span", "distance", "path_length", "width", "height", "x", "y", "x_up", "y_up"];
  const of = Object.fromEntries(names.map((name) => [name, new Float64Array(count)]));
  for (let i = 0; i < count; i++) {
    const first = start[i], last = start[i + 1] - 1;
    if (first > last) continue;
    let left = x[first], right = left, top = y[first], bottom = top, farthest = 0, path = 0;
    for (let s = first + 1; s <= last; s++) {
      farthest = Math.max(farthest, Math.floor(rootOf(x[s] - x[first], y[s] - y[first]) * 4));
      path += Math.floor(rootOf(x[s] - x[s - 1], y[s] - y[s - 1]) * 2);
      left = Math.min(left, x[s]); right = Math.max(right, x[s]);
      top = Math.min(top, y[s]); bottom = Math.max(bottom, y[s]);
    }
    of.span[i] = time[last];
    of.distance[i] = farthest; of.path_length[i] = path;
    of.width[i] = right - left; of.height[i] = bottom - top;
    of.x[i] = x[first]; of.y[i] = y[first];
    of.x_up[i] = x[last]; of.y_up[i] = y[last];
  }
  return of;
}

/** When strokes began (ms): each so long after the end of the one before in the list. */
function startTimes(gaps, spans) {
  let end = 0;
  return Float64Array.from(gaps, (gap, i) => {
    const start = end + gap;
    end = start + spans[i];
    return start;
  });
}

/** Time (ns) from the stroke of the same stream that ended before; -1 for none. */
function gapTimes({ columns, streamOf }) {
  const ends = new Map();
  return columns.start.map((start, i) => {
    const before = ends.get(streamOf[i]), down = start * 1e6;
    ends.set(streamOf[i], down + columns.span_ns[i]);
    return before === undefined ? -1 : Math.max(0, down - before);
  });
}
