"""The report: one self-contained HTML page that shows what was found; `templates` holds its look."""
