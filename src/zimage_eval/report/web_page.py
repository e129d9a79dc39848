"""A Markdown report as one HTML file: no scripts, no outside styles, readable on a phone."""

import html

import markdown

STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1a1a1a;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 .6rem; padding-top: .8rem; border-top: 1px solid #d8d8d8; }
a { color: #0072b2; }
code { font: .88em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  background: #f2f4f6; padding: .08em .3em; border-radius: 3px; overflow-wrap: anywhere; }
img { display: block; max-width: 100%; height: auto; margin: 1rem auto; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .45rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
th { vertical-align: bottom; border-bottom: 2px solid #999; }
td:first-child, td[style*="right"] { white-space: nowrap; }
td:last-child { min-width: 9rem; }
td:last-child[style*="right"] { min-width: 0; }
th:first-child, td:first-child { position: sticky; left: 0; background: #fff; }
td:first-child code { background: none; padding: 0; overflow-wrap: normal; }
tr:has(td:first-child strong) td { background: #e8f2f9; }
em { color: #555; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: #0072b2; }
@media (max-width: 640px) {
  main { padding: 1rem .8rem 3rem; }
  h1 { font-size: 1.5rem; }
  .wide img { max-width: none; width: 720px; }
}
"""


def render_page(text: str) -> str:
    """The page of a Markdown text; its title is the text's first heading.

    Tables and pictures are put into boxes that scroll sideways where the screen is too narrow.
    """
    title = text.splitlines()[0].lstrip("# ")
    body = markdown.markdown(text, extensions=["tables", "toc", "md_in_html"], output_format="html")
    for start, end in (("<table>", "</table>"), ("<p><img ", "</p>")):
        body = _boxed(body, start, end)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _boxed(body: str, start: str, end: str) -> str:
    head, *parts = body.split(start)
    boxed = [head]
    for part in parts:
        inside, rest = part.split(end, 1)
        boxed.append(f'<div class="wide">{start}{inside}{end}</div>{rest}')
    return "".join(boxed)
