// From the data that stands in the page to recordings: typed arrays out of the packed bytes.

function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const ARRAYS = { u1: Uint8Array, "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array };
let packed = null; // the bytes of all columns, once they are unpacked

async function unpack() {
  if (!("DecompressionStream" in window)) { $("about").textContent = "This browser is too old to unpack the data of the page."; return; }
  const stream = new Blob([bytesOf($("columns").textContent)]).stream().pipeThrough(new DecompressionStream("deflate"));
  packed = new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A column: its bytes stand by rank. */
function columnOf([type, place, count]) {
  const size = ARRAYS[type].BYTES_PER_ELEMENT;
  if (size === 1) return packed.slice(place, place + count);
  const bytes = new Uint8Array(count * size);
  for (let rank = 0, from = place; rank < size; rank++) for (let i = rank; i < bytes.length; i += size) bytes[i] = packed[from++];
  return new ARRAYS[type](bytes.buffer);
}

/** Zigzag varints of differences, times a unit. */
function varintsOf(column, count, unit) {
  const bytes = columnOf(column), out = new Float64Array(count);
  let value = 0, at = 0;
  for (let i = 0; i < count; i++) {
    let step = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      step += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte & 0x80);
    value += step % 2 ? -(step + 1) / 2 : step / 2;
    out[i] = value * unit;
  }
  return out;
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
  rec.gestures = Object.fromEntries(Object.keys({ ...data.gestures, ...(data.plain ? {} : { hold_ms: 0, multi_tap_min_ms: 0 }) })
    .map((name) => [name, rec.row[name]]));
  if (data.trail) rec.trail = trailOf(data.trail);
  if (data.measured) addMeasures(rec.columns, rec.streamOf, rec.density);
  finished(rec);
  rec.others = new Map(Object.entries(data.others).map(([name, columns]) => [name, othersOf(rec, columns)]));
  return rec;
}

/** Add what is looked up in a recording while it is shown. */
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

function trailOf(data) {
  const counts = columnOf(data.counts), start = new Int32Array(counts.length + 1);
  counts.forEach((each, i) => { start[i + 1] = start[i] + each; });
  const count = start[counts.length];
  return {
    start,
    time: varintsOf(data.time, count, 1e-3),
    x: varintsOf(data.x, count, 1 / 8),
    y: varintsOf(data.y, count, 1 / 8),
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
