// Measures that follow from others to the last bit, as the engine computes them: places and lengths in float32.

const f32 = Math.fround;

/** Length in float32. */
const length32 = (dx, dy) => f32(Math.sqrt(f32(f32(dx * dx) + f32(dy * dy))));

/** Add the way from DOWN to UP and from the DOWN of the stroke before, and the mean velocity where there is no other. */
function addMeasures(c, streamOf, density) {
  const dp = (px) => f32(px / density), before = new Map();
  c.dx = c.x.map((x, i) => dp(f32(c.x_up[i] - x)));
  c.dy = c.y.map((y, i) => dp(f32(c.y_up[i] - y)));
  c.velocity ??= c.distance.map((distance, i) => distance * (1e9 / Math.max(c.span_ns[i], 1e6)));
  c.apart = c.x.map((x, i) => {
    const other = before.get(streamOf[i]);
    before.set(streamOf[i], i);
    return other === undefined ? NaN : dp(length32(f32(x - c.x[other]), f32(c.y[i] - c.y[other])));
  });
}
