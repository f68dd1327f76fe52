// Controls, keys and moving pictures.

const player = new Player();
const find = (id) => document.getElementById(id);
const hasOriginal = content.audio.length > 1;
const MIN_DB = -60, LARGEST_RADIUS = 0.34, KEY_DEGREES = 5;
let orientation = null;

function decibels(value) {
  return 20 * Math.log10(Math.max(value, 1e-6));
}

function part(db) {
  return Math.min(Math.max(1 - db / MIN_DB, 0), 1);
}

function showHead() {
  const { yaw, pitch, roll } = player.head;
  for (const name of ["yaw", "pitch", "roll"]) {
    const value = Math.round(player.head[name]);
    find(name).value = value;
    find(name + "-text").textContent = value + "\u00b0";
  }
  find("plan").setAttribute("aria-valuenow", Math.round(yaw));
  const side = yaw > 0 ? " to the left" : yaw < 0 ? " to the right" : "";
  find("plan").setAttribute("aria-valuetext", Math.abs(Math.round(yaw)) + " degrees" + side);
  const glyph = document.querySelector("#plan .sk-head");
  if (glyph) glyph.setAttribute("transform", "rotate(" + -yaw + ")");
  drawMap();
}

function turn(change) {
  const wrap = (angle) => ((angle + 180) % 360 + 360) % 360 - 180;
  const limit = (angle) => Math.min(Math.max(angle, -90), 90);
  const head = { ...player.head, ...change };
  player.head = { yaw: Math.abs(head.yaw) === 180 ? head.yaw : wrap(head.yaw), pitch: limit(head.pitch), roll: limit(head.roll) };
  player.update();
  showHead();
}

function showPlaying() {
  find("play").textContent = player.playing ? "Pause" : "Play";
}

async function togglePlay() {
  try {
    if (player.playing) player.pause();
    else await player.play();
    showPlaying();
  } catch (error) {
    fail(error);
  }
}

function fail(error) {
  find("status").setAttribute("role", "alert");
  find("status").textContent = "This browser cannot play the report (" + error.message + "): use a current Chrome, Edge, Firefox or Safari.";
}

function chooseVersion(name) {
  player.version = name;
  for (const input of document.querySelectorAll("input[name=version]")) input.checked = input.value === name;
  player.update();
}

function drawMap() {
  const canvas = find("map"), picture = canvas.getContext("2d"), { frames, rate, rows } = content.map;
  const image = find("map-frames");
  if (!image.complete || !image.naturalWidth) return;
  const frame = Math.min(Math.floor(player.position * rate), frames - 1);
  picture.imageSmoothingEnabled = true;
  // Half a cell less at the edges: neighbouring frames must not shine through.
  picture.drawImage(image, 0, frame * rows + 0.5, image.naturalWidth, rows - 1, 0, 0, canvas.width, canvas.height);
  const x = (0.5 - player.head.yaw / 360) * canvas.width;
  const y = (0.5 - player.head.pitch / 180) * canvas.height;
  for (const [width, colour] of [[5, "#000"], [2, "#fff"]]) {
    picture.lineWidth = width;
    picture.strokeStyle = colour;
    picture.beginPath();
    picture.moveTo(x, y - 14);
    picture.lineTo(x, y + 14);
    picture.moveTo(x - 14, y);
    picture.lineTo(x + 14, y);
    picture.stroke();
  }
}

function showPosition() {
  const seconds = player.position, ratio = seconds / player.duration;
  if (document.activeElement !== find("position") || player.playing) find("position").value = ratio;
  find("position-text").textContent = (content.start + seconds).toFixed(1) + " s";
  find("position").setAttribute("aria-valuetext", seconds.toFixed(1) + " seconds");
  for (const cursor of document.querySelectorAll(".cursor")) cursor.style.left = "calc(" + 100 * ratio + "% - 1px)";
}

function showLevels({ rms, peak }) {
  const heard = player.version === "audio" && player.playing;
  rms.forEach((value, c) => {
    const meter = document.querySelector("[data-meter='" + c + "']");
    meter.style.setProperty("--level", 100 * (heard ? part(decibels(value)) : 0) + "%");
    meter.style.setProperty("--peak", 100 * (heard ? part(decibels(peak[c])) : 0) + "%");
    const disc = document.querySelector("#plan [data-channel='" + c + "'] .sk-energy");
    if (disc) disc.setAttribute("r", heard ? LARGEST_RADIUS * part(decibels(value)) : 0);
  });
}

function showChannels() {
  const gains = player.channelGains();
  gains.forEach((gain, c) => {
    document.querySelector("[data-row='" + c + "']").classList.toggle("off", !gain);
    document.querySelector("[data-solo='" + c + "']").setAttribute("aria-pressed", player.solo.has(c));
    document.querySelector("[data-mute='" + c + "']").setAttribute("aria-pressed", player.muted.has(c));
  });
  player.update();
}

function toggle(set, member) {
  if (!set.delete(member)) set.add(member);
  showChannels();
}

function animate() {
  if (player.playing) {
    showPosition();
    drawMap();
  }
  requestAnimationFrame(animate);
}

// The direction of the device when following starts is ahead.
function followDevice(event) {
  if (event.alpha === null) return;
  if (!orientation) orientation = { alpha: event.alpha, beta: event.beta };
  turn({ yaw: event.alpha - orientation.alpha, pitch: event.beta - orientation.beta, roll: event.gamma || 0 });
}

async function toggleFollowing() {
  const button = find("follow"), on = button.getAttribute("aria-pressed") !== "true";
  if (on && DeviceOrientationEvent.requestPermission) {
    if ((await DeviceOrientationEvent.requestPermission()) !== "granted") return;
  }
  orientation = null;
  button.setAttribute("aria-pressed", on);
  (on ? addEventListener : removeEventListener)("deviceorientation", followDevice);
}

function connectPlan() {
  const plan = find("plan");
  let before = null;
  const angle = (event) => {
    const box = plan.querySelector("svg").getBoundingClientRect();
    const x = event.clientX - box.left - box.width / 2, y = event.clientY - box.top - box.height / 2;
    return Math.atan2(-x, -y) * 180 / Math.PI;
  };
  plan.addEventListener("pointerdown", (event) => { before = angle(event); plan.setPointerCapture(event.pointerId); });
  plan.addEventListener("pointermove", (event) => {
    if (before === null) return;
    const now = angle(event);
    turn({ yaw: player.head.yaw + now - before });
    before = now;
  });
  for (const name of ["pointerup", "pointercancel"]) plan.addEventListener(name, () => { before = null; });
  plan.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: ["yaw", 1], ArrowRight: ["yaw", -1], ArrowUp: ["pitch", 1], ArrowDown: ["pitch", -1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    turn({ [step[0]]: player.head[step[0]] + KEY_DEGREES * step[1] });
  });
}

function connectKeys() {
  const actions = {
    " ": togglePlay,
    b: () => hasOriginal && chooseVersion(player.version === "audio" ? "original" : "audio"),
    ",": () => turn({ yaw: player.head.yaw + 10 }),
    ".": () => turn({ yaw: player.head.yaw - 10 }),
    "0": () => turn({ yaw: 0, pitch: 0, roll: 0 }),
    Home: () => { player.seek(0); showPosition(); drawMap(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("play").disabled) return;
    const within = event.target.closest("button, input, summary, select, textarea");
    // Keys that controls use themselves.
    if (within && (event.key === " " || event.key === "Home")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function connectControls() {
  find("play").addEventListener("click", togglePlay);
  find("position").addEventListener("input", (event) => {
    player.seek(event.target.value * player.duration);
    showPosition();
    drawMap();
  });
  find("volume").addEventListener("input", (event) => {
    player.volume = 10 ** (event.target.value / 20);
    find("volume-text").textContent = event.target.value + " dB";
    player.update();
  });
  find("match").addEventListener("change", (event) => { player.matched = event.target.checked; player.update(); });
  for (const name of ["yaw", "pitch", "roll"]) {
    find(name).addEventListener("input", (event) => turn({ [name]: Number(event.target.value) }));
  }
  find("reset").addEventListener("click", () => turn({ yaw: 0, pitch: 0, roll: 0 }));
  find("follow").addEventListener("click", () => toggleFollowing().catch(fail));
  find("follow").hidden = !("DeviceOrientationEvent" in window && matchMedia("(pointer: coarse)").matches);
  for (const input of document.querySelectorAll("input[name=version]")) {
    input.addEventListener("change", () => chooseVersion(input.value));
  }
  for (const input of document.querySelectorAll("input[name=output]")) {
    input.addEventListener("change", () => { player.output = input.value; player.update(); });
  }
  for (const button of document.querySelectorAll("[data-solo]")) {
    button.addEventListener("click", () => toggle(player.solo, Number(button.dataset.solo)));
  }
  for (const button of document.querySelectorAll("[data-mute]")) {
    button.addEventListener("click", () => toggle(player.muted, Number(button.dataset.mute)));
  }
  find("all").addEventListener("click", () => { player.solo.clear(); player.muted.clear(); showChannels(); });
  for (const picture of document.querySelectorAll(".timed")) {
    picture.addEventListener("click", (event) => {
      const box = picture.getBoundingClientRect();
      player.seek((event.clientX - box.left) / box.width * player.duration);
      showPosition();
      drawMap();
    });
  }
}

async function main() {
  connectControls();
  connectKeys();
  connectPlan();
  player.onlevels = showLevels;
  find("map-frames").addEventListener("load", drawMap);
  showHead();
  showPosition();
  animate();
  try {
    await player.load();
    find("status").textContent = "Ready: " + content.labels.length + (content.labels.length === 1 ? " channel" : " channels") + (hasOriginal ? ", and the original in sync." : ".");
    find("play").disabled = false;
    document.documentElement.dataset.ready = "true";
  } catch (error) {
    fail(error);
  }
}

main();
