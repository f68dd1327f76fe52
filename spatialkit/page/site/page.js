// Page: upload of a song, form of the upmixers, progress, and results.

import {Stage} from "./stage.js";
import {Player} from "./player.js";

const token = new URLSearchParams(location.search).get("token") ?? "";
const find = (id) => document.getElementById(id);
const stage = new Stage(find("stage"));
const player = new Player(find("player"));
const HAND = "placed by hand", FILE = "like a file of 5-channel music";
const NAMES = {ambix1: "Ambisonics, order 1", ambix3: "Ambisonics, order 3", quad: "4.0 (quad)"};
let known = {upmixers: [], layouts: []}, song = null, styleFile = null, job = null;

function address(path, download) {
  const query = new URLSearchParams({token, ...(download ? {download: "1"} : {})});
  return `${path}?${query}`;
}

async function call(path, method = "GET", body) {
  const response = await fetch(path, {method, headers: {"X-Token": token}, body});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function say(lines, isError = false) {
  find("messages").replaceChildren(...lines.map((line, index) => {
    const item = document.createElement("li");
    item.textContent = line;
    if (isError && index === lines.length - 1) item.className = "error";
    return item;
  }));
}

function upload(file, progress) {
  return new Promise((resolve, reject) => {  // fetch reports no progress of uploads
    const request = new XMLHttpRequest();
    request.open("POST", `api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-Token", token);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () => request.status === 200 ? resolve(request.response)
      : reject(new Error(request.response?.error ?? "The upload failed."));
    request.onerror = () => reject(new Error("The page does not answer: is `spatialkit serve` running?"));
    request.send(file);
  });
}

async function takeSong(file) {
  const bar = find("uploading"), before = song;
  bar.hidden = false;
  find("song").className = "";
  find("song").textContent = `Reading ${file.name} ...`;
  try {
    song = await upload(file, (ratio) => { bar.value = ratio; });
    if (before) call(`api/uploads/${before.id}`, "DELETE").catch(() => {});
    const form = song.format ?? `${song.channels} channels`;
    find("song").textContent = `${song.name}: ${song.container} ${song.encoding}, ${form}, ${song.sample_rate} Hz, ${song.duration.toFixed(1)} s`;
  } catch (error) {
    song = before;
    find("song").className = "error";
    find("song").textContent = error.message;
  }
  bar.hidden = true;
  find("start").disabled = !song || Boolean(job);
}

function choice(select, values, label = (value) => value) {
  select.replaceChildren(...values.map((value) => new Option(label(value), value)));
}

function field(option) {
  const label = document.createElement("label");
  const help = document.createElement("small");
  help.textContent = option.help;
  let input;
  if (typeof option.default === "boolean") {
    input = Object.assign(document.createElement("input"), {type: "checkbox", checked: option.default});
    label.className = "check";
    label.append(input, option.name.replaceAll("_", " "), help);
  } else {
    label.className = "field";
    if (option.name === "style") {
      input = document.createElement("select");
      choice(input, ["band", "random", HAND, FILE]);
      input.value = HAND;
    } else if (option.choices.length) {
      input = document.createElement("select");
      choice(input, option.choices);
      input.value = option.default;
    } else if (typeof option.default === "number") {
      input = Object.assign(document.createElement("input"), {type: "number", value: option.default});
      input.step = Number.isInteger(option.default) && option.accepts.startsWith("whole") ? 1 : "any";
      if (option.minimum !== null) input.min = option.minimum;
      if (option.maximum !== null) input.max = option.maximum;
    } else {
      input = Object.assign(document.createElement("input"), {type: "text", value: option.default});
    }
    const unit = option.unit ? ` (${option.unit})` : "";
    label.append(`${option.name.replaceAll("_", " ")}${unit}`, input, help);
  }
  input.dataset.option = option.name;
  input.dataset.default = typeof option.default === "boolean" ? option.default : String(option.default);
  if (option.name === "style") label.append(stylePicker(input));
  return label;
}

function stylePicker(select) {
  const input = Object.assign(document.createElement("input"), {type: "file", ariaLabel: "File of 5-channel music", hidden: true});
  select.addEventListener("change", () => { input.hidden = select.value !== FILE; showStage(); });
  input.addEventListener("change", async () => {
    try {
      styleFile = await upload(input.files[0], () => {});
      say([`Style: ${styleFile.name}`]);
    } catch (error) {
      styleFile = null;
      say([error.message], true);
    }
  });
  return input;
}

const chosen = () => known.upmixers.find((each) => each.name === find("upmixer").value);

function showForm() {
  const upmixer = chosen();
  find("preset-field").hidden = upmixer.presets.length === 0;
  find("preset").replaceChildren(new Option("none", ""), ...upmixer.presets.map((each) => new Option(each.name, each.name)));
  showSummary();
  const layout = upmixer.options.find((each) => each.name === "layout");
  find("layout-field").hidden = !layout;
  if (layout) {
    const scenes = layout.accepts.includes("format") || layout.default === "foa";
    const values = known.layouts.filter((each) => scenes || !each.startsWith("ambix"));
    const start = layout.default === "foa" ? "ambix1" : layout.default;
    choice(find("layout"), [...new Set([start, ...values])], (each) => NAMES[each] ?? each);
    find("layout").value = start;
  }
  const shown = upmixer.options.filter((each) => each.name !== "layout" && !each.place);
  find("options").replaceChildren(...shown.map(field));
  find("more").hidden = shown.length === 0;
  find("more").open = shown.some((each) => each.name === "style");
  showStage();
}

function showSummary() {
  const upmixer = chosen(), preset = upmixer.presets.find((each) => each.name === find("preset").value);
  find("summary").textContent = preset ? preset.help : upmixer.summary;
  for (const input of document.querySelectorAll("[data-option]")) {
    const value = preset?.options[input.dataset.option] ?? input.dataset.default;
    if (input.type === "number") input.value = value;
    else if (input.type === "checkbox") input.checked = ["yes", "true"].includes(String(value));
  }
  const place = upmixer.options.find((each) => each.place);
  if (!place) return;
  const style = document.querySelector('[data-option="style"]');
  if (style) style.value = HAND;
  stage.kind = place.place;
  stage.set(preset?.options[place.name]);
  showStage();
}

function placed() {
  const option = chosen().options.find((each) => each.place);
  const style = document.querySelector('[data-option="style"]');
  return option && (!style || style.value === HAND) ? option : null;
}

function showStage() {
  const option = placed();
  find("stage").hidden = !option;
  if (option) { stage.kind = option.place; stage.draw(); }
}

function request() {
  const options = {};
  for (const input of document.querySelectorAll("[data-option]")) {
    const value = input.type === "checkbox" ? input.checked : input.value;
    if (String(value) === input.dataset.default || value === HAND) continue;
    options[input.dataset.option] = input.type === "number" ? Number(value) : value;
  }
  if (options.style === FILE) {
    if (!styleFile) throw new Error("Choose a file of 5-channel music for the style.");
    options.style = `upload:${styleFile.id}`;
  }
  const option = placed();
  if (option) options[option.name] = stage.value();
  if (!find("layout-field").hidden) options.layout = find("layout").value;
  return {file: song.id, upmixer: chosen().name, options, format: find("format").value, headphones: true, report: true};
}

async function start(event) {
  event.preventDefault();
  say([]);
  find("result").hidden = true;
  player.pause();
  try {
    job = await call("api/jobs", "POST", JSON.stringify(request()));
    running(true);
    while (job.state === "queued" || job.state === "running") {
      find("progress").value = job.progress;
      find("state").textContent = job.state === "queued" ? "waiting" : `${Math.round(100 * job.progress)} %`;
      await new Promise((resolve) => setTimeout(resolve, 250));
      job = await call(`api/jobs/${job.id}`);
    }
    say(job.messages, job.state === "failed");
    find("state").textContent = job.state;
    if (job.state === "done") show(job);
  } catch (error) {
    find("state").textContent = "";
    say([error.message], true);
  }
  job = null;
  running(false);
}

function running(is) {
  find("cancel").hidden = find("progress").hidden = !is;
  find("start").disabled = is || !song;
}

function decibels(value) {
  return typeof value === "number" ? `${value.toFixed(1)} dB` : "-";
}

function show(done) {
  const [facts] = done.facts[0], ears = facts.headphones;
  const url = (name, download) => address(`api/jobs/${done.id}/files/${encodeURIComponent(name)}`, download);
  const played = done.files.find((each) => each.name.endsWith(".headphones.wav"))?.name ?? ears.output;
  player.load([
    {label: "Upmix on headphones", url: url(played), loudness: ears.loudness},
    {label: "Song", url: address(`api/uploads/${song.id}/file`), loudness: ears.source_loudness},
  ]);
  const rows = {
    "Channels": `${facts.channels} (${facts.format})`,
    "Duration": `${facts.duration.toFixed(1)} s`,
    "Downmix SNR": decibels(facts.downmix_error_db),
    "Peak": decibels(facts.peak_db),
    "Loudness on headphones": `${ears.loudness?.toFixed?.(1) ?? "-"} LUFS`,
    "Loudness of the song": `${ears.source_loudness?.toFixed?.(1) ?? "-"} LUFS`,
  };
  find("facts").replaceChildren(...Object.entries(rows).map(([name, value]) => {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), {textContent: name}),
      Object.assign(document.createElement("dd"), {textContent: value}));
    return row;
  }));
  find("files").replaceChildren(...done.files.map(({name, size}) => {
    const link = Object.assign(document.createElement("a"), {className: "button", href: url(name, true)});
    link.textContent = `${name} (${(size / 1e6).toFixed(1)} MB)`;
    link.download = name;
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
  const report = done.files.find((each) => each.name.endsWith(".report.html"));
  find("report").hidden = !report;
  find("report").open = false;
  find("report").ontoggle = () => {
    const frame = find("report").querySelector("iframe");
    if (report && find("report").open) frame.src = url(report.name);
  };
  find("result").hidden = false;
  find("result").scrollIntoView({behavior: "smooth"});
}

find("file").addEventListener("change", () => { if (find("file").files[0]) takeSong(find("file").files[0]); });
for (const name of ["dragover", "dragleave", "drop"]) {
  find("drop").addEventListener(name, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) takeSong(event.dataTransfer.files[0]);
  });
}
find("upmixer").addEventListener("change", showForm);
find("preset").addEventListener("change", showSummary);
// Instruments that are moved are not those of a preset any more.
stage.changed = () => {
  find("preset").value = "";
  find("summary").textContent = chosen().summary;
};
find("form").addEventListener("submit", start);
find("cancel").addEventListener("click", () => { if (job) call(`api/jobs/${job.id}/cancel`, "POST").catch(() => {}); });

try {
  known = await call("api/upmixers");
  choice(find("upmixer"), known.upmixers.map((each) => each.name));
  find("upmixer").value = "ambience";
  find("format").replaceChildren(...known.formats.map((each) => new Option(`${each.title} (${each.suffix})`, each.suffix)));
  showForm();
} catch (error) {
  say([error.message], true);
}
