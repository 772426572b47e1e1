// From the data that stands in the page to recordings: typed arrays out of the packed bytes.

const ARRAYS = { u1: Uint8Array, "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array };
let packed = null; // the bytes of all columns, once they are unpacked

/** A column: its bytes stand by rank. */
function columnOf([type, place, count, size]) {
  if (type === "z") return wholesOf(place, count, size);
  if (size === 1) return packed.slice(place, place + count);
  const bytes = new Uint8Array(count * size);
  for (let rank = 0, from = place; rank < size; rank++) for (let i = rank; i < bytes.length; i += size) bytes[i] = packed[from++];
  return new ARRAYS[type](bytes.buffer);
}

/** Whole numbers, zigzag: 0, -1, 1, -2, ... */
function wholesOf(place, count, size) {
  const out = new Float64Array(count);
  for (let rank = 0, from = place, scale = 1; rank < size; rank++, scale *= 256) for (let i = 0; i < count; i++) out[i] += packed[from++] * scale;
  for (let i = 0; i < count; i++) out[i] = out[i] % 2 ? -(out[i] + 1) / 2 : out[i] / 2;
  return out;
}

/** Values of which each is given as the difference from the one before, times a unit. */
function stepped(steps, unit = 1) {
  let value = 0;
  return steps.map((step) => { value += step; return value * unit; });
}

/** Where the samples of each stroke begin. */
function startsOf(counts) {
  const start = new Int32Array(counts.length + 1);
  counts.forEach((each, i) => { start[i + 1] = start[i] + each; });
  return start;
}

function recordingOf(data) {
  const columns = {};
  for (const [name, column] of Object.entries(data.columns)) columns[name] = columnOf(column);
  const rec = {
    ...data,
    columns,
    streamOf: columnOf(data.streams.of),
    stages: data.stages.map(([title, landscape, width, height, image]) => ({ title, landscape: !!landscape, width, height, image })),
    targets: data.targets.map(([path, id, responsive]) => ({ path, id, responsive })),
    visits: data.visits.map(([start, end, stage]) => ({ start, end, stage })),
    sessions: data.sessions.map(([start, end, number]) => ({ start, end, number })),
    events: data.events.map(([time, kind, label]) => ({ time, kind, label })),
    bounds: data.bounds,
    trail: null,
    row: Object.fromEntries(Object.entries(data.row).map(([name, value]) => [name, value === null ? Infinity : value])),
    chords: chordsOf(data.chords),
  };
  rec.gestures = Object.fromEntries(Object.keys({ ...data.gestures, ...(data.plain ? {} : { hold_ms: 0, multi_tap_min_ms: 0, fling_distance_dp: 0 }) })
    .map((name) => [name, rec.row[name]]));
  if (data.trail) rec.trail = trailOf(data.trail);
  if (data.rounded) addRounded(rec, data.rounded);
  else if (data.measured) addMeasures(rec.columns, rec.streamOf, rec.density);
  finished(rec);
  rec.others = othersOf(rec, data.others);
  return rec;
}

/** Add the look-up tables of a recording on show. */
function finished(rec) {
  const { columns } = rec;
  rec.end = columns.start.map((start, i) => start + Math.max(0, columns.span_ns[i]) / 1e6);
  rec.byStart = Uint32Array.from({ length: rec.count }, (_, i) => i)
    .sort((a, b) => columns.start[a] - columns.start[b] || a - b);
  // How long the longest stroke is tells how far back an active one may have begun.
  rec.longest = rec.end.reduce((most, end, i) => Math.max(most, end - columns.start[i]), 0);
  rec.visits.sort((a, b) => a.start - b.start);
  rec.ofStage = rec.stages.map(() => []);
  for (let i = 0; i < rec.count; i++) rec.ofStage[columns.stage[i]].push(i);
  rec.chordOf = new Map(rec.chords.flatMap((chord) => chord.members.map((i) => [i, chord])));
}

/** Chords as objects: there are few. */
function chordsOf({ count, columns, members }) {
  const found = Object.entries(columns).map(([name, column]) => [name, columnOf(column)]);
  return Array.from({ length: count }, (_, n) => ({ number: n, members: members[n], ...Object.fromEntries(found.map(([name, column]) => [name, column[n]])) }));
}

function trailOf({ counts, time, x, y }) {
  return {
    start: startsOf(columnOf(counts)),
    time: stepped(columnOf(time), 1e-3), x: stepped(columnOf(x), 1 / 8), y: stepped(columnOf(y), 1 / 8),
  };
}

/** Number of strokes (in the order of their DOWNs) that began at a time or before. */
function begun(rec, time) {
  let low = 0, high = rec.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rec.columns.start[rec.byStart[middle]] <= time) low = middle + 1; else high = middle;
  }
  return low;
}

/** The stage that is shown at a time; -1 before the first. */
function stageAt({ visits }, time) {
  let low = 0, high = visits.length;
  while (low < high) { const middle = (low + high) >> 1; if (visits[middle].start <= time) low = middle + 1; else high = middle; }
  return low ? visits[low - 1].stage : -1;
}

/** Exit points: the last stroke before each change of screen, and the last of all. */
function exitsOf(rec) {
  const exits = new Set();
  rec.visits.forEach((visit, number) => {
    const next = rec.visits[number + 1];
    const last = begun(rec, next ? next.start : Infinity) - 1;
    if (last >= 0 && rec.columns.stage[rec.byStart[last]] === visit.stage) exits.add(rec.byStart[last]);
  });
  return exits;
}
