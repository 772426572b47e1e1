// Several fingers on the stage: the line between them at the start and at the end, how far it turned, where it went.

const TURNED = 4, WENT = 8; // degrees and dp from which a turn and a way are drawn

/** Where a finger was at a time; its first place before. */
function placeAt(trail, i, time) {
  let low = trail.start[i], high = trail.start[i + 1];
  const first = low;
  while (low < high) { const middle = (low + high) >> 1; if (trail.time[middle] <= time) low = middle + 1; else high = middle; }
  const s = Math.max(first, low - 1);
  return [trail.x[s], trail.y[s]];
}

/** Draw a chord up to a time. */
function drawChord(app, context, chord, scale, { until = Infinity, label = true } = {}) {
  const { trail, density } = app.rec, members = chord.members.filter((i) => trail.start[i] < trail.start[i + 1]);
  if (members.length < 2 || until < chord.start) return;
  // The last set of fingers is known by the strokes alone; the moment before the first lift has them all.
  const lift = Math.min(...members.map((i) => app.rec.end[i])), now = Math.min(until, Math.max(chord.start, lift - 1e-3));
  const at = (time) => members.map((i) => placeAt(trail, i, time).map((each) => each * scale));
  const start = at(chord.start), end = at(now);
  context.save();
  context.strokeStyle = context.fillStyle = app.colors.chord;
  context.lineCap = "round";
  context.lineWidth = 1.5;
  context.setLineDash([3, 4]);
  spokes(context, start);
  context.setLineDash([]);
  context.lineWidth = 2.5;
  spokes(context, end);
  for (const place of end) dot(context, place, 4);
  const from = centre(start), to = centre(end);
  if (Math.hypot(to[0] - from[0], to[1] - from[1]) / scale / density > WENT) arrowTo(context, from, to);
  const turn = until >= chord.end ? chord.rotation : turned(start, end);
  if (Math.abs(turn) > TURNED && members.length === 2) arcOf(context, to, start, turn);
  if (label) caption(app, context, to, until >= chord.end ? chordName(chord) : `\u00d7${round(spreadOf(end) / spreadOf(start))}, ${Math.round(turn)}°`);
  context.restore();
}

const centre = (places) => [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);

function spreadOf(places) {
  const [x, y] = centre(places);
  return places.reduce((sum, place) => sum + Math.hypot(place[0] - x, place[1] - y), 0) / places.length || 1;
}

/** The turn from one set of places to another, in degrees. */
function turned(before, after) {
  const a = centre(before), b = centre(after);
  let cross = 0, dot = 0;
  before.forEach(([x, y], n) => {
    const ux = x - a[0], uy = y - a[1], wx = after[n][0] - b[0], wy = after[n][1] - b[1];
    cross += ux * wy - uy * wx;
    dot += ux * wx + uy * wy;
  });
  return (Math.atan2(cross, dot) * 180) / Math.PI;
}

/** The line between two fingers, or from each of more to their middle. */
function spokes(context, places) {
  const middle = centre(places);
  context.beginPath();
  for (const place of places) { context.moveTo(...middle); context.lineTo(...place); }
  context.stroke();
}

function arrowTo(context, from, to) {
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  for (const side of [2.6, -2.6]) { context.moveTo(...to); context.lineTo(to[0] + 9 * Math.cos(angle + side), to[1] + 9 * Math.sin(angle + side)); }
  context.stroke();
}

function arcOf(context, middle, start, degrees) {
  const origin = centre(start), from = Math.atan2(start[0][1] - origin[1], start[0][0] - origin[0]);
  context.lineWidth = 2;
  context.beginPath();
  context.arc(...middle, 20, from, from + (degrees * Math.PI) / 180, degrees < 0);
  context.stroke();
}

/** A label beside a place, inside the picture. */
function caption(app, context, [x, y], text) {
  context.font = "600 12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const wide = context.measureText(text).width + 14, room = context.canvas.clientWidth || context.canvas.width;
  const left = Math.min(Math.max(2, x - wide / 2), Math.max(2, room - wide - 2)), top = y + 16;
  context.fillStyle = app.colors.panel;
  context.strokeStyle = app.colors.chord;
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(left, top, wide, 20, 10);
  context.fill();
  context.stroke();
  context.fillStyle = app.colors.ink;
  context.fillText(text, left + 7, top + 10.5);
}
