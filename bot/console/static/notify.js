// Says on the desktop that there is something new in one's folders, and never what: only for a hidden page, only where
// somebody asked for it on this device, and only one at a time. Of several hidden pages one listens.

const KEY = "koban-notify";
const words = document.querySelector('meta[name="koban-news"]')?.content;
const canNotify = Boolean(words) && "Notification" in window && "locks" in navigator;
const AGAIN_MS = 60_000;
const TRIES = 10; // of a server that answers with an error, or that somebody is signed out of
let stopListening = null;
let shown = null;

function isOn() {
  try { return localStorage.getItem(KEY) === "1" && Notification.permission === "granted"; } catch { return false; }
}

function keep(wanted) {
  try { localStorage.setItem(KEY, wanted ? "1" : "0"); } catch { /* private mode keeps nothing */ }
}

function show() {
  if (!document.hidden || !isOn()) return;
  try {
    shown = new Notification(words, { tag: "koban" });
  } catch {
    return; // Chrome on Android only lets service workers show them
  }
  shown.addEventListener("click", () => { window.focus(); shown?.close(); });
}

// Holds the stream open until the signal; resolves when the session ended too, so that it is not asked for again.
function listen(signal) {
  return new Promise((resolve) => {
    let source = null;
    let timer = 0;
    let failed = 0;
    const open = () => {
      source = new EventSource("/live?on=news");
      source.addEventListener("open", () => { failed = 0; });
      source.addEventListener("change", show);
      source.addEventListener("ended", end);
      source.addEventListener("error", () => {
        if (source.readyState !== EventSource.CLOSED) return; // else it tries again by itself
        failed += 1;
        if (failed < TRIES) timer = setTimeout(open, AGAIN_MS);
        else end();
      });
    };
    const end = () => { clearTimeout(timer); source.close(); resolve(); };
    signal.addEventListener("abort", end);
    open();
  });
}

function pause() {
  stopListening?.abort();
  stopListening = null;
}

function follow() {
  pause();
  if (!document.hidden) { shown?.close(); shown = null; return; }
  if (!isOn()) return;
  stopListening = new AbortController();
  const { signal } = stopListening;
  navigator.locks.request("koban-news", { signal }, () => (signal.aborted ? null : listen(signal))).catch(() => {
    // The page was shown again before its turn came.
  });
}

function showSwitch(element) {
  element.hidden = false;
  element.querySelector('[data-turn="on"]').hidden = isOn();
  element.querySelector('[data-turn="off"]').hidden = !isOn();
  element.querySelector("[data-refused]").hidden = Notification.permission !== "denied";
}

if (canNotify) {
  for (const element of document.querySelectorAll("[data-notify]")) {
    const [on, off] = [element.querySelector('[data-turn="on"]'), element.querySelector('[data-turn="off"]')];
    on.addEventListener("click", async () => {
      keep(await Notification.requestPermission() === "granted");
      showSwitch(element);
      if (isOn()) off.focus();
    });
    off.addEventListener("click", () => { keep(false); showSwitch(element); on.focus(); });
    addEventListener("storage", () => showSwitch(element));
    showSwitch(element);
  }
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", pause);
  follow();
}
