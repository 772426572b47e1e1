// Rows of a table of which only those in sight are in the document, so that 10,000 cost as much as 30.

const ROW = 33, AHEAD = 8, PRINTED = 2000;

/** `line(item, n)` makes the row of an item. */
function makeRows(box, body, columns, line) {
  let items = [], printing = false;

  function draw() {
    const first = printing ? 0 : Math.max(0, Math.floor(box.scrollTop / ROW) - AHEAD);
    const last = printing ? Math.min(items.length, PRINTED) : Math.min(items.length, first + Math.ceil(box.clientHeight / ROW) + 2 * AHEAD);
    const nodes = [];
    if (first > 0) nodes.push(spacer(first));
    for (let n = first; n < last; n++) nodes.push(line(items[n], n));
    if (last < items.length && !printing) nodes.push(spacer(items.length - last));
    body.replaceChildren(...nodes);
  }

  function spacer(count) {
    const row = el("tr", { "aria-hidden": "true", className: "spacer" }, el("td", { colSpan: columns }));
    row.style.height = `${count * ROW}px`;
    return row;
  }

  function show(all) {
    items = all;
    body.parentElement.setAttribute("aria-rowcount", items.length + 1);
    draw();
  }

  /** Bring a row into sight. */
  function reveal(n) {
    const top = n * ROW;
    if (n >= 0 && (top < box.scrollTop || top + 2 * ROW > box.scrollTop + box.clientHeight)) box.scrollTop = top - box.clientHeight / 2;
    draw();
  }

  box.addEventListener("scroll", () => requestAnimationFrame(draw));
  window.addEventListener("beforeprint", () => { printing = true; draw(); });
  window.addEventListener("afterprint", () => { printing = false; draw(); });

  return { draw, show, reveal };
}
