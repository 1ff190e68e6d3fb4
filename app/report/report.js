"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
// Pictures are drawn as wide as they are shown, so that their letters keep their size on a phone.
const WIDTH = Math.min(1240, Math.max(320, main.clientWidth)), NARROW = WIDTH < 600;
const LEFT = 64, RIGHT = 16, PAGE_MIB = 1 / 256, COLORS = 9;

// ---- elements ----------------------------------------------------------------------------------
function make(space, name, attributes, children) {
  const node = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  for (const child of children) node.append(child);
  return node;
}
const el = (name, attributes, ...children) => make("", name, attributes, children);
const svg = (name, attributes, ...children) =>
  make("http://www.w3.org/2000/svg", name, attributes, children);
const color = (i) => `var(--s${i % COLORS})`;
const section = (title, ...children) => {
  const made = el("section", {}, el("h2", {}, title), ...children);
  main.append(made);
  return made;
};
function legend(entries) {
  return el("div", {class: "legend"}, ...entries.map(([name, paint]) => {
    const mark = el("i", {});
    mark.style.background = paint;
    return el("span", {}, mark, name);
  }));
}

// ---- numbers -----------------------------------------------------------------------------------
function text(value, digits = 3) {
  if (value === null || value === undefined) return "-";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(digits + 1)));
}
function time(ns) {
  if (ns === null || ns === undefined) return "-";
  for (const [unit, scale] of [["s", 1e9], ["ms", 1e6], ["us", 1e3]])
    if (Math.abs(ns) >= scale) return text(ns / scale) + " " + unit;
  return text(ns) + " ns";
}
function ticks(low, high, count) {
  const span = high - low || 1, raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step)
    found.push(Number(v.toPrecision(12)));
  return found;
}

// ---- tables that sort --------------------------------------------------------------------------
// columns: [{name, text: bool}], rows: arrays of {value, shown, class} or plain values.
const TALL = 20;  // rows
function table(columns, rows) {
  const cell = (c) => (c !== null && typeof c === "object" ? c : {value: c, shown: text(c)});
  const body = el("tbody", {});
  const fill = (sorted) => body.replaceChildren(...sorted.map((row) =>
    el("tr", {}, ...row.map((c, i) => {
      const classes = [columns[i].text ? "text" : "", cell(c).class || ""].join(" ").trim();
      return el("td", classes ? {class: classes} : {}, cell(c).shown);
    }))));
  const heads = columns.map((column, i) => {
    const button = el("button", {type: "button"}, column.name);
    const head = el("th", column.text ? {class: "text"} : {}, button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" ||
        (column.text && !head.hasAttribute("aria-sort"));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => cell(row[i]).value;
      fill([...rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === y) return 0;
        if (x === null || x === undefined) return 1;
        if (y === null || y === undefined) return -1;
        return (x < y ? -1 : 1) * (up ? 1 : -1);
      }));
    });
    return head;
  });
  fill(rows);
  return el("div", {class: "scroll"},
    el("table", {}, el("thead", {}, el("tr", {}, ...heads)), body));
}

// One with more than TALL rows scrolls in a box of its own.
function listing(columns, rows) {
  const made = table(columns, rows);
  if (rows.length <= TALL) return made;
  made.classList.add("tall");
  return el("div", {}, el("p", {class: "faint"}, `${rows.length} rows`), made);
}

// ---- panels over time, which zoom together -----------------------------------------------------
const ends = data.runs.map((run) => run.samples.t_s[run.samples.t_s.length - 1] || 1);
const whole = [0, Math.max(...ends)];
let view = [...whole];
const panels = [];
function show(from, to) {
  const least = (whole[1] - whole[0]) / 1e4;
  if (to - from < least) to = from + least;
  const width = Math.min(to - from, whole[1] - whole[0]);
  const start = Math.min(Math.max(from, whole[0]), whole[1] - width);
  view = [start, start + width];
  document.documentElement.dataset.view = view.map((v) => v.toFixed(4)).join(" ");
  panels.forEach((draw) => draw());
}
const zoomBy = (factor) => {
  const middle = (view[0] + view[1]) / 2, half = (view[1] - view[0]) / 2 * factor;
  show(middle - half, middle + half);
};
function zoomButtons() {
  const button = (label, action) => {
    const made = el("button", {type: "button", "data-zoom": label}, label);
    made.addEventListener("click", action);
    return made;
  };
  return el("div", {class: "zoom"}, button("in", () => zoomBy(0.5)), button("out", () => zoomBy(2)),
    button("left", () => show(view[0] - (view[1] - view[0]) / 2, view[1] - (view[1] - view[0]) / 2)),
    button("right", () => show(view[0] + (view[1] - view[0]) / 2, view[1] + (view[1] - view[0]) / 2)),
    button("whole run", () => show(...whole)),
    el("span", {class: "faint"}, "drag over a part of any picture over time to enlarge it"));
}
// draw(plot, x) fills the panel; `plot` has add(), y(value), and the visible range as plot.view.
function timePanel(name, height, top, unit, draw) {
  const picture = svg("svg", {viewBox: `0 0 ${WIDTH} ${height + 40}`, role: "img",
    "aria-label": name});
  const x = (t) => LEFT + (t - view[0]) / (view[1] - view[0]) * (WIDTH - LEFT - RIGHT);
  const y = (v) => 10 + height - v / top * (height - 18);
  panels.push(() => {
    picture.replaceChildren();
    for (const v of ticks(0, top, 4))
      picture.append(svg("line", {class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v)}),
        svg("text", {x: LEFT - 6, y: y(v) + 4, "text-anchor": "end"}, text(v)));
    for (const t of ticks(view[0], view[1], Math.ceil(WIDTH / 100)))
      picture.append(svg("text", {x: x(t), y: height + 28, "text-anchor": "middle"}, text(t, 5)));
    picture.append(svg("text", {x: WIDTH - RIGHT, y: height + 38, "text-anchor": "end"}, "s"),
      svg("text", {x: LEFT + 4, y: 22, class: "name"}, `${name} [${unit}]`));
    draw({add: (...nodes) => picture.append(...nodes), y, x, height});
  });
  zoomByDragging(picture);
  return picture;
}
function zoomByDragging(picture) {
  let from = null, mark = null;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    const px = (event.clientX - box.left) / box.width * WIDTH;
    const share = (Math.min(Math.max(px, LEFT), WIDTH - RIGHT) - LEFT) / (WIDTH - LEFT - RIGHT);
    return [view[0] + share * (view[1] - view[0]), LEFT + share * (WIDTH - LEFT - RIGHT)];
  };
  picture.addEventListener("pointerdown", (event) => {
    from = at(event);
    mark = svg("rect", {class: "selection", x: from[1], y: 0, width: 0, height: 1000});
    picture.append(mark);
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from) return;
    const to = at(event);
    mark.setAttribute("x", Math.min(from[1], to[1]));
    mark.setAttribute("width", Math.abs(to[1] - from[1]));
  });
  picture.addEventListener("pointerup", (event) => {
    if (!from) return;
    const to = at(event), [a, b] = [from, to];
    from = null;
    mark.remove();
    if (Math.abs(b[1] - a[1]) > 4) show(Math.min(a[0], b[0]), Math.max(a[0], b[0]));
  });
  picture.addEventListener("dblclick", () => show(...whole));
}
// A path through the points in view, with one beyond each edge.
function path(times, value, plot, closed) {
  let first = times.findIndex((t) => t >= view[0]), last = times.length - 1;
  if (first < 0) return "";
  while (last > first && times[last] > view[1]) --last;
  first = Math.max(0, first - 1);
  last = Math.min(times.length - 1, last + 1);
  const points = [];
  for (let i = first; i <= last; ++i) {
    const px = Math.min(Math.max(plot.x(times[i]), LEFT), WIDTH - RIGHT);
    points.push(`${px.toFixed(1)},${plot.y(value(i)).toFixed(1)}`);
  }
  if (closed)
    points.push(`${points[points.length - 1].split(",")[0]},${plot.y(0)}`,
      `${points[0].split(",")[0]},${plot.y(0)}`);
  return "M" + points.join("L") + (closed ? "Z" : "");
}
const line = (d, paint, extra = "") =>
  svg("path", {class: "line " + extra, d, style: `stroke:${paint}`});

const KINDS = {write: "var(--bad)", fsync: "var(--s3)", read: "var(--s5)"};
const stallLegend = () => Object.keys(KINDS)
  .filter((kind) => data.runs.some((run) => run.stalls.some((stall) => stall[3] === kind)))
  .map((kind) => [`stalled ${kind}`, KINDS[kind]]);
function memoryPanel(run, top) {
  const s = run.samples;
  return timePanel(`dirty memory, ${run.name}`, 240, top, "MiB", (plot) => {
    const dirty = (i) => s.nr_dirty[i] * PAGE_MIB;
    const both = (i) => (s.nr_dirty[i] + s.nr_writeback[i]) * PAGE_MIB;
    plot.add(svg("path", {class: "area", d: path(s.t_s, dirty, plot, true),
      style: `fill:${color(0)}`}));
    plot.add(line(path(s.t_s, dirty, plot), color(0)), line(path(s.t_s, both, plot), color(1)),
      line(path(s.t_s, (i) => s.nr_dirty_threshold[i] * PAGE_MIB, plot), "var(--bad)", "dashed"),
      line(path(s.t_s, (i) => s.nr_dirty_background_threshold[i] * PAGE_MIB, plot), "var(--s4)",
        "dashed"));
    for (const [start, ms, writer, kind] of run.stalls) {
      const end = start + ms / 1000;
      if (end < view[0] || start > view[1]) continue;
      const x1 = Math.max(plot.x(start), LEFT), x2 = Math.min(plot.x(end), WIDTH - RIGHT);
      plot.add(svg("rect", {class: "stall", x: x1, width: Math.max(x2 - x1, 1.5), height: 10,
        y: plot.height, style: `fill:${KINDS[kind]};fill-opacity:.75`},
        svg("title", {}, `${writer}: ${kind} of ${text(ms)} ms at ${text(start, 5)} s`)));
    }
  });
}
// Bytes written by all disks, over at most 500 intervals of the view.
function throughputPanel(runs) {
  const series = runs.map((run) => {
    const s = run.samples, disks = Object.keys(s).filter((k) => k.endsWith("_wr_sectors"));
    const step = Math.max(1, Math.ceil(s.t_s.length / 600)), times = [], rates = [];
    for (let i = step; i < s.t_s.length; i += step) {
      const moved = disks.reduce((sum, d) => sum + s[d][i] - s[d][i - step], 0);
      times.push(s.t_s[i]);
      rates.push(moved * 512e-6 / (s.t_s[i] - s.t_s[i - step]));
    }
    return {times, rates};
  });
  const top = Math.max(1, ...series.flatMap((s) => s.rates)) * 1.1;
  return timePanel("written to the disks", 140, top, "MB/s", (plot) => series.forEach((s, i) =>
    plot.add(line(path(s.times, (j) => s.rates[j], plot), color(i)))));
}
function requestPanel(run) {
  if (!run.requests.length)
    return el("p", {class: "faint"}, `${run.name}: no request went to a disk.`);
  const count = new Map();
  for (const request of run.requests) count.set(request[4], (count.get(request[4]) || 0) + 1);
  const all = [...count].sort((a, b) => b[1] - a[1]).map((entry) => entry[0]);
  const threads = all.slice(0, COLORS), others = all.length - threads.length;
  const paint = (thread) =>
    (threads.includes(thread) ? color(threads.indexOf(thread)) : "var(--faint)");
  const top = Math.max(1, ...run.requests.map((r) => r[1])) * 512 / 2 ** 30 * 1.05;
  const picture = timePanel(`where the requests go, ${run.name}`, 160, top, "GiB", (plot) => {
    for (const [start, sector, write, disk, thread, reason] of run.requests) {
      if (start < view[0] || start > view[1]) continue;
      plot.add(svg("rect", {x: plot.x(start) - 1, y: plot.y(sector * 512 / 2 ** 30) - 1, width: 2,
        height: 2, style: `fill:${paint(thread)}`},
        svg("title", {}, `${disk} ${write ? "write" : "read"} by ${thread}, ${reason}`)));
    }
  });
  return el("div", {}, picture, legend([...threads.map((t) => [t, paint(t)]),
    ...(others ? [[`${others} other threads`, "var(--faint)"]] : [])]));
}

// ---- pictures without time ---------------------------------------------------------------------
function latencyPicture(runs) {
  const height = 220, curves = [];
  runs.forEach((run, r) => Object.entries(run.histogram || {}).forEach(([kind, bins]) => {
    let left = bins.reduce((sum, b) => sum + b[1], 0);
    const total = left, points = [];
    for (const [bin, count] of bins) {
      points.push([2 ** (bin / 4), left / total]);
      left -= count;
      points.push([2 ** ((bin + 1) / 4), Math.max(left, 0.5) / total]);
    }
    curves.push({name: `${kind}, ${run.name}`, points, paint: color(r), kind});
  }));
  if (!curves.length) return el("p", {class: "faint"}, "No call was made.");
  const all = curves.flatMap((c) => c.points);
  const low = Math.floor(Math.log10(Math.min(...all.map((p) => p[0]))));
  const high = Math.ceil(Math.log10(Math.max(...all.map((p) => p[0]))));
  const depth = Math.ceil(-Math.log10(Math.min(...all.map((p) => p[1])))) || 1;
  const x = (us) => LEFT + (Math.log10(us) - low) / (high - low) * (WIDTH - LEFT - RIGHT);
  const y = (share) => 10 - Math.log10(share) / depth * height;
  const picture = svg("svg", {viewBox: `0 0 ${WIDTH} ${height + 40}`, role: "img",
    "aria-label": "latencies"});
  for (let e = low; e <= high; ++e)
    picture.append(svg("line", {class: "axis", x1: x(10 ** e), x2: x(10 ** e), y1: 10,
      y2: height + 10}), svg("text", {x: x(10 ** e), y: height + 28, "text-anchor": "middle"},
      time(10 ** e * 1000)));
  for (let e = 0; e <= depth; ++e)
    picture.append(svg("line", {class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(10 ** -e),
      y2: y(10 ** -e)}), svg("text", {x: LEFT - 6, y: y(10 ** -e) + 4, "text-anchor": "end"},
      text(100 * 10 ** -e) + " %"));
  curves.forEach((c) => picture.append(line("M" + c.points.map(([us, share]) =>
    `${x(us).toFixed(1)},${y(share).toFixed(1)}`).join("L"), c.paint,
    c.kind === "write" ? "" : "dashed")));
  return el("div", {}, picture, legend(curves.map((c) =>
    [c.name + (c.kind === "write" ? "" : " (dashed)"), c.paint])));
}

// ---- the page ----------------------------------------------------------------------------------
function question() {
  document.getElementById("title").textContent = data.name;
  main.replaceChildren();
  main.append(el("p", {}, data.description || ""));
  if (data.expected) main.append(el("p", {}, el("strong", {}, "Expected: "), data.expected));
  main.append(el("p", {class: "faint"}, "Source: " + (data.source || "-")));
}
// "nfract 30, ndirty 500" of an object; what is in it stands in brackets.
const empty = (value) =>
  value !== null && typeof value === "object" && Object.keys(value).length === 0;
const facts = (object, keys) => (keys || Object.keys(object))
  .filter((k) => k !== "name" && !empty(object[k])).map((k) => `${k} ${words(object[k])}`).join(", ");
function words(value) {
  if (Array.isArray(value)) return `[${value.map(words).join("; ")}]`;
  return value !== null && typeof value === "object" ? `(${facts(value)})` : String(value);
}
const JOB = ["rw", "filename", "bs", "size", "runtime", "rate", "numjobs", "fsync"];
function parts(s) {
  const named = (kind, list, text) => (list || []).map((x) => [`${kind} ${x.name}`, text(x)]);
  return [["memory", `${s.machine.memory}, cpus ${s.machine.cpus}`],
    ...named("disk", s.devices, (d) => facts(d)), ["vm", facts(s.vm)],
    ...named("workload", s.workloads,
      (w) => facts(w, JOB.filter((k) => w[k] && w[k] !== "0B/s"))),
    ...named("replay", s.replays, (r) => `${r.file}, pace ${r.pace}`)];
}
// What differs between the runs stands there once for each different one.
function machine() {
  const all = new Map();  // name -> text -> runs
  for (const run of data.runs)
    for (const [name, text] of parts(run.manifest.scenario)) {
      if (!all.has(name)) all.set(name, new Map());
      const texts = all.get(name);
      texts.set(text, [...(texts.get(text) || []), run.name]);
    }
  const rows = [];
  const add = (name, value) => rows.push(el("dt", {}, name), el("dd", {}, value));
  for (const [name, texts] of all)
    for (const [text, runs] of texts)
      add(texts.size > 1 ? `${name}, ${runs.join(" ")}` : name, text);
  for (const run of data.runs)
    add("run " + run.name, `kernel ${run.summary.kernel}, flusher ${run.summary.flusher}, ` +
      `throttle ${run.summary.throttle}, ${text(run.summary.simulated_s)} s simulated`);
  const list = el("dl", {}, ...rows);
  section("Machine", rows.length > 4 * TALL
    ? el("details", {}, el("summary", {}, `${rows.length / 2} lines`), list) : list);
}
// Of a metric in the unit its bound is given in.
function measured(value, metric, bound) {
  if (typeof value !== "number") return null;
  if (/_ns(\/(min|max|mean|stddev|percentile\/.*))?$/.test(metric)) return {value, shown: time(value)};
  if (/B\/s$/.test(bound)) return {value, shown: `${text(value / 1e6)} MB/s`};
  return value;
}
function verdict() {
  const rows = (data.expect || []).map((e) => [
    {value: e.ok ? 1 : 0, shown: e.ok ? "ok" : "FAILED", class: e.ok ? "ok" : "failed"},
    Array.isArray(e.runs) ? e.runs.join(" / ") : e.run || "", e.metric,
    measured(e.value, e.metric, e.bound || ""), (e.bound || "").replace(/ /g, "\u00a0")]);
  const parts = [];
  if (rows.length)
    parts.push(table([{name: "verdict", text: true}, {name: "run", text: true},
      {name: "metric", text: true}, {name: "value"}, {name: "bound", text: true}], rows));
  if (data.metrics) {
    const names = data.runs.map((run) => run.name);
    parts.push(table([{name: "metric", text: true}, {name: "unit", text: true},
      ...names.map((name) => ({name})), ...names.slice(1).map((n) => ({name: `${n}/${names[0]}`})),
      {name: "better", text: true}], data.metrics.map((m) => [m.name, m.unit,
      ...names.map((n) => m.values[n]), ...names.slice(1).map((n) => m.ratios[n]),
      m.better || ""])));
  }
  if (!parts.length) parts.push(el("p", {class: "faint"}, "The scenario expects nothing."));
  section("Verdict", ...parts);
}
function pictures() {
  const top = Math.max(...data.runs.map((run) => Math.max(...run.samples.nr_dirty_threshold,
    ...run.samples.nr_dirty.map((v, i) => v + run.samples.nr_writeback[i])))) * PAGE_MIB * 1.08;
  section("Dirty memory and stalls", zoomButtons(), legend([["dirty", color(0)],
    ["dirty + write-back", color(1)], ["dirty threshold", "var(--bad)"],
    ["background threshold", "var(--s4)"], ...stallLegend()]), ...data.runs.map((run) => memoryPanel(run, top || 1)));
  section("Disks", throughputPanel(data.runs), legend(data.runs.map((r, i) => [r.name, color(i)])),
    ...data.runs.map(requestPanel));
  section("Latencies", el("p", {class: "faint"}, "The share of calls that took longer."),
    latencyPicture(data.runs));
}
// ---- why ---------------------------------------------------------------------------------------
const partName = (part) => [
  part.throttled_by ? `throttled by the ${part.throttled_by}` : "",
  part.phase ? `${part.wait}, ${part.phase}` : part.wait,
  part.thread ? `${part.thread} (${part.reason}${part.ino >= 0 ? `, inode ${part.ino}` : ""})` : "",
].filter((word) => word).join(": ");
// One bar for each row: {name, latency, parts}; bars of the same scale when `scale` is given.
function stackedBars(rows, paints, scale) {
  const stacked = NARROW || rows.some((row) => row.name.length > 32);
  const high = 22, above = stacked ? 20 : 0;  // the name stands above the bar, or before it
  const label = stacked ? 6 : 250, width = WIDTH - label - (stacked ? 6 : 80);
  const step = above + high + 6;
  const picture = svg("svg", {viewBox: `0 0 ${WIDTH} ${rows.length * step + 8}`, role: "img",
    "aria-label": "parts of the latency"});
  rows.forEach((row, r) => {
    const head = 6 + r * step, y = head + above, of = scale || row.latency || 1;
    picture.append(svg("text", {x: 6, y: head + 15, class: "name"}, row.name),
      svg("text", {x: WIDTH - 6, y: head + 15, "text-anchor": "end"}, time(row.latency)));
    let x = label;
    for (const part of row.parts) {
      const length = part.ns / of * width;
      picture.append(svg("rect", {class: "part", x, y, width: length, height: high,
        style: `fill:${paints(part)}`}, svg("title", {}, `${partName(part)}: ${time(part.ns)}, ` +
        `${text(100 * part.ns / row.latency)} %`)));
      x += length;
    }
  });
  return picture;
}
function why() {
  const bars = [], worst = [], rows = [], total = new Map();
  const several = data.runs.length > 1;
  for (const run of data.runs) {
    for (const [writer, kinds] of Object.entries((run.why || {writers: {}}).writers)) {
      for (const [kind, account] of Object.entries(kinds)) {
        const name = `${several ? run.name + ", " : ""}${writer}: ${kind}`;
        bars.push({name, latency: account.latency_ns, parts: account.parts});
        for (const call of account.worst) {
          worst.push({name: `${name} at ${text(call.start_ns / 1e9, 5)} s`,
            latency: call.latency_ns, parts: call.parts});
          for (const part of call.parts)
            total.set(partName(part), (total.get(partName(part)) || 0) + part.ns);
        }
        for (const part of account.parts) {
          total.set(partName(part), (total.get(partName(part)) || 0) + part.ns);
          rows.push([name, partName(part), {value: part.ns, shown: time(part.ns)},
            100 * part.ns / account.latency_ns, {value: part.age_ns, shown: time(part.age_ns)}]);
        }
      }
    }
  }
  if (!bars.length) return;
  const leading = [...total].sort((a, b) => b[1] - a[1]).slice(0, COLORS).map((entry) => entry[0]);
  const paints = (part) => {
    const place = leading.indexOf(partName(part));
    return place < 0 ? "var(--faint)" : color(place);
  };
  const longest = (list, n) => [...list].sort((a, b) => b.latency - a.latency).slice(0, n);
  section("Why the calls took so long",
    el("p", {class: "faint"}, "All calls of each kind, each bar as long as the others; then the " +
      "longest calls, to one scale. The parts of a call add up to its latency."),
    legend([...leading.map((name, i) => [name, color(i)]), ["the rest", "var(--faint)"]]),
    stackedBars(longest(bars, 24), paints, 0),
    stackedBars(longest(worst, 16), paints, Math.max(...worst.map((w) => w.latency))),
    listing([{name: "calls", text: true}, {name: "waiting for", text: true}, {name: "time"},
      {name: "%"}, {name: "oldest dirty"}], rows.sort((a, b) => b[2].value - a[2].value)));
}
function latencyCells(c) {
  const p = (c && c.percentile) || {};
  return [p["50.000000"], p["99.000000"], c && c.max].map((ns) => ({value: ns, shown: time(ns)}));
}
function tables() {
  const named = (run, row) => (data.runs.length > 1 ? [run.name, ...row] : row);
  const head = data.runs.length > 1 ? [{name: "run", text: true}] : [];
  const writers = [], devices = [], worst = [], ms = (row) => row[row.length - 1];
  for (const run of data.runs) {
    for (const [name, w] of Object.entries(run.summary.writers))
      writers.push(named(run, [name, w.io_bytes / 2 ** 20, w.bw_bytes / 1e6, w.end_s,
        ...latencyCells(w.write && w.write.clat_ns), ...latencyCells(w.fsync && w.fsync.clat_ns),
        {value: w.throttled_ns, shown: time(w.throttled_ns)}]));
    for (const [name, d] of Object.entries(run.summary.devices))
      devices.push(named(run, [name, d.utilization * 100, d.wr_ios, d.mean_request_bytes / 1024,
        d.seeks]));
    for (const [start, ms, writer, kind] of run.stalls.slice(0, 50))
      worst.push(named(run, [writer, kind, start, ms]));
  }
  const text_ = (name) => ({name, text: true}), number = (name) => ({name});
  section("Writers", table([...head, text_("writer"), ...["MiB", "MB/s", "ends s", "write p50",
    "write p99", "write max", "fsync p50", "fsync p99", "fsync max", "throttled"].map(number)],
    writers));
  section("Devices", table([...head, text_("disk"), ...["busy %", "writes", "mean KiB", "seeks"]
    .map(number)], devices));
  if (worst.length)
    section("Longest calls", listing([...head, text_("writer"), text_("call"), number("at s"),
      number("ms")], worst.sort((a, b) => ms(b) - ms(a))));
}
function manifest() {
  section("Manifest", ...data.runs.map((run) => el("details", {},
    el("summary", {}, `${run.name}: version ${run.manifest.version}, scenario ` +
      `${run.manifest.scenario_hash}, seed ${run.manifest.seed}`),
    el("pre", {}, JSON.stringify(run.manifest, null, 1)))));
}
function theme() {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { root.dataset.theme = dark.matches ? "dark" : "light"; };
  follow();
  dark.addEventListener("change", follow);
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  });
}

theme();
question();
machine();
verdict();
pictures();
why();
tables();
manifest();
show(...whole);
})();
