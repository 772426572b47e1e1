// What the real Hammer.js reports for strokes: rows on standard input, event names of each stroke on standard output.
//
// Hammer runs with the defaults of its recognisers and all directions, on an element that knows only listeners and with
// a clock that the rows set. A timer that is due at the very time of a row fires before it.
"use strict";
const fs = require("fs");
const vm = require("vm");

const [, , library] = process.argv;
let time = 0;
let timers = [];
let lastTimer = 0;

class FakeDate extends Date {
  static now() {
    return time;
  }
}

function passTo(next) {
  for (;;) {
    const due = timers.filter((timer) => timer.at <= next).sort((a, b) => a.at - b.at || a.id - b.id)[0];
    if (!due) break;
    timers = timers.filter((timer) => timer !== due);
    time = due.at;
    due.run();
  }
  time = next;
}

const listeners = {};
const element = {
  style: {},
  parentNode: null,
  addEventListener: (type, listener) => (listeners[type] = listener),
  removeEventListener: () => {},
};
element.ownerDocument = { defaultView: element };
const scope = {
  Date: FakeDate,
  navigator: { userAgent: "" },
  document: { createElement: () => ({ style: {} }) },
  module: { exports: {} },
  setTimeout(run, delay) {
    timers.push({ id: ++lastTimer, at: time + delay, run });
    return lastTimer;
  },
  clearTimeout(id) {
    timers = timers.filter((timer) => timer.id !== id);
  },
};
scope.window = scope;
vm.runInNewContext(fs.readFileSync(library, "utf8"), scope);

const Hammer = scope.module.exports;
const manager = new Hammer.Manager(element, {
  inputClass: Hammer.TouchInput,
  touchAction: "none",
  recognizers: [
    [Hammer.Swipe, {}],
    [Hammer.Pan, {}, ["swipe"]],
    [Hammer.Tap],
    [Hammer.Tap, { event: "doubletap", taps: 2 }, ["tap"]],
    [Hammer.Press],
  ],
});
let events = new Set();
const names = "tap doubletap press pan swipeleft swiperight swipeup swipedown swipe";
manager.on(names, (event) => events.add(event.type));

const TYPES = ["touchstart", "touchend", "touchmove"];
const strokes = [];
for (const [action, ms, x, y] of JSON.parse(fs.readFileSync(0, "utf8"))) {
  passTo(ms);
  if (action === 0) events = new Set();
  const touch = { identifier: 0, clientX: x, clientY: y, target: element };
  const touches = action === 1 ? [] : [touch];
  const event = { touches, targetTouches: touches, changedTouches: [touch], target: element, preventDefault() {} };
  listeners[TYPES[action]]({ type: TYPES[action], ...event });
  if (action === 1) strokes.push([...events].sort());
}
process.stdout.write(JSON.stringify(strokes));
