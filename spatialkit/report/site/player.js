// Player: decoded channels, the graph from channels to ears, and its state.

const content = JSON.parse(document.getElementById("data").textContent);
const workletCode = JSON.parse(document.getElementById("worklet").textContent);
const FADE_SECONDS = 0.012;
// Channels of an output of the worklet: browsers allow 32.
const GROUP = 16;

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

const chain = {
  order: content.order,
  harmonics: (content.order + 1) ** 2,
  channels: content.labels.length,
  matrix: floats(content.matrix),
  stereo: floats(content.stereo),
  filters: floats(content.filters),
  vectors: floats(content.vectors),
  inverse: floats(content.inverse),
};

// Decode the files of one version and join their channels.
async function decoded(version, first) {
  const context = new OfflineAudioContext(1, 1, content.rate);
  const channels = [];
  for (let n = 0; n < version.files; n++) {
    const element = document.getElementById("audio-" + (first + n));
    const pair = await context.decodeAudioData(bytes(element.textContent).buffer);
    element.remove(); // the text is not needed any more
    for (let c = 0; c < pair.numberOfChannels; c++) channels.push(pair.getChannelData(c));
  }
  const joined = context.createBuffer(channels.length, content.samples, content.rate);
  channels.forEach((channel, c) => {
    const target = joined.getChannelData(c);
    target.set(channel.subarray(0, content.samples));
    if (version.gain !== 1) for (let n = 0; n < target.length; n++) target[n] *= version.gain;
  });
  return joined;
}

// Matrix of the worklet for a head direction and gains of the channels, row by row.
function sceneMatrix(head, gains) {
  const { harmonics: size, channels } = chain;
  const rotation = harmonicRotation(
    sceneRotation(head.yaw, head.pitch, head.roll), chain.vectors, chain.inverse, chain.order
  );
  const found = new Float32Array((size + 2) * channels);
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < size; row++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += rotation[row * size + k] * chain.matrix[k * channels + c];
      found[row * channels + c] = sum * gains[c];
    }
    for (let row = 0; row < 2; row++) {
      found[(size + row) * channels + c] = chain.stereo[row * channels + c] * gains[c];
    }
  }
  return found;
}

// Browsers differ in the addresses that they accept for a worklet in a file from disk.
async function addWorklet(context) {
  try {
    await context.audioWorklet.addModule("data:text/javascript;charset=utf-8," + encodeURIComponent(workletCode));
  } catch (error) {
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([workletCode], { type: "text/javascript" })));
  }
}

// Nodes from the channels to both ears and to stereo loudspeakers.
function buildGraph(context, matrix) {
  const { harmonics: size, channels } = chain, taps = content.taps;
  const groups = [];
  for (let k = 0; k < size; k += GROUP) groups.push(Math.min(GROUP, size - k));
  const scene = new AudioWorkletNode(context, "scene", {
    numberOfInputs: 1, numberOfOutputs: groups.length + 1, outputChannelCount: [...groups, 2],
    channelCount: channels, channelCountMode: "explicit", channelInterpretation: "discrete",
    processorOptions: { channels, harmonics: size, matrix },
  });
  const ears = new GainNode(context), stereo = new GainNode(context), original = new GainNode(context);
  const splitters = groups.map((count, output) => {
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: count });
    scene.connect(splitter, output);
    return splitter;
  });
  for (let k = 0; k < size; k++) {
    const responses = context.createBuffer(2, taps, content.rate);
    for (let ear = 0; ear < 2; ear++) {
      const start = (ear * size + k) * taps;
      responses.copyToChannel(chain.filters.subarray(start, start + taps), ear);
    }
    // Without this option browsers scale the responses.
    const filter = new ConvolverNode(context, { disableNormalization: true });
    filter.buffer = responses;
    splitters[Math.floor(k / GROUP)].connect(filter, k % GROUP);
    filter.connect(ears);
  }
  scene.connect(stereo, groups.length);
  const volume = new GainNode(context);
  for (const node of [ears, stereo, original]) node.connect(volume);
  volume.connect(context.destination);
  return { scene, ears, stereo, original, volume };
}

class Player {
  constructor() {
    this.head = { yaw: 0, pitch: 0, roll: 0 };
    this.version = "audio";
    this.output = "headphones";
    this.matched = true;
    this.volume = 1;
    this.solo = new Set();
    this.muted = new Set();
    this.duration = content.samples / content.rate;
    this.offset = 0;
    this.playing = false;
    this.onlevels = () => {};
  }

  async load() {
    this.buffers = {};
    let first = 0;
    for (const version of content.audio) {
      this.buffers[version.name] = await decoded(version, first);
      first += version.files;
    }
  }

  channelGains() {
    return Float32Array.from(content.labels, (_, c) =>
      this.muted.has(c) || (this.solo.size && !this.solo.has(c)) ? 0 : 1
    );
  }

  gainOf(name) {
    const heard = this.version === "original" ? "original" : this.output;
    if (name !== heard) return 0;
    return this.matched ? content.gains[name] : 1;
  }

  gains() {
    return { ears: this.gainOf("headphones"), stereo: this.gainOf("stereo"), original: this.gainOf("original") };
  }

  // Create the context in the first gesture of the user: browsers refuse it before.
  async open() {
    if (this.context) return;
    this.context = new AudioContext({ sampleRate: content.rate, latencyHint: "interactive" });
    await addWorklet(this.context);
    this.graph = buildGraph(this.context, sceneMatrix(this.head, this.channelGains()));
    this.graph.scene.port.onmessage = ({ data }) => this.onlevels(data);
    for (const [name, gain] of Object.entries(this.gains())) this.graph[name].gain.value = gain;
    this.graph.volume.gain.value = this.volume;
  }

  async play() {
    await this.open();
    await this.context.resume();
    this.start(this.offset);
    this.playing = true;
  }

  pause() {
    this.offset = this.position();
    this.playing = false;
    this.stop();
  }

  // Start both versions at the same sample.
  start(offset) {
    this.stop();
    const when = this.context.currentTime + 0.02;
    this.sources = Object.entries(this.buffers).map(([name, buffer]) => {
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: true });
      source.connect(name === "original" ? this.graph.original : this.graph.scene);
      source.start(when, offset);
      return source;
    });
    this.started = when - offset;
  }

  stop() {
    for (const source of this.sources || []) { source.stop(); source.disconnect(); }
    this.sources = [];
  }

  position() {
    if (!this.playing) return this.offset;
    const time = Math.max(this.context.currentTime - this.started, 0);
    return time % this.duration;
  }

  seek(seconds) {
    this.offset = Math.min(Math.max(seconds, 0), this.duration - 0.01);
    if (this.playing) this.start(this.offset);
  }

  // Send the state to the graph, without clicks.
  update() {
    if (!this.graph) return;
    const gains = this.channelGains();
    this.graph.scene.port.postMessage({ matrix: sceneMatrix(this.head, gains), gains });
    const now = this.context.currentTime;
    for (const [name, gain] of Object.entries({ ...this.gains(), volume: this.volume })) {
      this.graph[name].gain.setTargetAtTime(gain, now, FADE_SECONDS);
    }
  }

  // Render the present state without playing it: both ears as arrays, for tests.
  async render(seconds = this.duration) {
    const samples = Math.round(seconds * content.rate);
    const context = new OfflineAudioContext(2, samples, content.rate);
    await addWorklet(context);
    const graph = buildGraph(context, sceneMatrix(this.head, this.channelGains()));
    for (const [name, gain] of Object.entries(this.gains())) graph[name].gain.value = gain;
    for (const [name, buffer] of Object.entries(this.buffers)) {
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(name === "original" ? graph.original : graph.scene);
      source.start();
    }
    const rendered = await context.startRendering();
    return [0, 1].map((ear) => rendered.getChannelData(ear));
  }
}
