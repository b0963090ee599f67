"""The staff console: the only room that imports Starlette and Jinja2."""
