// The page's content, and its reactions to touches, keys and playing.

packed = await unpacked("columns");

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const IDLE_MS = 700; // a longer pause is skipped, except half of this

const app = {
  recordings: JSON.parse($("data").textContent),
  loaded: new Map(),
  rec: null, recNumber: -1, stage: 0, now: 0, selected: -1, playing: false, following: false,
  speed: 1, mode: "trails", heat: "taps", limits: null, classes: null, original: null, exits: null,
  ready: false, // whether the address follows the selection
  boxes: true, // whether the stage shows targets
  bySpeed: false, // whether trails are coloured by speed
  view: null, // another dialect with whose eyes the strokes are seen
  colors: null, theme: "", version: 0, pictures: new Map(),
  filters: { kind: "", reason: "", stage: "", target: "", dead: false, rage: false, changed: false },

  passes(i) {
    const { filters: f, classes, rec } = this;
    if (f.kind !== "" && classes.kind[i] !== Number(f.kind)) return false;
    if (f.reason !== "" && classes.reason[i] !== Number(f.reason)) return false;
    if (f.stage !== "" && rec.columns.stage[i] !== Number(f.stage)) return false;
    if (f.dead && !classes.dead[i]) return false;
    if (f.rage && !classes.run[i]) return false;
    if (f.changed && !this.changed(i)) return false;
    return !f.target || this.targetFits[rec.columns.target[i]];
  },
  changed(i) {
    const { original: a, classes: b } = this;
    return a !== b && (a.kind[i] !== b.kind[i] || a.direction[i] !== b.direction[i]);
  },
  /** Name of a stroke under the recording's thresholds. */
  formerly(i) { return strokeName({ classes: this.original }, i); },

  select(i, { seek = true } = {}) {
    this.selected = i;
    link();
    if (i >= 0) {
      if (!this.playing && seek) this.now = this.rec.columns.start[i];
      this.show(this.rec.columns.stage[i]);
      if (seek) this.following = this.playing;
    }
    why.draw();
    table.reveal();
    stage.draw();
    timeline.draw();
    clockText();
  },
  seek(time) {
    this.now = Math.min(Math.max(0, time), this.rec.length);
    this.following = true;
    followScreen();
    frame();
  },
  show(number) {
    this.stage = number;
    $("stage-choice").value = String(number);
    document.body.classList.toggle("landscape", this.rec.stages[number].landscape);
  },
  /** Show the classes of another dialect; null: the recording's own. */
  see(dialect) {
    this.view = dialect;
    this.limits = { ...this.rec.gestures };
    this.classes = dialect ? this.rec.others.get(dialect) : this.original;
    others.show();
    refresh();
  },
  tune(limits) {
    const seen = this.view;
    this.view = null;
    if (seen) others.show();
    this.limits = limits;
    const same = Object.keys(limits).every((key) => limits[key] === this.rec.gestures[key]);
    this.classes = same ? this.original : classifyAll(this.rec, limits);
    refresh();
  },
  filter(some) {
    Object.assign(this.filters, some);
    for (const [name, value] of Object.entries(this.filters)) {
      const field = $(`filter-${name}`);
      if (field.type === "checkbox") field.checked = value; else field.value = value;
    }
    const wanted = this.filters.target.toLowerCase();
    this.targetFits = this.rec.targets.map((each) => `${each.path}\n${each.id}`.toLowerCase().includes(wanted));
    this.version++;
    table.filter();
    stage.draw();
    timeline.draw();
  },
};

const stage = makeStage(app), timeline = makeTimeline(app), table = makeTable(app), why = makeWhy(app), tune = makeTune(app), others = makeOthers(app);

/** After other thresholds or another recording: everything that shows classes. */
function refresh() {
  app.version++;
  tune.show();
  chips();
  app.filter({});
  why.draw();
  drawHistogram(app);
}

function listRecordings() {
  $("recording").replaceChildren(...app.recordings.map((each, n) => el("option", { value: n, textContent: each.name.slice(0, 80) })));
  $("recordings").hidden = app.recordings.length < 2;
}

function open(number) {
  pause();
  if (!app.loaded.has(number)) app.loaded.set(number, recordingOf(app.recordings[number]));
  const rec = app.loaded.get(number);
  Object.assign(app, { rec, recNumber: number, now: 0, selected: -1, following: false, stage: 0 });
  app.limits = { ...rec.gestures };
  app.view = null;
  tune.open(rec);
  app.original = app.classes = classifyAll(rec, app.limits);
  app.exits = exitsOf(rec);
  loadPictures(app, rec, () => stage.draw());
  const option = (value, text) => el("option", { value, textContent: text.length > 60 ? `${text.slice(0, 59)}…` : text });
  const stages = rec.stages.map((each, n) => option(n, `${stageName(each)} · ${rec.ofStage[n].length}`));
  $("stage-choice").replaceChildren(...stages);
  $("filter-stage").replaceChildren(option("", "all screens"), ...stages.map((each) => each.cloneNode(true)));
  Object.assign(app.filters, { stage: "" });
  $("warnings").hidden = !rec.warnings.length;
  $("warnings-list").replaceChildren(...rec.warnings.map((each) => el("li", {}, quoted(each))));
  $("play").disabled = rec.length === 0;
  $("trail-modes").hidden = !rec.measured;
  if (!rec.measured) setMode("trails");
  $("stage-card").hidden = !rec.measured;
  const boxes = rec.measured ? rec.stages.flatMap((_, n) => boxesOf(rec, n)) : [];
  $("targets").hidden = !boxes.length;
  $("box-drawn").hidden = boxes.every(({ real }) => real);
  $("box-real").hidden = !boxes.some(({ real }) => real);
  document.body.classList.toggle("no-stage", !rec.measured);
  app.show(0);
  const canvas = $("timeline");
  canvas.setAttribute("aria-valuemax", Math.ceil(rec.length));
  timeline.reset();
  others.show();
  refresh();
  if (rec.count) app.select(rec.measured ? interesting(rec) : 0, { seek: false });
  app.now = 0;
  timeline.draw();
  clockText();
}

/** A stroke worth a first look: the first that moved, else the first. */
function interesting(rec) {
  const found = app.classes.kind.findIndex((kind, i) => ROWS.get(kind).moves && rec.columns.stage[i] === 0);
  return found < 0 ? 0 : found;
}

function chips() {
  const { rec, classes } = app, count = (column) => column.reduce((sum, each) => sum + (each ? 1 : 0), 0);
  const chip = (value, name, className = "") => el("span", { className: `chip ${className}` }, el("b", { textContent: value }), ` ${name}`);
  const dead = count(classes.dead), rage = count(classes.rage);
  const screens = new Set(rec.stages.map((each) => each.title).filter(Boolean)).size || 1;
  $("chips").replaceChildren(
    chip(spoken(rec.length), "long"), chip(rec.count.toLocaleString("en"), rec.count === 1 ? "stroke" : "strokes"),
    chip(screens, screens === 1 ? "screen" : "screens"),
    chip(rec.sessions.length, rec.sessions.length === 1 ? "session" : "sessions"),
    ...(rec.chords.length ? [chip(rec.chords.length, "of several fingers")] : []),
    chip(countsOf(classes.kind).get(NONE) || 0, "not recognised"),
    chip(dead, dead === 1 ? "dead tap" : "dead taps", dead ? "dead" : ""), chip(rage, rage === 1 ? "rage run" : "rage runs", rage ? "rage" : ""));
  const facts = [rec.device, rec.format, app.view || (rec.dialect !== "contentsquare" ? rec.dialect : ""), rec.density !== 1 ? `${digits(Math.fround(rec.density))} px per dp` : "", rec.measured ? `velocity: ${rec.gestures.velocity_strategy}` : ""];
  $("about").replaceChildren(quoted(rec.name, "file"), ...facts.filter(Boolean).map((each) => quoted(each)));
}

// Playing

let last = 0;

function play() {
  if (app.now >= app.rec.length) app.now = 0;
  app.playing = true;
  app.following = true;
  last = performance.now();
  playButton();
  requestAnimationFrame(tick);
}

function pause() {
  app.playing = false;
  playButton();
}

function playButton() {
  $("play").textContent = app.playing ? "Pause" : "Play";
  $("play").setAttribute("aria-keyshortcuts", "Space");
}

function tick(moment) {
  if (!app.playing) return;
  app.now += Math.max(0, moment - last) * app.speed;
  last = moment;
  if ($("skip").checked) skipIdle();
  if (app.now >= app.rec.length) { app.now = app.rec.length; pause(); }
  followScreen();
  followStroke();
  stage.paint();
  timeline.move();
  clockText();
  if (app.playing) requestAnimationFrame(tick);
}

/** Jump to shortly before the next stroke where no finger is down. */
function skipIdle() {
  const { rec } = app, n = begun(rec, app.now);
  for (let k = n - 1; k >= 0 && rec.columns.start[rec.byStart[k]] >= app.now - rec.longest; k--) {
    if (rec.end[rec.byStart[k]] > app.now) return;
  }
  const next = n < rec.count ? rec.columns.start[rec.byStart[n]] : rec.length;
  if (next - app.now > IDLE_MS) app.now = next - IDLE_MS / 2;
}

/** The stage shows the screen of the moment. */
function followScreen() {
  const shown = stageAt(app.rec, app.now);
  if (shown >= 0 && shown !== app.stage) app.show(shown);
}

/** Table and why box show the last stroke that began. */
function followStroke() {
  for (let n = begun(app.rec, app.now) - 1; n >= 0; n--) {
    const i = app.rec.byStart[n];
    if (!app.passes(i)) continue;
    if (i === app.selected) return;
    app.selected = i;
    why.draw();
    table.reveal();
    timeline.draw();
    return;
  }
}

/** The address of the page names the stroke, so that it can be sent. */
function link() {
  if (app.selected < 0 || !app.ready) return;
  const recording = app.recNumber ? `&recording=${app.recNumber}` : "";
  try { history.replaceState(null, "", `#stroke=${app.selected}${recording}`); } catch { /* not where the browser forbids it */ }
}

/** Open the stroke that the address names. */
function follow() {
  const named = new URLSearchParams(location.hash.slice(1)), number = Number(named.get("recording") || 0), i = Number(named.get("stroke"));
  if (!named.has("stroke") || !Number.isInteger(i) || i < 0 || !app.recordings[number]) return;
  if (number !== app.recNumber) {
    const { ready } = app;
    app.ready = false; // or the address would name another stroke for a moment
    $("recording").value = String(number);
    open(number);
    app.ready = ready;
  }
  if (i < app.rec.count) app.select(i);
}
addEventListener("hashchange", follow);

function frame() {
  stage.draw();
  timeline.move();
  clockText();
}

function clockText() {
  $("clock").textContent = `${clock(app.now)} / ${clock(app.rec.length)}`;
  $("overview").hidden = !app.following || app.mode === "heat";
}

function setMode(mode) {
  app.mode = mode;
  $("heat-count").textContent = "";
  for (const each of ["trails", "heat"]) $(`mode-${each}`).setAttribute("aria-pressed", String(mode === each));
  $("heat-tools").hidden = mode !== "heat";
}

// Controls

$("play").addEventListener("click", () => (app.playing ? pause() : play()));
$("previous").addEventListener("click", () => table.step(-1));
$("next").addEventListener("click", () => table.step(1));
$("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
$("zoom-out").addEventListener("click", () => timeline.zoom(2));
$("overview").addEventListener("click", () => { pause(); app.following = false; frame(); });
$("speed").append(...SPEEDS.map((speed) => el("option", { value: speed, textContent: `${speed}×`, selected: speed === 1 })));
$("speed").addEventListener("change", (event) => { app.speed = Number(event.target.value); });
$("stage-choice").addEventListener("change", (event) => { pause(); app.following = false; app.show(Number(event.target.value)); frame(); });
for (const mode of ["trails", "heat"]) $(`mode-${mode}`).addEventListener("click", () => { setMode(mode); frame(); });
$("by-speed").addEventListener("click", () => {
  app.bySpeed = !app.bySpeed;
  $("by-speed").setAttribute("aria-pressed", String(app.bySpeed));
  frame();
});
$("targets").addEventListener("click", () => {
  app.boxes = !app.boxes;
  $("targets").setAttribute("aria-pressed", String(app.boxes));
  frame();
});
$("heat").addEventListener("change", (event) => { app.heat = event.target.value; frame(); });
for (const name of Object.keys(app.filters)) {
  const field = $(`filter-${name}`);
  field.addEventListener("input", () => app.filter({ [name]: field.type === "checkbox" ? field.checked : field.value }));
}
$("clear").addEventListener("click", () => app.filter({ kind: "", reason: "", stage: "", target: "", dead: false, rage: false, changed: false }));
$("recording").addEventListener("change", (event) => open(Number(event.target.value)));

const KEYBOARD = {
  " ": () => (app.playing ? pause() : play()),
  ArrowRight: (event) => app.seek(app.now + (event.shiftKey ? 1e4 : 1e3)),
  ArrowLeft: (event) => app.seek(app.now - (event.shiftKey ? 1e4 : 1e3)),
  Home: () => app.seek(0),
  End: () => app.seek(app.rec.length),
  j: () => table.step(1),
  k: () => table.step(-1),
  "+": () => timeline.zoom(0.5),
  "-": () => timeline.zoom(2),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, select, textarea, button, summary, [data-scrolls]");
  const letter = event.key.length === 1 && event.key !== " ";
  // A field keeps the keys that it works with: a text all, a button the space, a list the arrows.
  if (field && (field.matches("select, input:not([type=checkbox])") || !letter)) return;
  const act = KEYBOARD[event.key] || KEYBOARD[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act(event);
});

// The colours of the system, or the other ones

function dress() {
  app.colors = palette();
  app.theme = app.colors.stage;
  if (app.rec) { stage.draw(); timeline.draw(); }
}

$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  dress();
});
// Paper is light, also with a dark screen.
let onScreen;
window.addEventListener("beforeprint", () => {
  onScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  dress();
  stage.paint();
  timeline.paint();
});
window.addEventListener("afterprint", () => {
  if (onScreen === undefined) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = onScreen;
  dress();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
new ResizeObserver(() => { if (app.rec) { stage.draw(); timeline.draw(); table.draw(); } }).observe(document.body);

const choice = (value, textContent) => el("option", { value, textContent });
$("filter-kind").append(...KINDS.map((row) => choice(row.kind, row.legend)));
$("filter-reason").append(...REASONS.map((name, number) => choice(number, name)));
const legend = (sign, text) => el("li", {}, sign, text), tapped = KINDS.find(({ runs }) => runs).name;
$("legend").prepend(
  ...KINDS.map((row) => legend(icon(row), row.legend)),
  legend(glyph(`dead-mark kind-${tapped}`, [["circle", { r: 4, class: "spot" }], ["path", { d: "M-6 6L6 -6", class: "line" }]]), "dead"),
  legend(glyph(`rage-mark kind-${tapped}`, [["circle", { r: 3, class: "spot" }], ["circle", { r: 7, class: "line" }]]), "rage"));

dress();
listRecordings();
makeDrop((rec) => {
  app.loaded.set(app.recordings.push({ name: rec.name }) - 1, rec);
  listRecordings();
  $("recording").value = String(app.recordings.length - 1);
  open(app.recordings.length - 1);
});
open(0);
follow();
app.ready = true;
// For the console: the page's data of the recording, and its classes.
window.touchReport = app;
// Ready when the first frame, which draws everything, has been drawn.
requestAnimationFrame(() => requestAnimationFrame(() => {
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}));
