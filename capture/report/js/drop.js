// A touch log that is dropped on the page, or chosen, is opened beside the recordings of the page. Nothing leaves the page.

/** A recording of the text of a log, as recordingOf makes one of the page's own data. */
function openedLog(name, text, files) {
  const log = parseLog(text), { info } = log;
  const density = info.density >= 0.75 && info.density <= 10 ? info.density : 1;
  const since = originsOf(log), { strokes, ignored } = strokesOf(log.samples), columns = measuresOf(strokes, density, since);
  const ends = columns.start.map((start, i) => start + columns.span_ns[i] / 1e6), last = ends.reduce((most, end) => Math.max(most, end), 0);
  const scene = sceneOf(log, strokes, since, last, files), length = Math.max(last, ...scene.events.map(({ time }) => time));
  const names = [...new Set(strokes.map(({ stream }) => stream))], number = new Map(names.map((each, n) => [each, n]));
  const rec = {
    ...scene, columns: { ...columns, ...scene.columns }, name: harmless(name), format: "opened here", device: harmless(info.device || ""), density, length,
    startMs: Number.isFinite(info.start_ms) ? info.start_ms : null, measured: true, plain: true, dialect: "contentsquare", gestures: { ...DEFAULTS },
    row: { ...DEFAULTS }, sources: SOURCES, count: strokes.length, streams: { names }, streamOf: Int32Array.from(strokes, ({ stream }) => number.get(stream)),
    sessions: [], chords: [], others: new Map(), warnings: doubtsOf(log, ignored, scene.left), trail: trailsOf(log.samples, strokes, since),
  };
  addMeasures(rec.columns, rec.streamOf, density);
  finished(rec);
  const { kind } = classifyAll(rec, rec.gestures);
  rec.sessions = sessionsOf([...scene.events, ...strokes.flatMap(({ stream }, i) => (kind[i] === NONE ? [] : { stream, time: ends[i] }))]);
  return rec;
}

function trailsOf(samples, strokes, since) {
  const start = new Int32Array(strokes.length + 1), rows = strokes.flatMap(({ samples: own }, i) => { start[i + 1] = start[i] + own.length; return own; });
  return {
    start, time: Float64Array.from(rows, (n) => (samples[n].time - since.get(samples[n].stream)) / 1e6),
    x: Float64Array.from(rows, (n) => samples[n].x), y: Float64Array.from(rows, (n) => samples[n].y),
  };
}

function doubtsOf({ left }, ignored, pictures) {
  const doubts = ["opened on this page: default thresholds; several fingers and other dialects are in pages of capture report"];
  if (left) doubts.push(`${plural(left, "line")} left out: neither a sample nor a mark`);
  if (ignored) doubts.push(`${plural(ignored, "sample")} ignored: without a DOWN, a good position or a known action`);
  if (pictures) doubts.push(`${plural(pictures, "screenshot")} left out: drop the pictures with the log`);
  return doubts;
}

function makeDrop(onOpened) {
  const problem = $("problem"), chosen = $("log-file");
  let inside = 0;
  const withFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const mark = () => document.body.classList.toggle("dropping", inside > 0);

  async function read(list) {
    const pictures = list.filter((file) => /^image\/(png|jpeg|webp)$/.test(file.type)), logs = list.filter((file) => !pictures.includes(file));
    const files = new Map(await Promise.all(pictures.map(async (file) => [file.name, await dataUri(file)])));
    problem.hidden = true;
    if (!logs.length) say(list[0]?.name || "nothing", "no touch log");
    for (const file of logs) {
      try {
        if (file.size > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES >> 20} MiB: capture report makes a page of it`);
        onOpened(openedLog(file.name, await file.text(), files));
      } catch (error) {
        say(file.name, error instanceof DOMException ? "it cannot be read" : error.message);
      }
    }
    document.documentElement.dataset.opened = String(Number(document.documentElement.dataset.opened || 0) + list.length);
  }

  function say(name, text) {
    problem.hidden = false;
    problem.replaceChildren(quoted(harmless(name.slice(0, 80)), "file"), `: ${text}`.slice(0, 300));
  }

  function dataUri(file) {
    if (file.size > PICTURE_CHARS) return null;
    return new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.onerror = () => done(null);
      reader.readAsDataURL(file);
    });
  }

  document.addEventListener("dragenter", (event) => { if (withFiles(event)) { inside++; mark(); } });
  document.addEventListener("dragleave", (event) => { if (withFiles(event)) { inside = Math.max(0, inside - 1); mark(); } });
  document.addEventListener("dragover", (event) => { if (withFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    inside = 0;
    mark();
    read([...event.dataTransfer.files]);
  });
  $("open-log").addEventListener("click", () => chosen.click());
  chosen.addEventListener("change", () => { read([...chosen.files]); chosen.value = ""; });
}
