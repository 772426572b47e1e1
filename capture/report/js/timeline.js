// The timeline: sessions, screens, strokes by kind, events. A picture that is drawn once per zoom, and a
// playhead that moves over it.

const LANES = { sessions: 4, screens: 22, strokes: 48, stroke: 15 };
LANES.events = LANES.strokes + KINDS.length * LANES.stroke + 5;
LANES.axis = LANES.events + 20;
LANES.height = LANES.axis + 18;
const LANE_OF = new Map(KINDS.map(({ kind }, lane) => [kind, LANES.strokes + lane * LANES.stroke]));
const SHORTEST = 500; // ms that the whole width shows at most zoom

function makeTimeline(app) {
  const canvas = $("timeline"), head = $("playhead"), tip = $("tip");
  let from = 0, span = 1, drag = null, asked = 0;
  let wide = 1; // of the canvas; asking it each time would lay the page out each time
  const fingers = new Map();
  canvas.style.height = `${LANES.height}px`;
  head.style.height = `${LANES.axis}px`;
  $("lane-names").append(...["sessions", "screens", ...KINDS.map(({ label }) => label), "events"].map((name) => el("li", { textContent: name })));

  const most = () => Math.max(SHORTEST, app.rec.length * 1.01);
  const xOf = (time) => ((time - from) / span) * wide;
  const timeOf = (x) => from + (x / wide) * span;

  function reset() { from = 0; span = most(); }

  function zoom(factor, around = app.now) {
    const next = Math.min(most(), Math.max(SHORTEST, span * factor));
    from = around - ((around - from) / span) * next;
    span = next;
    keep();
    draw();
  }

  function keep() { from = Math.min(Math.max(0, from), Math.max(0, most() - span)); }

  /** Draw at the next frame, however often it is asked for until then. */
  function draw() {
    if (!asked) asked = requestAnimationFrame(paint);
  }

  function paint() {
    asked = 0;
    const { context, width } = prepare(canvas);
    wide = Math.max(1, width);
    const { rec, colors } = app;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    bands(context, rec.sessions, LANES.sessions, 14, width, (each) => `Session ${each.number}`);
    bands(context, rec.visits, LANES.screens, 20, width, (each) => stageName(rec.stages[each.stage]));
    strokes(context, width);
    events(context, width);
    axis(context, width, colors);
    move();
  }

  function bands(context, list, top, height, width, name) {
    const { colors } = app;
    list.forEach((each, number) => {
      const x = Math.max(0, xOf(each.start)), end = Math.min(width, xOf(each.end));
      if (end < 0 || x > width || end - x < 0.3) return;
      context.fillStyle = number % 2 ? colors["band-b"] : colors["band-a"];
      context.fillRect(x, top, Math.max(1, end - x - 1), height);
      if (end - x < 30) return;
      context.save();
      context.beginPath(); context.rect(x, top, end - x - 4, height); context.clip();
      context.fillStyle = colors.ink;
      context.direction = "ltr";
      context.fillText(name(each).slice(0, 60), x + 6, top + height / 2 + 0.5);
      context.restore();
    });
  }

  function strokes(context, width) {
    const { rec, colors, classes } = app;
    context.fillStyle = colors.line;
    for (const top of LANE_OF.values()) context.fillRect(0, top + 7, width, 0.5);
    const last = begun(rec, from + span);
    for (let n = 0; n < last; n++) {
      const i = rec.byStart[n];
      if (rec.end[i] < from) continue;
      const kind = classes.kind[i], top = LANE_OF.get(kind);
      const x = xOf(rec.columns.start[i]), long = Math.max(3, xOf(rec.end[i]) - x);
      context.globalAlpha = app.passes(i) ? 1 : 0.18;
      context.fillStyle = colors[kind];
      if (shapeOf(kind).tall) context.fillRect(x, top + 3, long, 9); else context.fillRect(x, top + 5, long, 5);
      if (classes.dead[i] || classes.rage[i]) {
        context.fillStyle = classes.rage[i] ? colors.rage : colors.dead;
        context.fillRect(x - 1, top, long + 2, 2.5);
      }
      if (app.changed(i)) { context.strokeStyle = colors.ink; context.lineWidth = 1; context.strokeRect(x - 1.5, top + 1.5, long + 3, 12); }
    }
    context.globalAlpha = 1;
    if (app.selected >= 0) {
      const i = app.selected, x = xOf(rec.columns.start[i]), long = Math.max(3, xOf(rec.end[i]) - x);
      context.strokeStyle = colors.ink;
      context.lineWidth = 1.5;
      context.strokeRect(x - 3, LANE_OF.get(classes.kind[i]) + 0.5, long + 6, 14);
    }
  }

  function events(context, width) {
    const { rec, colors } = app, y = LANES.events + 8;
    let free = -1;
    for (const event of rec.events) {
      const x = xOf(event.time);
      if (x < -8 || x > width + 8) continue;
      context.fillStyle = event.kind === "transaction" ? colors.accent : colors.muted;
      context.beginPath();
      if (event.kind === "transaction") { context.moveTo(x, y - 6); context.lineTo(x + 6, y); context.lineTo(x, y + 6); context.lineTo(x - 6, y); }
      else if (event.kind === "screen") context.rect(x - 1, y - 6, 2, 12);
      else context.arc(x, y, 3.5, 0, 7);
      context.fill();
      if (x < free || event.kind === "screen") continue;
      const label = (event.label || event.kind.replace("_", " ")).slice(0, 40);
      context.fillStyle = colors.ink;
      context.direction = "ltr";
      context.fillText(label, x + 9, y + 0.5);
      free = x + 14 + context.measureText(label).width;
    }
  }

  function axis(context, width, colors) {
    const steps = [50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 1.2e6, 3.6e6, 7.2e6, 2.16e7, 8.64e7, 8.64e8];
    const step = steps.find((each) => (each / span) * width >= 64) || span;
    context.fillStyle = colors.muted;
    for (let time = Math.ceil(from / step) * step; time <= from + span; time += step) {
      const x = xOf(time);
      context.fillRect(x, LANES.axis - 4, 1, 5);
      if (x < width - 30) context.fillText(step < 1e3 ? clock(time, true).slice(0, -1) : clock(time).replace(/\.0$/, ""), x + 3, LANES.axis + 6);
    }
  }

  /** Move the playhead; while playing the picture follows it. */
  function move() {
    if (app.playing && span < most() && (app.now < from || app.now > from + span * 0.92)) {
      from = app.now - span * 0.1;
      keep();
      draw();
    }
    const x = xOf(app.now);
    head.hidden = x < -1 || x > wide + 1;
    head.style.transform = `translateX(${x}px)`;
    canvas.setAttribute("aria-valuenow", Math.round(app.now));
    canvas.setAttribute("aria-valuetext", `${clock(app.now)} of ${clock(app.rec.length)}`);
  }

  function at(x, y) {
    const time = timeOf(x), reach = (4 / wide) * span, { rec } = app;
    const lane = KINDS[Math.floor((y - LANES.strokes) / LANES.stroke)];
    if (!lane) return -1;
    for (let n = begun(rec, time + reach) - 1; n >= 0; n--) {
      const i = rec.byStart[n];
      if (rec.columns.start[i] < time - rec.longest - reach) break;
      if (app.classes.kind[i] === lane.kind && rec.end[i] >= time - reach) return i;
    }
    return -1;
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = place(event), found = at(x, y);
    fingers.set(event.pointerId, x);
    if (fingers.size === 2) { drag = { pinch: spread(), span }; return; }
    drag = { x, from };
    if (found >= 0) app.select(found); else app.seek(timeOf(x));
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, x);
    if (drag && drag.pinch && fingers.size === 2) {
      const middle = timeOf([...fingers.values()].reduce((a, b) => a + b) / 2);
      zoom((drag.span * drag.pinch) / Math.max(8, spread()) / span, middle);
    } else if (drag && fingers.size === 1) {
      if (Math.abs(x - drag.x) > 3 || drag.moved) { drag.moved = true; app.seek(timeOf(x)); }
    } else {
      hint(event, x, y);
    }
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => { fingers.delete(event.pointerId); drag = null; });
  }
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", (event) => {
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      from += ((event.deltaX || event.deltaY) / wide) * span;
      keep();
      draw();
    } else if (event.ctrlKey || event.altKey) {
      zoom(1.0015 ** event.deltaY, timeOf(place(event)[0]));
    } else {
      return;
    }
    event.preventDefault();
  }, { passive: false });

  const spread = () => { const [a, b] = [...fingers.values()]; return Math.abs(a - b); };

  function hint(event, x, y) {
    const found = at(x, y);
    tip.hidden = found < 0;
    if (found < 0) return;
    const { rec } = app;
    tip.textContent = `#${found} ${strokeName(app, found)}` +
      (rec.measured ? `, ${round(rec.columns.distance[found])} dp in ${round(rec.columns.span_ns[found] / 1e6)} ms` : "");
    tip.style.transform = `translate(${Math.min(x, wide - 190)}px, ${y - 34}px)`;
  }

  return { draw, move, paint, reset, zoom };
}
