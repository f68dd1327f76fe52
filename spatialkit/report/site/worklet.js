// Matrix from the channels of a scene to harmonics and, in the last output, stereo.
// Changes of the matrix are spread over RAMP samples. Levels of the channels are reported.
const RAMP = 512, METER = 2048;
registerProcessor("scene", class extends AudioWorkletProcessor {
  constructor(options) {
    super();
    const { channels, harmonics, matrix } = options.processorOptions;
    this.channels = channels;
    this.rows = harmonics + 2;
    this.current = Float32Array.from(matrix);
    this.step = new Float32Array(matrix.length);
    this.left = 0;
    this.peak = new Float32Array(channels);
    this.square = new Float32Array(channels);
    this.gains = new Float32Array(channels).fill(1);
    this.counted = 0;
    this.silence = new Float32Array(128);
    this.port.onmessage = ({ data }) => {
      this.gains = data.gains;
      this.target = data.matrix;
      for (let n = 0; n < this.step.length; n++) this.step[n] = (data.matrix[n] - this.current[n]) / RAMP;
      this.left = RAMP;
    };
  }

  process(inputs, outputs) {
    const input = inputs[0], targets = outputs.flat(), { channels, rows, current } = this;
    const length = targets[0].length;
    if (!input.length) return true;
    for (let row = 0; row < rows; row++) {
      const out = targets[row];
      out.fill(0);
      for (let c = 0; c < channels; c++) {
        const source = input[c] || this.silence, place = row * channels + c;
        let gain = current[place];
        if (this.left) {
          const step = this.step[place];
          for (let n = 0; n < length; n++) { out[n] += gain * source[n]; gain += step; }
          current[place] = gain;
        } else if (gain) {
          for (let n = 0; n < length; n++) out[n] += gain * source[n];
        }
      }
    }
    if (this.left) {
      this.left -= length;
      if (this.left <= 0) { this.left = 0; current.set(this.target); }
    }
    this.measure(input, length);
    return true;
  }

  measure(input, length) {
    for (let c = 0; c < this.channels; c++) {
      const source = input[c] || this.silence;
      let peak = this.peak[c], square = this.square[c];
      for (let n = 0; n < length; n++) {
        const value = Math.abs(source[n]);
        if (value > peak) peak = value;
        square += value * value;
      }
      this.peak[c] = peak;
      this.square[c] = square;
    }
    this.counted += length;
    if (this.counted < METER) return;
    this.port.postMessage({
      peak: this.peak.map((value, c) => value * this.gains[c]),
      rms: this.square.map((value, c) => Math.sqrt(value / this.counted) * this.gains[c]),
    });
    this.peak.fill(0);
    this.square.fill(0);
    this.counted = 0;
  }
});
