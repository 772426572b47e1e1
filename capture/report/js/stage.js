// The stage: trails of one screen in one orientation, shaped and coloured by kind, as wide as they are slow.

const MANY = 12000; // samples on a screen beyond which all trails have one width
const FADE_MS = 2500;
const RIM = "#ffffffd0"; // light on a screenshot
const FAST = 3000; // dp/s that has the last colour

/** The colour of a speed (dp/s), slow to fast; the steps are even in the logarithm. */
function speedColor(speed) {
  const share = Math.min(1, Math.max(0, Math.log(Math.max(speed, 10) / 10) / Math.log(FAST / 10))), at = Math.min(HEAT.length - 1.001, share * (HEAT.length - 1));
  const low = Math.floor(at), part = at - low;
  return `rgb(${HEAT[low].map((each, k) => Math.round(each * (1 - part) + HEAT[low + 1][k] * part)).join()})`;
}

/** Begin to load the screenshots of a recording; `draw` is called as each arrives. */
function loadPictures(app, rec, draw) {
  for (const each of rec.stages) {
    if (!each.image || app.pictures.has(each)) continue;
    const picture = new Image();
    picture.onload = draw;
    picture.src = each.image;
    app.pictures.set(each, picture);
  }
}

function makeStage(app, canvas = $("stage"), frame = $("stage-frame")) {
  let layer = null, layerKey = "", view = null, asked = 0;

  function fit(stage) {
    const room = frame.clientWidth, most = Math.min(1100, Math.max(320, window.innerHeight * 0.75));
    const scale = Math.min(room / stage.width, most / stage.height);
    canvas.style.width = `${Math.max(40, stage.width * scale)}px`;
    canvas.style.height = `${Math.max(40, stage.height * scale)}px`;
    return scale;
  }

  /** Draw at the next frame, however often it is asked for until then. */
  function draw() {
    canvas.setAttribute("aria-label", describe(app.rec.stages[app.stage]));
    if (app.mode === "heat") countHeat(app);
    if (!asked) asked = requestAnimationFrame(paint);
  }

  function paint() {
    cancelAnimationFrame(asked);
    asked = 0;
    const stage = app.rec.stages[app.stage], scale = fit(stage);
    const { context, width, height, ratio } = prepare(canvas);
    view = { scale, width, height };
    background(context, stage, width, height, scale);
    if (app.boxes) drawBoxes(app, context, scale);
    if (app.mode === "heat") {
      drawHeat(app, context, width, height, scale);
    } else {
      const key = [app.version, app.recNumber, app.stage, width, height, ratio, app.theme, app.bySpeed, app.pictures.get(stage)?.complete].join();
      if (key !== layerKey) { layer = allTrails(width, height, ratio, scale); layerKey = key; }
      context.globalAlpha = app.following ? 0.18 : app.selected >= 0 && onStage(app.selected) ? 0.42 : 0.9;
      context.drawImage(layer, 0, 0, width, height);
      context.globalAlpha = 1;
      if (app.following) drawNow(context, scale); else drawSelected(context, scale);
    }
  }

  const onStage = (i) => app.rec.columns.stage[i] === app.stage;

  function describe(stage) {
    const rows = app.rec.ofStage[app.stage], counts = countsOf(rows.map((i) => app.classes.kind[i]));
    const said = KINDS.filter(({ kind }) => counts.has(kind)).map(({ kind, label }) => `${counts.get(kind)} ${label}`);
    return `${stageName(stage)}: ${plural(rows.length, "stroke")}${said.length ? `, ${said.join(", ")}` : ""}`;
  }

  function background(context, stage, width, height, scale) {
    context.fillStyle = app.colors.stage;
    context.fillRect(0, 0, width, height);
    if (pictured(stage)) {
      context.globalAlpha = 0.8;
      context.drawImage(app.pictures.get(stage), 0, 0, width, height);
      context.globalAlpha = 1;
      return;
    }
    const step = 48 * app.rec.density * scale; // a dot each 48 dp, the size of a finger
    if (step < 6) return;
    context.fillStyle = app.colors.dots;
    for (let x = step; x < width - 1; x += step) for (let y = step; y < height - 1; y += step) context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
  }

  function allTrails(width, height, ratio, scale) {
    const hidden = document.createElement("canvas");
    hidden.width = Math.max(1, Math.round(width * ratio));
    hidden.height = Math.max(1, Math.round(height * ratio));
    const context = hidden.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const rows = app.rec.ofStage[app.stage].filter((i) => app.passes(i));
    const path = app.rec.trail;
    const plain = path && !app.bySpeed && rows.reduce((sum, i) => sum + path.start[i + 1] - path.start[i], 0) > MANY;
    if (plain) plainTrails(context, rows, scale);
    for (const i of rows) trail(context, i, scale, { marked: plain });
    if (path) for (const chord of app.rec.chords) if (chord.stage === app.stage && chord.members.some((i) => app.passes(i))) drawChord(app, context, chord, scale, { label: false });
    return hidden;
  }

  /** All trails of a kind in one stroke of the pen. */
  function plainTrails(context, rows, scale) {
    const path = app.rec.trail;
    context.lineJoin = "round";
    context.lineWidth = 1.5;
    // Unrecognised strokes lie below.
    for (const { kind } of [ROWS.get(NONE), ...KINDS].filter(({ shape }) => SHAPES[shape].trail)) {
      context.strokeStyle = app.colors[kind];
      context.beginPath();
      for (const i of rows) {
        if (app.classes.kind[i] !== kind) continue;
        for (let s = path.start[i]; s < path.start[i + 1]; s++) {
          const x = path.x[s] * scale, y = path.y[s] * scale;
          if (s === path.start[i]) context.moveTo(x, y); else context.lineTo(x, y);
        }
      }
      context.stroke();
    }
  }

  /** Whether the screenshot of a stage is there to be drawn. */
  function pictured(stage) {
    const picture = app.pictures.get(stage);
    return picture && picture.complete && picture.naturalWidth > 0;
  }

  /** Draw a stroke up to a time; returns the position of its finger then. */
  function trail(context, i, scale, { until = Infinity, marked = false, halo = false } = {}) {
    const kind = app.classes.kind[i], color = app.colors[kind], path = app.rec.trail;
    const first = path ? path.start[i] : 0, end = path ? path.start[i + 1] : 0;
    const c = app.rec.columns;
    context.strokeStyle = context.fillStyle = color;
    context.lineCap = context.lineJoin = "round";
    let x = (first < end ? path.x[first] : c.x[i]) * scale, y = (first < end ? path.y[first] : c.y[i]) * scale;
    if (!Number.isFinite(x) || !Number.isFinite(y)) return null;
    const shape = shapeOf(kind);
    context.setLineDash(shape.dashed ? [3, 5] : []);
    const x0 = x, y0 = y;
    let stop = first + 1;
    while (stop < end && path.time[stop] <= until) stop++;
    // A light rim on a screenshot, which may be as dark as the trail.
    const rim = pictured(app.rec.stages[c.stage[i]]);
    if (shape.trail && (halo || (rim && !marked))) {
      context.save();
      context.setLineDash([]);
      context.strokeStyle = rim ? RIM : app.colors.panel;
      context.lineWidth = halo ? 9 : 7;
      line(context, path, first, stop, scale);
      context.restore();
    }
    if (shape.trail && !marked) {
      if (shape.dashed && !app.bySpeed) {
        context.lineWidth = 2;
        line(context, path, first, stop, scale);
      } else {
        for (let s = first + 1; s < stop; s++) {
          const px = path.x[s - 1] * scale, py = path.y[s - 1] * scale;
          const dt = Math.max(1, path.time[s] - path.time[s - 1]);
          const way = Math.hypot(path.x[s] - path.x[s - 1], path.y[s] - path.y[s - 1]) / app.rec.density;
          if (app.bySpeed) context.strokeStyle = speedColor((way / dt) * 1e3);
          context.lineWidth = Math.max(1.5, 6 - 1.1 * Math.log1p((way / dt) * 10));
          context.beginPath();
          context.moveTo(px, py);
          context.lineTo(path.x[s] * scale, path.y[s] * scale);
          context.stroke();
        }
      }
    }
    context.setLineDash([]);
    context.strokeStyle = color;
    if (rim) {
      context.fillStyle = RIM;
      dot(context, [x0, y0], shape.trail ? 6 : app.classes.rage[i] ? 17 : app.classes.dead[i] ? 11 : 8);
      context.fillStyle = color;
    }
    const back = Math.max(first, stop - 4), moved = path && stop - 1 > first;
    if (moved) { x = path.x[stop - 1] * scale; y = path.y[stop - 1] * scale; }
    context.lineWidth = 2;
    shape.draw(context, [x0, y0], [x, y], moved ? [path.x[back] * scale, path.y[back] * scale] : null);
    badges(context, i, x0, y0);
    return [x, y];
  }

  function line(context, path, first, stop, scale) {
    context.beginPath();
    for (let s = first; s < stop; s++) context.lineTo(path.x[s] * scale, path.y[s] * scale);
    context.stroke();
  }

  function badges(context, i, x0, y0) {
    if (app.classes.dead[i]) {
      context.strokeStyle = app.colors.dead;
      context.beginPath(); context.moveTo(x0 - 7, y0 + 7); context.lineTo(x0 + 7, y0 - 7); context.stroke();
    }
    if (app.classes.rage[i]) {
      context.strokeStyle = app.colors.rage;
      for (const radius of [11, 15]) circle(context, [x0, y0], radius);
    }
  }

  function drawNow(context, scale) {
    const { rec, now } = app, last = begun(rec, now);
    const oldest = now - FADE_MS - rec.longest;
    for (let n = last - 1; n >= 0; n--) {
      const i = rec.byStart[n];
      if (rec.columns.start[i] < oldest) break;
      const age = now - rec.end[i];
      if (!onStage(i) || age > FADE_MS) continue;
      context.globalAlpha = age <= 0 ? 1 : 1 - age / FADE_MS;
      const finger = trail(context, i, scale, { until: now });
      if (age <= 0 && finger) drawFinger(context, finger, app.colors[app.classes.kind[i]]);
    }
    context.globalAlpha = 1;
    for (const chord of rec.chords) {
      if (chord.stage === app.stage && chord.start <= now && now - chord.end < FADE_MS && rec.trail) drawChord(app, context, chord, scale, { until: now });
    }
  }

  function drawFinger(context, place, color) {
    context.lineWidth = 2;
    context.strokeStyle = context.fillStyle = color;
    circle(context, place, 15);
    context.save();
    context.globalAlpha *= 0.25;
    context.fill();
    context.restore();
  }

  function drawSelected(context, scale) {
    if (app.selected < 0 || !onStage(app.selected)) return;
    const chord = app.rec.chordOf.get(app.selected);
    for (const i of chord ? chord.members : []) if (i !== app.selected) trail(context, i, scale, { halo: true });
    const place = trail(context, app.selected, scale, { halo: true });
    if (!place) return;
    if (chord && app.rec.trail) drawChord(app, context, chord, scale);
    const c = app.rec.columns, x = c.x[app.selected] * scale, y = c.y[app.selected] * scale;
    context.strokeStyle = app.colors.ink;
    context.lineWidth = 1.5;
    context.setLineDash([2, 3]);
    circle(context, [x, y], 19);
    context.setLineDash([]);
  }

  canvas.addEventListener("click", (event) => {
    if (!view) return;
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / view.scale, y = (event.clientY - box.top) / view.scale;
    const near = nearest(x, y, 24 / view.scale);
    if (near >= 0) app.select(near, { seek: false });
  });

  function nearest(x, y, reach) {
    const { rec } = app, path = rec.trail;
    let best = -1, least = reach;
    for (const i of rec.ofStage[app.stage]) {
      if (!app.passes(i)) continue;
      const from = path ? path.start[i] : 0, to = path ? path.start[i + 1] : 0;
      for (let s = from; s < to; s++) {
        const away = Math.hypot(path.x[s] - x, path.y[s] - y);
        if (away < least) { least = away; best = i; }
      }
    }
    return best;
  }

  return { draw, paint };
}
