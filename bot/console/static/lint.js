// Checks the やさしい日本語 of a draft while somebody writes it. Without it the check comes with each saving.

const PAUSE_MS = 500;
const place = document.getElementById("plain-check");
const title = document.getElementById("title-ja-simple");
const body = document.getElementById("body-ja-simple");
let timer = 0;
let newest = 0;

async function check() {
  const number = ++newest;
  const fields = { csrf: place.closest("form").elements.csrf.value, title: title.value, body: body.value };
  try {
    const answer = await fetch("/notices/check", {
      method: "POST", body: new URLSearchParams(fields), credentials: "same-origin",
    });
    if (!answer.ok || number !== newest) return;
    const text = await answer.text();
    if (text !== place.innerHTML) place.innerHTML = text;
  } catch {
    // The network is away: the check of the last time stays.
  }
}

if (place) {
  for (const field of [title, body]) {
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(check, PAUSE_MS);
    });
  }
}
