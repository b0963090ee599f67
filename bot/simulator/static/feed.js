// A chat's messages on the screen: what phones of residents and channels have in common.

import { get } from "./api.js";
import { bubble, dayOf, h } from "./render.js";

const TOAST_MS = 4000;

/** Return the words of a message in a list of chats. */
export function previewOf(message) {
  const kinds = { photo: "🖼 Photo", document: "📄 Document", voice: "🎤 Voice message", location: "📍 Location", contact: "👤 Contact" };
  if (!message) return "No messages yet";
  if (message.text || message.caption) return message.text || message.caption;
  return message.sticker ? `${message.sticker.emoji || ""} Sticker` : kinds[Object.keys(kinds).find((kind) => message[kind])] ?? "Message";
}

/** A log that follows its end. Whoever extends it gives `actions` and says what a change means beyond the log. */
export class Feed {
  constructor(id, template, info) {
    this.id = id;
    this.info = info;
    this.messages = new Map();
    this.notTaken = new Set();
    this.element = document.getElementById(template).content.firstElementChild.cloneNode(true);
    this.$ = (selector) => this.element.querySelector(selector);
    this.log = this.$(".log");
    this.$(".pinned").addEventListener("click", () => {
      this.log.querySelector(`[data-id="${this.pinned}"]`)?.scrollIntoView({ block: "center" });
    });
  }

  /** Read everything anew; returns the chat as the server knows it. */
  async refresh() {
    const chat = await get(`chats/${this.id}`);
    this.messages = new Map(chat.messages.map((message) => [message.message_id, message]));
    this.notTaken = new Set(chat.not_taken);
    this.reactions = chat.reactions;
    this.status = chat.status;
    this.pinned = chat.pinned;
    this.log.replaceChildren();
    this.day = null;
    chat.messages.forEach((message) => this.append(message));
    return chat;
  }

  /** Show a change; returns whether it was one of the messages. */
  onMessagesEvent(event) {
    switch (event.kind) {
      case "message": this.onMessage(event.message); return true;
      case "edited": this.replace(event.message); return true;
      case "deleted": this.remove(event.message_ids); return true;
      case "reaction":
        this.reactions = { ...this.reactions, [event.message_id]: event.reaction };
        this.replace(this.messages.get(event.message_id));
        return true;
      case "pinned":
        this.pinned = event.message_id;
        this.showPinned();
        return true;
      default: return false;
    }
  }

  draw(message) {
    const options = { actions: this.actions, botId: this.info.bot.id, taken: !this.notTaken.has(message.message_id),
      reaction: this.reactions?.[message.message_id] };
    return bubble(message, options);
  }

  append(message, arriving = false) {
    const day = dayOf(message.date);
    if (day !== this.day) {
      this.log.append(h("div", { class: "day" }, h("span", {}, day)));
      this.day = day;
    }
    const element = this.draw(message);
    if (arriving) element.classList.add("arriving");
    element.querySelectorAll("img").forEach((image) => image.addEventListener("load", () => this.toEnd(this.wasAtEnd)));
    this.log.append(element);
    this.showPreview();
  }

  replace(message) {
    if (!message) return;
    const atEnd = this.isAtEnd();
    this.messages.set(message.message_id, message);
    const old = this.log.querySelector(`[data-id="${message.message_id}"]`);
    const position = old?.contains(document.activeElement)
      ? [...old.querySelectorAll("button, a")].indexOf(document.activeElement) : -1;
    const element = this.draw(message);
    old?.replaceWith(element);
    if (position >= 0) [...element.querySelectorAll("button, a")][position]?.focus();
    this.showPreview();
    this.toEnd(atEnd);
  }

  remove(messageIds) {
    for (const id of messageIds) {
      this.messages.delete(id);
      const element = this.log.querySelector(`[data-id="${id}"]`);
      if (element?.contains(document.activeElement)) this.log.focus();
      element?.remove();
    }
    if (!this.messages.size) this.showEmpty();
    this.showPreview();
  }

  showPreview() {} // where the newest message stands in a list

  showPinned() {
    const message = this.messages.get(this.pinned);
    const bar = this.$(".pinned");
    bar.hidden = !message;
    if (message) bar.replaceChildren(h("span", { "aria-hidden": "true" }, "📌 "), h("span", { dir: "auto" }, message.text || message.caption || "Message"));
  }

  isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 120;
  }

  toEnd(yes) {
    this.wasAtEnd = yes;
    if (yes) this.log.scrollTop = this.log.scrollHeight;
  }

  toast(words) {
    const toast = this.$(".toast");
    clearTimeout(this.toastTimer);
    toast.textContent = words;
    toast.hidden = false;
    this.toastTimer = setTimeout(() => { toast.hidden = true; }, TOAST_MS);
  }
}
