#!/usr/bin/python3
"""Runs every command of README.md, so that the page a newcomer reads first is true.

The commands stand in fenced blocks marked `console` or `sh`:

* In a `console` block a line that starts with "$ " is a command; a line after one that ends in a
  backslash belongs to it. Other lines are what it prints: each must be among the lines it prints,
  in this order and without a gap, except that a line "..." stands for any number of lines.
* In a `sh` block every line is a command, except blank lines and those that start with "#".

Each runs by itself in bash, in the root of a copy of the tree, where build/release/wbsim is the
program of $WBSIM (else the tree's own). It must exit 0; one that is meant to fail says so:
`...; echo $?`. ./check does itself what README.md does with git, apt-get, cmake and ctest, and it
runs this test: so those, ./quickstart and ./check are not run, but looked at.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("WBSIM", ROOT / "build/release/wbsim")).resolve()
NOT_RUN = {"./quickstart", "./check", "git", "cd", "sudo", "apt-get", "apt", "cmake", "ctest"}
SECONDS = 300


def blocks(markdown):
    """(language, lines) of each fenced block."""
    for match in re.finditer(r"^```[ ]*(\w*)[^\n]*\n(.*?)^```[ ]*$", markdown, re.M | re.S):
        yield match[1], match[2].split("\n")[:-1]


def commands(markdown):
    """(command, lines it is said to print) of each command, in order."""
    found = []
    for language, lines in blocks(markdown):
        if language not in ("console", "sh"):
            continue
        unfinished = False
        fresh = True  # no command in this block yet
        for line in lines:
            if unfinished:
                found[-1][0] += "\n" + re.sub(r"^> ", "", line)
            elif language == "sh" or line.startswith("$ "):
                command = line.removeprefix("$ ") if language == "console" else line
                if not command.strip() or command.lstrip().startswith("#"):
                    continue
                found.append([command, []])
                fresh = False
            elif not fresh:
                found[-1][1].append(line.rstrip())
                continue
            else:
                continue
            unfinished = found[-1][0].endswith("\\")
    return [(command, strip_blank(output)) for command, output in found]


def strip_blank(lines):
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def first_word(command):
    return command.split()[0]


def missing_output(said, printed):
    """The first piece of `said` that `printed` lacks, else None. Pieces are cut at "..." lines."""
    at = 0
    piece = []
    for line in [*said, "..."]:
        if line != "...":
            piece.append(line)
            continue
        if piece:
            places = (i for i in range(at, len(printed) - len(piece) + 1)
                      if printed[i:i + len(piece)] == piece)
            start = next(places, None)
            if start is None:
                return "\n".join(piece)
            at = start + len(piece)
        piece = []
    return None


def copy_tree(destination):
    """The tree without what builds and runs leave in it, and the program where README has it."""
    leftovers = shutil.ignore_patterns("__pycache__", "*.partial")

    def ignore(folder, names):
        top = {"build", "out", ".git"} if pathlib.Path(folder) == ROOT else set()
        return leftovers(folder, names) | (top & set(names))

    shutil.copytree(ROOT, destination, ignore=ignore)
    (destination / "build/release").mkdir(parents=True)
    shutil.copy2(PROGRAM, destination / "build/release/wbsim")


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = commands((ROOT / "README.md").read_text(encoding="utf-8"))

    def test_names_the_two_scripts(self):
        named = {first_word(command) for command, _ in self.commands}
        self.assertLessEqual({"./quickstart", "./check"}, named)
        for script in ("quickstart", "check"):
            self.assertTrue(os.access(ROOT / script, os.X_OK), f"{script} is not executable")

    def test_presets_exist(self):
        presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
        for command, _ in self.commands:
            if first_word(command) not in ("cmake", "ctest"):
                continue
            kind = {"ctest": "testPresets", "cmake": "configurePresets"}[first_word(command)]
            kind = "buildPresets" if "--build" in command else kind
            for name in re.findall(r"--preset[= ](\S+)", command):
                self.assertIn(name, {p["name"] for p in presets[kind]}, command)

    def test_links_lead_somewhere(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'src="([^"]+)"', text):
            if not re.match(r"https?:|mailto:", target):
                self.assertTrue((ROOT / target).exists(), f"README.md links to {target}")

    @unittest.skipUnless(PROGRAM.is_file(), f"{PROGRAM} is not built")
    def test_commands_run(self):
        with tempfile.TemporaryDirectory() as temporary:
            tree = pathlib.Path(temporary) / "wbsim"
            copy_tree(tree)
            for command, said in self.commands:
                if first_word(command) in NOT_RUN:
                    continue
                with self.subTest(command=command):
                    self.run_one(tree, command, said)

    def run_one(self, tree, command, said):
        run = subprocess.run(["bash", "-c", command], cwd=tree, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
                             check=False)
        printed = run.stdout.decode("utf-8", "replace")
        self.assertEqual(run.returncode, 0, f"$ {command}\n{printed}")
        lines = [line.rstrip() for line in printed.split("\n")]
        missing = missing_output(said, lines)
        self.assertIsNone(missing, f"$ {command}\nshould print\n{missing}\nbut prints\n{printed}")


class Extraction(unittest.TestCase):
    def test_console_and_sh_blocks(self):
        text = ("```console\nplain\n$ ls \\\n>   -l\ntotal 3\n...\n\n$ pwd\n```\n"
                "```sh\n# words\ncp a \\\n  b\n\nrm b\n```\n```json\n$ no\n```\n")
        self.assertEqual(commands(text), [("ls \\\n  -l", ["total 3", "..."]), ("pwd", []),
                                          ("cp a \\\n  b", []), ("rm b", [])])

    def test_output(self):
        printed = ["a", "b", "c", "d"]
        self.assertIsNone(missing_output(["a", "b"], printed))
        self.assertIsNone(missing_output(["b", "...", "d"], printed))
        self.assertEqual(missing_output(["a", "c"], printed), "a\nc")
        self.assertEqual(missing_output(["c", "...", "a"], printed), "a")


if __name__ == "__main__":
    unittest.main()
