// Versions of one sound that run at the same time, of which one is audible: switching is
// synchronous and without clicks.

"use strict";

const FADE_SECONDS = 0.01;
// A source that starts at once may miss its first samples.
const START_SECONDS = 0.03;

// Sound of a "script" element in base64.
function embeddedAudio(number) {
  const text = document.getElementById("audio-" + number).textContent;
  return decodedBase64(text).buffer;
}

function decodedBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function fade(gain, target, now) {
  const value = gain.value;
  gain.cancelScheduledValues(now);
  gain.setValueAtTime(value, now);
  gain.linearRampToValueAtTime(target, now + FADE_SECONDS);
}

// Source of a decoded sound, which is played again and again.
class BufferVoice {
  constructor(buffer, node) {
    this.buffer = buffer;
    this.node = node;
    this.duration = buffer.duration;
    this.started = 0;
  }

  start(when, offset) {
    const context = this.node.context;
    this.envelope = new GainNode(context, { gain: offset ? 0 : 1 });
    if (offset) {
      this.envelope.gain.setValueAtTime(0, when);
      this.envelope.gain.linearRampToValueAtTime(1, when + FADE_SECONDS);
    }
    this.source = new AudioBufferSourceNode(context, { buffer: this.buffer, loop: true });
    this.source.connect(this.envelope).connect(this.node);
    this.source.start(when, offset);
    this.started = when - offset;
  }

  stop(now) {
    const { source, envelope } = this;
    fade(envelope.gain, 0, now);
    source.stop(now + FADE_SECONDS);
    source.onended = () => envelope.disconnect();
  }

  position(now) {
    return Math.max(now - this.started, 0) % this.duration;
  }
}

// "voices" run together and have start(when, offset), stop(now), position(now) and duration.
// "outputs" are gains by name; that of the chosen name is open, at its level.
class Versions {
  constructor() {
    this.context = null;
    this.voices = new Map();
    this.outputs = new Map();
    this.levels = new Map();
    this.chosen = null;
    this.offset = 0;
    this.playing = false;
  }

  get duration() {
    const first = this.voices.values().next().value;
    return first ? first.duration : 0;
  }

  // Position in seconds.
  get position() {
    if (!this.playing) return this.offset;
    return this.voices.values().next().value.position(this.context.currentTime);
  }

  levelOf(name) {
    return name === this.chosen ? this.levels.get(name) ?? 1 : 0;
  }

  choose(name) {
    this.chosen = name;
    this.mix();
  }

  // Open the chosen output and close the others.
  mix() {
    for (const [name, output] of this.outputs) {
      fade(output.gain, this.levelOf(name), this.context.currentTime);
    }
  }

  start() {
    const when = this.context.currentTime + START_SECONDS;
    for (const voice of this.voices.values()) voice.start(when, this.offset);
    this.playing = true;
  }

  // Stop at the present position.
  pause() {
    if (!this.playing) return;
    this.offset = this.position;
    this.playing = false;
    for (const voice of this.voices.values()) voice.stop(this.context.currentTime);
  }

  seek(seconds) {
    const playing = this.playing;
    this.pause();
    this.offset = Math.min(Math.max(seconds, 0), Math.max(this.duration - 0.01, 0));
    if (playing) this.start();
  }
}
