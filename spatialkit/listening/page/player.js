// Playback of the stimuli of one trial, which start and stop together.

class Player extends Versions {
  constructor(definition) {
    super();
    this.definition = definition;
    this.counts = new Map();
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
      const buffer = await this.context.decodeAudioData(embeddedAudio(number));
      const output = new GainNode(this.context, { gain: 0 });
      output.connect(this.context.destination);
      this.outputs.set(name, output);
      this.voices.set(name, new BufferVoice(buffer, output));
      this.counts.set(name, 0);
    }
  }

  play(name) {
    if (!this.voices.has(name)) return;
    if (this.chosen !== name) this.counts.set(name, this.counts.get(name) + 1);
    this.choose(name);
    if (!this.playing) this.start();
    this.changed();
  }

  // The next sound starts at its beginning.
  stop() {
    this.pause();
    this.offset = 0;
    this.chosen = null;
    this.changed();
  }

  clear() {
    this.stop();
    for (const each of [this.voices, this.outputs, this.counts]) each.clear();
  }

  get plays() {
    return Object.fromEntries(this.counts);
  }

  get unheard() {
    return [...this.counts].filter(([, count]) => count === 0).map(([name]) => name);
  }
}
