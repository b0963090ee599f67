"""The only room that knows Telegram: updates become plain values on the way in, messages calls on the way out."""
