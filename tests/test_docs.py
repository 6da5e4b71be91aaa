"""The documents tell cheap truths: links lead somewhere, commands exist, and the README knows every module."""
import fnmatch
import glob
import os
import re
import shlex
import string

import pytest

from jetbot_mlp.__main__ import build_parser

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = sorted(os.path.relpath(path, ROOT) for pattern in ("*.md", "*/*.md")
               for path in glob.glob(os.path.join(ROOT, pattern)))
PROGRAM = re.compile(r"(?:jetbot-mlp|python3? -m jetbot_mlp) ")
MODULES = {name[:-3] for name in os.listdir(os.path.join(ROOT, "jetbot_mlp")) if name.endswith(".py")}


def text_of(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as stream:
        return stream.read()


def prose_and_code(page):
    """-> the text outside of its code blocks, and the blocks' lines."""
    pieces = re.split(r"^```.*$", text_of(page), flags=re.MULTILINE)
    return "".join(pieces[::2]), "".join(pieces[1::2]).splitlines()


def anchors_of(page):
    """Of its headings, as GitHub makes them."""
    gone = set(string.punctuation) - set("-_")
    headings = re.findall(r"^#+ (.*)$", prose_and_code(page)[0], re.MULTILINE)
    return {"".join(c for c in heading.lower() if c not in gone).replace(" ", "-") for heading in headings}


def commands_of(lines):
    """-> the words after `jetbot-mlp` of each line that is such a command."""
    found = []
    for line in lines:
        line = re.sub(r"^\s*(\$ )?((export )?[A-Z_]+=\S* )*(docker exec \S+ \S+ )?", "", re.sub(r"\s+# .*", "", line))
        if PROGRAM.match(line):
            found.append(line[PROGRAM.match(line).end():].strip())
    return found


def subcommands():
    action, = [a for a in build_parser()._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
    return action.choices


def test_the_words_are_there():
    assert {"README.md", "README.ko.md", "CHANGELOG.md", "CONTRIBUTING.md", os.path.join("docs", "tutorial.md"),
            os.path.join("docs", "teachers.md"), os.path.join("docs", "troubleshooting.md")} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_and_code(page)[0]):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        assert os.path.exists(os.path.join(ROOT, target)), f"{page}: {link}"
        if anchor:
            assert anchor in anchors_of(target), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_words_for_those_who_do_not_see_them(page):
    words = re.findall(r"!\[([^]]*)\]\(", text_of(page))
    assert "<img" not in text_of(page) and all(len(alt.split()) > 2 for alt in words), words


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_have_names_that_the_program_knows(page):
    for command in commands_of(re.findall(r"`([^`\n]+)`", prose_and_code(page)[0])):
        for name in command.split(" | ") if " | " in command else command.split()[:1]:
            assert name in subcommands() or name in ("COMMAND", "..."), f"{page}: jetbot-mlp {command}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_to_be_typed_are_taken_by_the_program(page, capsys):
    for command in commands_of(prose_and_code(page)[1]):
        words = shlex.split(command)
        if any(re.match(r"[A-Z]*(\.\.\.)?$|--help$", word) for word in words):
            continue  # a pattern, not a command
        try:
            build_parser().parse_known_args(words)
        except SystemExit:
            pytest.fail(f"{page}: jetbot-mlp {command}: {capsys.readouterr().err}")


def test_the_readme_names_all_commands():
    table = text_of("README.md").split("All commands:")[1].split("\n\n")[1]
    assert set(re.findall(r"`([a-z]+)`", table)) >= set(subcommands())


def test_the_readme_s_table_and_the_package_have_the_same_modules():
    table = text_of("README.md").split("## Which file does what")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([\w*]+)`", row)]
    for name in named:
        assert fnmatch.filter(MODULES, name), f"README.md names {name}, which is no module"
    unnamed = {m for m in MODULES if not any(fnmatch.fnmatch(m, name) for name in named)} - {"__init__"}
    assert not unnamed, "put them into README.md, 'Which file does what'"
