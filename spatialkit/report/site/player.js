// Player: decoded channels, the graph from channels to ears, and the direction of the head.

const content = JSON.parse(document.getElementById("data").textContent);
const workletCode = JSON.parse(document.getElementById("worklet").textContent);
// Channels of an output of the worklet: browsers allow 32.
const GROUP = 16;

function floats(text) {
  return new Float32Array(decodedBase64(text).buffer);
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
    const pair = await context.decodeAudioData(embeddedAudio(first + n));
    document.getElementById("audio-" + (first + n)).remove(); // the text is not needed any more
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
  const [headphones, stereo, original, volume] = Array.from({ length: 4 }, () => new GainNode(context));
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
    filter.connect(headphones);
  }
  scene.connect(stereo, groups.length);
  const outputs = { headphones, stereo, original };
  for (const output of Object.values(outputs)) output.connect(volume);
  volume.connect(context.destination);
  return { scene, inputs: { audio: scene, original }, outputs, volume };
}

// The outputs are headphones, stereo loudspeakers and the original.
class Player extends Versions {
  constructor() {
    super();
    this.head = { yaw: 0, pitch: 0, roll: 0 };
    this.version = "audio";
    this.output = "headphones";
    this.matched = true;
    this.volume = 1;
    this.solo = new Set();
    this.muted = new Set();
    this.onlevels = () => {};
  }

  get duration() {
    return content.samples / content.rate;
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

  // Build the graph of the present state.
  async build(context) {
    await addWorklet(context);
    const graph = buildGraph(context, sceneMatrix(this.head, this.channelGains()));
    this.arrange();
    for (const [name, output] of Object.entries(graph.outputs)) output.gain.value = this.levelOf(name);
    return graph;
  }

  // Set which output is audible, and the levels of all.
  arrange() {
    this.chosen = this.version === "original" ? "original" : this.output;
    this.levels = new Map(this.matched ? Object.entries(content.gains) : []);
  }

  // Create the context in the first gesture of the user: browsers refuse it before.
  async open() {
    if (this.context) return;
    const context = new AudioContext({ sampleRate: content.rate, latencyHint: "interactive" });
    this.graph = await this.build(context);
    this.graph.scene.port.onmessage = ({ data }) => this.onlevels(data);
    this.graph.volume.gain.value = this.volume;
    this.outputs = new Map(Object.entries(this.graph.outputs));
    for (const [name, buffer] of Object.entries(this.buffers)) {
      this.voices.set(name, new BufferVoice(buffer, this.graph.inputs[name]));
    }
    this.context = context;
  }

  async play() {
    await this.open();
    await this.context.resume();
    this.start();
  }

  // Send the state to the graph, without clicks.
  update() {
    if (!this.context) return;
    const gains = this.channelGains();
    this.graph.scene.port.postMessage({ matrix: sceneMatrix(this.head, gains), gains });
    this.arrange();
    this.mix();
    fade(this.graph.volume.gain, this.volume, this.context.currentTime);
  }

  // Render the present state without playing it: both ears as arrays, for tests.
  async render(seconds = this.duration) {
    const context = new OfflineAudioContext(2, Math.round(seconds * content.rate), content.rate);
    const graph = await this.build(context);
    for (const [name, buffer] of Object.entries(this.buffers)) {
      new BufferVoice(buffer, graph.inputs[name]).start(0, 0);
    }
    const rendered = await context.startRendering();
    return [0, 1].map((ear) => rendered.getChannelData(ear));
  }
}
