// Words, numbers, icons and elements. Texts of the recording enter the document as text nodes only.

const DIRECTIONS = ["", "up", "down", "left", "right", "complex"];

const $ = (id) => document.getElementById(id);

/** An element: properties by name, `data`/`aria` by attribute, children as text or elements. */
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Text of the recording, kept apart from its neighbours in any direction of writing. */
function quoted(text, className = "") {
  return el("bdi", { className, textContent: text });
}

/** The shapes that a kind may have: its icon, its sign at DOWN or UP, whether a trail leads there. */
const SHAPES = {
  disc: {
    icon: [["circle", { r: 4.5, class: "fill" }]], tall: true,
    draw: (context, down) => dot(context, down, 5),
  },
  ring: {
    icon: [["circle", { r: 6, class: "line" }], ["circle", { r: 2.5, class: "fill" }]],
    draw: (context, down) => { dot(context, down, 3); circle(context, down, 8); },
  },
  square: {
    icon: [["path", { d: "M-7 3C-3 -5 0 5 3 0", class: "line" }], ["rect", { x: 2, y: -3, width: 5, height: 5, class: "fill" }]], trail: true,
    draw: (context, down, [x, y]) => { context.fillRect(x - 4, y - 4, 8, 8); dot(context, down, 3); },
  },
  arrow: {
    icon: [["path", { d: "M-7 0H3", class: "line" }], ["path", { d: "M1 -5L8 0L1 5Z", class: "fill" }]], trail: true,
    draw: (context, down, [x, y], before) => {
      context.save();
      context.translate(x, y);
      context.rotate(before ? Math.atan2(y - before[1], x - before[0]) : 0);
      context.beginPath(); context.moveTo(9, 0); context.lineTo(-5, -6); context.lineTo(-5, 6); context.fill();
      context.restore();
    },
  },
  cross: {
    icon: [["path", { d: "M-5 -5L5 5M5 -5L-5 5", class: "line" }]], trail: true, tall: true, dashed: true,
    draw: (context, down, up) => { context.beginPath(); cross(context, up, 5); context.stroke(); },
  },
};
const shapeOf = (kind) => SHAPES[ROWS.get(kind).shape];

function dot(context, [x, y], radius) { context.beginPath(); context.arc(x, y, radius, 0, 7); context.fill(); }

function circle(context, [x, y], radius) { context.beginPath(); context.arc(x, y, radius, 0, 7); context.stroke(); }

/** Add a cross to the path. */
function cross(context, [x, y], size) {
  context.moveTo(x - size, y - size); context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size); context.lineTo(x - size, y + size);
}

/** The sign of a kind (a row of the table): a shape as well as a colour. */
function icon({ name, shape }, direction = 0) {
  const sign = glyph(`kind-${name}`, SHAPES[shape].icon);
  if (SHAPES[shape].trail && TURNS[direction]) sign.style.transform = `rotate(${TURNS[direction]}deg)`;
  return sign;
}
/** Degrees from the right, by direction. */
const TURNS = [0, -90, 90, 180, 0, 0];

function glyph(className, parts) {
  const nodes = parts.map(([tag, attributes]) => svg(tag, attributes));
  return svg("svg", { viewBox: "-8 -8 16 16", class: `icon ${className}`, "aria-hidden": "true" }, ...nodes);
}

/** The name of a threshold in prose, without its unit. */
function settingName(setting) {
  return setting.replace(/_(ms|dp|dp_s)$/, "").replaceAll("_", " ");
}

/** A float32 with as many digits as it has. */
function digits(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "unknown" : value > 0 ? "∞" : "−∞";
  for (let precision = 1; precision < 9; precision++) {
    const text = Number(value.toPrecision(precision));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}

/** A number to look at: three significant digits, or whole. */
function round(value) {
  if (!Number.isFinite(value)) return digits(value);
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(1);
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The last segment of a target's path. */
function lastOf(path) {
  return path.split(">").filter(Boolean).pop() || path;
}

/** Whether the measures of a stroke have all their digits. */
const isExact = (rec, i) => !rec.rounded || rec.rounded.has(i);

/** A number with three digits; on hover all six that `capture explain` prints, unless it is rounded. */
function three(value, exact) {
  const size = Math.abs(value), text = size >= 1000 && size < 1e6 ? value.toFixed(0) : six(Number(value.toPrecision(3)));
  if (!exact) return el("span", { textContent: text });
  const node = el("span", { textContent: text, title: six(value) });
  node.dataset.exact = six(value);
  return node;
}

function clock(ms, long) {
  const all = Math.max(0, ms), hours = Math.floor(all / 3.6e6), minutes = Math.floor(all / 6e4) % 60;
  const seconds = (all / 1e3) % 60;
  const tail = (long ? seconds.toFixed(3) : seconds.toFixed(1)).padStart(long ? 6 : 4, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

function spoken(ms) {
  const seconds = Math.round(ms / 100) / 10;
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

/** How often each value occurs in a column. */
function countsOf(column) {
  const counts = new Map();
  for (const each of column) counts.set(each, (counts.get(each) || 0) + 1);
  return counts;
}

function stageName(stage) {
  return `${stage.title || "Screen"}${stage.landscape ? " (landscape)" : ""}`;
}

function strokeName(app, i) {
  const direction = DIRECTIONS[app.classes.direction[i]];
  const kind = app.classes.kind[i];
  if (kind === NONE) return REASONS[app.classes.reason[i]];
  return [ROWS.get(kind).label, direction].filter(Boolean).join(" ");
}

const CHORDS = ["not recognised", "tap", "pinch", "rotation", "pan", "swipe"];

/** Name of a gesture of several fingers, with its main measures. */
function chordName({ kind, scale, rotation, fingers, direction }) {
  const way = DIRECTIONS[direction], many = `${fingers} fingers: `;
  const detail = kind === 2 ? ` ×${round(scale)}` : kind === 3 ? ` ${round(rotation)}°` : way ? ` ${way}` : "";
  return `${many}${CHORDS[kind]}${detail}`;
}

/** A canvas in the pixels of the device; returns its context in CSS pixels, and its size. */
function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, ratio };
}

/** The colours of the page as they are now. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const colors = {};
  for (const { kind, name } of KINDS) colors[kind] = read(name);
  for (const name of ["ink", "muted", "line", "panel", "stage", "dots", "accent", "dead", "rage", "band-a", "band-b", "chord", "box"]) colors[name] = read(name);
  return colors;
}
