"use strict";
const hasNetwork = $("page").dataset.network === "yes";
let last = null, lastWords = null;

async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch (error) {
    throw new Error(say("gone"));
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let told = text;
  try {
    const detail = JSON.parse(text).detail;
    told = typeof detail === "string" ? detail : detail.map((each) => each.msg || each).join("; ");
  } catch (error) { /* a plain message */ }
  throw Object.assign(new Error(told), { status: response.status });
}

// What is not in the template is shown again in the other language.
function speakAgain() {
  if (hasNetwork && !$("word").dataset.typed) {
    const [word, sentences] = say("example").split("|");
    $("word").value = word;
    $("sentences").value = sentences;
  }
  if (last) showAnswer(last);
  if (lastWords) showWords(lastWords);
}

function showAnswer(found) {
  const shares = Object.entries(found.probabilities).sort((a, b) => b[1] - a[1]);
  const labels = found.labels === undefined ? (found.label === null ? null : [found.label]) : found.labels;
  $("label").textContent = labels === null ? say("unsure") : labels.join(", ") || say("no_label");
  $("unsure").hidden = labels !== null;
  $("unsure").textContent = labels === null ? say("unsure_what", shares[0][0]) : "";
  $("shares").replaceChildren(...shares.map(([name, share]) => {
    const row = element("tr", undefined, labels?.includes(name) ? { class: "chosen" } : {}), track = element("span", undefined, { class: "track" }), bar = element("i");
    bar.style.width = percent(share).replace(" ", "");
    track.append(bar);
    const cell = element("td");
    cell.append(track);
    row.append(element("th", name, { scope: "row" }), cell, element("td", percent(share)));
    return row;
  }));
  $("answer").hidden = false;
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value;
  $("problem").textContent = "";
  $("nearest").hidden = true;
  try {
    last = (await ask("predict", { texts: [text] })).predictions[0];
    showAnswer(last);
    if (hasNetwork) showWords(lastWords = await ask("page/words", { text }));
  } catch (error) {
    $("problem").textContent = error.message;
  }
});

function showWords(found) {
  const first = found.classes[0].marks;
  $("why").hidden = !first.length;
  const count = (status) => first.filter((mark) => mark.status === status).length;
  const notes = [["unknown_count", count("unknown"), first.length], ["own_count", count("own vector")], ["cut", found.cut]];
  $("note").textContent = notes.filter((each) => each[1]).map((each) => say(...each)).join(" ");
  $("words").replaceChildren(...found.classes.flatMap((each) => [element("h3", each.name), line(each.marks)]));
}

function line(marks) {
  const made = element("p");
  made.append(...marks.flatMap((mark) => [wordOf(mark), document.createTextNode(" ")]));
  return made;
}

function wordOf(mark) {
  const shade = mark.shade > 0 ? ` for${mark.shade}` : mark.shade < 0 ? ` against${-mark.shade}` : "";
  const isUnknown = mark.status === "unknown";
  const made = element("button", mark.word, { type: "button", class: `w${shade}${isUnknown ? " unknown" : ""}`,
    title: `${mark.weight > 0 ? "+" : ""}${mark.weight.toFixed(3)}${isUnknown ? `, ${say("unknown")}` : ""}` });
  made.addEventListener("click", () => nearest(mark.word));
  return made;
}

async function nearest(word) {
  try {
    const found = await ask("page/neighbours", { word });
    $("nearest-title").textContent = say("nearest", found.word);
    $("nearest-columns").replaceChildren(...["before", "after"].map((side) => {
      const part = element("div"), list = element("ol");
      part.append(element("h3", say(side)));
      for (const [other, cosine] of found[side] || []) list.append(element("li", `${other} ${cosine.toFixed(2)}`));
      part.append(found[side] ? list : element("p", say("none"), { class: "soft" }));
      return part;
    }));
    $("nearest").hidden = false;
  } catch (error) {
    $("problem").textContent = error.message;
  }
}

if (hasNetwork) {
  for (const id of ["word", "sentences"]) $(id).addEventListener("input", () => { $("word").dataset.typed = "yes"; });
  $("play").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("play-problem").textContent = "";
    $("states").hidden = true;
    const sentences = $("sentences").value.split("\n").filter((each) => each.trim());
    try {
      const found = await ask("page/contexts", { word: $("word").value.trim(), sentences });
      const table = element("table"), head = element("tr");
      head.append(element("th", $("word").value), ...found.sentences.map((_, number) => element("th", String(number + 1), { scope: "col" })));
      table.append(head, ...found.similarities.map((row, number) => {
        const made = element("tr");
        made.append(element("th", `${number + 1}. ${found.sentences[number]}`, { scope: "row", class: "text" }));
        for (const cosine of row) {
          const cell = element("td", cosine.toFixed(2), { class: "heat" });
          cell.style.background = `color-mix(in srgb, var(--c0) ${Math.max(0, 45 * cosine).toFixed(0)}%, transparent)`;
          made.append(cell);
        }
        return made;
      }));
      $("states").replaceChildren(table);
      $("states").setAttribute("aria-label", say("states"));
      $("states").hidden = false;
    } catch (error) {
      $("play-problem").textContent = error.status === 422 ? say("needs") : error.message;
    }
  });
}

async function label(file) {
  $("file-said").textContent = say("working");
  const query = `file_name=${encodeURIComponent(file.name)}&text_column=${encodeURIComponent($("column").value)}`;
  let response;
  try {
    response = await fetch(`page/file?${query}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
  } catch (error) {
    $("file-said").textContent = say("gone");
    return;
  }
  if (!response.ok) {
    const told = await response.text();
    $("file-said").textContent = told.startsWith("{") ? JSON.parse(told).detail : told;
    return;
  }
  const name = file.name.replace(/\.\w+$/, "") + "-labelled.csv";
  const link = element("a", undefined, { download: name, href: URL.createObjectURL(await response.blob()) });
  link.click();
  URL.revokeObjectURL(link.href);
  $("file-said").textContent = say("done", name);
}

$("file").addEventListener("change", () => { if ($("file").files.length) label($("file").files[0]); });
$("drop").addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
$("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
$("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  if (event.dataTransfer.files.length) label(event.dataTransfer.files[0]);
});
speak(speakAgain);
speakAgain();
