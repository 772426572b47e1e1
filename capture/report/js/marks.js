// A log's content beside its touches: screens, targets, sessions, events, pictures, as `capture report` reads them.

const SESSION_MS = 30 * 60_000; // a pause that ends a session
const DAY_NS = 864e11; // streams whose clocks are farther apart begin together
const LABELS = ["name", "title", "key", "id", "kind"];
const UNTOLD = new Set(["target", "verdict", "screenshot"]);
const PICTURE = { png: "iVBORw0KGgo", jpeg: "/9j/", webp: "UklGR" };
const PICTURE_CHARS = 4 * 2 ** 20;

/** A text of a log with characters that act, not show, as escapes. */
function harmless(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0).toString(16);
    if (char === "\u200c" || char === "\u200d") return char;
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
}

/** A picture in base64 as a data URI; null where it is none. An SVG could carry a script, and is none. */
function pictureOf(text) {
  const data = typeof text === "string" && text.length <= PICTURE_CHARS ? text.slice(text.lastIndexOf(",") + 1) : "";
  const kind = Object.keys(PICTURE).find((each) => data.startsWith(PICTURE[each]));
  return kind && /^[A-Za-z0-9+/]+={0,2}$/.test(data) ? `data:image/${kind};base64,${data}` : null;
}

/** The origin of time (ns) of each stream. */
function originsOf({ samples, marks }) {
  const since = new Map();
  for (const { stream, time } of [...samples, ...marks]) if (!(since.get(stream) <= time)) since.set(stream, time);
  const least = Math.min(...since.values()), most = Math.max(...since.values());
  if (most - least <= DAY_NS) for (const stream of since.keys()) since.set(stream, least);
  return since;
}

function screenSize({ info, samples }) {
  if (info.width > 0 && info.height > 0) return [info.width, info.height];
  const side = (axis) => samples.reduce((most, each) => (Number.isFinite(each[axis]) ? Math.max(most, each[axis]) : most), -Infinity);
  const [width, height] = [side("x"), side("y")], bound = (value) => Math.min(Math.max(value * 1.02, 1), 1e5);
  return Number.isFinite(width) && Number.isFinite(height) ? [bound(width), bound(height)] : [360, 640];
}

/** Stages, targets, visits, sessions and events; columns `stage` and `target` of strokes. `files`: pictures by name. */
function sceneOf(log, strokes, since, length, files) {
  const size = screenSize(log), stages = [], targets = [{ path: "[root]>", id: "", responsive: null }], events = [], visits = [];
  const shown = new Map(), named = new Map(), verdicts = new Map();
  let landscape = size[0] > size[1], left = 0;
  const ms = ({ stream, time }) => (time - since.get(stream)) / 1e6;
  const finger = ({ stream, fields }) => `${stream} ${Number.isInteger(fields.pointer) ? fields.pointer : 0}`;
  const into = (map, key, value) => { if (map.has(key)) map.get(key).push(value); else map.set(key, [value]); };
  const stageOf = (title, wide) => {
    const found = stages.findIndex((each) => each.title === title && each.landscape === wide);
    if (found >= 0) return found;
    const [short, long] = [...size].sort((a, b) => a - b);
    return stages.push({ title, landscape: wide, width: wide ? long : short, height: wide ? short : long, image: null }) - 1;
  };
  const numbers = new Map(targets.map((each, n) => [JSON.stringify(each), n]));
  const targetOf = ({ path, id, responsive }) => {
    const target = { path, id, responsive }, key = JSON.stringify(target);
    if (!numbers.has(key)) numbers.set(key, targets.push(target) - 1);
    return numbers.get(key);
  };
  const current = (stream) => { const list = shown.get(stream); return list ? list[list.length - 1].stage : stageOf("", landscape); };
  const show = (mark, title) => {
    const turned = mark.fields.orientation;
    if (turned !== undefined && turned !== null) landscape = turned === 1 || turned === "landscape";
    into(shown, mark.stream, { sample: mark.sample, time: ms(mark), stage: stageOf(title, landscape) });
  };
  for (const mark of log.marks) {
    const { kind, fields } = mark, reacts = typeof fields.responsive === "boolean" ? fields.responsive : null;
    if (kind === "target") into(named, finger(mark), { sample: mark.sample, bounds: boundsOf(fields.bounds), target: targetOf({ path: harmless(fields.path ?? "[root]>"), id: harmless(fields.id || ""), responsive: reacts }) });
    else if (kind === "verdict") { if (reacts !== null) into(verdicts, finger(mark), { sample: mark.sample, reacts }); }
    else if (kind === "screen") show(mark, harmless(fields.name ?? ""));
    else if (kind === "orientation") show(mark, shown.has(mark.stream) ? stages[current(mark.stream)].title : "");
    else if (kind === "screenshot") {
      const image = pictureOf(fields.image ?? files.get(fields.file));
      if (image) stages[current(mark.stream)].image = image; else left++;
    }
    if (!UNTOLD.has(kind)) events.push({ time: ms(mark), kind: harmless(kind), label: kind === "orientation" ? "" : harmless(labelOf(fields)), stream: mark.stream });
  }
  for (const { stream, first } of strokes) {
    const list = shown.get(stream) || [];
    if (!list.length || first < list[0].sample) {
      shown.set(stream, [{ sample: -1, time: 0, stage: stageOf("", list.length ? stages[list[0].stage].landscape : landscape) }, ...list]);
    }
  }
  const stage = new Int32Array(strokes.length), target = new Int32Array(strokes.length);
  const boxes = new Map(), order = strokes.map((_, i) => i).sort((a, b) => strokes[a].first - strokes[b].first);
  for (const i of order) {
    const { stream, pointer, first, last } = strokes[i], key = `${stream} ${pointer}`;
    stage[i] = shown.get(stream).findLast((each) => each.sample <= first).stage;
    const names = named.get(key) || [], learnt = verdicts.get(key) || [];
    // Each naming serves one stroke, the next that comes down; of verdicts the last between DOWN and UP counts.
    let bounds = null;
    while (names.length && names[0].sample <= first) ({ target: target[i], bounds } = names.shift());
    while (learnt.length && learnt[0].sample <= last) {
      const { sample, reacts } = learnt.shift();
      if (sample > first) target[i] = targetOf({ ...targets[target[i]], responsive: reacts });
    }
    if (bounds) boxes.set(`${stage[i]} ${target[i]}`, [stage[i], target[i], ...bounds]);
  }
  for (const list of shown.values()) list.forEach((each, n) => visits.push({ start: each.time, end: list[n + 1] ? list[n + 1].time : Math.max(length, ...events.map(({ time }) => time)), stage: each.stage }));
  if (!stages.length) stageOf("", landscape);
  return { stages, targets, events, visits, bounds: [...boxes.values()], columns: { stage, target }, left };
}

/** Left, top, width and height (px), where they are four finite numbers. */
function boundsOf(value) {
  return Array.isArray(value) && value.length === 4 && value.every((each) => Number.isFinite(each)) ? value : null;
}

function labelOf(fields) {
  if ("value" in fields && "currency" in fields) return `${fields.value} ${fields.currency}`;
  if ("key" in fields && "value" in fields) return `${fields.key} = ${fields.value}`;
  const name = LABELS.find((each) => each in fields);
  return name ? fields[name] : "";
}

/** Sessions: a pause of half an hour between two events of a stream ends one. */
function sessionsOf(moments) {
  const sessions = [], open = new Map();
  for (const { time, stream } of moments.sort((a, b) => a.time - b.time)) {
    let session = open.get(stream);
    if (!session || Math.trunc(time) - Math.trunc(session.end) >= SESSION_MS) {
      session = { start: time, end: time, number: sessions.length + 1 };
      sessions.push(session);
      open.set(stream, session);
    }
    session.end = time;
  }
  return sessions;
}
