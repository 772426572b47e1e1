// The common form of touch logs as text: JSON lines of info, samples and marks, or CSV with the six columns.

const MOST_BYTES = 64 * 2 ** 20, MOST_LINES = 600_000;
const ACTION_WORDS = { down: 0, up: 1, move: 2, cancel: 3, canceled: 3 };
const NEEDED = ["action", "time", "x", "y"];
/** Whole numbers that may be too large for a number of a script; they are read as text. */
const LARGE = /("(?:time|stream)"\s*:\s*)(-?\d{1,19})(?=\s*[,}])/g;
const CONVERT = "capture convert LOG -o log.touch.jsonl makes one that can be opened here";

/** Samples with times in ns since the first of all, marks, info; throws an error that names the fault. */
function parseLog(text) {
  if (countLines(text) > MOST_LINES) throw new Error(`more than ${MOST_LINES.toLocaleString("en")} lines: capture report makes a page of it`);
  const head = text.slice(0, 65536).split("\n").find((line) => line.trim()) || "";
  const log = head.trimStart().startsWith("{") ? jsonLog(text, head) : tableLog(text, head);
  const first = [...log.samples, ...log.marks].reduce((least, { time }) => (least === null || time < least ? time : least), null);
  for (const each of [...log.samples, ...log.marks]) each.time = Number(each.time - first);
  return log;
}

function countLines(text) {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function objectOf(line) {
  try {
    const value = JSON.parse(line.replace(LARGE, '$1"$2"'));
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch { return null; }
}

function jsonLog(text, head) {
  const first = objectOf(head);
  if (!first || !("info" in first || ("time" in first && ("mark" in first || "action" in first)))) throw new Error(`not a touch log in the common form; ${CONVERT}`);
  const log = { info: infoOf(first), samples: [], marks: [], left: 0 };
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    const row = objectOf(line), time = row && wholeOf(row.time);
    if (row && row.info) continue;
    if (!row || time === null) log.left++;
    else if (typeof row.mark === "string") log.marks.push({ kind: row.mark, time, stream: String(row.stream ?? 0), fields: row, sample: log.samples.length });
    else if (!addSample(log.samples, row, time)) log.left++;
  }
  return log;
}

function infoOf({ info }) {
  return info && typeof info === "object" ? info : {};
}

function tableLog(text, head) {
  const separator = [",", "\t", ";"].find((each) => head.includes(each)), names = separator ? head.trim().split(separator).map((each) => each.trim()) : [];
  if (!NEEDED.every((name) => names.includes(name))) throw new Error(`not a touch log in the common form: neither JSON lines nor a table with the columns ${NEEDED.join(", ")}; ${CONVERT}`);
  const log = { info: {}, samples: [], marks: [], left: 0 };
  let rows = false;
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    if (!rows) { rows = true; continue; } // the names
    const cells = line.trim().split(separator), row = Object.fromEntries(names.map((name, n) => [name, cells[n]]));
    const time = wholeOf(row.time);
    if (cells.length !== names.length || time === null || !addSample(log.samples, row, time)) log.left++;
  }
  return log;
}

const wholeOf = (text) => (typeof text === "string" && /^\s*-?\d{1,19}\s*$/.test(text) ? BigInt(text) : null);

/** A place as a float32; the words of JSON and CSV for no number give NaN. */
function placeOf(value) {
  const text = String(value ?? "nan").trim().toLowerCase().replace("infinity", "inf");
  if (text === "inf" || text === "+inf") return Infinity;
  return text === "-inf" ? -Infinity : text === "" ? NaN : Math.fround(Number(text));
}

function addSample(samples, row, time) {
  const word = String(row.action ?? "").trim().toLowerCase(), action = word in ACTION_WORDS ? ACTION_WORDS[word] : /^\d+$/.test(word) ? Number(word) : NaN;
  if (Number.isNaN(action)) return false;
  const pointer = Number(row.pointer ?? 0);
  samples.push({ stream: String(row.stream ?? 0).trim(), pointer: Number.isInteger(pointer) ? pointer : String(row.pointer), action, time, x: placeOf(row.x), y: placeOf(row.y) });
  return true;
}
