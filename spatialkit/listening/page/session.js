// Order of the trials, answers, and their storage.

// Random numbers from 0 to 1 by a seed that is text: 32-bit FNV-1a, then a linear congruential
// generator of 48 bits (that of drand48), in BigInt.
function seededRandom(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  let state = (BigInt(hash) << 16n) | 0x330en;
  const next = () => {
    state = (state * 0x5deece66dn + 0xbn) & 0xffffffffffffn;
    return Number(state >> 16n) / 2 ** 32;
  };
  for (let count = 0; count < 8; count += 1) next();
  return next;
}

function shuffled(values, random) {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVW";

// Pages of a listener: the same code gives the same order.
function makePages(definition, participant) {
  const random = seededRandom(`${definition.seed} ${definition.id} ${participant}`);
  const page = (trial, questions, practice) => {
    const order = shuffled(trial.conditions, random);
    const samples = Object.fromEntries(order.map((name, place) => [LETTERS[place], name]));
    const found = { item: trial.item, samples, questions, practice, reference: trial.reference };
    if (definition.kind === "abx") found.x = random() < 0.5 ? "A" : "B";
    return found;
  };
  let pages = [];
  if (definition.kind === "mushra") {
    for (const question of shuffled(definition.questions, random)) {
      for (const trial of shuffled(definition.trials, random)) pages.push(page(trial, [question], false));
    }
  } else {
    pages = shuffled(definition.trials, random).map((trial) => page(trial, definition.questions, false));
  }
  if (definition.training) {
    const first = definition.trials[0];
    const questions = definition.kind === "mushra" ? [definition.questions[0]] : definition.questions;
    pages.unshift(page(first, questions, true));
  }
  return pages;
}

class Session {
  constructor(definition) {
    this.definition = definition;
    this.key = `spatialkit listening test ${definition.id}`;
    this.saved = true;
  }

  begin(participant) {
    this.facts = { participant, started: new Date().toISOString(), trials: [] };
    this.pages = makePages(this.definition, participant);
    this.store();
  }

  // Session of this test that was not completed in this browser.
  unfinished() {
    try {
      const found = JSON.parse(localStorage.getItem(this.key));
      return found && Array.isArray(found.trials) && found.participant ? found : null;
    } catch {
      return null;
    }
  }

  resume(facts) {
    this.facts = facts;
    this.pages = makePages(this.definition, facts.participant);
    this.saved = facts.trials.length === 0;
  }

  get page() {
    return this.pages[this.facts.trials.length];
  }

  add(answer) {
    this.facts.trials.push(answer);
    this.saved = false;
    this.store();
  }

  store() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.facts));
    } catch {
      // Without storage a session cannot be continued after the page is closed.
    }
  }

  forget() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // There is nothing to remove.
    }
  }

  text(comments) {
    const answers = {
      format: "spatialkit listening test answers",
      version: 1,
      test: this.definition,
      ...this.facts,
      finished: new Date().toISOString(),
      comments,
      browser: navigator.userAgent,
    };
    return JSON.stringify(answers, null, 1);
  }

  get fileName() {
    const code = this.facts.participant.replace(/[^A-Za-z0-9._-]+/g, "-");
    return `answers-${this.definition.id}-${code}.json`;
  }
}
