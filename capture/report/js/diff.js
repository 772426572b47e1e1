// Two recordings side by side: their strokes as capture diff matches them, both stages, the measures of a stroke in both.

packed = await unpacked("columns");

const { recordings, rows: ROWS_OF, settings, counts } = JSON.parse($("data").textContent);
const IDLE_MS = 700;

/** The content of a stage for one of the two. */
function sideOf(data, other) {
  const rec = recordingOf(data), classes = classifyAll(rec, rec.gestures);
  return {
    rec, classes, stage: 0, now: 0, selected: -1, following: false, mode: "trails", bySpeed: false, boxes: true, version: 0, recNumber: 0, theme: "",
    colors: null, pictures: new Map(), first: rec.count ? rec.columns.start[rec.byStart[0]] : 0,
    passes: () => true,
    select(i) { pick(all.findIndex((row) => row[other] === i)); },
  };
}
const sides = recordings.map(sideOf), letters = ["A", "B"];
const stages = sides.map((side, n) => makeStage(side, $(`stage-${"ab"[n]}`), $(`frame-${"ab"[n]}`)));
/** Rows: the stroke in A, the stroke in B (-1: none), why its class changed (null: it did not). */
const startOf = ([a, b]) => (a >= 0 ? sides[0].rec.columns.start[a] - sides[0].first : sides[1].rec.columns.start[b] - sides[1].first);
const all = ROWS_OF.sort((one, other) => startOf(one) - startOf(other));
const FILTERS = { changed: ["changed", (row) => row[2] !== null], all: ["all strokes", () => true], a: ["only in A", ([, b]) => b < 0], b: ["only in B", ([a]) => a < 0] };
const length = Math.max(...sides.map(({ rec, first }) => rec.length - first), 0);
let shown = [], chosen = -1, now = 0, playing = false, last = 0;

const rows = makeRows($("rows-box"), $("rows"), 6, line);
const nameIn = (n, i) => (i < 0 ? "" : strokeName(sides[n], i));

function what(n, i) {
  if (i < 0) return el("td", { className: "what", textContent: "–" });
  const { classes } = sides[n];
  return el("td", { className: "what" }, icon(ROWS.get(classes.kind[i]), classes.direction[i]), el("span", { textContent: nameIn(n, i) }));
}

function line(row, n) {
  const [a, b, why] = row, node = el("tr", { "aria-rowindex": n + 2, className: why === null && a >= 0 && b >= 0 ? "same" : "" });
  node.dataset.row = all.indexOf(row);
  if (row === all[chosen]) node.setAttribute("aria-current", "true");
  const number = (i) => (i < 0 ? "–" : String(i));
  node.append(
    el("td", { className: "number" }, el("button", { type: "button", textContent: number(a), "aria-label": `Stroke ${a < 0 ? `${b} of B` : `${a} of A`}` })),
    el("td", { className: "number", textContent: number(b) }), el("td", { className: "number", textContent: clock(startOf(row), true) }),
    what(0, a), what(1, b), el("td", {}, quoted(why ?? (b < 0 ? "only in A" : a < 0 ? "only in B" : ""), "clip")));
  return node;
}

function filter(name) {
  shown = all.filter(FILTERS[name][1]);
  $("filter").value = name;
  $("no-rows").hidden = shown.length > 0;
  $("count").textContent = `${shown.length.toLocaleString("en")} of ${plural(all.length, "row")}`;
  rows.show(shown);
  rows.reveal(shown.indexOf(all[chosen]));
}

/** Show a row on both stages. */
function pick(number) {
  chosen = number;
  if (number < 0) return;
  pause();
  const row = all[number];
  now = startOf(row);
  sides.forEach((side, n) => {
    side.selected = row[n];
    side.following = false;
    side.stage = row[n] >= 0 ? side.rec.columns.stage[row[n]] : Math.max(0, stageAt(side.rec, now + side.first));
  });
  rows.reveal(shown.indexOf(row));
  measures(row);
  draw();
}

function step(by) {
  if (!shown.length) return;
  const n = shown.indexOf(all[chosen]);
  pick(all.indexOf(shown[Math.min(shown.length - 1, Math.max(0, n < 0 ? 0 : n + by))]));
}

function measures(row) {
  const value = (n, read) => (row[n] < 0 ? "–" : read(sides[n].rec, row[n]));
  const measured = (name, unit = "") => (rec, i) => { const found = rec.columns[name][i]; return Number.isFinite(found) ? el("span", {}, three(found, isExact(rec, i)), ` ${unit}`) : "–"; };
  const target = (rec, i) => { const { path, id } = rec.targets[rec.columns.target[i]], node = quoted(id || lastOf(path), "clip"); node.title = path.slice(0, 500); return node; };
  const table = el("table", { className: "compared", "aria-label": "Measures of the stroke in A and in B" }, el("thead", {}, el("tr", {}, el("td"), ...letters.map((each) => el("th", { scope: "col", textContent: each })))));
  const body = el("tbody");
  for (const [name, read] of [
    ["gesture", (rec, i) => strokeName(sides.find((side) => side.rec === rec), i)], ["duration", (rec, i) => el("span", {}, three(rec.columns.span_ns[i] / 1e6, isExact(rec, i)), " ms")],
    ["distance", measured("distance", "dp")], ["velocity", measured("velocity", "dp/s")], ["path", measured("path_length", "dp")],
    ["samples", (rec, i) => String(rec.columns.sample_count[i])], ["screen", (rec, i) => quoted(stageName(rec.stages[rec.columns.stage[i]]), "clip")], ["target", target],
  ]) body.append(el("tr", {}, el("th", { scope: "row", textContent: name }), el("td", {}, value(0, read)), el("td", {}, value(1, read))));
  table.append(body);
  const [a, b, why] = row, title = a < 0 ? `Stroke ${b} of B` : b < 0 ? `Stroke ${a} of A` : `Stroke ${a} of A, ${b} of B`;
  $("measures-title").textContent = title;
  $("measures-body").replaceChildren(el("p", { className: "because" }, quoted(why ?? (a < 0 || b < 0 ? "the other recording has no such stroke" : "called the same in both"))), table);
}

function draw() {
  sides.forEach((side, n) => {
    side.now = now + side.first;
    $(`name-${"ab"[n]}`).replaceChildren(el("b", { textContent: letters[n] }), quoted(side.rec.name), quoted(stageName(side.rec.stages[side.stage])));
    stages[n].draw();
  });
  $("time").value = now;
  $("clock").textContent = `${clock(now)} / ${clock(length)}`;
}

function seek(time) {
  now = Math.min(Math.max(0, time), length);
  for (const side of sides) {
    side.following = true;
    side.stage = Math.max(0, stageAt(side.rec, now + side.first));
  }
  draw();
}

function pause() { playing = false; $("play").textContent = "Play"; }

function play() {
  if (now >= length) now = 0;
  playing = true;
  last = performance.now();
  $("play").textContent = "Pause";
  requestAnimationFrame(tick);
}

function tick(moment) {
  if (!playing) return;
  let next = now + Math.max(0, moment - last);
  last = moment;
  // Where no finger is down in either, shortly before the next stroke.
  const ahead = Math.min(...sides.map(({ rec, first }) => {
    const n = begun(rec, next + first), down = (k) => rec.end[rec.byStart[k]] > next + first;
    for (let k = n - 1; k >= 0 && rec.columns.start[rec.byStart[k]] >= next + first - rec.longest; k--) if (down(k)) return next;
    return n < rec.count ? rec.columns.start[rec.byStart[n]] - first : length;
  }));
  if (ahead - next > IDLE_MS) next = ahead - IDLE_MS / 2;
  if (next >= length) pause();
  seek(next);
  if (playing) requestAnimationFrame(tick);
}

function dress() {
  const colors = palette();
  for (const side of sides) Object.assign(side, { colors, theme: colors.stage });
  draw();
}

const chip = (value, name) => el("span", { className: "chip" }, el("b", { textContent: value }), ` ${name}`);
$("about").replaceChildren(...sides.flatMap(({ rec }, n) => [el("b", { textContent: letters[n] }), quoted([rec.name, rec.device].filter(Boolean).join(", "))]));
$("chips").replaceChildren(chip(`${counts.changed} of ${counts.matched}`, "strokes changed"), chip(counts.a, "only in A"), chip(counts.b, "only in B"),
  ...settings.map(([name, before, after]) => el("span", { className: "chip" }, `${settingName(name).replaceAll("_", " ")} `, el("b", { textContent: `${before} → ${after}` }))));
$("legend").append(...KINDS.map((row) => el("li", {}, icon(row), row.legend)));
$("filter").append(...Object.entries(FILTERS).map(([value, [name, fits]]) => el("option", { value, textContent: `${name} · ${all.filter(fits).length.toLocaleString("en")}` })));
$("filter").addEventListener("change", (event) => filter(event.target.value));
$("rows").addEventListener("click", (event) => { const row = event.target.closest("tr[data-row]"); if (row) pick(Number(row.dataset.row)); });
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("play").addEventListener("click", () => (playing ? pause() : play()));
$("time").max = String(Math.max(1, length));
$("time").addEventListener("input", (event) => { pause(); seek(Number(event.target.value)); });
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  dress();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
  const act = { j: () => step(1), k: () => step(-1), " ": () => (playing ? pause() : play()) }[event.key];
  if (!act || (event.key === " " && event.target.closest("button"))) return;
  event.preventDefault();
  act();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
new ResizeObserver(() => { draw(); rows.draw(); }).observe(document.body);

sides.forEach((side, n) => loadPictures(side, side.rec, () => stages[n].draw()));
dress();
filter(counts.changed ? "changed" : "all");
pick(all.indexOf(shown[0]));
// For the console: both recordings, and the shown part of them.
window.touchDiff = { sides, all, get chosen() { return chosen; }, get now() { return now; }, seek };
requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = String(Math.round(performance.now())); }));
