#!/usr/bin/python3
"""What is installed: the manual page and the completion know every command and option."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("WBSIM", str(ROOT / "build" / "release" / "wbsim"))


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60,
                          **options).stdout


def commands():
    return re.findall(r"^  ([a-z]+) ", output(PROGRAM, "--help"), re.M)


def options_of(command):
    return set(re.findall(r"--[a-z][a-z-]*", output(PROGRAM, command, "--help")))


def complete(*words):
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in ("wbsim", *words))
    script = (f"source '{ROOT}/app/wbsim.bash'; compopt() {{ :; }}; COMP_WORDS=({line}); "
              f"COMP_WORDS[0]='{PROGRAM}'; COMP_CWORD={len(words)}; _wbsim; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return set(output("bash", "-c", script, cwd=ROOT).split())


class Manual(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "app" / "wbsim.1").read_text("utf-8").replace("\\-", "-")

    def test_every_command_and_option_is_described(self):
        described = {"--help", "--version"}
        for command in commands():
            self.assertRegex(self.text, rf"(?m)^\.B {command}$")
            described |= options_of(command)
        self.assertEqual({o for o in described if o not in self.text}, set())

    def test_no_option_is_described_that_does_not_exist(self):
        real = {"--version"}.union(*(options_of(command) for command in commands()))
        self.assertLessEqual(set(re.findall(r"--[a-z][a-z-]*", self.text)), real)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_has_no_complaint(self):
        run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", ROOT / "app" / "wbsim.1"],
                             capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))


class Completion(unittest.TestCase):
    def test_commands(self):
        self.assertLessEqual(set(commands()), complete(""))
        self.assertEqual(complete("comp"), {"compare"})

    def test_options_of_each_command(self):
        for command in commands():
            self.assertLessEqual(options_of(command), complete(command, "--"))

    def test_names(self):
        self.assertIn("2.6.31", complete("run", "--kernel", "2"))
        self.assertIn("vm.dirty_ratio", complete("explain", "vm."))
        self.assertEqual(complete("list", "ker"), {"kernels"})
        self.assertIn("scenarios/one-writer.json", complete("run", "scenarios/one"))


if __name__ == "__main__":
    unittest.main()
