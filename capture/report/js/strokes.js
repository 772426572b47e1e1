// From touch samples to strokes and their measures, as the engine makes them: places and lengths in float32, times in
// whole ns. Kinds come from classify.js, as for every recording; this is for a log that is opened on the page.

const CANCELED = 3, INCOMPLETE = 4, MALFORMED = 5;
const IS_DOWN = 0, IS_UP = 1, IS_MOVE = 2, IS_CANCEL = 3;
function newStroke(n, { stream, pointer, time, x, y }) {
  const bad = !Number.isFinite(x) || !Number.isFinite(y);
  return {
    stream, pointer, bad, first: n, last: n, down: time, up: time, x, y, xUp: x, yUp: y, several: false, count: 1, samples: bad ? [] : [n],
    farthest: 0, low: [x, y], high: [x, y], sums: new Float32Array(8), segments: 0, reason: 0,
  };
}

/** Add a good sample. */
function extend(stroke, n, x, y, time) {
  stroke.samples.push(n);
  stroke.count++;
  Object.assign(stroke, { last: n, up: time });
  if (!stroke.bad) {
    const dx = f32(x - stroke.x), dy = f32(y - stroke.y);
    stroke.farthest = Math.max(stroke.farthest, f32(f32(dx * dx) + f32(dy * dy)));
    // Eight partial sums: the order of the additions decides the last bit.
    stroke.sums[stroke.segments++ % 8] += length32(f32(x - stroke.xUp), f32(y - stroke.yUp));
    stroke.low = [Math.min(stroke.low[0], x), Math.min(stroke.low[1], y)];
    stroke.high = [Math.max(stroke.high[0], x), Math.max(stroke.high[1], y)];
  }
  stroke.xUp = x;
  stroke.yUp = y;
}

/** Strokes in the order of their ends, and how many samples were ignored. */
function strokesOf(samples) {
  const streams = new Map(), done = [];
  let ignored = 0;
  const end = (stroke, reason) => {
    stroke.reason = stroke.bad ? MALFORMED : reason || (stroke.several ? MULTI_TOUCH : 0);
    done.push(stroke);
  };
  samples.forEach((sample, n) => {
    const { stream, pointer, action, time, x, y } = sample;
    if (!(action >= IS_DOWN && action <= IS_CANCEL)) { ignored++; return; }
    if (!streams.has(stream)) streams.set(stream, new Map());
    const open = streams.get(stream), stroke = open.get(pointer);
    if (action === IS_DOWN) {
      if (stroke) { open.delete(pointer); end(stroke, INCOMPLETE); }
      const begun = newStroke(n, sample);
      if (open.size) for (const each of [begun, ...open.values()]) each.several = true;
      open.set(pointer, begun);
      return;
    }
    const good = Number.isFinite(x) && Number.isFinite(y);
    if (!stroke || !good) ignored++;
    if (!stroke) return;
    if (good) extend(stroke, n, x, y, time);
    if (action === IS_MOVE) return;
    Object.assign(stroke, { last: n, up: time });
    open.delete(pointer);
    end(stroke, action === IS_CANCEL ? CANCELED : 0);
  });
  const left = [...streams.values()].flatMap((open) => [...open.values()]);
  for (const stroke of left.sort((a, b) => a.first - b.first)) end(stroke, INCOMPLETE);
  return { strokes: done, ignored };
}

/** Columns of strokes as a recording has them; `since` is the origin of time (ns) of each stream. */
function measuresOf(strokes, density, since) {
  const dp = (px) => f32(px / density), floats = (value) => Float32Array.from(strokes, value), spans = (value) => Float64Array.from(strokes, value);
  const path = ({ bad, sums: s }) => (bad ? 0 : f32(f32(f32(s[0] + s[4]) + f32(s[2] + s[6])) + f32(f32(s[1] + s[5]) + f32(s[3] + s[7]))));
  const extent = (axis) => ({ bad, low, high }) => (bad ? 0 : dp(f32(high[axis] - low[axis])));
  return {
    kind: new Uint8Array(strokes.length), reason: Uint8Array.from(strokes, ({ reason }) => reason),
    pointer: Int32Array.from(strokes, ({ pointer }) => pointer),
    start: spans(({ stream, down }) => (down - since.get(stream)) / 1e6), span_ns: spans(({ down, up }) => Math.max(0, up - down)),
    x: floats(({ x }) => x), y: floats(({ y }) => y), x_up: floats(({ xUp }) => xUp), y_up: floats(({ yUp }) => yUp),
    distance: floats(({ farthest }) => dp(f32(Math.sqrt(farthest)))), path_length: floats((each) => dp(path(each))),
    width: floats(extent(0)), height: floats(extent(1)), sample_count: Int32Array.from(strokes, ({ count }) => count),
    gap_ns: gapsOf(strokes),
  };
}

/** Time (ns) from the stroke of the same stream that ended before; -1 for none. */
function gapsOf(strokes) {
  const ups = new Map();
  return Float64Array.from(strokes, ({ stream, down, up }) => {
    const before = ups.get(stream);
    ups.set(stream, up);
    return before === undefined ? -1 : Math.max(0, down - before);
  });
}

