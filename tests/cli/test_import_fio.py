#!/usr/bin/python3
"""Scenarios from fio job files: what each option becomes, and that nothing is dropped silently."""

import gzip
import json
import pathlib
import shutil
import subprocess
import unittest

from wbsim_cli import SMALL, CliTest

KIB = 1024


def debian_examples(folder):
    """The job files of Debian's fio-examples: installed, or fetched into the folder, or None."""
    installed = pathlib.Path("/usr/share/doc/fio/examples")
    if not list(installed.glob("*.fio*")):
        if not shutil.which("apt-get"):
            return None
        fetch = subprocess.run(["apt-get", "download", "fio-examples"], cwd=folder, check=False,
                               capture_output=True, timeout=60)
        packages = list(pathlib.Path(folder).glob("fio-examples_*.deb"))
        if fetch.returncode or not packages:
            return None
        subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True)
        installed = pathlib.Path(folder) / "usr/share/doc/fio/examples"
    jobs = {}
    for path in sorted(installed.glob("*.fio*")):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        jobs[path.name.removesuffix(".gz")] = text.decode("utf-8", "replace")
    return jobs


class Translation(CliTest):
    def scenario(self, text, *options):
        self.write(text, "job.fio")
        return json.loads(self.expect(0, "import", "fio", "job.fio", *options).stdout)

    def workloads(self, text):
        return self.scenario(text)["workloads"]

    def refusal(self, text):
        self.write(text, "job.fio")
        return self.expect(3, "import", "fio", "job.fio").stderr

    def test_a_plain_job(self):
        self.assertEqual(
            self.workloads("[log]\nrw=write\nbs=64k\nsize=1g\nfdatasync=8\nend_fsync=1\n"
                           "thinktime=500\nthinktime_blocks=4\nstartdelay=2\nrate=,10m\n"),
            [{"name": "log", "filename": "fs0/log.0.0", "rw": "write", "bs": "64KiB",
              "size": "1GiB", "rate": "10MiB/s", "thinktime": "500us", "thinktime_blocks": 4,
              "startdelay": "2s", "fdatasync": 8, "end_fsync": True}])

    def test_what_it_makes_runs(self):
        self.write("[log]\nrw=write\nbs=64k\nsize=4m\nend_fsync=1\n", "job.fio")
        self.expect(0, "import", "fio", "job.fio", "--out", "made.json")
        summary = json.loads(self.expect(0, "run", "made.json", "--json").stdout)
        self.assertEqual(summary["writers"]["log"]["io_bytes"], 4 * KIB * KIB)
        self.assertEqual(summary["writers"]["log"]["fsync"]["clat_ns"]["N"], 1)

    def test_globals_hold_for_what_follows_them(self):
        jobs = self.workloads("[global]\nsize=1m\nbs=8k\n[a]\nbs=16k\n[global]\nbs=32k\n[b]\n")
        self.assertEqual([job["bs"] for job in jobs], ["16KiB", "32KiB"])

    def test_sizes_follow_kb_base(self):
        for line, expected in (("", "1MiB"), ("kb_base=1000\n", "1MB")):
            self.assertEqual(self.workloads(f"[a]\n{line}size=1m\n")[0]["size"], expected)
        self.assertEqual(self.workloads("[a]\nsize=1mi\n")[0]["size"], "1MB")

    def test_clones_have_a_file_each_unless_it_is_named(self):
        self.assertEqual([job["filename"] for job in self.workloads("[a]\nsize=1m\nnumjobs=2\n")],
                         ["fs0/a.0.0", "fs0/a.1.0"])
        shared, = self.workloads("[a]\nsize=1m\nnumjobs=2\nfilename=x\n")
        self.assertEqual((shared["filename"], shared["numjobs"]), ("fs0/x", 2))

    def test_disks(self):
        scenario = self.scenario("[a]\nfilename=/dev/sdb\nrw=randwrite\nnorandommap\nsize=1g\n")
        self.assertEqual([d["name"] for d in scenario["devices"]], ["sdb"])
        self.assertIn("is no disk", self.refusal("[a]\nfilename=/dev/null\n"))

    def test_direct(self):
        for line in ("direct=1", "buffered=0"):
            job, = self.workloads(f"[a]\nsize=1m\n{line}\nioengine=libaio\niodepth=1\n")
            self.assertIs(job["direct"], True)
        job, = self.workloads("[a]\nsize=1m\ndirect=0\nioengine=libaio\niodepth=16\n")
        self.assertNotIn("direct", job)
        self.assertIn("line 5 [a] iodepth: a job has one direct call under way", self.refusal(
            "[a]\nsize=1m\ndirect=1\nioengine=libaio\niodepth=16\n"))

    def test_the_random_map(self):
        for line, expected in (("", "permutation"), ("norandommap\n", None)):
            job, = self.workloads(f"[a]\nsize=1m\nrw=randwrite\n{line}")
            self.assertEqual(job.get("random_generator"), expected)

    def test_jobs_that_wait(self):
        jobs = self.workloads("[global]\nsize=1m\nfilename=x\n[a]\nnumjobs=2\n[b]\nstonewall\n[c]\n"
                              "[d]\nwait_for=c\n")
        self.assertEqual([job.get("wait_for") for job in jobs], [None, "a", "a", "c"])
        self.assertIn("[c] stonewall: it would wait for 2 workloads",
                      self.refusal("[a]\nsize=1m\n[b]\nsize=1m\n[c]\nsize=1m\nstonewall\n"))
        self.assertIn("wait for 0", self.refusal("[a]\nsize=1m\nwait_for=x\n"))

    def test_loops_and_iops(self):
        job, = self.workloads("[a]\nsize=1m\nloops=3\nbs=8k\nrate_iops=100\n")
        self.assertEqual((job["io_size"], job["rate"]), ("3MiB", "800KiB/s"))

    def test_a_base_gives_the_machine(self):
        base = {**SMALL, "vm": {"dirty_ratio": 7}}
        self.write(base, "base.json")
        scenario = self.scenario("[a]\nsize=1m\nrw=write\n", "--base", "base.json")
        self.assertEqual(scenario["vm"], {"dirty_ratio": 7})
        self.assertEqual(scenario["devices"], base["devices"])
        self.assertEqual([w["name"] for w in scenario["workloads"]], ["a"])

    def test_every_refusal_at_once_with_its_line_and_key(self):
        error = self.refusal("[global]\nioengine=rbd\n[a]\nsize=1m\nrw=randtrim\n"
                             "bssplit=4k/50:8k/50\n[b]\nsize=1x\nsync=1\n")
        for place in ("line 2 [a] ioengine", "line 5 [a] rw", "line 6 [a] bssplit",
                      "line 2 [b] ioengine", "line 8 [b] size", "line 9 [b] sync"):
            self.assertIn("job.fio: " + place + ": ", error)
        self.assertIn("6 errors; nothing was imported", error)

    def test_misspelt_options_name_the_nearest(self):
        self.assertIn('did you mean "fdatasync"?', self.refusal("[a]\nsize=1m\nfdatasinc=1\n"))

    def test_what_is_no_job_file(self):
        for text in ("", "size=1m\n", "[]\n", "include x.fio\n[a]\nsize=1m\n",
                     "[a]\nsize=${SIZE}\n", "[a]\n"):
            with self.subTest(text):
                self.refusal(text)
        self.expect(3, "import", "fio", "absent.fio")

    def test_usage(self):
        self.assertIn('did you mean "fio"?', self.expect(2, "import", "foi", "x").stderr)
        self.expect(2, "import")
        self.expect(2, "import", "fio")

    def test_an_existing_file_is_kept(self):
        self.write("[a]\nsize=1m\n", "job.fio")
        self.write("mine", "made.json")
        self.expect(5, "import", "fio", "job.fio", "--out", "made.json")
        self.assertEqual((self.dir / "made.json").read_text("utf-8"), "mine")
        self.expect(0, "import", "fio", "job.fio", "--out", "made.json", "--force")

    def test_a_folder_that_cannot_be_written(self):
        self.write("[a]\nsize=1m\n", "job.fio")
        (self.dir / "loop").symlink_to("loop")  # as little to be looked into as a locked folder
        for out in ("absent/made.json", "job.fio/made.json", "loop/made.json"):
            error = self.expect(5, "import", "fio", "job.fio", "--out", out).stderr
            self.assertIn("cannot create " + out, error)


class DebianExamples(CliTest):
    def test_each_imports_or_names_what_it_lacks(self):
        jobs = debian_examples(self.dir)
        if jobs is None:
            self.skipTest("Debian's fio-examples are neither installed nor at hand")
        imported = []
        for name, text in jobs.items():
            with self.subTest(name):
                self.write(text, "job.fio")
                result = self.run_program("import", "fio", "job.fio")
                if result.returncode == 0:
                    imported.append(name)
                    self.write(result.stdout, "made.json")
                    self.expect(0, "validate", "made.json")
                    continue
                self.assertEqual(result.returncode, 3, result.stderr)
                reasons = [line for line in result.stderr.splitlines()
                           if line.startswith("job.fio: line ")]
                self.assertTrue(reasons, result.stderr)
        self.assertGreaterEqual(len(jobs), 80)
        self.assertLessEqual({"fio-rand-read.fio", "fio-rand-write.fio", "fio-seq-write.fio",
                              "waitfor.fio"},
                             set(imported))


if __name__ == "__main__":
    unittest.main()
