"use strict";

// Names, URLs and messages come from strangers: they are only ever set as text.
const rows = document.getElementById("tasks");
const state = document.getElementById("state");
const message = document.getElementById("message");
const source = document.getElementById("source");
const LOOK_MS = 1500;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const VERBS = { running: "pause", pausing: "resume", pending: "pause", scheduled: "pause", retrying: "pause", paused: "resume", failed: "retry", cancelled: "retry" };
let tag = "";

function size(bytes) {
  let step = 0;
  while (bytes >= 1024 && step < UNITS.length - 1) { bytes /= 1024; step += 1; }
  return `${step ? bytes.toFixed(1) : bytes} ${UNITS[step]}`;
}

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-Argosy-CSRF": "1", ...options.headers } });
  if (answer.status === 401) { location.replace("/login"); }
  return answer;
}

async function command(path, body) {
  message.textContent = "";
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await ask(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  if (!answer.ok) {
    const told = await answer.json();
    message.textContent = [told.detail, told.hint].filter(Boolean).join(": ");
  }
  await look();
  return answer.ok;
}

function cell(row, text, detail) {
  const made = row.insertCell();
  made.textContent = text;
  if (detail) { made.appendChild(document.createElement("small")).textContent = detail; }
  return made;
}

function why(task) {
  const told = task.error ? task.error.message : task.warning;
  const again = task.status === "retrying" && task.due_at && `again at ${new Date(task.due_at).toLocaleTimeString()}`;
  return [told, again].filter(Boolean).join("; ");
}

function progress(task) {
  if (task.status === "completed" || !task.total) { return task.received ? size(task.received) : ""; }
  return `${size(task.received)} of ${size(task.total)}`;
}

function show(task) {
  const row = document.createElement("tr");
  const name = task.name || task.asked_name;
  cell(row, name || task.source, name ? task.source : "");
  cell(row, task.status, why(task));
  const done = cell(row, progress(task));
  if (task.percent !== null && task.status !== "completed") {
    const bar = done.appendChild(document.createElement("progress"));
    bar.max = 100;
    bar.value = task.percent;
    bar.setAttribute("aria-label", `${task.percent} percent`);
  }
  cell(row, task.speed_bps ? `${size(task.speed_bps)}/s` : "");
  const verb = VERBS[task.status];
  const place = row.insertCell();
  if (verb) {
    const button = place.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = verb;
    button.dataset.task = task.id;
    button.addEventListener("click", () => command(`/v1/tasks/${task.id}/${verb}`));
  }
  return row;
}

async function look() {
  try {
    const answer = await ask("/v1/tasks?page_size=100&counts=true", { headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status === 304 || !answer.ok) { return; }
    tag = answer.headers.get("ETag") || "";
    const told = await answer.json();
    const held = rows.contains(document.activeElement) ? document.activeElement.dataset.task : "";
    rows.replaceChildren(...told.tasks.map(show));
    if (held) { rows.querySelector(`[data-task="${CSS.escape(held)}"]`)?.focus(); }
    document.getElementById("empty").hidden = told.tasks.length > 0;
    const speed = told.tasks.reduce((sum, task) => sum + task.speed_bps, 0);
    state.textContent = `${told.tasks.filter((task) => task.speed_bps).length} running, ${size(speed)}/s`;
  } catch {
    state.textContent = "the service does not answer";
  }
}

document.getElementById("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await command("/v1/tasks", { source: source.value.trim() })) { source.value = ""; }
  source.focus();
});
document.getElementById("logout").addEventListener("click", async () => {
  await ask("/v1/logout", { method: "POST" });
  location.replace("/login");
});
look();
setInterval(() => document.hidden || look(), LOOK_MS);
