// Screens of the test, in the order in which a listener passes them.

const definition = JSON.parse(document.getElementById("definition").textContent);
const player = new Player(definition);
const session = new Session(definition);
const screen = document.getElementById("screen");
const status = document.getElementById("status");
const ADJECTIVES = ["Bad", "Poor", "Fair", "Good", "Excellent"];
// Actions by key of the present screen: its buttons register them when they are created.
let keys = new Map();

function element(name, attributes = {}, ...children) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick" || key === "oninput" || key === "onsubmit") created[key] = value;
    else if (value === true) created.setAttribute(key, "");
    else if (value !== false && value !== null) created.setAttribute(key, value);
  }
  created.append(...children);
  return created;
}

function show(title, ...children) {
  screen.replaceChildren(element("h1", { id: "heading" }, title), ...children);
  screen.setAttribute("aria-labelledby", "heading");
  announce("");
  window.scrollTo(0, 0);
  screen.focus({ preventScroll: true });
}

function announce(text) {
  status.textContent = text;
}

function showProgress() {
  const done = session.facts.trials.length;
  const bar = document.getElementById("progress-bar");
  document.getElementById("progress").hidden = false;
  document.getElementById("progress-label").textContent = `${done} of ${session.pages.length} pages`;
  bar.max = session.pages.length;
  bar.value = done;
}

// Button that plays a sample, with its key.
function playButton(name, label, key) {
  const button = element(
    "button",
    { type: "button", "aria-pressed": "false", "data-sample": name, onclick: () => player.play(name) },
    label,
  );
  if (key) {
    keys.set(key.toLowerCase(), () => player.play(name));
    button.setAttribute("aria-keyshortcuts", key);
    button.append(element("kbd", { "aria-hidden": "true" }, key));
  }
  return button;
}

function stopButton() {
  keys.set("s", () => player.stop());
  return element(
    "button",
    { type: "button", "aria-keyshortcuts": "S", onclick: () => player.stop() },
    "Stop",
    element("kbd", { "aria-hidden": "true" }, "S"),
  );
}

// Play buttons, and a bar of the position in the loop, which stay visible on long pages.
function playerOf(...buttons) {
  return element("div", { class: "player" }, positionBar(), element("div", { class: "samples" }, ...buttons, stopButton()));
}

function positionBar() {
  const inner = element("div");
  const bar = element("div", { class: "position", "aria-hidden": "true" }, inner);
  const draw = () => {
    if (!bar.isConnected) return;
    inner.style.width = player.duration ? `${(100 * player.position) / player.duration}%` : "0";
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  player.changed = () => {
    for (const button of screen.querySelectorAll("[data-sample]")) {
      button.setAttribute("aria-pressed", String(button.dataset.sample === player.chosen));
    }
  };
  return bar;
}

// Load the samples of a screen; the screen is built when they are ready.
async function withSamples(stimuli, build) {
  keys = new Map();
  show("Loading ...");
  try {
    await player.load(stimuli);
  } catch (error) {
    show("The sound cannot be played", element("p", { class: "error" }, error.message));
    return;
  }
  build();
}

function stimuliOf(page) {
  const own = definition.stimuli[page.item];
  const found = {};
  if (page.reference) found.Reference = own[page.reference];
  for (const [letter, name] of Object.entries(page.samples)) found[letter] = own[name];
  if (page.x) found.X = own[page.samples[page.x]];
  return found;
}

function welcome() {
  const code = element("input", {
    id: "participant", name: "participant", required: true, maxlength: 40, autocomplete: "off", pattern: ".*\\S.*",
  });
  const begin = (event) => {
    event.preventDefault();
    session.begin(code.value.trim());
    setLevel();
  };
  const parts = [];
  const found = session.unfinished();
  if (found) {
    const resume = () => {
      session.resume(found);
      setLevel();
    };
    parts.push(
      element("p", {}, `A session of ${found.participant} with ${found.trials.length} answered pages was not completed in this browser.`),
      element("div", { class: "actions" }, element("button", { type: "button", id: "resume", onclick: resume }, "Continue this session")),
      element("h2", {}, "Or start a new session"),
    );
  }
  show(
    "Welcome",
    element("p", { class: "instructions" }, definition.instructions),
    ...parts,
    element(
      "form",
      { onsubmit: begin },
      element(
        "div",
        { class: "field" },
        element("label", { for: "participant" }, "Your code"),
        code,
        element("span", { class: "hint" }, "The code that the experimenter gave you, such as P01. It is stored with your answers."),
      ),
      element("div", { class: "actions" }, element("button", { class: "primary", id: "start" }, "Start")),
    ),
  );
}

function setLevel() {
  const first = definition.trials[0];
  const own = definition.stimuli[first.item];
  const device = definition.playback === "loudspeakers" ? "loudspeakers" : "headphones";
  withSamples({ Example: own[first.reference || first.conditions[0]] }, () => {
    show(
      "Set the level",
      element("p", {}, device === "headphones"
        ? "Put on your headphones, the left side on the left ear. Play the example and set a comfortable level. Do not change it afterwards."
        : `This test is played by ${definition.channels} channels: ${definition.channel_names.join(", ")}. Sit in the centre, play the example and set a comfortable level. Do not change it afterwards.`),
      playerOf(playButton("Example", "Play the example", "E")),
      element("div", { class: "actions" }, nextButton(() => (player.unheard.length ? "Play the example first." : ""), familiarize)),
    );
  });
}

// Training of BS.1534-3: the listener hears every item with all its samples before rating any.
function familiarize() {
  if (definition.kind !== "mushra" || !definition.training || session.facts.trials.length) {
    trial();
    return;
  }
  const items = definition.trials.filter((each, place) => definition.trials.findIndex((other) => other.item === each.item) === place);
  const heard = new Set();
  const choose = (item) => {
    const page = { item: item.item, reference: item.reference, samples: Object.fromEntries(item.conditions.map((name, place) => [LETTERS[place], name])) };
    withSamples(stimuliOf(page), () => {
      heard.add(item.item);
      const buttons = Object.keys(page.samples).map((letter) => playButton(letter, `Sample ${letter}`, letter));
      show(
        `Training, ${heard.size} of ${items.length}`,
        element("p", {}, "Listen to the reference and to the samples, in order to know the range of differences in this test. Nothing is rated yet."),
        playerOf(playButton("Reference", "Reference", "R"), ...buttons),
        element("div", { class: "actions" }, nextButton(
          () => (player.unheard.length ? `Listen to ${player.unheard.join(", ")} first.` : ""),
          () => (heard.size < items.length ? choose(items[heard.size]) : trial()),
        )),
      );
    });
  };
  choose(items[0]);
}

// Button that continues when nothing is missing; "missing" returns a sentence.
function nextButton(missing, action, label = "Next") {
  return element("button", {
    class: "primary", type: "button", id: "next",
    onclick: () => {
      const text = missing();
      if (text) announce(text);
      else {
        player.stop();
        action();
      }
    },
  }, label);
}

function trial() {
  const page = session.page;
  if (!page) {
    finish();
    return;
  }
  showProgress();
  withSamples(stimuliOf(page), () => {
    const started = performance.now();
    const screens = { abx: abxTrial, preference: preferenceTrial, mushra: mushraTrial };
    screens[definition.kind](page, (answer) => {
      const seconds = Math.round((performance.now() - started) / 100) / 10;
      session.add({ item: page.item, practice: page.practice, samples: page.samples, ...answer, plays: player.plays, seconds });
    });
  });
}

function heading(page, text) {
  return page.practice ? `Practice: ${text}` : text;
}

function practiceNote(page) {
  return page.practice ? [element("p", { class: "hint" }, "This page is for practice. Its answer is not counted.")] : [];
}

function unheardSentence() {
  const unheard = player.unheard;
  return unheard.length ? `Listen to ${unheard.join(", ")} first.` : "";
}

function choice(name, legend, labels) {
  const field = element("fieldset", {}, element("legend", {}, legend));
  const row = element("div", { class: "choices" });
  for (const [value, label] of Object.entries(labels)) {
    const id = `${name}-${value}`;
    row.append(element("label", { for: id }, element("input", { type: "radio", id, name, value }), label));
  }
  field.append(row);
  field.dataset.name = name;
  return field;
}

function chosen(field) {
  const found = field.querySelector("input:checked");
  return found ? found.value : null;
}

function abxTrial(page, add) {
  const field = choice("answer", "Which sample is X?", { A: "X is A", B: "X is B" });
  const actions = element("div", { class: "actions" });
  const answer = () => {
    const correct = chosen(field) === page.x;
    add({ x: page.samples[page.x], answer: page.samples[chosen(field)], correct });
    if (!page.practice) {
      trial();
      return;
    }
    const text = correct ? `Correct: X is ${page.x}.` : `X is ${page.x}.`;
    for (const input of field.querySelectorAll("input")) input.disabled = true;
    actions.replaceChildren(
      element("span", { class: `feedback ${correct ? "right" : "wrong"}`, role: "status" }, text),
      nextButton(() => "", trial, "Start the test"),
    );
  };
  actions.append(nextButton(() => unheardSentence() || (chosen(field) ? "" : "Choose A or B; guess if you do not hear a difference."), answer));
  show(
    heading(page, "Is X the same as A or as B?"),
    ...practiceNote(page),
    playerOf(playButton("A", "A", "A"), playButton("B", "B", "B"), playButton("X", "X", "X")),
    field,
    actions,
  );
}

function preferenceTrial(page, add) {
  const fields = page.questions.map((question, place) => choice(`question-${place}`, question.text, { A: "A", B: "B" }));
  const missing = () => {
    const open = fields.filter((field) => !chosen(field)).length;
    return unheardSentence() || (open ? `Answer ${open === 1 ? "the question" : `all questions (${open} are open)`}; guess if you are not sure.` : "");
  };
  const answer = () => {
    const answers = page.questions.map((question, place) => [question.name, page.samples[chosen(fields[place])]]);
    add({ answers: Object.fromEntries(answers) });
    trial();
  };
  const samples = [playButton("A", "A", "A"), playButton("B", "B", "B")];
  if (page.reference) samples.unshift(playButton("Reference", "Reference", "R"));
  show(
    heading(page, page.reference ? "Compare A and B with the reference" : "Compare A and B"),
    ...practiceNote(page),
    playerOf(...samples),
    ...fields,
    element("div", { class: "actions" }, nextButton(missing, answer)),
  );
}

function mushraTrial(page, add) {
  const question = page.questions[0];
  const ratings = new Map();
  const labels = question.labels.length === 5 ? question.labels : ADJECTIVES;
  const scale = element("div", { class: "scale", "aria-hidden": "true" }, element("span"),
    element("div", {}, ...labels.map((label) => element("span", {}, label))), element("span"));
  const rows = Object.keys(page.samples).map((letter) => {
    const output = element("output", { for: `rating-${letter}` }, "–");
    const slider = element("input", {
      type: "range", id: `rating-${letter}`, min: 0, max: 100, step: 1, value: 50,
      class: "unrated", "aria-label": `Rating of sample ${letter}, ${question.name}`, "aria-valuetext": "not rated",
    });
    const rate = () => {
      const value = Number(slider.value);
      ratings.set(letter, value);
      slider.classList.remove("unrated");
      output.textContent = String(value);
      slider.setAttribute("aria-valuetext", `${value}, ${labels[Math.min(4, Math.floor(value / 20))]}`);
    };
    slider.oninput = rate;
    // A click on the initial value is a rating, too.
    slider.onclick = rate;
    return element("div", { class: "rating" }, playButton(letter, letter, letter), element("span", { class: "track" }, slider), output);
  });
  const missing = () => {
    const open = Object.keys(page.samples).filter((letter) => !ratings.has(letter));
    return unheardSentence() || (open.length ? `Rate ${open.join(", ")} first.` : "");
  };
  const answer = () => {
    const found = Object.entries(page.samples).map(([letter, name]) => [name, ratings.get(letter)]);
    add({ question: question.name, ratings: Object.fromEntries(found) });
    trial();
  };
  show(
    heading(page, question.text),
    ...practiceNote(page),
    element("p", { class: "hint" }, "One of the samples equals the reference. Rate it with 100 if you recognize it."),
    playerOf(playButton("Reference", "Reference", "R")),
    scale,
    ...rows,
    element("div", { class: "actions" }, nextButton(missing, answer)),
  );
}

function finish() {
  player.clear();
  keys = new Map();
  showProgress();
  const comments = element("textarea", { id: "comments", rows: 4, maxlength: 4000 });
  const copy = element("textarea", { id: "answers", readonly: true, "aria-label": "Answers as JSON" });
  const update = () => {
    copy.value = session.text(comments.value);
  };
  comments.oninput = update;
  update();
  const download = () => {
    update();
    const url = URL.createObjectURL(new Blob([copy.value], { type: "application/json" }));
    element("a", { href: url, download: session.fileName }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    session.saved = true;
    session.forget();
    announce(`The answers were saved as ${session.fileName}. Send this file to the experimenter.`);
  };
  show(
    "Thank you",
    element("p", {}, "All pages are answered. Save your answers as a file and send it to the experimenter. Nothing was sent over the network."),
    element("div", { class: "field wide" }, element("label", { for: "comments" }, "Comments (optional)"), comments),
    element("div", { class: "actions" }, element("button", { type: "button", class: "primary", id: "download", onclick: download }, "Save the answers")),
    element("details", {}, element("summary", {}, "If the file cannot be saved, copy this text"), copy),
  );
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.matches("input:not([type=radio]):not([type=range]), textarea")) return;
  const action = keys.get(event.key.toLowerCase());
  if (action) {
    event.preventDefault();
    action();
  }
});
window.addEventListener("beforeunload", (event) => {
  if (!session.saved) event.preventDefault();
});
welcome();
