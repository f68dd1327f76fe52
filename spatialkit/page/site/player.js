// Player of the version for headphones and the song, in sync and equally loud.

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Seconds by which two elements may differ before one of them seeks.
const TOLERANCE = 0.05;

// Sound that the browser loads while it plays: songs of any length.
class ElementVoice {
  constructor(url, output) {
    this.element = Object.assign(new Audio(url), {preload: "auto"});
    new MediaElementAudioSourceNode(output.context, {mediaElement: this.element}).connect(output);
  }

  get duration() {
    return this.element.duration || 0;
  }

  start(when, offset) {
    this.element.currentTime = offset;
    this.element.play().catch(() => {});  // the event "error" is shown
  }

  stop() {
    this.element.pause();
  }

  position() {
    return this.element.currentTime;
  }
}

export class Player extends Versions {
  constructor(parent) {
    super();
    parent.className = "player";
    this.parent = parent;
  }

  // versions: [{label, url, loudness}], the first is heard first.
  load(versions) {
    this.pause();
    for (const {element} of this.voices.values()) element.removeAttribute("src");
    for (const each of [this.voices, this.outputs, this.levels]) each.clear();
    this.offset = 0;
    this.context ??= new AudioContext();
    const loudness = versions.map((each) => each.loudness).filter(Number.isFinite);
    this.failure = Object.assign(document.createElement("span"), {className: "error"});
    this.buttons = new Map(versions.map((each) => [each.label, this.add(each, Math.min(...loudness))]));
    this.button = this.makeButton("Play", () => (this.playing ? this.pause() : this.start()));
    this.seekBar = document.createElement("input");
    Object.assign(this.seekBar, {type: "range", min: 0, max: 1, step: 0.01, value: 0, ariaLabel: "Position"});
    this.seekBar.addEventListener("input", () => this.seek(Number(this.seekBar.value)));
    this.time = document.createElement("output");
    const [first] = this.voices.values();
    for (const name of ["loadedmetadata", "timeupdate"]) first.element.addEventListener(name, () => this.show());
    first.element.addEventListener("ended", () => { this.pause(); this.offset = 0; this.show(); });
    this.parent.replaceChildren(this.button, ...this.buttons.values(), this.seekBar, this.time, this.failure);
    this.choose(versions[0].label);
    this.show();
  }

  // Add a version and return its button; "quietest" is the loudness to which all are lowered.
  add({label, url, loudness}, quietest) {
    const output = new GainNode(this.context, {gain: 0}), voice = new ElementVoice(url, output);
    const button = this.makeButton(label, () => this.choose(label));
    output.connect(this.context.destination);
    this.outputs.set(label, output);
    this.voices.set(label, voice);
    this.levels.set(label, Number.isFinite(loudness) ? 10 ** ((quietest - loudness) / 20) : 1);
    voice.element.addEventListener("error", () => {
      button.disabled = true;
      this.failure.textContent = `This browser does not play ${label.toLowerCase()}.`;
    });
    return button;
  }

  makeButton(label, action) {
    const made = Object.assign(document.createElement("button"), {type: "button", textContent: label});
    made.addEventListener("click", action);
    return made;
  }

  start() {
    this.context.resume();  // browsers start sound in a gesture only
    super.start();
    this.button.textContent = "Pause";
  }

  pause() {
    super.pause();
    if (this.button) this.button.textContent = "Play";
  }

  choose(label) {
    super.choose(label);
    for (const [name, button] of this.buttons) {
      button.classList.toggle("chosen", name === label);
      button.setAttribute("aria-pressed", name === label);
    }
  }

  // Show the position, and bring the other versions to that of the first.
  show() {
    const [first, ...others] = [...this.voices.values()].map((each) => each.element);
    this.seekBar.max = first.duration || 1;
    this.seekBar.value = this.position;
    this.time.textContent = `${clock(this.position)} / ${clock(first.duration)}`;
    for (const other of others) {
      if (this.playing && Math.abs(other.currentTime - first.currentTime) > TOLERANCE) other.currentTime = first.currentTime;
    }
  }
}
