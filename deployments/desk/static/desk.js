// Draws the charts of a page from the JSON beside them, and follows a run in progress.
// Every number is in a table of the page too, so nothing is lost without this script.
"use strict";

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const palette = () => [1, 2, 3, 4, 5, 6, 7, 8].map((number) => colour(`--line-${number}`));
// Plotly reads a few tags in its texts, and names come from the data.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");

function written(value, form) {
  if (value === null || value === undefined) return "";
  if (form === "percent") return `${(100 * value).toFixed(2)}%`;
  if (form === "seconds") return `${value.toFixed(1)} s`;
  if (form === "bytes") return value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e3).toFixed(1)} kB`;
  return form === "count" ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(4)));
}

// Of many runs only some have room for their time.
function ticks(chart) {
  const most = chart.axis === "class" ? 20 : 6;
  const step = Math.max(1, Math.ceil(chart.labels.length / most));
  const shown = chart.labels.map((_, index) => index).filter((index) => index % step === 0);
  const days = new Set(shown.map((index) => String(chart.labels[index]).slice(0, 10))).size;
  // Runs of one day differ by their hours alone.
  const [from, to] = days === shown.length ? [5, 10] : [days > 1 ? 5 : 11, 16];
  const text = shown.map((index) =>
    chart.axis === "run" ? chart.labels[index].slice(from, to) : plain(chart.labels[index]));
  return { tickvals: shown, ticktext: text };
}

function heightOf(chart, width) {
  if (chart.kind === "heat") return Math.min(640, 120 + 36 * chart.labels.length);
  const perRow = Math.max(1, Math.floor(width / 160));
  return 240 + (chart.series.length > 1 ? 20 * Math.ceil(chart.series.length / perRow) : 0);
}

function layout(chart, width) {
  const line = colour("--line");
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
  const y = { ...axis, rangemode: chart.kind === "stack" ? "tozero" : "normal" };
  if (chart.form === "percent") y.tickformat = ".3~p";
  if (chart.form === "bytes") y.tickformat = ".3~s";
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", barmode: "stack",
    font: { color: colour("--ink"), size: 12 }, hovermode: "closest", dragmode: false,
    margin: { l: 48, r: 12, t: 8, b: 32 }, height: heightOf(chart, width),
    showlegend: chart.series.length > 1 && chart.kind !== "heat",
    legend: { orientation: "h", y: -0.2 },
    xaxis: { ...axis, ...ticks(chart), showgrid: false, fixedrange: true },
    yaxis: { ...y, fixedrange: true },
  };
}

function lineOrBar(chart, series, index) {
  const stroke = palette()[index % 8];
  const trace = {
    name: plain(series.name), x: chart.labels.map((_, at) => at), y: series.values,
    text: series.values.map((value, at) => `${plain(chart.labels[at])}: ${written(value, chart.form)}`),
    hovertemplate: "%{text}", marker: { color: stroke },
  };
  if (chart.kind === "stack") return { ...trace, type: "bar", textposition: "none" };
  const ends = (limits, sign) => limits.map((end, at) =>
    end === null || series.values[at] === null ? 0 : sign * (end - series.values[at]));
  if (series.low.length) {
    trace.error_y = {
      type: "data", symmetric: false, array: ends(series.high, 1), arrayminus: ends(series.low, -1),
      color: stroke, thickness: 1, width: 3,
    };
  }
  const mode = chart.axis === "epoch" && chart.labels.length > 1 ? "lines" : "lines+markers";
  return { ...trace, type: "scatter", mode, line: { color: stroke }, connectgaps: true };
}

// A matrix is coloured within each row, as classes differ in size, and by the root of the share, so
// that single mistakes can be seen.
function matrix(chart) {
  const shares = chart.series.map((row) => {
    const total = row.values.reduce((sum, count) => sum + count, 0) || 1;
    return row.values.map((count) => Math.sqrt(count / total));
  });
  const position = chart.labels.map((_, index) => index);
  return {
    type: "heatmap", z: shares, x: position, y: position, zmin: 0, zmax: 1, showscale: false,
    colorscale: [[0, colour("--card")], [1, colour("--band")]], xgap: 1, ygap: 1,
    text: chart.series.map((row) => row.values.map((count) => count || "")),
    texttemplate: chart.labels.length > 20 ? "" : "%{text}",
    hovertext: chart.series.map((row) => row.values.map((count, at) =>
      `${plain(row.name)} taken for ${plain(chart.labels[at])}: ${count}`)),
    hovertemplate: "%{hovertext}<extra></extra>",
  };
}

function draw(target, chart) {
  target.hidden = false;
  const look = layout(chart, target.clientWidth);
  let traces = chart.series.map((series, index) => lineOrBar(chart, series, index));
  if (chart.kind === "heat") {
    traces = [matrix(chart)];
    look.yaxis = { ...look.yaxis, ...ticks(chart), autorange: "reversed", title: { text: "class" } };
    look.xaxis = { ...look.xaxis, title: { text: "taken for" } };
  }
  target.style.height = `${look.height}px`;
  Plotly.react(target, traces, look, { displayModeBar: false, responsive: true });
  if (chart.links.length && !target.dataset.linked) {
    target.dataset.linked = "yes";
    target.on("plotly_click", (event) => { location.href = chart.links[event.points[0].x]; });
  }
}

function drawAll() {
  if (typeof Plotly === "undefined") return;
  for (const figure of document.querySelectorAll("figure.chart")) {
    const content = figure.querySelector('script[type="application/json"]');
    draw(figure.querySelector(".drawing"), JSON.parse(content.textContent));
  }
}

// The page is read again in place, so that whoever reads it stays where they are.
async function readAgain() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = page.title;
  document.getElementById("content").replaceWith(page.getElementById("content"));
  drawAll();
}

function showEpoch(epochs, event) {
  epochs.push(event);
  const measures = Object.entries(event.metrics || {});
  document.getElementById("live-epoch").textContent = `Epoch ${event.epoch} of ${event.epochs}: `
    + measures.map(([name, value]) => `${name} ${value}`).join(", ");
  const bar = document.getElementById("live-bar");
  bar.max = event.epochs;
  bar.value = event.epoch;
  const names = measures.map(([name]) => name).filter((name) => name.endsWith("accuracy"));
  draw(document.getElementById("live-drawing"), {
    kind: "lines", axis: "epoch", form: "percent", links: [], labels: epochs.map((each) => each.epoch),
    series: names.map((name) => ({
      name, low: [], high: [], values: epochs.map((each) => (each.metrics || {})[name] ?? null),
    })),
  });
}

function showStage(event) {
  const stage = document.getElementById("live-stage");
  stage.textContent = `Stage: ${event.stage}${event.state === "ended" ? ", ended" : ""}`;
  if (event.state !== "ended") return;
  const line = document.createElement("li");
  line.textContent = `${event.stage} ${event.seconds.toFixed(1)} s`;
  document.getElementById("live-stages").append(line);
}

function follow(live) {
  const events = new EventSource(live.dataset.events);
  const epochs = [];
  // The events begin with what the page shows already.
  document.getElementById("live-stages").replaceChildren();
  events.addEventListener("stage", (event) => showStage(JSON.parse(event.data)));
  events.addEventListener("epoch", (event) => showEpoch(epochs, JSON.parse(event.data)));
  events.addEventListener("end", () => { events.close(); readAgain(); });
}

drawAll();
const live = document.querySelector("#live[data-events]");
if (live) follow(live);
const again = Number(document.querySelector("[data-read-again]")?.dataset.readAgain || 0);
if (again) {
  setInterval(() => {
    // Not under the hands of somebody who is reading a table or filling in a form.
    const content = document.getElementById("content");
    const isBusy = content.contains(document.activeElement) || content.querySelector("details[open]");
    if (!document.hidden && !isBusy) readAgain().catch(() => {});
  }, 1000 * again);
}
// The colours are part of a drawing, so it follows the system's look like the rest of the page.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
