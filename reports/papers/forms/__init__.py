"""A filled table or figure as Markdown, LaTeX, CSV and HTML."""
