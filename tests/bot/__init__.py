"""The room that runs: settings, deployment, decisions, outbox."""
