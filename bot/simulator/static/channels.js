// The police's channels: the list of them beside the residents, and each as somebody reads it, who cannot write there.

import { get } from "./api.js";
import { Feed } from "./feed.js";
import { LANGUAGES } from "./languages.js";
import { h } from "./render.js";

const MOST_OPEN = 2;
const OPENED = "koban-open-channels";
const READ = "koban-read-posts";

function stored(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Return what a link to the bot hands over, "" for nothing, or null when it leads elsewhere. */
function startOf(link, botName) {
  if (link?.hostname !== "t.me" || link.pathname.slice(1).toLowerCase() !== botName.toLowerCase()) return null;
  return new URLSearchParams(link.search).get("start") ?? "";
}

class Channel extends Feed {
  constructor(chat, info, { putAway, openBot }) {
    super(chat.id, "channel", info);
    this.chat = chat;
    const language = LANGUAGES.find(({ tag }) => tag === chat.language || chat.language?.startsWith(`${tag}-`));
    this.element.setAttribute("aria-label", `Channel ${chat.title}`);
    this.element.dataset.channel = chat.id;
    this.$(".language").textContent = language?.name ?? "";
    this.$(".language").lang = this.log.lang = this.$(".channel-name").lang = chat.language ?? "";
    this.$(".channel-name").textContent = chat.title;
    this.$(".handle").textContent = chat.username ? ` · @${chat.username}` : "";
    this.log.setAttribute("aria-label", `Posts of ${chat.title}`);
    this.actions = {
      send: () => this.toast("Nobody but the police writes here."),
      tap: () => this.toast("In a channel, a button is a link."),
      copy: (text) => navigator.clipboard?.writeText(text).then(() => this.toast("Copied")),
    };
    this.$(".close").addEventListener("click", () => putAway(this.id));
    this.log.addEventListener("click", (event) => {
      const start = startOf(event.target.closest("a"), info.bot.username);
      if (start === null) return;
      event.preventDefault(); // not the bot of that name out there: the one of this simulator
      if (!openBot(start, chat.language ?? "")) this.toast("Open a phone first: the link leads to the bot.");
    });
  }

  async refresh() {
    await super.refresh();
    if (!this.messages.size) this.showEmpty();
    this.showPinned();
    this.toEnd(true);
  }

  onMessage(message) {
    if (this.messages.has(message.message_id)) return;
    const atEnd = this.isAtEnd();
    if (!this.messages.size) this.log.replaceChildren();
    this.messages.set(message.message_id, message);
    this.append(message, true);
    this.toEnd(atEnd);
  }

  showEmpty() {
    this.log.replaceChildren(h("div", { class: "empty", lang: "en" }, h("span", { class: "avatar large", "aria-hidden": "true" }, "📢"),
      h("p", {}, "No posts yet. An urgent notice is posted here, in the language of the channel.")));
    this.day = null;
  }

  focus() {
    this.element.scrollIntoView({ block: "nearest", inline: "center" });
    this.log.focus();
  }
}

export class Channels {
  /** list: where their buttons go; main: where open ones go; inTurn: does one thing after another; openBot: follows a link. */
  constructor({ list, main, inTurn, openBot }) {
    Object.assign(this, { list, main, inTurn, openBot });
    this.known = new Map();
    this.open = new Map();
  }

  /** Read everything anew, and open again what was open. */
  async begin(info) {
    this.info = info;
    for (const channel of this.open.values()) channel.element.remove();
    this.open.clear();
    await this.refreshList();
    for (const id of stored(OPENED, [])) if (this.known.has(id)) await this.show(id);
  }

  async refreshList() {
    const found = await get("chats?kind=channel");
    this.known = new Map(found.map((chat) => [chat.id, chat]));
    this.drawList();
  }

  drawList() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.channel : null;
    this.list.hidden = !this.known.size;
    const read = stored(READ, {});
    for (const id of this.open.keys()) read[id] = this.known.get(id)?.n_messages ?? 0;
    localStorage.setItem(READ, JSON.stringify(read));
    this.list.querySelector("ul").replaceChildren(...[...this.known.values()].map((chat) => {
      const unread = Math.max(0, chat.n_messages - (read[chat.id] ?? 0));
      return h("li", {}, h("button", { type: "button", "data-channel": chat.id, "aria-pressed": String(this.open.has(chat.id)),
        onclick: () => this.press(chat.id) },
      h("span", { class: "name", lang: chat.language, dir: "auto" }, chat.title),
      unread ? h("span", { class: "unread" }, String(unread), h("span", { class: "unseen" }, " unread")) : null));
    }));
    if (focused) this.list.querySelector(`[data-channel="${focused}"]`)?.focus();
  }

  press(id) {
    if (this.open.has(id)) return this.putAway(id);
    return this.inTurn(async () => {
      await this.show(id);
      this.open.get(id)?.focus();
    });
  }

  async show(id) {
    if (this.open.has(id)) return;
    while (this.open.size >= MOST_OPEN) this.putAway([...this.open.keys()][0]);
    const channel = new Channel(this.known.get(id), this.info, { putAway: (each) => this.putAway(each), openBot: this.openBot });
    this.open.set(id, channel);
    this.main.append(channel.element);
    await channel.refresh();
    this.remember();
  }

  putAway(id) {
    const hadFocus = this.open.get(id)?.element.contains(document.activeElement);
    this.open.get(id)?.element.remove();
    this.open.delete(id);
    this.remember();
    if (hadFocus) this.list.querySelector(`[data-channel="${id}"]`)?.focus();
  }

  remember() {
    localStorage.setItem(OPENED, JSON.stringify([...this.open.keys()]));
    this.drawList();
  }

  async onEvent(event) {
    if (event.kind === "chat") return this.refreshList();
    if (!this.known.has(event.chat_id)) return undefined;
    this.open.get(event.chat_id)?.onMessagesEvent(event);
    if (event.kind === "message" || event.kind === "deleted") return this.refreshList();
    return undefined;
  }
}
