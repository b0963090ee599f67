// Single keys and Ctrl+Enter. They can be turned off on a device (WCAG 2.1.4); everything also works without them.

const OFF = "koban-keys-off";
const help = document.getElementById("keys-help");
const off = document.getElementById("keys-off");
let wentG = 0;

function isOff() {
  try { return localStorage.getItem(OFF) === "1"; } catch { return false; }
}

function isTyping(target) {
  return target instanceof HTMLElement && Boolean(target.closest("input, textarea, select, [contenteditable]"));
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1);
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

function press(key) {
  if (Date.now() - wentG < 1500) {
    wentG = 0;
    if (key === "q") { location.assign("/queue"); return true; }
    if (key === "n") { location.assign("/notices"); return true; }
    if (key === "a") { location.assign("/content"); return true; }
  }
  switch (key) {
    case "j": move(1); return true;
    case "k": move(-1); return true;
    case "g": wentG = Date.now(); return true;
    case "c": document.querySelector('button[data-key="c"]')?.click(); return true;
    case "r": document.querySelector('textarea[data-key="r"]')?.focus(); return true;
    case "/": document.querySelector('input[data-key="/"]')?.focus(); return true;
    case "?": if (help && !help.open) help.showModal(); return true;
    default: return false;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target instanceof HTMLElement ? event.target.closest("form[data-send]") : null;
    if (form) { event.preventDefault(); form.requestSubmit(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isOff() || help?.open) return;
  if (press(event.key)) event.preventDefault();
});

// A form is sent once: the second press of an impatient finger would only be refused.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});

for (const opener of document.querySelectorAll("[data-open]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => document.getElementById(opener.dataset.open).showModal());
}

if (off) {
  off.checked = isOff();
  off.addEventListener("change", () => {
    try { localStorage.setItem(OFF, off.checked ? "1" : "0"); } catch { /* private mode keeps nothing */ }
  });
}

for (const field of document.querySelectorAll("[data-select]")) field.addEventListener("focus", () => field.select());
document.querySelector("#error")?.scrollIntoView({ block: "nearest" });
