#!/usr/bin/python3
"""The page of `wbsim report`: one file, and in a browser it draws, zooms and sorts."""

import json
import os
import pathlib
import re
import shutil
import unittest

import browser
from wbsim_cli import ROOT, SMALL, CliTest

STALLING = {
    **SMALL, "name": "stalling",
    "workloads": [{"name": "dd", "filename": "fs0/f0", "end_fsync": True},
                  {"name": "log", "filename": "fs0/f1", "rw": "write", "bs": "4KiB",
                   "size": "64KiB", "fsync": 4}],
    "filesystems": [{"name": "fs0", "device": "d0", "files": [
        {"name": "f0", "size": "64MiB"}, {"name": "f1", "size": "1MiB"}]}],
    "expect": [{"metric": "/devices/d0/utilization", "at_least": 0.1}],
}


class ReportTest(CliTest):
    def page(self, *kernels):
        self.write({**STALLING, "description": "Is </script><b> harmless? It is."})
        if len(kernels) > 1:
            policies = [word for kernel in kernels for word in ("--policy", kernel)]
            self.expect(0, "compare", "scenario.json", *policies, "--out", "out")
        else:
            self.expect(0, "run", "scenario.json", "--out", "out")
        self.expect(0, "report", "out", "-o", "report.html")
        return (self.dir / "report.html").read_text("utf-8")


class Page(ReportTest):
    def test_it_refers_to_nothing_outside_it(self):
        page = self.page()
        self.assertEqual(re.findall(r"(?:src|href)=\"(?!data:)", page), [])
        self.assertEqual(set(re.findall(r"https?://[^\"'\s<]*", page)),
                         {"http://www.w3.org/2000/svg"})
        self.assertEqual(page.count("</script>"), 2)

    def test_its_data_are_those_of_the_run(self):
        page = self.page()
        data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.S)[1])
        run, = data["runs"]
        summary = json.loads((self.dir / "out" / "summary.json").read_text("utf-8"))
        self.assertEqual(run["summary"], summary)
        rows = (self.dir / "out" / "samples.csv").read_text("utf-8").count("\n") - 1
        self.assertEqual(len(run["samples"]["t_s"]), rows)
        longest = max(stall[1] for stall in run["stalls"])
        expected = 1e-6 * max(writer[call]["clat_ns"]["max"]
                              for writer in summary["writers"].values()
                              for call in ("write", "fsync"))
        self.assertAlmostEqual(longest / expected, 1, places=4)
        self.assertEqual((data["source"], data["name"]), (STALLING["source"], "stalling"))

    def test_it_goes_into_the_directory_unless_told(self):
        self.page()
        self.expect(0, "report", "out")
        self.assertEqual((self.dir / "out" / "report.html").read_bytes(),
                         (self.dir / "report.html").read_bytes())

    def test_a_run_that_is_damaged_or_of_another_version(self):
        def less(name, key):
            path = self.dir / "out" / name
            whole = json.loads(path.read_text("utf-8"))
            del whole[key]
            path.write_text(json.dumps(whole), "utf-8")

        for damage, said in ((lambda: less("summary.json", "devices"), "'devices'"),
                             (lambda: less("manifest.json", "kernel"), "'kernel'"),
                             (lambda: less("manifest.json", "scenario"), "'scenario'"),
                             (lambda: (self.dir / "out/requests.csv").unlink(), "requests.csv"),
                             (lambda: (self.dir / "out/samples.csv").unlink(), "samples.csv"),
                             (lambda: (self.dir / "out/summary.json").write_text("{"), "summary")):
            with self.subTest(said):
                shutil.rmtree(self.dir / "out", ignore_errors=True)
                self.page()
                before = self.names()
                damage()
                error = self.expect(2, "report", "out", "-o", "again.html").stderr
                self.assertIn(said, error)
                self.assertIn("out is damaged, or of another version of wbsim: run it again",
                              error)
                self.assertEqual(self.names(), before)

    def test_what_is_no_output(self):
        self.assertIn("is no output", self.expect(2, "report", ".").stderr)
        self.expect(2, "report")
        self.page()
        self.expect(5, "report", "out", "-o", "absent/report.html")


@unittest.skipUnless(browser.CHROMIUM, "chromium is not installed")
class InChromium(ReportTest):
    def setUp(self):
        super().setUp()
        self.browser = browser.Browser()
        self.addCleanup(self.browser.close)

    def open(self, *kernels):
        self.page(*kernels)
        url = (self.dir / "report.html").as_uri()
        self.browser.open(url)
        return url

    def view(self):
        text = self.browser.evaluate("document.documentElement.dataset.view")
        return [float(word) for word in text.split()]

    def test_it_loads_without_errors_or_requests(self):
        url = self.open("pdflush", "bdi")
        self.assertEqual(self.browser.problems, [])
        self.assertEqual([r for r in self.browser.requests if not r.startswith("data:")], [url])
        for heading in ("Machine", "Verdict", "Dirty memory and stalls", "Latencies", "Writers",
                        "Manifest"):
            self.assertIn(heading, self.browser.evaluate("document.body.innerText"))
        self.assertGreater(self.browser.evaluate("document.querySelectorAll('.stall').length"), 0)
        self.assertNotIn("NaN", self.browser.evaluate("document.body.innerHTML"))

    def test_zoom_by_dragging_and_by_buttons(self):
        self.open()
        whole = self.view()
        box = self.browser.evaluate(
            "(() => { const b = document.querySelector('svg'); b.scrollIntoView();"
            " const r = b.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()")
        left, top, width, height = box
        middle = top + height / 2
        self.browser.drag((left + width * 0.4, middle), (left + width * 0.6, middle))
        zoomed = self.view()
        self.assertAlmostEqual((zoomed[1] - zoomed[0]) / (whole[1] - whole[0]), 0.218, delta=0.02)
        self.browser.evaluate("document.querySelector('[data-zoom=out]').click()")
        wider = self.view()
        self.assertAlmostEqual(wider[1] - wider[0], 2 * (zoomed[1] - zoomed[0]), delta=0.01)
        self.browser.evaluate("document.querySelector('[data-zoom=\"whole run\"]').click()")
        self.assertEqual(self.view(), whole)
        self.assertEqual(self.browser.problems, [])

    def test_tables_sort_both_ways(self):
        self.open()
        script = """(() => {
          const section = [...document.querySelectorAll('section')]
            .find((s) => s.querySelector('h2').textContent === 'Longest calls');
          const heads = section.querySelectorAll('th button');
          const column = () => [...section.querySelectorAll('tbody tr')]
            .map((row) => parseFloat(row.lastChild.textContent));
          heads[heads.length - 1].click(); const down = column();
          heads[heads.length - 1].click(); return [down, column()]; })()"""
        down, up = self.browser.evaluate(script)
        self.assertGreater(len(down), 2)
        self.assertEqual(down, sorted(down, reverse=True))
        self.assertEqual(up, sorted(up))

    def test_dark_and_light(self):
        self.open()
        paper = "getComputedStyle(document.body).backgroundColor"
        first = self.browser.evaluate(paper)
        self.browser.evaluate("document.getElementById('theme').click()")
        self.assertNotEqual(self.browser.evaluate(paper), first)

    def test_nothing_is_shown_as_an_object(self):
        self.open("2.4.17", "bdi")
        self.assertNotIn("[object", self.browser.evaluate("document.body.textContent"))

    def test_what_differs_between_the_runs_is_told_for_each(self):
        self.open("2.4.17", "bdi")
        facts = self.browser.evaluate(
            "[...document.querySelectorAll('dl > *')].map((node) => node.textContent)")
        told = dict(zip(facts[::2], facts[1::2]))
        self.assertIn("scheduler linus", told["disk d0, 2.4.17"])
        self.assertIn("scheduler cfq", told["disk d0, bdi"])
        self.assertIn("dirty_ratio", told["vm, bdi"])
        self.assertIn("cpus 1", told["memory"])

    def test_long_names_are_not_covered_by_their_bars(self):
        job = {**STALLING["workloads"][0], "name": "a-writer-whose-name-is-as-long-as-it-may-be"}
        self.write({**STALLING, "workloads": [job], "expect": []})
        self.expect(0, "run", "scenario.json", "--out", "long")
        self.expect(0, "report", "long", "-o", "long.html")
        self.browser.open((self.dir / "long.html").as_uri())
        name, bar = self.browser.evaluate(
            "['.name', '.part'].map((what) => { const r = document.querySelector("
            "'svg:has(.part)').querySelector(what).getBoundingClientRect();"
            " return [r.left, r.top, r.right, r.bottom]; })")
        self.assertTrue(name[2] <= bar[0] or name[3] <= bar[1] + 1, (name, bar))

    def test_a_run_without_a_request_has_no_empty_picture(self):
        self.variant(workloads=[{"name": "s", "rw": "sync"}])
        self.expect(0, "run", "scenario.json", "--out", "idle")
        self.expect(0, "report", "idle", "-o", "idle.html")
        self.browser.open((self.dir / "idle.html").as_uri())
        self.assertEqual(self.browser.problems, [])
        self.assertIn("no request went to a disk",
                      self.browser.evaluate("document.body.textContent"))

    def test_a_printed_page_is_light_and_keeps_its_column_heads(self):
        self.open()
        self.browser.evaluate("document.documentElement.dataset.theme = 'dark'")
        self.browser.call("Emulation.setEmulatedMedia", media="print")
        self.assertEqual(self.browser.evaluate("getComputedStyle(document.body).backgroundColor"),
                         "rgb(255, 255, 255)")
        self.assertNotEqual(self.browser.evaluate(
            "document.querySelector('th button').getBoundingClientRect().width"), 0)
        self.assertEqual(self.browser.evaluate(
            "document.querySelector('.zoom').getBoundingClientRect().width"), 0)

    def test_letters_keep_their_size_on_a_phone(self):
        self.page()
        self.browser.call("Emulation.setDeviceMetricsOverride", width=390, height=800,
                          deviceScaleFactor=1, mobile=True)
        self.browser.open((self.dir / "report.html").as_uri())
        scales = self.browser.evaluate(
            "[...document.querySelectorAll('svg')]"
            ".map((s) => s.getBoundingClientRect().width / s.viewBox.baseVal.width)")
        self.assertGreater(min(scales), 0.95)
        self.assertLessEqual(self.browser.evaluate("document.documentElement.scrollWidth"), 390)

    def test_screenshots_for_people(self):
        folder = os.environ.get("WBSIM_SCREENSHOTS")
        if not folder:
            self.skipTest("WBSIM_SCREENSHOTS names no folder")
        self.write((ROOT / "scenarios" / "one-writer.json").read_text("utf-8"), "one.json")
        self.expect(0, "compare", "one.json", "-p", "pdflush", "-p", "bdi", "--out", "one")
        self.expect(0, "report", "one", "-o", "one.html")
        self.browser.open((self.dir / "one.html").as_uri())
        for theme in ("light", "dark"):
            self.browser.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            self.browser.screenshot(pathlib.Path(folder) / f"report-{theme}.png")


if __name__ == "__main__":
    unittest.main()
