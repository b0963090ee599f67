"""The database: tables, queries by noun, migrations. Imports nothing of ours."""
