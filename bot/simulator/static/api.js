// Calls of the simulator's control side.

async function result(answer) {
  const body = await answer.json();
  if (!body.ok) throw new Error((body.description || "Failed").replace(/^Bad Request: /, ""));
  return body.result;
}

/** GET /_sim/<path>. */
export async function get(path) {
  return result(await fetch(`/_sim/${path}`));
}

/** POST JSON to /_sim/<path>. */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return result(await fetch(`/_sim/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

/** Send a file as a resident. kind: photo, document or voice. */
export async function upload(residentId, kind, file, caption) {
  const form = new FormData();
  form.set("resident_id", String(residentId));
  form.set("kind", kind);
  form.set("caption", caption || "");
  form.set("file", file, file.name || "file");
  return result(await fetch("/_sim/send", { method: "POST", body: form }));
}

export function fileUrl(fileId, download = false) {
  return `/_sim/files/${encodeURIComponent(fileId)}${download ? "?download=1" : ""}`;
}

/** Call `onEvent` with every change; the browser reconnects by itself. */
export function listen(onEvent, onState) {
  const source = new EventSource("/_sim/events");
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
}
