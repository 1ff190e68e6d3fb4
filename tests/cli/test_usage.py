#!/usr/bin/python3
"""Commands, options, help, list and explain; exit code 2."""

import fcntl
import json
import os
import pty
import struct
import termios
import threading
import unittest

from wbsim_cli import ROOT, SMALL, CliTest

# Of a write(2) into the cache.
COSTS = ("write_syscall", "write_page", "write_buffer", "refill", "copy_per_kib",
         "context_switch", "user_call")


def read_to_the_end(reader):
    found = b""
    while True:
        try:
            found += os.read(reader, 65536)
        except OSError:  # EIO: the other end of the terminal is closed
            return found.decode()


class Usage(CliTest):
    def test_no_command_prints_the_usage_as_an_error(self):
        self.assertIn("usage: wbsim COMMAND", self.expect(2).stderr)

    def test_help_and_version_are_results(self):
        self.assertIn("compare SCENARIO", self.expect(0, "--help").stdout)
        self.assertRegex(self.expect(0, "--version").stdout, r"^wbsim \d+\.\d+\.\d+\n$")

    def test_every_command_has_help(self):
        for command in ("run", "compare", "validate", "import", "report", "why", "list", "explain"):
            with self.subTest(command):
                result = self.expect(0, command, "--help")
                self.assertIn("usage: wbsim " + command, result.stdout)
                self.assertEqual(result.stderr, "")
                self.narrow(80, result.stdout)
        self.narrow(80, self.expect(0, "--help").stdout)

    def narrow(self, columns, text):
        self.assertEqual([line for line in text.splitlines()
                          if len(line) > columns and " " in line.strip()], [])

    def test_words_are_folded_to_the_terminal(self):
        self.write({**SMALL, "vm": {"dirty_ratio": 5},
                    "workloads": [{"name": "dd", "filename": "fs0/f0", "size": "64MiB",
                                   "end_fsync": True}]})
        self.expect(0, "run", "scenario.json", "--out", "out", "--kernel", "2.6.18")
        for arguments in (("why", "out"), ("explain",), ("list", "devices"),
                          ("list", "scenarios", "--dir", ROOT / "scenarios")):
            with self.subTest(arguments[:2]):
                whole = self.expect(0, *arguments).stdout
                self.assertGreater(max(map(len, whole.splitlines())), 90)
                self.assertEqual(self.on_a_terminal(0, *arguments), whole)
                for columns in (60, 80, 120):
                    folded = self.on_a_terminal(columns, *arguments)
                    self.assertEqual(folded.split(), whole.split())
                    if columns >= 80:
                        self.narrow(columns, folded)

    def on_a_terminal(self, columns, *arguments):
        """What the program prints on a terminal so wide; 0: that does not know how wide it is."""
        reader, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 0, columns, 0, 0))
        found = []
        drain = threading.Thread(target=lambda: found.append(read_to_the_end(reader)))
        drain.start()
        self.expect(0, *arguments, stdout=terminal)
        os.close(terminal)
        drain.join()
        os.close(reader)
        return found[0].replace("\r\n", "\n")

    def test_unknown_command_names_the_nearest(self):
        self.assertIn('did you mean "compare"?', self.expect(2, "comprae").stderr)

    def test_unknown_option_names_the_nearest(self):
        self.assertIn('did you mean "--seed"?', self.expect(2, "run", "x.json", "--seeed=1").stderr)

    def test_options_are_not_guessed(self):
        self.assertIn("unknown option --see", self.expect(2, "run", "x.json", "--see", "1").stderr)

    def test_unknown_kernel_names_those_there_are(self):
        error = self.expect(2, "run", self.variant(), "--policy", "pdflsh").stderr
        self.assertIn('did you mean "pdflush"?', error)
        self.assertIn("2.6.24", error)

    def test_numbers_of_options(self):
        for wrong in ("-1", "x", "1.5", "99999999999999999999"):
            with self.subTest(wrong):
                self.assertIn("not a whole number",
                              self.expect(2, "run", self.variant(), "--seed=" + wrong).stderr)
        self.assertIn("not a whole number",
                      self.expect(2, "compare", self.variant(), "--jobs=0").stderr)

    def test_arguments_that_are_missing_or_too_many(self):
        for command in ("run", "compare", "validate"):
            self.assertIn("which scenario?", self.expect(2, command).stderr)
        self.expect(2, "run", "a.json", "b.json")
        self.expect(2, "run", "a.json", "--kernel", "bdi", "--kernel", "pdflush")
        self.expect(2, "compare", self.variant(), "-p", "bdi", "-p", "bdi")
        self.expect(2, "validate", "--resolved", "a.json", "b.json")
        self.expect(2, "list")
        self.expect(2, "list", "kernels", "--markdown")
        self.expect(2, "validate", "--schema", "a.json")

    def test_a_run_that_cannot_go_on_says_who_keeps_it(self):
        names = self.expect(0, "explain", "/machine/cpu_costs").stdout
        free = {word: "0ns" for word in COSTS if word in names}
        self.assertEqual(len(free), len(COSTS))
        calls = [{"name": "spin", "filename": "fs0/f0", "size": "4KiB", "bs": "4KiB",
                  "time_based": True, "runtime": "1s"}]
        path = self.variant(machine={"memory": "64MiB", "cpu_costs": free}, workloads=calls)
        error = self.expect(4, "run", path).stderr
        self.assertIn("simulated deadlock: spin goes on until a time that never comes", error)
        self.assertIn("waiting for", error)

    def test_malformed_set(self):
        for wrong in ("vm/dirty_ratio=5", "/vm/dirty_ratio", "/=5"):
            with self.subTest(wrong):
                self.assertIn("is not /pointer=value",
                              self.expect(2, "run", self.variant(), "--set", wrong).stderr)


class Lists(CliTest):
    def test_every_subject(self):
        for subject, word in {"kernels": "2.6.31", "flushers": "pdflush",
                              "throttles": "congestion_wait", "devices": "hdd",
                              "schedulers": "deadline", "workloads": "randwrite"}.items():
            with self.subTest(subject):
                self.assertIn(word, self.expect(0, "list", subject).stdout)

    def test_unknown_subject(self):
        self.assertIn('did you mean "kernels"?', self.expect(2, "list", "kernel").stderr)

    def test_scenarios(self):
        table = self.expect(0, "list", "scenarios", "--dir", ROOT / "scenarios").stdout
        self.assertIn("one-writer", table)
        self.expect(2, "list", "scenarios", "--dir", "nowhere")
        self.assertIn("no scenario", self.expect(2, "list", "scenarios", "--dir", ".").stderr)
        self.write("{", "bad.json")
        self.expect(3, "list", "scenarios", "--dir", ".")

    def test_the_catalogue_is_the_one_of_the_files(self):
        made = self.expect(0, "list", "scenarios", "--markdown", "--dir", ROOT / "scenarios")
        self.assertEqual(made.stdout, (ROOT / "scenarios" / "README.md").read_text("utf-8"))


class Explain(CliTest):
    def test_a_key_in_each_spelling(self):
        expected = self.expect(0, "explain", "devices.nr_requests").stdout
        for spelling in ("/devices/0/nr_requests", "devices[0].nr_requests", "nr_requests"):
            self.assertEqual(self.expect(0, "explain", spelling).stdout, expected)
        for word in ("whole number", "1 to", "128", "request queue"):
            self.assertIn(word, expected)

    def test_a_sysctl(self):
        self.assertIn("percent", self.expect(0, "explain", "vm.dirty_ratio").stdout)

    def test_unknown_key_names_the_nearest(self):
        self.assertIn("did you mean devices.nr_requests?",
                      self.expect(2, "explain", "nr_request").stderr)
        self.assertIn("did you mean vm.dirty_ratio?",
                      self.expect(2, "explain", "VM.DIRTY_RATIO").stderr)

    def test_without_a_key_every_key(self):
        keys = [line.split()[0] for line in self.expect(0, "explain").stdout.splitlines()[1:]]
        schema = json.loads(self.expect(0, "validate", "--schema").stdout)
        self.assertLessEqual(set(schema["properties"]), set(keys))
        for key in keys:
            self.expect(0, "explain", key)


if __name__ == "__main__":
    unittest.main()
