// One resident's phone with its one chat.

import { get, post, upload } from "./api.js";
import { Feed, previewOf } from "./feed.js";
import { languageOf } from "./languages.js";
import { h } from "./render.js";
import { drawnPhoto } from "./samples.js";

const TYPING_MS = 5000;
const TAP_MS = 10000;

export class Phone extends Feed {
  constructor(resident, info, putAway) {
    super(resident.id, "phone", info);
    this.resident = resident;
    this.language = languageOf(resident.language_code);
    this.unread = 0;
    this.status = "open";
    this.editingId = null;
    this.taps = new Map();
    this.element.setAttribute("aria-label", `Phone of ${resident.first_name}, ${this.language.name}`);
    this.element.dataset.resident = resident.id;
    this.$(".owner").textContent = resident.first_name;
    this.$(".language").textContent = this.language.name;
    this.$(".language").lang = this.language.tag;
    this.log.setAttribute("aria-label", `Messages of ${resident.first_name}`);
    for (const part of [this.log, this.$("textarea"), this.$(".reply-keyboard"), this.$(".commands")]) part.lang = this.language.tag;
    this.input = this.$("textarea");
    this.input.setAttribute("aria-label", `Message from ${resident.first_name}`);
    this.actions = {
      send: (text) => this.send({ kind: "text", text }),
      tap: (messageId, data, button) => this.tap(messageId, data, button),
      copy: (text) => navigator.clipboard?.writeText(text).then(() => this.toast("Copied")),
      edit: (message) => this.edit(message),
    };
    this.$(".alert").setAttribute("aria-label", `Alert for ${resident.first_name}`);
    this.setInfo(info);
    this.listenToButtons(putAway);
    this.addAttachments();
  }

  setInfo(info) {
    this.info = info;
    this.element.querySelectorAll(".bot-name").forEach((name) => { name.textContent = info.bot.first_name; });
    if (!this.messages.size) this.showEmpty();
  }

  focus() {
    this.element.scrollIntoView({ block: "nearest", inline: "center" });
    (this.$(".start").hidden ? this.input : this.$(".start")).focus();
  }

  listenToButtons(putAway) {
    this.$(".close").addEventListener("click", () => putAway(this.id));
    this.$(".back").addEventListener("click", () => this.showList(true));
    this.$(".chat-row").addEventListener("click", () => this.showList(false));
    this.$(".block").addEventListener("click", () => this.setBlocked(this.status !== "blocked"));
    this.$(".start").addEventListener("click", () => this.start());
    this.$(".slash").addEventListener("click", () => this.toggleMenu("commands"));
    this.$(".attach").addEventListener("click", () => this.toggleMenu("attachments"));
    this.$(".editing button").addEventListener("click", () => this.stopEditing());
    this.$(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("input", () => this.fitInput());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.closeMenus();
      this.$(".alert").close();
    });
    this.$(".file").addEventListener("change", () => this.sendFile());
  }

  onKey(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.editingId) {
      this.stopEditing();
    } else if (event.key === "ArrowUp" && !this.input.value && !event.isComposing) {
      const own = [...this.messages.values()].filter((m) => m.from.id === this.id && m.text !== undefined).at(-1);
      if (own) {
        event.preventDefault();
        this.edit(own);
      }
    }
  }

  fitInput() {
    this.input.style.blockSize = "auto";
    this.input.style.blockSize = `${Math.min(this.input.scrollHeight + 2, 130)}px`;
  }

  // What the server knows

  async refresh() {
    const chat = await super.refresh();
    this.showKeyboard(chat.keyboard);
    this.showCommands(chat.commands);
    this.showStatus();
    this.showPinned();
    this.toEnd(true);
  }

  async refreshCommands() {
    this.showCommands((await get(`chats/${this.id}`)).commands);
  }

  onEvent(event) {
    if (this.onMessagesEvent(event)) return undefined;
    switch (event.kind) {
      case "taken":
        this.notTaken.delete(event.message_id);
        return this.mark(event.message_id);
      case "keyboard": return this.showKeyboard(event.keyboard);
      case "action": return this.typing(event.action);
      case "callback_answer": return this.onCallbackAnswer(event);
      case "status":
        this.status = event.status;
        return this.showStatus();
      default: return undefined;
    }
  }

  onMessage(message) {
    if (this.messages.has(message.message_id)) return;
    const atEnd = this.isAtEnd();
    const own = message.from.id === this.id;
    if (own) {
      this.notTaken.add(message.message_id);
      this.status = "open";
    } else {
      this.typing(null);
      if (!this.$(".list-view").hidden) this.unread += 1;
    }
    if (!this.messages.size) this.log.replaceChildren();
    this.messages.set(message.message_id, message);
    this.append(message, true);
    this.showStatus();
    this.toEnd(own || atEnd);
  }

  mark(messageId) {
    const mark = this.log.querySelector(`[data-id="${messageId}"] .mark`);
    if (!mark) return;
    mark.textContent = "✓✓";
    mark.setAttribute("aria-label", "Received by the bot");
  }

  remove(messageIds) {
    super.remove(messageIds);
    this.showStatus();
  }

  // What is shown

  showEmpty() {
    const { name, description } = this.info.about;
    this.log.replaceChildren(h("div", { class: "empty" }, h("span", { class: "avatar large", "aria-hidden": "true" }, "交"),
      h("strong", {}, name || this.info.bot.first_name),
      h("p", { dir: "auto" }, description || "What can this bot do? Press START and write in your own language.")));
    this.day = null;
    this.describe();
  }

  async describe() {
    const about = (await get(`info?language=${encodeURIComponent(this.resident.language_code || "")}`)).about;
    const words = this.log.querySelector(".empty p");
    if (words && about.description) words.textContent = about.description;
  }

  showPreview() {
    const last = [...this.messages.values()].at(-1);
    this.$(".preview").textContent = previewOf(last);
    const badge = this.$(".unread");
    badge.hidden = !this.unread;
    badge.textContent = String(this.unread);
    badge.setAttribute("aria-label", `${this.unread} unread`);
  }

  showList(list) {
    this.$(".list-view").hidden = !list;
    this.$(".chat-view").hidden = list;
    if (!list) this.unread = 0;
    this.showPreview();
    if (list) this.$(".chat-row").focus();
    else {
      this.toEnd(true);
      this.focus();
    }
  }

  showStatus() {
    const blocked = this.status === "blocked";
    const gone = this.status === "deactivated";
    const fresh = !this.messages.size;
    if (fresh && !this.log.querySelector(".empty")) this.showEmpty();
    const start = this.$(".start");
    const leaving = document.activeElement === start;
    start.hidden = !(fresh || blocked || gone);
    start.disabled = gone;
    start.textContent = gone ? "ACCOUNT DELETED" : blocked ? "RESTART BOT" : "START";
    this.$(".composer").hidden = !start.hidden;
    if (leaving && start.hidden) this.input.focus();
    const block = this.$(".block");
    block.textContent = blocked ? "Unblock" : "Block";
    block.setAttribute("aria-label", blocked ? "Unblock the bot" : "Block the bot");
    block.hidden = gone;
    this.showKeyboard(this.keyboard);
  }

  showKeyboard(keyboard) {
    this.keyboard = keyboard;
    const box = this.$(".reply-keyboard");
    box.hidden = !keyboard?.keyboard || this.$(".composer").hidden;
    box.replaceChildren();
    for (const row of keyboard?.keyboard ?? []) {
      const line = h("div", { class: "row" }, ...row.map((given) => {
        const button = typeof given === "string" ? { text: given } : given;
        return h("button", { type: "button", dir: "auto", onclick: () => this.press(button) }, button.text);
      }));
      line.style.setProperty("--n", row.length);
      box.append(line);
    }
    this.input.placeholder = keyboard?.input_field_placeholder || "Message";
  }

  showCommands(commands) {
    const box = this.$(".commands");
    box.replaceChildren(...commands.map(({ command, description }) => h("button", { type: "button", onclick: () => {
      this.closeMenus();
      this.send({ kind: "text", text: `/${command}` });
    } }, h("strong", {}, `/${command}`), h("span", { dir: "auto" }, ` ${description}`))));
    if (!commands.length) box.append(h("p", {}, "The bot has set no commands."));
  }

  toggleMenu(name) {
    const menu = this.$(`.${name}`);
    const show = menu.hidden;
    this.closeMenus();
    menu.hidden = !show;
    this.$(name === "commands" ? ".slash" : ".attach").setAttribute("aria-expanded", String(show));
    if (show) menu.querySelector("button")?.focus();
  }

  closeMenus() {
    for (const [menu, button] of [[".commands", ".slash"], [".attachments", ".attach"]]) {
      if (this.$(menu).contains(document.activeElement)) this.$(button).focus();
      this.$(menu).hidden = true;
      this.$(button).setAttribute("aria-expanded", "false");
    }
  }

  typing(action) {
    clearTimeout(this.typingTimer);
    const words = !action || action === "cancel" ? "bot" : action === "typing" ? "typing…" : `${action.replace("_", " ")}…`;
    this.$(".presence").textContent = words;
    this.$(".presence").classList.toggle("busy", words !== "bot");
    if (words !== "bot") this.typingTimer = setTimeout(() => this.typing(null), TYPING_MS);
  }

  // What the resident does

  async attempt(doing) {
    try {
      return await doing();
    } catch (error) {
      this.toast(error.message);
      return null;
    }
  }

  send(body) {
    return this.attempt(() => post("send", { resident_id: this.id, ...body }));
  }

  async start(payload = "") {
    if (this.status === "blocked") await this.setBlocked(false);
    await this.send({ kind: "text", text: `/start ${payload}`.trim() });
  }

  /** Open the chat from a link to the bot, as tapping it and START does. */
  follow(start) {
    this.showList(false);
    return this.start(start);
  }

  setBlocked(blocked) {
    return this.attempt(() => post("status", { chat_id: this.id, status: blocked ? "blocked" : "open" }));
  }

  async submit() {
    const text = this.input.value;
    if (!text.trim()) return;
    this.input.value = "";
    this.fitInput();
    if (this.editingId) {
      const id = this.editingId;
      this.stopEditing();
      await this.attempt(() => post("edit", { resident_id: this.id, message_id: id, text }));
    } else {
      await this.send({ kind: "text", text });
    }
  }

  edit(message) {
    this.editingId = message.message_id;
    this.$(".editing").hidden = false;
    this.input.value = message.text ?? message.caption ?? "";
    this.fitInput();
    this.input.focus();
  }

  stopEditing() {
    this.editingId = null;
    this.$(".editing").hidden = true;
    this.input.value = "";
    this.fitInput();
    this.input.focus();
  }

  async tap(messageId, data, button) {
    this.closeMenus();
    button.setAttribute("aria-busy", "true");
    const query = await this.attempt(() => post("tap", { resident_id: this.id, message_id: messageId, data }));
    const done = () => button.removeAttribute("aria-busy");
    if (!query) return done();
    if (this.early?.query_id === query.id) {
      this.early = null;
      return done();
    }
    this.taps.set(query.id, done);
    setTimeout(() => {
      this.taps.delete(query.id);
      done();
    }, TAP_MS);
    return undefined;
  }

  onCallbackAnswer(event) {
    this.taps.get(event.query_id)?.();
    if (!this.taps.delete(event.query_id)) this.early = event;
    if (event.url) window.open(event.url, "_blank", "noopener");
    if (!event.text) return;
    if (event.show_alert) {
      this.$(".alert p").textContent = event.text;
      this.$(".alert").show(); // within this phone, so that it is plain whose it is
    } else {
      this.toast(event.text);
    }
  }

  press(button) {
    if (this.keyboard?.one_time_keyboard) this.$(".reply-keyboard").hidden = true;
    if (button.request_location) return this.sendPlace();
    if (button.request_contact) return this.send({ kind: "contact", phone_number: "+818000000000" });
    return this.send({ kind: "text", text: button.text });
  }

  addAttachments() {
    const choose = (kind, accept) => () => {
      this.fileKind = kind;
      this.$(".file").accept = accept;
      this.$(".file").click();
    };
    const items = [
      ["🚲", "Sample photo", async () => this.attempt(async () => upload(this.id, "photo", await drawnPhoto(), this.takeText()))],
      ["🖼", "Photo from a file", choose("photo", "image/png,image/jpeg,image/webp,image/gif")],
      ["📄", "Document", choose("document", "")],
      ["📍", "Location", () => this.sendPlace()],
      ["🎤", "Voice sample", () => this.send({ kind: "voice" })],
      ["🙏", "Sticker", () => this.send({ kind: "sticker" })],
      ["👤", "Phone number", () => this.send({ kind: "contact", phone_number: "+818000000000" })],
    ];
    this.$(".attachments").append(...items.map(([icon, words, action]) => h("button", { type: "button", onclick: () => {
      this.closeMenus();
      action();
    } }, h("span", { "aria-hidden": "true" }, `${icon} `), words)));
  }

  takeText() {
    const text = this.input.value;
    this.input.value = "";
    this.fitInput();
    return text;
  }

  async sendFile() {
    const [file] = this.$(".file").files;
    this.$(".file").value = "";
    if (file) await this.attempt(() => upload(this.id, this.fileKind, file, this.takeText()));
  }

  sendPlace() {
    const dialog = document.getElementById("place-dialog");
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "send") return;
      const number = (id) => Number(document.getElementById(id).value);
      this.send({ kind: "location", latitude: number("place-latitude"), longitude: number("place-longitude") });
    }, { once: true });
    dialog.showModal();
  }
}
