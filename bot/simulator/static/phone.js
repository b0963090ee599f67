// The page: which phones and channels are open, and what arrives for each.

import { get, listen, post } from "./api.js";
import { Channels } from "./channels.js";
import { LANGUAGES, languageOf } from "./languages.js";
import { Phone } from "./one_phone.js";

const MOST_PHONES = 3;
const STORE = "koban-open-phones";
const phones = new Map();
const main = document.getElementById("phones");
const hint = document.getElementById("hint");
const picker = document.getElementById("open-resident");
let info = null;

function remember() {
  localStorage.setItem(STORE, JSON.stringify([...phones.keys()]));
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) || [];
  } catch {
    return [];
  }
}

function showHint() {
  const samples = [...phones.values()].map((phone) => phone.language).filter((language) => language.sample);
  hint.replaceChildren("Try it — ");
  const first = samples[0];
  if (!first) return hint.append("add a resident.");
  const words = document.createElement("q");
  words.lang = first.tag;
  words.textContent = first.sample;
  hint.append("press START, then type: ", words, " (my bicycle was stolen)");
  return undefined;
}

async function fillPicker() {
  const residents = await get("residents");
  const closed = residents.filter((resident) => !phones.has(resident.id));
  picker.replaceChildren(new Option(closed.length ? "Choose…" : "All are open", ""));
  for (const resident of closed) {
    picker.append(new Option(`${resident.first_name} · ${languageOf(resident.language_code).name}`, resident.id));
  }
  picker.disabled = !closed.length;
}

async function open(resident) {
  if (phones.has(resident.id)) return phones.get(resident.id).focus();
  while (phones.size >= MOST_PHONES) putAway([...phones.keys()][0]);
  const phone = new Phone(resident, info, putAway);
  phones.set(resident.id, phone);
  main.append(phone.element);
  remember();
  showHint();
  await phone.refresh();
  return undefined;
}

function putAway(id) {
  phones.get(id)?.element.remove();
  phones.delete(id);
  remember();
  showHint();
  fillPicker();
}

async function add(firstName, language) {
  const resident = await post("residents", { first_name: firstName, language_code: language.code });
  await open(resident);
  await fillPicker();
  return resident.id;
}

async function begin() {
  info = await get("info");
  const residents = await get("residents");
  for (const phone of [...phones.values()]) {
    phone.element.remove();
    phones.delete(phone.id);
  }
  const wanted = remembered().map((id) => residents.find((resident) => resident.id === id)).filter(Boolean);
  const chosen = wanted.length ? wanted : residents.slice(0, 2);
  if (!chosen.length) await add(LANGUAGES[0].person, LANGUAGES[0]);
  for (const resident of chosen.slice(0, MOST_PHONES)) await open(resident);
  await fillPicker();
  await channels.begin(info);
}

/** Follow a link to the bot on a phone of that language, or on the first; false when no phone is open. */
function openBot(start, language) {
  const open = [...phones.values()];
  const phone = open.find(({ language: { tag } }) => tag === language || language.startsWith(`${tag}-`)) ?? open[0];
  phone?.follow(start);
  return Boolean(phone);
}

async function onEvent(event) {
  if (event.kind === "hello" || event.kind === "reset") {
    await begin();
  } else if (event.kind === "profile") {
    info = await get("info");
    phones.forEach((phone) => phone.setInfo(info));
  } else if (event.kind === "commands") {
    phones.forEach((phone) => phone.refreshCommands());
  } else if (event.kind === "resident") {
    await fillPicker();
  } else {
    phones.get(event.chat_id)?.onEvent(event);
    await channels.onEvent(event);
  }
}

// Events and what opens a phone are handled one after another, so that a refresh never overtakes a message.
let chain = Promise.resolve();
function inTurn(work) {
  chain = chain.then(work).catch(console.error);
  return chain;
}

const channels = new Channels({ list: document.getElementById("channels"), main, inTurn, openBot });

listen((event) => inTurn(() => onEvent(event)), (connected) => {
  document.getElementById("connection").textContent = connected ? "" : "Not connected – waiting for the simulator…";
});

const dialog = document.getElementById("add-dialog");
const languages = document.getElementById("add-language");
const name = document.getElementById("add-name");
languages.append(...LANGUAGES.map((language) => {
  const option = new Option(`${language.name} (${language.code})`, language.code);
  option.lang = language.tag;
  return option;
}));
languages.addEventListener("change", () => { name.value = languageOf(languages.value).person; });
document.getElementById("add-resident").addEventListener("click", () => {
  const used = new Set([...phones.values()].map((phone) => phone.language.code));
  languages.value = LANGUAGES.find((language) => !used.has(language.code))?.code ?? "en";
  name.value = languageOf(languages.value).person;
  dialog.returnValue = "";
  dialog.showModal();
});
dialog.addEventListener("close", () => {
  if (dialog.returnValue !== "add" || !name.value.trim()) return;
  inTurn(async () => phones.get(await add(name.value.trim(), languageOf(languages.value)))?.focus());
});
picker.addEventListener("change", () => {
  const wanted = picker.value; // the list may be filled anew while we ask
  inTurn(async () => {
    const chosen = (await get("residents")).find((resident) => String(resident.id) === wanted);
    if (chosen) await open(chosen);
    await fillPicker();
  });
});
