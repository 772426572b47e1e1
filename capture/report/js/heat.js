// The heat map of one screen in one orientation, and its exit points.

const CELL_DP = 6, REACH = 4; // cells a touch is felt around its own
const HEAT = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/** Which strokes a heat map counts. */
const HEATS = {
  taps: (app, i) => ROWS.get(app.classes.kind[i]).runs,
  dead: (app, i) => app.classes.dead[i] === 1,
  rage: (app, i) => app.classes.run[i] === 1,
  touches: () => true,
  exits: (app, i) => app.exits.has(i),
};

function heatRows(app) {
  const wanted = HEATS[app.heat], c = app.rec.columns;
  return app.rec.ofStage[app.stage].filter((i) => wanted(app, i) && app.passes(i) && Number.isFinite(c.x[i]) && Number.isFinite(c.y[i]));
}

function countHeat(app) {
  const count = heatRows(app).length;
  $("heat-count").textContent = `${count.toLocaleString("en")} touch${count === 1 ? "" : "es"} on this screen`;
}

function drawHeat(app, context, width, height, scale) {
  const rows = heatRows(app), stage = app.rec.stages[app.stage];
  const cell = CELL_DP * app.rec.density;
  const columns = Math.max(1, Math.ceil(stage.width / cell)), lines = Math.max(1, Math.ceil(stage.height / cell));
  if (columns * lines > 4e6) return;
  const grid = new Float32Array(columns * lines);
  const exits = app.heat === "exits";
  for (const i of rows) {
    const x = (exits ? app.rec.columns.x_up : app.rec.columns.x)[i] / cell;
    const y = (exits ? app.rec.columns.y_up : app.rec.columns.y)[i] / cell;
    for (let v = Math.max(0, Math.floor(y) - 2 * REACH); v <= Math.min(lines - 1, y + 2 * REACH); v++) {
      for (let u = Math.max(0, Math.floor(x) - 2 * REACH); u <= Math.min(columns - 1, x + 2 * REACH); u++) {
        const away = ((u + 0.5 - x) ** 2 + (v + 0.5 - y) ** 2) / (2 * (REACH * 0.7) ** 2);
        grid[v * columns + u] += Math.exp(-away);
      }
    }
  }
  let most = 0;
  for (const value of grid) if (value > most) most = value;
  if (most > 0) paint(context, grid, columns, lines, most, columns * cell * scale, lines * cell * scale);
  // Single touches are marked as long as they do not cover the map; dead ones and exits always are.
  const few = rows.length <= 30;
  for (const i of rows) if (few || exits || app.classes.dead[i]) mark(app, context, i, scale, exits);
}

function paint(context, grid, columns, lines, most, width, height) {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = lines;
  const inner = small.getContext("2d"), image = inner.createImageData(columns, lines);
  for (let n = 0; n < grid.length; n++) {
    const share = grid[n] / most;
    if (share < 0.02) continue;
    const at = Math.min(HEAT.length - 1.001, share * (HEAT.length - 1)), low = Math.floor(at), part = at - low;
    for (let k = 0; k < 3; k++) image.data[4 * n + k] = HEAT[low][k] * (1 - part) + HEAT[low + 1][k] * part;
    image.data[4 * n + 3] = Math.min(235, 90 + 300 * share);
    if (share < 0.12) image.data[4 * n + 3] *= share / 0.12;
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
}

function mark(app, context, i, scale, exits) {
  const c = app.rec.columns;
  const x = (exits ? c.x_up : c.x)[i] * scale, y = (exits ? c.y_up : c.y)[i] * scale;
  context.lineWidth = 1.5;
  context.strokeStyle = app.colors.ink;
  context.beginPath();
  if (exits || app.classes.dead[i]) cross(context, [x, y], 4);
  if (exits) context.moveTo(x + 7, y);
  if (exits || !app.classes.dead[i]) context.arc(x, y, exits ? 7 : 2, 0, 7);
  context.stroke();
}
