// A Bot API message → elements. Nothing here is ever parsed as HTML: every text becomes a text node.

import { fileUrl } from "./api.js";

const ELEMENTS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

/** Make an element: h("div", {class: "x", onclick: f}, child, "text"). */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

export function timeOf(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

export function dayOf(seconds) {
  return new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "long" });
}

function safeUrl(url) {
  return /^(https?:|tel:|mailto:|geo:|tg:)/i.test(url) ? url : `https://${url}`;
}

function link(url, children) {
  return h("a", { href: safeUrl(url), target: "_blank", rel: "noopener noreferrer" }, ...children);
}

function wrap(entity, words, children, actions) {
  switch (entity.type) {
    case "text_link": return link(entity.url, children);
    case "url": return link(words, children);
    case "email": return link(`mailto:${words}`, children);
    case "phone_number": return link(`tel:${words.replace(/[^\d+]/g, "")}`, children);
    case "bot_command":
      return h("button", { type: "button", class: "command", onclick: () => actions.send(words) }, ...children);
    case "spoiler": {
      const spoiler = h("button", { type: "button", class: "spoiler", "aria-label": "Hidden text: show" }, ...children);
      spoiler.addEventListener("click", () => {
        spoiler.classList.add("shown");
        spoiler.removeAttribute("aria-label");
      });
      return spoiler;
    }
    case "expandable_blockquote": {
      const quote = h("blockquote", { class: "folded" }, ...children);
      const more = h("button", { type: "button", class: "more", "aria-expanded": "false" }, "Show more");
      more.addEventListener("click", () => {
        const folded = quote.classList.toggle("folded");
        more.textContent = folded ? "Show more" : "Show less";
        more.setAttribute("aria-expanded", String(!folded));
      });
      return h("span", { class: "expandable" }, quote, more);
    }
    default:
      return ELEMENTS[entity.type] ? h(ELEMENTS[entity.type], {}, ...children) : h("span", {}, ...children);
  }
}

/**
 * Return the nodes of a plain text, with each flag in a box of its own: the shaper of Khmer takes the two halves of a
 * flag beside it apart and shows letters.
 */
function plain(text) {
  return text.split(/(\p{RI}\p{RI})/u).filter(Boolean)
    .map((part) => (/^\p{RI}/u.test(part) ? h("span", { class: "flag" }, part) : part));
}

/** Return the nodes of a text with its entities; offsets are UTF-16 units, as in JavaScript strings. */
export function formatted(text, entities, actions) {
  const sorted = [...(entities || [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const build = (start, end, inside) => {
    const nodes = [];
    let at = start;
    while (inside.length) {
      const [entity, ...rest] = inside;
      const stop = Math.min(entity.offset + entity.length, end);
      const within = rest.filter((other) => other.offset < stop);
      inside = rest.filter((other) => other.offset >= stop);
      if (entity.offset < at) continue;
      nodes.push(...plain(text.slice(at, entity.offset)));
      nodes.push(wrap(entity, text.slice(entity.offset, stop), build(entity.offset, stop, within), actions));
      at = stop;
    }
    nodes.push(...plain(text.slice(at, end)));
    return nodes;
  };
  return build(0, text.length, sorted);
}

/** Keep phone numbers, dates and receipts on one line, as phones do; a desktop browser breaks them behind a hyphen. */
function keepNumbers(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const node of texts) {
    const parts = node.data.split(/((?<![\w./-])[\dA-Z+]+(?:-[\dA-Z]+)+(?![\w./-]))/);
    if (parts.length > 1) node.replaceWith(...parts.map((part, at) => (at % 2 ? h("span", { class: "whole" }, part) : part)));
  }
  return element;
}

function sizeOf(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function place(location, title) {
  const { latitude, longitude } = location;
  const words = `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`;
  const url = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return h("div", { class: "place" }, h("div", { class: "map", "aria-hidden": "true" }, h("span", { class: "pin" }, "📍")),
    link(url, [title || "Location", h("small", {}, ` ${words}`)]));
}

function media(message) {
  const parts = [];
  if (message.photo) {
    const photo = message.photo.at(-1);
    parts.push(h("a", { class: "photo", href: fileUrl(photo.file_id), target: "_blank", rel: "noopener" },
      h("img", { src: fileUrl(photo.file_id), alt: message.caption ? `Photo: ${message.caption}` : "Photo",
        width: photo.width, height: photo.height })));
  }
  if (message.document) {
    const { file_id: id, file_name: name, file_size: size } = message.document;
    parts.push(h("a", { class: "document", href: fileUrl(id, true), download: name || "file" },
      h("span", { class: "icon", "aria-hidden": "true" }, "📄"),
      h("span", {}, h("bdi", {}, name || "file"), h("small", {}, ` ${sizeOf(size)} · Download`))));
  }
  if (message.voice) {
    parts.push(h("div", { class: "voice" }, h("audio", { controls: true, preload: "none", src: fileUrl(message.voice.file_id),
      "aria-label": `Voice message, ${message.voice.duration} seconds` })));
  }
  if (message.sticker) parts.push(h("div", { class: "sticker", role: "img", "aria-label": "Sticker" }, message.sticker.emoji || "🙂"));
  if (message.venue) parts.push(place(message.venue.location, `${message.venue.title}, ${message.venue.address}`));
  else if (message.location) parts.push(place(message.location));
  if (message.contact) {
    parts.push(h("div", { class: "contact" }, h("span", { class: "icon", "aria-hidden": "true" }, "👤"),
      h("span", {}, h("bdi", {}, message.contact.first_name), h("small", {}, ` ${message.contact.phone_number}`))));
  }
  return parts;
}

function inlineKeyboard(message, actions) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  return h("div", { class: "inline-keyboard", role: "group", "aria-label": "Buttons" }, ...rows.map((row) => {
    const line = h("div", { class: "row" }, ...row.map((button) => {
      const words = h("span", { dir: "auto" }, ...plain(button.text));
      if (button.url) {
        return h("a", { class: "button", href: safeUrl(button.url), target: "_blank", rel: "noopener noreferrer" }, words,
          h("span", { class: "corner", "aria-hidden": "true" }, "↗"));
      }
      const element = h("button", { type: "button", class: "button" }, words);
      element.addEventListener("click", () => {
        if (button.copy_text) actions.copy(button.copy_text.text);
        else actions.tap(message.message_id, button.callback_data, element);
      });
      return element;
    }));
    line.style.setProperty("--n", row.length);
    return line;
  }));
}

function quoteOf(message) {
  if (!message) return null;
  const who = message.sender_chat?.title ?? (message.from?.is_bot ? message.from.first_name : "You");
  const words = message.text || message.caption || (message.photo ? "Photo" : "Message");
  return h("div", { class: "reply-to" }, h("strong", {}, who), h("span", { dir: "auto" }, words.slice(0, 80)));
}

/** Return the bubble of one message. actions: send, tap, copy, edit. taken: the bot has it. */
export function bubble(message, { actions, taken, botId, reaction }) {
  const channel = message.sender_chat?.title;
  const own = !channel && message.from?.id !== botId;
  const text = message.text ?? message.caption;
  const words = text === undefined ? null
    : keepNumbers(h("div", { class: "words", dir: "auto" }, ...formatted(text, message.entities ?? message.caption_entities, actions)));
  const edited = message.edit_date ? h("span", { class: "edited" }, "edited") : null;
  const mark = own
    ? h("span", { class: "mark", role: "img", "aria-label": taken ? "Received by the bot" : "Sent" }, taken ? "✓✓" : "✓") : null;
  const edit = own && text !== undefined
    ? h("button", { type: "button", class: "edit", "aria-label": "Edit message", onclick: () => actions.edit(message) }, "✎") : null;
  const meta = h("div", { class: "meta" }, edit, edited,
    h("time", { datetime: new Date(message.date * 1000).toISOString() }, timeOf(message.date)), mark);
  const author = channel ? h("strong", { class: "author", dir: "auto" }, channel) : null;
  const body = h("div", { class: `bubble${message.sticker ? " bare" : ""}` }, author, quoteOf(message.reply_to_message),
    ...media(message), words, meta);
  const emoji = reaction?.[0]?.emoji;
  return h("article", { class: `message ${own ? "own" : channel ? "bot post" : "bot"}`, "data-id": message.message_id,
    "aria-label": own ? "You" : channel ?? "Bot" }, body, emoji ? h("span", { class: "reaction" }, emoji) : null,
  inlineKeyboard(message, actions));
}
