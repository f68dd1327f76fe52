// Playback of the stimuli of one trial: all of them run at the same time, one is audible, so that
// switching is synchronous to the sample.

const FADE_SECONDS = 0.01;
// A source that starts at once may miss its first samples.
const START_SECONDS = 0.05;

class Player {
  constructor(definition) {
    this.definition = definition;
    this.context = null;
    this.voices = new Map();
    this.current = null;
    this.startedAt = 0;
    this.changed = () => {};
  }

  // Browsers start sound after a key or a click only.
  async open() {
    if (!this.context) {
      const context = new AudioContext({ sampleRate: this.definition.sample_rate });
      const channels = this.definition.channels;
      if (channels > 2) {
        if (context.destination.maxChannelCount < channels) {
          const found = context.destination.maxChannelCount;
          context.close();
          throw new Error(`This test plays ${channels} loudspeakers, but the sound device of this browser has ${found} channels. Select a device with at least ${channels} outputs in the system settings and load the page again.`);
        }
        context.destination.channelCount = channels;
        context.destination.channelCountMode = "explicit";
        context.destination.channelInterpretation = "discrete";
      }
      this.context = context;
    }
    if (this.context.state !== "running") await this.context.resume();
  }

  // Decode stimuli, a map from the name of a button to the number of its audio.
  async load(stimuli) {
    await this.open();
    this.clear();
    for (const [name, number] of Object.entries(stimuli)) {
      const text = document.getElementById(`audio-${number}`).textContent;
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const buffer = await this.context.decodeAudioData(bytes.buffer);
      this.voices.set(name, { buffer, gain: null, source: null, plays: 0 });
    }
  }

  get duration() {
    const first = this.voices.values().next().value;
    return first ? first.buffer.duration : 0;
  }

  // Position in the loop in seconds.
  get position() {
    if (this.current === null) return 0;
    return Math.max(0, this.context.currentTime - this.startedAt) % this.duration;
  }

  play(name) {
    if (!this.voices.has(name)) return;
    const now = this.context.currentTime;
    if (this.current === null) {
      const start = now + START_SECONDS;
      for (const voice of this.voices.values()) {
        voice.source = new AudioBufferSourceNode(this.context, { buffer: voice.buffer, loop: true });
        voice.gain = new GainNode(this.context, { gain: 0 });
        voice.source.connect(voice.gain).connect(this.context.destination);
        voice.source.start(start);
      }
      this.startedAt = start;
    }
    for (const [other, voice] of this.voices) this.fade(voice, other === name ? 1 : 0, now);
    if (this.current !== name) this.voices.get(name).plays += 1;
    this.current = name;
    this.changed();
  }

  fade(voice, target, now) {
    const gain = voice.gain.gain;
    const value = gain.value;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(value, now);
    gain.linearRampToValueAtTime(target, now + FADE_SECONDS);
  }

  stop() {
    if (this.current === null) return;
    const now = this.context.currentTime;
    for (const voice of this.voices.values()) {
      this.fade(voice, 0, now);
      voice.source.stop(now + 2 * FADE_SECONDS);
    }
    this.current = null;
    this.changed();
  }

  clear() {
    this.stop();
    this.voices.clear();
  }

  get plays() {
    return Object.fromEntries([...this.voices].map(([name, voice]) => [name, voice.plays]));
  }

  get unheard() {
    return [...this.voices].filter(([, voice]) => voice.plays === 0).map(([name]) => name);
  }
}
