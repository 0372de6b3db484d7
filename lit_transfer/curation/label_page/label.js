"use strict";
const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";
const MANY = 12, LONG = 600;
let state = null, busy = false, chosen = new Set(), timer = 0, wantsSuggestion = false;

const tell = (message) => { $("message").textContent = message || ""; };

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) {
    const error = new Error(say(answer.sentence || "invalid", ...(answer.values || [])));
    error.status = response.status;
    throw error;
  }
  return answer;
}

const reason = (error) => (error.status ? error.message : say("gone"));

// One request at a time: a key that is pressed before the next text is there must not answer it unseen.
async function act(path, body, message) {
  if (busy) return;
  busy = true;
  try {
    const next = await ask(path, body);
    tell(message);
    show(next);
  } catch (error) {
    if (error.status === 409) show(await ask("state"));
    tell(reason(error));
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
  showCounts();
  $("undo").disabled = !state.can_undo;
  for (const id of ["skip", "none", "suggest"]) $(id).disabled = state.text === null;
  clearTimeout(timer);
  timer = setTimeout(refresh, state.working ? 700 : 5000);
}

function showCounts() {
  const parts = [say("labels", number(state.answers), number(state.today)), say("left", number(state.left))];
  for (const kind of ["skipped", "none_fits"]) if (state[kind]) parts.push(say(kind, number(state[kind])));
  $("counts").textContent = parts.join(" · ");
}

// What is not in the template is shown again in the other language.
function speakAgain() {
  document.title = say("title", $("name").textContent);
  if (!state) return;
  tell("");
  for (const id of ["doubt-list", "second", "suggestion"]) if ($(id)) $(id).hidden = true;
  if (state.text === null) showText([]);
  showClasses();
  showWorth();
  showCounts();
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
  const text = state.text === null ? say("all_done") : state.text;
  const parts = [];
  let at = 0;
  for (const [start, end, strength] of marks) {
    parts.push(document.createTextNode(text.slice(at, start)));
    parts.push(element("mark", text.slice(start, end), strength > 1 ? { class: "strong" } : {}));
    at = end;
  }
  parts.push(document.createTextNode(text.slice(at)));
  $("text").classList.toggle("long", text.length > LONG);
  // A screen reader speaks the text in its own language, not in that of the page.
  $("text").lang = state.text === null ? language : /[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]/.test(text) ? "ko" : "";
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
      ? say("suggests", shares.map(([name, share]) => `${name} (${Math.round(100 * share)} %)`).join(", "))
      : say("no_model");
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
  if (!state.classes.length) box.append(element("p", say("no_class")));
}

function showWorth() {
  $("work").hidden = !state.step;
  if (state.step) {
    $("step").textContent = say("progress", LANGUAGES[language].steps[state.step] || state.step, number(state.step_done), number(state.total));
    $("progress").value = state.step_done / state.total;
  }
  $("problem").hidden = !state.problem;
  $("problem").textContent = state.problem ? say("problem", state.problem) : "";
  const known = state.accuracy;
  if (known && known.count) {
    const random = state.skipped_random ? " " + say("skipped_random", number(state.skipped_random)) : "";
    $("accuracy").replaceChildren(
      element("p", percent(known.correct / known.count), { class: "big" }),
      element("p", say("accuracy", number(known.count), percent(known.low), percent(known.high)) + random),
    );
  } else {
    $("accuracy").replaceChildren(element("p", say("accuracy_what")));
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
  const names = state.lacking.slice(0, 20).map((name) => `${name} (${state.classes.find((each) => each.name === name).count})`).join(", ");
  $("lacking").textContent = state.lacking.length > 20 ? say("and_more", names, state.lacking.length - 20) : names;
}

function stopAdvice() {
  const parts = [];
  if (state.wanted !== null) parts.push(say(state.reached ? "reached" : "not_reached", percent(state.wanted)));
  const isKnown = state.agreement !== null && state.agreement !== undefined;
  const verdict = state.stable ? "stable" : state.agrees ? "agrees" : "unstable";
  parts.push(isKnown ? say(verdict, state.agreement.toFixed(2), state.stop_at) : say("stop_what"));
  return parts.join(" ");
}

function choosingAdvice(found) {
  return say(found.low > 0 ? "helps" : found.high < 0 ? "helps_not" : "helps_maybe", percent(found.chosen), percent(found.random));
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
    list.replaceChildren(element("p", reason(error)));
  }
}

const correct = (text, labels) => act("correct", { text, labels }, say("corrected"));

const named = (labels) => labels.join(", ") || say("no_label");
const keep = () => [say("keep"), async () => {}];

function doubtful(found) {
  if (!found.length) return [element("p", say("no_doubt"))];
  const note = element("p", say("doubts", found.length), { class: "soft" });
  return [note, ...found.map((each) => entry(each.text, say("yours", named(each.labels)), [
    [say("change", named(each.suggested)), () => correct(each.text, each.suggested)],
    keep(),
  ]))];
}

function comparison(found) {
  if (!found.common) return [element("p", say("no_common"))];
  const head = element("p", say("agreed", found.agreed, found.common, found.kappa.toFixed(2)));
  return [head, ...found.contradictions.map((each) => entry(each.text, say("both", named(each.mine), named(each.theirs)), [
    [say("change", named(each.theirs)), () => correct(each.text, each.theirs)],
    keep(),
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
  undo: () => act("undo", {}, say("undone")),
  skip: () => act("skip", { turn: state.turn }, say("was_skipped")),
  none: () => (state.several ? answer([]) : act("skip", { turn: state.turn, none_fits: true }, say("in_none"))),
  add: () => toggleForm("new", $("new").hidden),
  search: () => toggleForm("find", $("find").hidden),
  suggest: () => { wantsSuggestion = true; hint(); },
  confirm: () => (chosen.size ? answer([...chosen]) : tell(say("choose"))),
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
  if (!first) return tell(say("not_found"));
  toggleForm("find", false);
  choose(first.dataset.name);
});
$("new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim().replace(/\s+/g, " ");
  if (!name) return tell(say("needs_name"));
  if (state.classes.some((each) => each.name.toLowerCase() === name.toLowerCase())) return tell(say("has_class", name));
  await act("classes", { name }, say("is_new", name));
  if (state.classes.some((each) => each.name === name)) toggleForm("new", false);
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
  // A keyboard of another script still has the letters at their places.
  const isLatin = event.key.length === 1 && event.key <= "~";
  const key = !isLatin && /^Key[A-Z]$/.test(event.code) ? event.code.slice(3) : event.key;
  const place = KEYS.indexOf(key.toLowerCase());
  if (key.length === 1 && place >= 0 && place < state.classes.length) {
    event.preventDefault();
    choose(state.classes[place].name);
  } else if (ACTION_KEYS[event.key] && $(ACTION_KEYS[event.key])) {
    if (event.key.startsWith("Arrow") && event.target.matches("#text") && event.target.scrollWidth > event.target.clientWidth) return;
    event.preventDefault();
    if (!$(ACTION_KEYS[event.key]).disabled) ACTIONS[ACTION_KEYS[event.key]]();
  }
});
speak(speakAgain);
speakAgain();
refresh();
