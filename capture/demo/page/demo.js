// Sends pointer events to the engine and shows its answers. Nothing is decided here.
"use strict";

const $ = (id) => document.getElementById(id);
const pad = $("pad"), ink = $("ink"), pen = ink.getContext("2d");
// The table of kinds: colours, labels and shapes.
const kinds = new Map(JSON.parse($("kinds").textContent).map((row) => [row.name, row]));
const strokes = new Map();   // pointer id -> points of the stroke being drawn
const ends = new Map();      // pointer id -> where it was last, of the fingers that were down together
const CHORDS = { pinch: "pinch", rotate: "rotation", pan: "pan", swipe: "swipe", tap: "tap" };
const ended = new Map();     // pointer id -> {points, at} of strokes that wait for their class
const { names, chosen } = JSON.parse($("dialects").textContent);
let socket = null;
window.demo = { gestures: [], latencies: [], batches: [], chords: [] };   // for tests

/** The colour of a name in the style sheet, and that of a kind on the ground of the page. */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const isDark = matchMedia("(prefers-color-scheme: dark)");
const colorOf = (row) => (isDark.matches ? row.dark : row.color);

/** Another dialect is another session: thresholds do not change under a finger. */
function connect(dialect) {
  if (socket) { socket.onclose = null; socket.close(); }
  const opened = socket = new WebSocket(`ws://${location.host}/touches?dialect=${encodeURIComponent(dialect)}`);
  $("state").textContent = "connecting";
  $("state").className = "";
  strokes.clear();
  ended.clear();
  opened.onopen = () => { $("state").textContent = "connected"; $("state").className = "open"; };
  opened.onclose = () => { $("state").textContent = "closed"; $("state").className = ""; };
  opened.onmessage = (message) => {
    const answer = JSON.parse(message.data);
    ({ gesture: showGesture, chord: showChord, batch: showBatch })[answer.type](answer);
  };
}
$("dialect").append(...names.map((name) => new Option(name, name, name === chosen, name === chosen)));
$("dialect").addEventListener("change", () => connect($("dialect").value));
connect(chosen);

function path(element) {
  const parts = [];
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    parts.unshift(at.localName + (at.id ? "#" + at.id : "") + ">");
  }
  return "[root]>" + parts.join("");
}

function touch(kind, event) {
  const box = pad.getBoundingClientRect();
  const sample = { do: kind, id: event.pointerId, x: event.clientX - box.x, y: event.clientY - box.y, ms: event.timeStamp };
  if (kind === "down") {
    const known = event.target.closest("[data-responsive]");
    Object.assign(sample, { path: path(event.target), view: event.target.id });
    if (known) sample.responsive = known.dataset.responsive === "true";
  }
  return sample;
}

const send = (samples) => { if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(samples)); };

pad.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const sample = touch("down", event);
  pad.setPointerCapture(event.pointerId);
  if (!strokes.size) ends.clear();
  strokes.set(event.pointerId, [[sample.x, sample.y]]);
  send([sample]);
});

pad.addEventListener("pointermove", (event) => {
  const points = strokes.get(event.pointerId);
  if (!points) return;
  // Every sample of the device, not one for each frame.
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  const samples = (all.length ? all : [event]).map((one) => touch("move", one));
  pen.strokeStyle = color("ink");
  for (const sample of samples) { segment(points.at(-1), [sample.x, sample.y]); points.push([sample.x, sample.y]); }
  ends.set(event.pointerId, points.at(-1));
  send(samples);
  if (strokes.size > 1) showFingers();
});

for (const [name, kind] of [["pointerup", "up"], ["pointercancel", "cancel"]]) {
  pad.addEventListener(name, (event) => {
    const points = strokes.get(event.pointerId);
    if (!points) return;
    strokes.delete(event.pointerId);
    ended.set(event.pointerId, { points, at: performance.now() });
    send([touch(kind, event)]);
  });
}
pad.addEventListener("contextmenu", (event) => event.preventDefault());

function showGesture(gesture) {
  const stroke = ended.get(gesture.pointer);
  ended.delete(gesture.pointer);
  const row = kinds.get(gesture.kind), known = gesture.reason === "recognized";
  const words = (known ? gesture.direction : gesture.reason).replaceAll("_", " ");
  const dead = gesture.kind === "tap" && gesture.responsive === false, marks = [];
  if (dead) marks.push(badge("dead", "dead tap"));
  if (gesture.rage) marks.push(badge("rage", "rage"));
  if (gesture.tap_count > 1) marks.push(badge("run", `tap ${gesture.tap_count} of a run`));
  // The gesture of all fingers is more exact than that they were several.
  if (!gesture.in_chord) {
    head(known ? row.label : "not recognised", words === "none" ? "" : words, colorOf(row), marks);
    const number = (name, unit, digits) => (gesture[name] === null ? "–" : `${gesture[name].toFixed(digits)} ${unit}`);
    fields([["target", gesture.target_id || gesture.target_path], ["reacts", { true: "yes", false: "no" }[gesture.responsive] || "not known"],
      ["duration", number("duration", "ms", 0)], ["distance", number("distance", "dp", 1)], ["velocity", number("velocity", "dp/s", 0)],
      ["from", `${gesture.x_down.toFixed(0)}, ${gesture.y_down.toFixed(0)} px`], ["samples", number("sample_count", "", 0)]]);
  }
  enter(row.label, [words === "none" ? `${Math.round(gesture.duration)} ms` : words, dead ? "dead" : "", gesture.rage ? "rage" : ""].filter(Boolean).join(", "), colorOf(row));
  if (gesture.event) $("event").textContent = JSON.stringify(gesture.event, null, 1);
  const label = known ? row.label + (words === "none" ? "" : ", " + words) + (dead ? ", dead" : "") + (gesture.rage ? ", rage" : "") : gesture.in_chord ? "" : words;
  if (stroke) { draw(stroke.points, row, label); window.demo.latencies.push(performance.now() - stroke.at); }
  window.demo.gestures.push(gesture);
}

/** The gesture of several fingers, when they have ended. */
function showChord(chord) {
  const name = chord.kind === "none" ? chord.reason.replaceAll("_", " ") : CHORDS[chord.kind], way = chord.direction === "none" ? "" : ` ${chord.direction}`;
  const detail = chord.kind === "pinch" ? ` ×${chord.scale.toFixed(2)}` : chord.kind === "rotate" ? ` ${chord.rotation.toFixed(0)}°` : way;
  head(`${name}${detail}`, `${chord.fingers} fingers`, color("chord"), []);
  fields([["scale", chord.scale.toFixed(3)], ["rotation", `${chord.rotation.toFixed(1)}°`], ["span", `${chord.span_down.toFixed(0)} → ${chord.span_up.toFixed(0)} dp`],
    ["outward, around, along", `${[chord.spread, chord.arc, chord.shift].map((each) => each.toFixed(0)).join(", ")} dp`], ["duration", `${chord.duration.toFixed(0)} ms`]]);
  enter(`${chord.fingers} fingers`, `${name}${detail}`, color("chord"));
  spokes([...ends.values()], `${name}${detail}`);
  window.demo.chords.push(chord);
}

/** The line between the fingers that are down, how far it grew and turned. */
function showFingers() {
  const now = [...strokes.values()].map((points) => points.at(-1)), then = [...strokes.values()].map((points) => points[0]);
  const spread = (places) => { const [x, y] = middle(places); return places.reduce((sum, place) => sum + Math.hypot(place[0] - x, place[1] - y), 0) || 1; };
  const angle = ([[x0, y0], [x1, y1]]) => Math.atan2(y1 - y0, x1 - x0);
  let turn = ((angle(now) - angle(then)) * 180) / Math.PI;
  turn -= 360 * Math.round(turn / 360);
  head(`×${(spread(now) / spread(then)).toFixed(2)}, ${turn.toFixed(0)}°`, `${now.length} fingers down`, color("chord"), []);
}

const middle = (places) => [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);

function spokes(places, label) {
  if (places.length < 2) return;
  const to = middle(places);
  pen.strokeStyle = pen.fillStyle = color("chord");
  pen.lineWidth = 3;
  for (const place of places) segment(to, place);
  pen.lineWidth = 2;
  write(label, to[0] + 12, to[1] - 10);
}

function head(kind, reason, mark, badges) {
  $("last").style.setProperty("--mark", mark);
  $("kind").textContent = kind;
  $("reason").textContent = reason;
  $("marks").replaceChildren(...badges);
}

function badge(name, text) {
  const mark = document.createElement("span");
  mark.className = `badge ${name}`;
  mark.textContent = text;
  return mark;
}

function fields(rows) {
  $("measures").tBodies[0].replaceChildren(...rows.map(([name, value]) => {
    const line = document.createElement("tr");
    line.insertCell().textContent = name;
    line.insertCell().textContent = value;
    return line;
  }));
}

function enter(name, words, mark) {
  const item = document.createElement("li"), dot = document.createElement("i"), title = document.createElement("span"), note = document.createElement("span");
  dot.style.background = mark;
  title.textContent = name;
  note.textContent = words;
  item.append(dot, title, note);
  $("gestures").prepend(item);
  while ($("gestures").children.length > 6) $("gestures").lastChild.remove();
}

function showBatch(batch) {
  window.demo.batches.push(batch);
  $("count").textContent = `${batch.filling.length} of ${batch.size} events · ${batch.delivered} delivered`;
  $("slots").replaceChildren(...Array.from({ length: batch.size }, (_, at) => {
    const slot = document.createElement("i");
    if (at < batch.filling.length) slot.className = "full";
    return slot;
  }));
}

function segment(from, to) {
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}

function draw(points, row, label) {
  const { shape } = row;
  pen.strokeStyle = pen.fillStyle = colorOf(row);
  pen.lineWidth = 5;
  pen.beginPath();
  points.forEach((point) => pen.lineTo(...point));
  pen.stroke();
  pen.beginPath();
  pen.arc(...points[0], shape === "ring" ? 14 : 8, 0, 7);
  pen.fill();
  pen.lineWidth = 2;
  write(label, points[0][0] + 16, points[0][1] - 12);
}

/** A label on a ground of its own, beside the card that it would cover. */
function write(label, x, y) {
  if (!label) return;
  const shade = pen.fillStyle, box = pad.getBoundingClientRect();
  pen.font = "600 13px system-ui";
  const wide = pen.measureText(label).width, left = Math.max(4, Math.min(x, ink.width - wide - 8));
  const covered = [...document.querySelectorAll(".targets > *")].map((each) => each.getBoundingClientRect())
    .find((each) => left < each.right - box.left && left + wide > each.left - box.left && y > each.top - box.top - 4 && y - 14 < each.bottom - box.top);
  const line = Math.max(14, covered ? covered.top - box.top - 10 : y);
  pen.fillStyle = color("panel");
  pen.fillRect(left - 3, line - 13, wide + 6, 18);
  pen.fillStyle = shade;
  pen.fillText(label, left, line);
}

function resize() {
  const kept = ink.width ? pen.getImageData(0, 0, ink.width, ink.height) : null;
  ink.width = pad.clientWidth;
  ink.height = pad.clientHeight;
  if (kept) pen.putImageData(kept, 0, 0);
  pen.lineWidth = 2;
  pen.lineCap = "round";
}
addEventListener("resize", resize);
resize();
