"use strict";
// All texts reach the page by textContent, never as HTML.
const $ = (id) => document.getElementById(id);
const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";
const MANY = 12, LONG = 600;
let state = null, busy = false, chosen = new Set(), timer = 0, wantsSuggestion = false;

const percent = (share) => (100 * share).toFixed(1) + " %";
const number = (count) => count.toLocaleString("en");
const say = (message) => { $("message").textContent = message || ""; };

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) {
    const error = new Error(typeof answer.detail === "string" ? answer.detail : "This request is invalid.");
    error.status = response.status;
    throw error;
  }
  return answer;
}

// One request at a time: a key that is pressed before the next text is there must not answer it unseen.
async function act(path, body, message) {
  if (busy) return;
  busy = true;
  try {
    const next = await ask(path, body);
    say(message);
    show(next);
  } catch (error) {
    if (error.status === 409) show(await ask("state"));
    say(error.status ? error.message : "The server does not answer. Start the same command again: no answer is lost.");
  } finally {
    busy = false;
  }
}

const answer = (labels) => act("answer", { turn: state.turn, labels });

function choose(name) {
  if (!state || state.text === null) return;
  if (!state.several) return answer([name]);
  chosen.has(name) ? chosen.delete(name) : chosen.add(name);
  showClasses();
}

function show(next) {
  const isNew = !state || state.turn !== next.turn;
  state = next;
  if (isNew) {
    chosen = new Set();
    wantsSuggestion = false;
    $("suggestion").hidden = true;
    showText([]);
    $("text").scrollTop = 0;
    hint();
  }
  showClasses();
  showWorth();
  const parts = [`${number(state.answers)} labels, ${number(state.today)} today`, `${number(state.left)} texts left`];
  if (state.skipped) parts.push(`${number(state.skipped)} skipped`);
  if (state.none_fits) parts.push(`${number(state.none_fits)} in none of the classes`);
  $("counts").textContent = parts.join(" · ");
  $("undo").disabled = !state.can_undo;
  for (const id of ["skip", "none", "suggest"]) $(id).disabled = state.text === null;
  clearTimeout(timer);
  timer = setTimeout(refresh, state.working ? 700 : 5000);
}

async function refresh() {
  try {
    const next = await ask("state");
    if (!busy) show(next);
  } catch (error) {
    timer = setTimeout(refresh, 2000);
  }
}

function showText(marks) {
  const text = state.text === null ? "All texts have an answer." : state.text;
  const parts = [];
  let at = 0;
  for (const [start, end, strength] of marks) {
    parts.push(document.createTextNode(text.slice(at, start)));
    parts.push(element("mark", text.slice(start, end), strength > 1 ? { class: "strong" } : {}));
    at = end;
  }
  parts.push(document.createTextNode(text.slice(at)));
  $("text").classList.toggle("long", text.length > LONG);
  $("text").replaceChildren(...parts);
}

async function hint() {
  if (state.text === null || (!$("marks").checked && !wantsSuggestion)) return;
  const turn = state.turn;
  let found;
  try {
    found = await ask(`hint?turn=${encodeURIComponent(turn)}&suggestion=${wantsSuggestion}`);
  } catch (error) {
    return;
  }
  if (turn !== state.turn) return;
  // The words of the text stay the same: a screen reader must not read it again.
  $("text").setAttribute("aria-live", "off");
  showText($("marks").checked ? found.marks : []);
  $("text").setAttribute("aria-live", "polite");
  if (wantsSuggestion) {
    const shares = Object.entries(found.suggestion ? found.suggestion.probabilities : {}).sort((a, b) => b[1] - a[1]).slice(0, 3);
    $("suggestion").textContent = shares.length
      ? "The model suggests " + shares.map(([name, share]) => `${name} (${Math.round(100 * share)} %)`).join(", ") + "."
      : "There is no model yet: it needs two classes.";
    $("suggestion").hidden = false;
  }
}

function showClasses() {
  const part = $("find").hidden ? "" : $("find-name").value.trim().toLowerCase();
  const found = state.classes.map((each, place) => ({ ...each, key: KEYS[place] })).filter((each) => each.name.toLowerCase().includes(part));
  const box = $("classes");
  box.classList.toggle("many", state.classes.length > MANY);
  const had = document.activeElement && box.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  box.replaceChildren(...found.map((each) => {
    const made = element("button", undefined, { type: "button" });
    made.dataset.name = each.name;
    if (each.key) made.append(element("kbd", each.key));
    made.append(each.name, " ", element("span", number(each.count), { class: "soft" }));
    if (state.several) made.setAttribute("aria-pressed", chosen.has(each.name));
    made.disabled = state.text === null;
    made.addEventListener("click", () => choose(each.name));
    return made;
  }));
  if (had !== null) [...box.children].find((each) => each.dataset.name === had)?.focus();
  if (!state.classes.length) box.append(element("p", "There is no class yet: add one with the key +."));
}

function showWorth() {
  $("work").hidden = !state.step;
  if (state.step) {
    $("step").textContent = `${state.step}: ${number(state.step_done)} of ${number(state.total)} texts. Until then, texts come at random.`;
    $("progress").value = state.step_done / state.total;
  }
  $("problem").hidden = !state.problem;
  $("problem").textContent = state.problem ? `${state.problem} Texts come at random.` : "";
  const known = state.accuracy;
  if (known && known.count) {
    const random = state.skipped_random ? ` ${number(state.skipped_random)} random texts were skipped: the accuracy holds for texts like those answered.` : "";
    $("accuracy").replaceChildren(
      element("p", percent(known.correct / known.count), { class: "big" }),
      element("p", `on ${number(known.count)} random texts; with 95 % certainty between ${percent(known.low)} and ${percent(known.high)}.${random}`),
    );
  }
  const rows = state.expected || [];
  $("expected").hidden = !rows.length;
  $("expected-rows").replaceChildren(...rows.map((each) => {
    const row = element("tr");
    row.append(element("td", `+ ${each.further}`), element("td", percent(each.middle)), element("td", `${percent(each.low)} – ${percent(each.high)}`));
    return row;
  }));
  $("stop").textContent = stopAdvice();
  $("choosing").hidden = !state.choosing;
  $("choosing").textContent = state.choosing ? choosingAdvice(state.choosing) : "";
  $("lacking-part").hidden = !state.lacking.length;
  $("lacking").textContent = state.lacking.slice(0, 20).map((name) => `${name} (${state.classes.find((each) => each.name === name).count})`).join(", ")
    + (state.lacking.length > 20 ? ` and ${state.lacking.length - 20} more` : "");
}

function stopAdvice() {
  const parts = [];
  if (state.wanted !== null) {
    parts.push(state.reached ? `The wanted accuracy of ${percent(state.wanted)} is shown.` : `The wanted accuracy of ${percent(state.wanted)} is not shown yet.`);
  }
  if (state.agreement === null || state.agreement === undefined) {
    parts.push("When the models of successive labels agree, or the accuracy is what you need. This needs about a hundred labels.");
  } else {
    const agreed = `models of 15 % more labels agree by ${state.agreement.toFixed(2)} (kappa)`;
    parts.push(state.stable ? `You may stop: ${agreed}, so that further labels hardly change the answers.` : `Further labels still change the answers: ${agreed}; stop at 0.94.`);
  }
  return parts.join(" ");
}

function choosingAdvice(found) {
  const figures = `${percent(found.chosen)} with chosen texts, ${percent(found.random)} with as many random ones`;
  if (found.low > 0) return `Choosing the texts helps: ${figures}.`;
  if (found.high < 0) return `Choosing the texts does not help here: ${figures}.`;
  return `Whether choosing the texts helps here is not shown yet: ${figures}.`;
}

function entry(text, labels, buttons) {
  const made = element("div", undefined, { class: "entry" });
  made.append(element("p", text.length > 400 ? text.slice(0, 400) + "…" : text, { dir: "auto" }), element("p", labels, { class: "soft" }));
  const row = element("div", undefined, { class: "row" });
  for (const [label, use] of buttons) {
    const button = element("button", label, { type: "button" });
    button.addEventListener("click", async () => { await use(); made.remove(); });
    row.append(button);
  }
  made.append(row);
  return made;
}

async function load(id, path, fill) {
  const list = $(id);
  list.hidden = false;
  list.replaceChildren(element("p", "…"));
  try {
    list.replaceChildren(...fill(await ask(path)));
  } catch (error) {
    list.replaceChildren(element("p", error.message));
  }
}

const correct = (text, labels) => act("correct", { text, labels }, "Corrected.");

function doubtful(found) {
  if (!found.length) return [element("p", "No label is doubtful so far.")];
  const note = element("p", `${found.length} labels to look at again. The random texts are left out: correcting them where the model disagrees would flatter it.`, { class: "soft" });
  return [note, ...found.map((each) => entry(each.text, `your label: ${each.labels.join(", ") || "none"}`, [
    [`Change to ${each.suggested.join(", ") || "none"}`, () => correct(each.text, each.suggested)],
    ["Keep", async () => {}],
  ]))];
}

function comparison(found) {
  if (!found.common) return [element("p", "No text has labels of both.")];
  const head = element("p", `${found.agreed} of ${found.common} common texts have the same label; kappa ${found.kappa.toFixed(2)}.`);
  return [head, ...found.contradictions.map((each) => entry(each.text, `you: ${each.mine.join(", ")} · second labeller: ${each.theirs.join(", ")}`, [
    [`Change to ${each.theirs.join(", ")}`, () => correct(each.text, each.theirs)],
    ["Keep", async () => {}],
  ]))];
}

function toggleForm(id, open) {
  $(id).hidden = !open;
  const input = $(`${id}-name`);
  input.value = "";
  open ? input.focus() : $("text").focus();
  showClasses();
}

const ACTIONS = {
  undo: () => act("undo", {}, "Undone."),
  skip: () => act("skip", { turn: state.turn }, "Skipped."),
  none: () => (state.several ? answer([]) : act("skip", { turn: state.turn, none_fits: true }, "None of these.")),
  add: () => toggleForm("new", $("new").hidden),
  search: () => toggleForm("find", $("find").hidden),
  suggest: () => { wantsSuggestion = true; hint(); },
  confirm: () => (chosen.size ? answer([...chosen]) : say("Choose a class, or none of these (0).")),
  doubts: () => load("doubt-list", "doubts", doubtful),
  compare: () => load("second", "agreement", comparison),
};
const ACTION_KEYS = { ArrowLeft: "undo", ArrowRight: "skip", 0: "none", "+": "add", "/": "search", "?": "suggest", Enter: "confirm" };

for (const [id, action] of Object.entries(ACTIONS)) if ($(id)) $(id).addEventListener("click", () => state && action());
$("marks").addEventListener("change", () => { showText([]); hint(); });
$("find-name").addEventListener("input", showClasses);
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const first = $("classes").querySelector("button");
  if (!first) return say("No class contains this.");
  toggleForm("find", false);
  choose(first.dataset.name);
});
$("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("new-name").value;
  await act("classes", { name }, `The class ${name.trim()} is new.`);
  if (state.classes.some((each) => each.name === name.trim().replace(/\s+/g, " "))) toggleForm("new", false);
});
document.addEventListener("keydown", (event) => {
  if (!state) return;
  const isInput = event.target.matches("input:not([type=checkbox])");
  if (event.key === "Escape") {
    for (const id of ["find", "new"]) if (!$(id).hidden) toggleForm(id, false);
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !isInput) {
    event.preventDefault();
    return ACTIONS.undo();
  }
  if (isInput || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !$("keys").checked) return;
  if (event.key === "Enter" && (!$("confirm") || event.target.matches("button, summary, a"))) return;
  const place = KEYS.indexOf(event.key.toLowerCase());
  if (event.key.length === 1 && place >= 0 && place < state.classes.length) {
    event.preventDefault();
    choose(state.classes[place].name);
  } else if (ACTION_KEYS[event.key] && $(ACTION_KEYS[event.key])) {
    if (event.key.startsWith("Arrow") && event.target.matches("#text") && event.target.scrollWidth > event.target.clientWidth) return;
    event.preventDefault();
    if (!$(ACTION_KEYS[event.key]).disabled) ACTIONS[ACTION_KEYS[event.key]]();
  }
});
refresh();
