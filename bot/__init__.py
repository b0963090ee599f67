"""Everything that runs: the `koban` command, the bot, the worker and the staff console."""
