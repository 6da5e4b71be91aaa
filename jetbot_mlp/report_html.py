"""The report's HTML: the empty page with its style, and the few pieces that everything is put together from.

`text` is the one door through which values from outside come in: it escapes them.
"""
import html
from string import Template

import numpy as np

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; media-src data: file: 'self'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1c2127; --soft: #5b6672;
  --line: #dde2e8; --blue: #2563b8; --green: #1f8a4c; --red: #cf3732; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1d2127; --ink: #e6e9ed;
  --soft: #a0abb7; --line: #343b44; --blue: #7fb2f5; --green: #4cc27f; --red: #ff6b64; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 16px 0; }
h2 { font-size: 1.3rem; margin: 0 0 12px; }
h3 { font-size: 1.05rem; margin: 28px 0 8px; }
p { margin: 8px 0; max-width: 72ch; }
p, li, td, th, figcaption { overflow-wrap: break-word; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px;
  margin: 16px 0; }
a { color: var(--blue); }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; }
code { font: 0.8em ui-monospace, Consolas, monospace; overflow-wrap: anywhere; color: var(--soft); }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--blue); }
.scroll { overflow-x: auto; margin: 12px 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line);
  font-weight: normal; }
thead th, .facts th { color: var(--soft); }
.facts { width: 100%; }
.facts th { width: 32%; min-width: 7.5em; }
.facts td { overflow-wrap: anywhere; }
.numbers td, .numbers th, .scores td { white-space: nowrap; }
.confusion td, .confusion th { text-align: center; border: 1px solid var(--line); padding: 6px 12px;
  vertical-align: middle; }
.confusion td { min-width: 3.2em; }
.confusion small { display: block; color: var(--soft); font-size: 0.75rem; }
.confusion tbody td small { color: inherit; opacity: 0.75; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 0.85rem; color: var(--soft); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 310px), 1fr)); gap: 24px; }
.plots svg { display: block; width: 100%; height: auto; }
.plots svg text { font-family: inherit !important; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(45%, 150px), 1fr)); gap: 14px; }
.frame { position: relative; border-radius: 6px; overflow: hidden; border: 3px solid transparent; }
.wrong .frame { border-color: var(--red); }
.right .frame { border-color: var(--green); }
.frame img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; }
.pairs { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 4px; }
.frames figcaption { display: flex; flex-direction: column; line-height: 1.35; padding-top: 4px; }
.frames figcaption b { color: var(--ink); }
.over { position: absolute; left: 0; top: 0; width: 100%; height: 100%; fill: none; stroke-width: 4; }
.over .rim { stroke: #000; stroke-width: 8; opacity: 0.7; }
.over .link { stroke: #fff; stroke-width: 2; opacity: 0.8; }
.over .label { stroke: #35e07f; }
.over .answer { stroke: #ff4a41; }
.key-label { color: var(--green); font-weight: bold; }
.key-answer { color: var(--red); font-weight: bold; }
.weights { display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, calc(74px * var(--aspect))), 1fr)); }
.pixels { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--line); }
.weights figcaption { text-align: center; font-size: 0.75rem; }
.scale { white-space: nowrap; }
.scale i { display: inline-block; width: 5em; height: 0.8em; margin: 0 4px; vertical-align: -0.05em;
  background: linear-gradient(90deg, #3b4cc0, #f2f2f2, #b40426); }
.video { margin: 16px 0; }
video { display: block; width: 100%; max-width: 900px; background: #000; border-radius: 6px; }
footer { color: var(--soft); font-size: 0.85rem; padding: 8px 0 24px; }
@media (max-width: 480px) { main { padding: 8px; } section { padding: 14px; } h1 { font-size: 1.4rem; }
  th, td { padding-right: 10px; } }
@media print { section { border: 0; } .frames figure, .plots figure { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
<footer>Made by jetbot_mlp. The page is whole in itself: it loads nothing.</footer>
</main>
</body>
</html>
""")


def text(value):
    """Any value as escaped text; floats in three digits, None as a dash."""
    if value is None:
        return "\u2013"
    if isinstance(value, (float, np.floating)):
        return "{:.0f}".format(value) if abs(value) >= 1000 else "{:.3g}".format(value)
    return html.escape(str(value))


def table(rows, header=(), css_class=""):
    """<table> of cells that are HTML already; the first cell of a row is its heading."""
    head = "".join('<th scope="col">{}</th>'.format(cell) for cell in header)
    head = "<thead><tr>{}</tr></thead>".format(head) if header else ""
    body = "".join('<tr><th scope="row">{}</th>{}</tr>'.format(
        row[0], "".join("<td>{}</td>".format(cell) for cell in row[1:])) for row in rows)
    return '<div class="scroll"><table class="{}">{}<tbody>{}</tbody></table></div>'.format(
        css_class, head, body)


def figure(content, caption="", css_class=""):
    """<figure> of content and caption, both HTML already."""
    return '<figure class="{}">{}<figcaption>{}</figcaption></figure>'.format(css_class, content, caption)
