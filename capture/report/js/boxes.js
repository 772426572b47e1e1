// Boxes of targets on the stage: their bounds where the log has them, else a box around the places where they were touched.

const FINGER_DP = 24; // around the DOWNs: half of a finger's contact
const LABELLED = 40; // targets on a stage beyond which boxes have no names

/** The boxes of a stage, in px of the screen. */
function boxesOf(rec, stage) {
  rec.boxes ??= new Map();
  if (!rec.boxes.has(stage)) rec.boxes.set(stage, makeBoxes(rec, stage));
  return rec.boxes.get(stage);
}

function makeBoxes(rec, stage) {
  const found = new Map(), { columns: c, targets } = rec, pad = FINGER_DP * rec.density, { width, height } = rec.stages[stage];
  const nameOf = ({ path, id }) => id || lastOf(path);
  for (const i of rec.ofStage[stage]) {
    const target = targets[c.target[i]], x = c.x[i], y = c.y[i];
    // The root is no target: the touched target is unknown.
    if ((!target.id && target.path === targets[0].path) || !Number.isFinite(x) || !Number.isFinite(y)) continue;
    const key = `${target.path}\n${target.id}`, box = found.get(key) || { name: nameOf(target), left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity, real: false };
    Object.assign(box, { left: Math.min(box.left, x - pad), top: Math.min(box.top, y - pad), right: Math.max(box.right, x + pad), bottom: Math.max(box.bottom, y + pad) });
    found.set(key, box);
  }
  for (const [on, number, left, top, wide, high] of rec.bounds) {
    const target = targets[number];
    if (on === stage) found.set(`${target.path}\n${target.id}`, { name: nameOf(target), left, top, right: left + wide, bottom: top + high, real: true });
  }
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [...found.values()].map((box) => ({ ...box, left: within(box.left, width), right: within(box.right, width), top: within(box.top, height), bottom: within(box.bottom, height) }))
    .filter((box) => box.right > box.left && box.bottom > box.top);
}

function drawBoxes(app, context, scale) {
  const boxes = boxesOf(app.rec, app.stage);
  context.save();
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.direction = "ltr";
  context.lineWidth = 1;
  for (const { name, left, top, right, bottom, real } of boxes) {
    const x = left * scale, y = top * scale, wide = (right - left) * scale, high = (bottom - top) * scale;
    context.setLineDash(real ? [] : [4, 3]);
    context.strokeStyle = app.colors.box;
    context.beginPath();
    context.roundRect(x + 0.5, y + 0.5, Math.max(1, wide - 1), Math.max(1, high - 1), 6);
    context.stroke();
    if (boxes.length <= LABELLED) boxName(app, context, name, x, y, wide);
  }
  context.restore();
}

/** The name of a box in its upper left corner; it may be wider than a small box. */
function boxName(app, context, name, left, y, wide) {
  let text = name.slice(0, 60);
  const most = Math.max(wide - 10, 90), { clientWidth } = context.canvas;
  while (text.length > 3 && context.measureText(text).width > most) text = text.length > 4 ? `${text.slice(0, -2)}…` : "";
  if (text.length < 3) return;
  const x = Math.max(0, Math.min(left, clientWidth - context.measureText(text).width - 12));
  context.fillStyle = app.colors.panel;
  context.globalAlpha = 0.85;
  context.fillRect(x + 3, y - 1, context.measureText(text).width + 6, 14);
  context.globalAlpha = 1;
  context.fillStyle = app.colors.ink;
  context.fillText(text, x + 6, y + 6.5);
}
