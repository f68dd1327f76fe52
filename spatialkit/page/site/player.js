// Player that switches between the headphone version and the song, in sync and equally loud.

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export class Player {
  constructor(parent) {
    parent.className = "player";
    this.parent = parent;
    this.tracks = [];
  }

  // versions: [{label, url, loudness}], the first is heard first.
  load(versions) {
    this.stop();
    const loudest = Math.max(...versions.map((each) => each.loudness ?? -Infinity));
    const quietest = Math.min(...versions.map((each) => each.loudness ?? loudest));
    this.play = this.button("Play", () => this.toggle());
    this.seek = document.createElement("input");
    Object.assign(this.seek, {type: "range", min: 0, max: 1, step: 0.01, value: 0, ariaLabel: "Position"});
    this.time = document.createElement("output");
    this.time.textContent = "0:00";
    this.failure = document.createElement("span");
    this.failure.className = "error";
    this.tracks = versions.map(({label, url, loudness}) => {
      const audio = new Audio(url);
      audio.preload = "auto";
      audio.volume = Number.isFinite(loudness) ? Math.min(1, 10 ** ((quietest - loudness) / 20)) : 1;
      const button = this.button(label, () => this.choose(audio));
      audio.addEventListener("error", () => {
        button.disabled = true;
        this.failure.textContent = `This browser does not play ${label.toLowerCase()}.`;
      });
      return {audio, button};
    });
    const [{audio: first}] = this.tracks;
    first.addEventListener("loadedmetadata", () => { this.seek.max = first.duration; });
    first.addEventListener("timeupdate", () => {
      this.seek.value = first.currentTime;
      this.time.textContent = `${clock(first.currentTime)} / ${clock(first.duration)}`;
      for (const {audio} of this.tracks.slice(1)) {
        if (Math.abs(audio.currentTime - first.currentTime) > 0.05) audio.currentTime = first.currentTime;
      }
    });
    first.addEventListener("ended", () => this.stop());
    this.seek.addEventListener("input", () => {
      for (const {audio} of this.tracks) audio.currentTime = Number(this.seek.value);
    });
    this.parent.replaceChildren(this.play, ...this.tracks.map((each) => each.button), this.seek, this.time, this.failure);
    this.choose(first);
  }

  button(label, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", action);
    return made;
  }

  choose(chosen) {
    for (const {audio, button} of this.tracks) {
      audio.muted = audio !== chosen;
      button.classList.toggle("chosen", audio === chosen);
      button.setAttribute("aria-pressed", audio === chosen);
    }
  }

  async toggle() {
    if (this.play.textContent === "Pause") return this.stop();
    this.play.textContent = "Pause";
    await Promise.allSettled(this.tracks.map(({audio}) => audio.play()));
  }

  stop() {
    for (const {audio} of this.tracks) audio.pause();
    if (this.play) this.play.textContent = "Play";
  }
}
