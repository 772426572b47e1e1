// Sends pointer events to the engine and shows what comes back. Nothing is decided here.
"use strict";

const $ = (id) => document.getElementById(id);
const pad = $("pad"), ink = $("ink"), pen = ink.getContext("2d");
// The table of kinds: colours, labels and shapes.
const kinds = new Map(JSON.parse($("kinds").textContent).map((row) => [row.name, row]));
const strokes = new Map();   // pointer id -> points of the stroke being drawn
const ended = new Map();     // pointer id -> {points, at} of strokes that wait for their class
const socket = new WebSocket(`ws://${location.host}/touches`);
$("last").style.background = kinds.get("none").color;
window.demo = { gestures: [], latencies: [], batches: [] };   // for tests

socket.onopen = () => { $("state").textContent = "connected"; $("state").className = "open"; };
socket.onclose = () => { $("state").textContent = "closed"; $("state").className = ""; };
socket.onmessage = (message) => {
  const answer = JSON.parse(message.data);
  if (answer.type === "gesture") showGesture(answer); else showBatch(answer);
};

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
  strokes.set(event.pointerId, [[sample.x, sample.y]]);
  send([sample]);
});

pad.addEventListener("pointermove", (event) => {
  const points = strokes.get(event.pointerId);
  if (!points) return;
  // Every sample of the device, not one for each frame.
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  const samples = (all.length ? all : [event]).map((one) => touch("move", one));
  pen.strokeStyle = "#1c2430";
  for (const sample of samples) { segment(points.at(-1), [sample.x, sample.y]); points.push([sample.x, sample.y]); }
  send(samples);
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
  $("last").style.background = row.color;
  $("kind").textContent = known ? row.label : "not recognised";
  $("reason").textContent = words === "none" ? (gesture.rage ? "rage tap" : "") : words;
  const measures = [["duration", "ms", 0], ["distance", "dp", 1], ["velocity", "dp/s", 0], ["sample_count", "", 0]];
  $("measures").tBodies[0].replaceChildren(...measures.map(([name, unit, digits]) => {
    const line = document.createElement("tr");
    line.insertCell().textContent = name.replace("_", " ");
    line.insertCell().textContent = gesture[name] === null ? "–" : `${gesture[name].toFixed(digits)} ${unit}`;
    return line;
  }));
  const item = document.createElement("li"), dot = document.createElement("i"), note = document.createElement("span");
  dot.style.background = row.color;
  note.textContent = words === "none" ? `${Math.round(gesture.duration)} ms` : words;
  item.append(dot, row.label, note);
  $("gestures").prepend(item);
  while ($("gestures").children.length > 6) $("gestures").lastChild.remove();
  if (gesture.event) $("event").textContent = JSON.stringify(gesture.event);
  const label = known ? row.label + (words === "none" ? "" : ", " + words) : words;
  if (stroke) { draw(stroke.points, row, label); window.demo.latencies.push(performance.now() - stroke.at); }
  window.demo.gestures.push(gesture);
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

function draw(points, { color, shape }, label) {
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = 5;
  pen.beginPath();
  points.forEach((point) => pen.lineTo(...point));
  pen.stroke();
  pen.beginPath();
  pen.arc(...points[0], shape === "ring" ? 14 : 8, 0, 7);
  pen.fill();
  pen.lineWidth = 2;
  pen.font = "600 13px system-ui";
  const room = ink.width - pen.measureText(label).width - 8;
  pen.fillText(label, Math.min(points[0][0] + 16, room), points[0][1] - 12);
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
