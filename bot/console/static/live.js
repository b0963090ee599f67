// Keeps the page up to date: the server says that something changed, and this fetches the part of the page anew.
// Without it the pages work by hand. Focus, scroll, opened details and what somebody types stay as they are.

const region = document.getElementById("live");
const subject = document.body.dataset.on;
const announce = document.getElementById("announce");
const ended = document.getElementById("ended");
let source = null;
let isBusy = false;
let isWanted = false;
let isLeaving = false;
let isGone = false;

function remember(element) {
  const fields = new Map();
  for (const field of element.querySelectorAll("input[id], select[id], textarea[id]")) {
    if (field.value !== field.defaultValue) fields.set(field.id, field.value);
  }
  const opened = [...element.querySelectorAll("details")].map((each) => each.open);
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...element.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
  return { fields, opened, focused, scrolled };
}

function restore(element, kept) {
  for (const [id, value] of kept.fields) {
    const field = element.querySelector(`#${CSS.escape(id)}`);
    if (field) field.value = value;
  }
  element.querySelectorAll("details").forEach((each, index) => { if (kept.opened[index]) each.open = true; });
  element.querySelectorAll(".scroll").forEach((each, index) => {
    if (kept.scrolled[index]) [each.scrollLeft, each.scrollTop] = kept.scrolled[index];
  });
  if (kept.focused) document.getElementById(kept.focused)?.focus({ preventScroll: true });
}

// Select fields have no defaultValue of their own.
Object.defineProperty(HTMLSelectElement.prototype, "defaultValue", {
  get() { return [...this.options].find((each) => each.defaultSelected)?.value ?? this.options[0]?.value ?? ""; },
});

async function refresh() {
  if (isLeaving || isGone) return;
  if (isBusy) { isWanted = true; return; }
  isBusy = true;
  try {
    const answer = await fetch(location.href, { headers: { "X-Koban-Live": "1" }, credentials: "same-origin" });
    if (answer.status === 401) { stop(); return; }
    if (answer.status === 404) { close(); return; }
    if (!answer.ok) return;
    const text = await answer.text();
    if (isLeaving) return;
    const before = region.textContent;
    const kept = remember(region);
    const [x, y] = [scrollX, scrollY];
    const [hadMessages, hadFacts] = [lastSeen(), facts()];
    region.innerHTML = text;
    restore(region, kept);
    scrollTo(x, y);
    if (region.textContent !== before) mark(hadMessages, hadFacts);
  } catch {
    // The network is away; the event stream tries again by itself, and then everything is fetched anew.
  } finally {
    isBusy = false;
    if (isWanted) { isWanted = false; refresh(); }
  }
}

const lastSeen = () => Number(region.querySelector("[data-last-seen]")?.dataset.lastSeen ?? 0);
const facts = () => region.querySelector("[data-holder]")?.dataset.holder ?? "";

// A consultation: a new message is pointed out; the draft counts as written from what was there before, until the
// officer says that they have read it.
function mark(hadMessages, hadFacts) {
  const draft = document.getElementById("reply");
  const note = document.getElementById("note");
  const isTyping = Boolean(draft?.value.trim() || note?.value.trim());
  if (facts() !== hadFacts && !isTyping) { location.reload(); return; }
  if (lastSeen() <= hadMessages) return;
  for (let number = hadMessages + 1; number <= lastSeen(); number += 1) {
    document.getElementById(`message-${number}`)?.classList.add("fresh");
  }
  const newer = document.getElementById("newer");
  if (!newer) return;
  if (draft?.value.trim()) newer.hidden = false;
  else agree();
  announce.textContent = newer.firstChild.textContent.trim();
}

function agree() {
  for (const field of document.querySelectorAll('input[name="last_seen"]')) field.value = lastSeen();
  document.getElementById("newer").hidden = true;
}

document.querySelector("#newer button")?.addEventListener("click", () => {
  agree();
  document.getElementById("reply").focus();
});

function listen() {
  if (source || document.hidden || isGone) return;
  source = new EventSource(`/live?on=${encodeURIComponent(subject)}`);
  let isFirst = true;
  source.addEventListener("open", () => {
    if (!isFirst) refresh();
    isFirst = false;
  });
  source.addEventListener("change", refresh);
  source.addEventListener("ended", stop);
  source.addEventListener("error", () => { if (source?.readyState === EventSource.CLOSED) { pause(); refresh(); } });
}

// What somebody has just sent comes back as a change too: fetching the page anew would break off the way to its answer.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  isLeaving = true;
  setTimeout(stay, 15000);  // the answer was a file, or the network is away
});
addEventListener("pageshow", () => { isLeaving = false; });

function stay() {
  if (!isLeaving) return;
  isLeaving = false;
  refresh();
}

function pause() {
  source?.close();
  source = null;
}

function stop() {
  pause();
  ended.hidden = false;
}

// What was erased, or passed on to somebody else, is not for this screen any more; what was typed stays, to be copied.
function close() {
  isGone = true;
  pause();
  region.replaceChildren();
  for (const each of document.querySelectorAll(".excerpt")) each.remove();
  document.getElementById("gone").hidden = false;
}

if (region && subject) {
  // A hidden page does not listen: browsers allow few streams at once, and officers open many tabs.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) pause();
    else { refresh(); listen(); }
  });
  addEventListener("pagehide", pause);
  listen();
}
