"use strict";
// What the pages with scripts share. Each has its words in both languages in LANGUAGES, in a file of its own.
// All texts reach a page by textContent, never as HTML.
const $ = (id) => document.getElementById(id);
let language = sessionStorage.getItem("language") || (navigator.language.startsWith("ko") ? "ko" : "en");

const percent = (share) => (100 * share).toFixed(1) + " %";
const number = (count) => count.toLocaleString("en");

// {0} is the first value, and {0:label:labels} the first word if it is 1, and the second otherwise.
function say(name, ...values) {
  const fill = (_, place, one, many) => (one === undefined ? values[place] : String(values[place]) === "1" ? one : many);
  return LANGUAGES[language][name].replace(/\{(\d)(?::([^:}]*):([^}]*))?\}/g, fill);
}

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  return made;
}

function translate() {
  document.documentElement.lang = language;
  $("language").value = language;
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = say(each.dataset.say);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", say(each.dataset.label));
}

// Let the reader choose the language; `then` shows again what is not in the template.
function speak(then) {
  $("language").addEventListener("change", () => {
    language = $("language").value;
    sessionStorage.setItem("language", language);
    translate();
    then();
  });
  translate();
}
