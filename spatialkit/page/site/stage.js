// Circle around the listener on which instruments are placed, by dragging or with arrow keys. A
// preset may place an instrument in two directions, until it is dragged.

const STEMS = [["vocals", [0]], ["drums", [110]], ["bass", [30]], ["other", [-60]]];
const CENTER = 160, RADIUS = 110, INNER_RADII = [52, 81, 23], APART = 50, SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

export function wrapped(azimuth) {
  const angle = ((azimuth % 360) + 360) % 360;
  return angle > 180 ? angle - 360 : angle;
}

// Azimuth in degrees, positive to the left, of a point of the picture; front is up.
export function azimuthOf(x, y) {
  return wrapped(Math.round(Math.atan2(CENTER - x, CENTER - y) * 180 / Math.PI));
}

// Point of a direction on the circle, or further inside if others would cover it there.
function freePoint(azimuth, others) {
  const angle = azimuth * Math.PI / 180;
  const points = [RADIUS, ...INNER_RADII].map((r) => [CENTER - r * Math.sin(angle), CENTER - r * Math.cos(angle)]);
  const distance = ([x, y]) => Math.min(APART, ...others.map((other) => Math.hypot(x - other[0], y - other[1])));
  return points.reduce((best, point) => distance(point) > distance(best) ? point : best);
}

function degrees(azimuths) {
  return `${azimuths.filter((each) => each !== undefined).join(" and ")} degrees`;
}

export class Stage {
  constructor(parent) {
    this.places = new Map(STEMS);
    this.kind = "azimuth";
    this.changed = () => {};
    parent.className = "stage";
    this.svg = element("svg", {viewBox: "0 0 320 320", role: "group", "aria-label": "Places of the instruments"});
    this.svg.append(
      element("circle", {class: "ring", cx: CENTER, cy: CENTER, r: RADIUS}),
      element("line", {class: "axis", x1: CENTER, y1: 20, x2: CENTER, y2: 300}),
      element("line", {class: "axis", x1: 20, y1: CENTER, x2: 300, y2: CENTER}),
      element("text", {class: "quiet", x: CENTER, y: 12}, "front"),
      element("text", {class: "quiet", x: CENTER, y: 308}, "rear"),
      element("text", {class: "quiet", x: 20, y: CENTER - 12}, "left"),
      element("text", {class: "quiet", x: 298, y: CENTER - 12}, "right"),
      element("text", {x: CENTER, y: CENTER}, "you"),
    );
    this.sources = new Map();
    this.seconds = new Map();
    for (const [name] of STEMS) {
      const second = element("g", {class: "second"});
      second.append(element("circle", {r: 22}), element("text", {}, name));
      this.seconds.set(name, second);
      this.svg.append(second);
    }
    for (const [name] of STEMS) this.svg.append(this.source(name));
    this.note = document.createElement("div");
    this.note.className = "note";
    parent.replaceChildren(this.svg, this.note);
    this.draw();
  }

  source(name) {
    const group = element("g", {class: "source", tabindex: 0, role: "slider", "aria-label": name,
      "aria-valuemin": -180, "aria-valuemax": 180});
    group.append(element("circle", {r: 28}), element("text", {}, name));
    const move = (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      this.place(name, azimuthOf(point.x, point.y));
    };
    group.addEventListener("pointerdown", (event) => {
      group.setPointerCapture(event.pointerId);
      group.focus();
    });
    group.addEventListener("pointermove", (event) => {
      if (group.hasPointerCapture(event.pointerId)) move(event);
    });
    group.addEventListener("keydown", (event) => {
      const step = {ArrowLeft: 5, ArrowDown: 5, ArrowRight: -5, ArrowUp: -5}[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.place(name, this.places.get(name)[0] + (event.shiftKey ? Math.sign(step) : step));
    });
    this.sources.set(name, group);
    return group;
  }

  place(name, azimuth) {
    this.places.set(name, [wrapped(azimuth)]);
    this.draw();
    this.changed();
  }

  // Place all instruments by the text of the option, or as at the start.
  set(text) {
    this.places = new Map(STEMS);
    for (const part of (text || "").split(",").filter(Boolean)) {
      const [name, values] = part.split(":");
      const old = this.places.get(name)[0];
      const depth = (value) => Math.round(Math.acos(value) * 180 / Math.PI) * (old < 0 ? -1 : 1);
      this.places.set(name, values.split("/").map((value) => this.kind === "azimuth" ? Number(value) : depth(value)));
    }
    this.draw();
  }

  // Text of the option: azimuths, or the position between front (1) and rear (-1).
  value() {
    return [...this.places].map(([name, [first, ...others]]) => {
      const depth = Number(Math.cos(first * Math.PI / 180).toFixed(2));
      return `${name}:${this.kind === "azimuth" ? [first, ...others].join("/") : depth}`;
    }).join(",");
  }

  draw() {
    const points = [];
    const move = (group, azimuth) => {
      const [x, y] = freePoint(azimuth, points);
      points.push([x, y]);
      group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    };
    for (const [name, [first, other]] of this.places) {
      const group = this.sources.get(name), second = this.seconds.get(name);
      move(group, first);
      group.setAttribute("aria-valuenow", first);
      group.setAttribute("aria-valuetext", degrees([first, other]));
      second.setAttribute("display", other === undefined ? "none" : "inline");
      if (other !== undefined) move(second, other);
    }
    const lines = [...this.places].map(([name, azimuths]) => `${name} ${azimuths.join("° and ")}°`);
    const rule = this.kind === "azimuth" ? "" : " Only front and rear count: left and right stay as in the song.";
    this.note.textContent = `Drag the instruments, or use the arrow keys. 0° is in front, 90° left.${rule} Now: ${lines.join(", ")}.`;
  }
}
