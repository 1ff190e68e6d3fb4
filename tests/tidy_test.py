#!/usr/bin/python3
"""The rules of the house that no compiler holds: who may include whom, what a simulation must not
use, and how long and wide things may be. `Rules` looks at the tree; `RulesBite` feeds each rule
something bad, so that a rule that has gone blind shows."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE_FOLDERS = ("sim", "models", "app", "bench", "tests")
SKIPPED_FOLDERS = {".git", "build", "out", "__pycache__"}
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70
MAX_HEADER_LINES = 200
HEADERS_WITHOUT_LIMIT = {"models/scenario.hpp"}  # one flat list of settings

# models/, from the top floor down: a floor includes the floors below it, never one beside it.
FLOORS = {
    "machine": 10, "sampler": 9, "recorder_runner": 8, "kernel": 7, "workload": 7, "writeback": 6,
    "fs": 5, "mm": 4, "block": 3, "device": 2, "sched": 2,
    # Plain data that every floor speaks of.
    "trace": 1, "trace_block": 1, "trace_fan": 1, "trace_page": 1,
    "trace_writeback": 1, "scenario": 1, "summary": 1,
}
FOLDERS_BELOW = {
    "sim": {"sim"},
    "models": {"models", "sim"},
    "app": {"app", "models", "sim"},
    "bench": {"bench", "models", "sim"},
    "tests": {"tests", "app", "models", "sim"},
}
# What is included from outside only here, because it costs seconds or belongs to one layer.
EXTERNAL_ONLY_IN = {
    r"nlohmann/": ("app/", "tests/"),
    r"boost/program_options": ("app/",),
    r"catch2/|rapidcheck": ("tests/",),
    r"benchmark/": ("bench/",),
}

# (what, pattern, where it is banned, files that may all the same)
BANNED = [
    ("a random number that no seed decides",
     r"\bs?rand\s*\(|\brandom_device\b|\bdefault_random_engine\b|\bmt19937(_64)?\s+\w+\s*;",
     CODE_FOLDERS, ()),
    ("random numbers that differ between standard libraries",
     r"\bmt19937|\bstd::\w+_distribution\b", ("sim", "models", "app"), ()),
    ("an unordered container", r"\bunordered_(multi)?(map|set)\b", ("sim", "models"), ()),
    ("std::function", r"\bstd::function\b", ("sim", "models"), ("models/machine.hpp",)),
    ("a wall clock",
     r"\b(system|steady|high_resolution)_clock\b|\bclock_gettime\b|\bgettimeofday\b"
     r"|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
     ("sim", "models", "app", "tests"), ("app/progress.hpp", "app/progress.cpp")),
    ("the environment", r"\bgetenv\b", ("sim", "models", "app"), ()),
    ("a locale", r"\b(set)?locale\b|\bimbue\b", ("sim", "models", "app"), ()),
    ("a thread inside a run", r"\bstd::(j?thread|async|mutex|atomic)\b", ("sim", "models"),
     ("models/machine.hpp", "models/machine.cpp")),
    ("a double that holds time", r"\b(double|float)\s+\w*time\w*\b", ("sim", "models"), ()),
]
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.}])/(work|root|home|tmp)/\w")


def tree(*suffixes):
    """The tree's files with these endings (all without one), as paths relative to its root."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not f.endswith(".partial")]
        for name in files:
            if not suffixes or name.endswith(suffixes):
                found.append((pathlib.Path(folder) / name).relative_to(ROOT).as_posix())
    return sorted(found)


def code(*suffixes):
    return [p for p in tree(*(suffixes or (".cpp", ".hpp"))) if p.split("/")[0] in CODE_FOLDERS]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>\w*)\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
    re.S)


def bare(text, keep_includes=False):
    """The code with comments and literals blanked, line for line."""
    def blank(match):
        if keep_includes and match[0].startswith('"'):
            return match[0]
        return '""' + "\n" * match[0].count("\n")
    return TOKEN.sub(blank, text)


def includes(text):
    return re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', bare(text, keep_includes=True), re.M)


def floor_of(path):
    """The floor's name of a file in models/: its folder, or its own name at the top."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else parts[1].split(".")[0]


def include_complaints(path, text, exists=lambda target: (ROOT / target).is_file()):
    complaints = []
    folder = path.split("/")[0]
    for kind, target in includes(text):
        if kind == "<":
            for pattern, where in EXTERNAL_ONLY_IN.items():
                if re.match(pattern, target) and not path.startswith(where):
                    complaints.append(f"{path}: <{target}> belongs to {' '.join(where)}")
            continue
        below = target.split("/")[0]
        if not exists(target):
            complaints.append(f'{path}: "{target}" is no path from the root of the tree')
        elif below not in FOLDERS_BELOW[folder]:
            complaints.append(f"{path}: {folder}/ must not include {target}")
        elif folder == below == "models":
            mine, its = floor_of(path), floor_of(target)
            if mine not in FLOORS or its not in FLOORS:
                complaints.append(f"{path}: FLOORS in tests/tidy_test.py lacks {mine} or {its}")
            elif mine != its and FLOORS[its] >= FLOORS[mine] and not (
                    FLOORS[its] == FLOORS[mine] == FLOORS["trace"]):
                complaints.append(f"{path}: {mine} must not include {target}, a floor up or beside")
    return complaints


def banned_complaints(path, text):
    complaints = []
    clean = bare(text)
    for what, pattern, folders, allowed in BANNED:
        if path.split("/")[0] not in folders or path in allowed:
            continue
        for match in re.finditer(pattern, clean):
            line = clean.count("\n", 0, match.start()) + 1
            complaints.append(f"{path}:{line}: {what}: {match[0].strip()}")
    return complaints


def closing(text, position):
    """The index of the brace that closes the one at `position`."""
    depth = 0
    for index in range(position, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)


def coroutine_complaints(path, text):
    """The two things g++ 12 compiles wrongly or nobody keeps alive (CONTRIBUTING, C2 and C3)."""
    complaints = []
    clean = bare(text)
    for match in re.finditer(r"\bco_await\b", clean):
        depth = 0
        for char in clean[match.end():]:
            depth += {"(": 1, ")": -1}.get(char, 0)
            if char == ";" or depth < 0:
                break
            if char == "{":
                line = clean.count("\n", 0, match.start()) + 1
                complaints.append(f"{path}:{line}: braces inside a co_await expression")
                break
    for match in re.finditer(r"(?<![\w\])])\[[^\[\]]+\]\s*(\([^{};]*\))?[^(){};]*\{", clean):
        body = clean[match.end() - 1:closing(clean, match.end() - 1)]
        if re.search(r"\bco_(await|return|yield)\b", body):
            line = clean.count("\n", 0, match.start()) + 1
            complaints.append(f"{path}:{line}: a capturing lambda is a coroutine")
    return complaints


def blank_templates(head):
    """The head of a definition without its `template <...>`, which may say class."""
    while match := re.match(r"\s*template\s*<", head):
        depth, index = 1, match.end()
        while depth and index < len(head):
            depth += {"<": 1, ">": -1}.get(head[index], 0)
            index += 1
        head = head[index:]
    return head


ACCESS = re.compile(r"\s*\b(public|private|protected)\s*:(?!:)")
CONTAINER = re.compile(r"(inline\s+)?(namespace|class|struct|union|enum|extern)\b")
IN_INITIALISERS = re.compile(r"\)[\w\s]*:(?!:)[^{}]*[\w>]$")


def functions(text):
    """(first line, lines) of each function, by counting braces; code as clang-format leaves it."""
    clean = re.sub(r"^\s*#.*?(?<!\\)$", "", bare(text), flags=re.M | re.S)
    index, start = 0, 0
    while index < len(clean):
        char = clean[index]
        if char in ";}":
            start = index + 1
        elif char == "{":
            while access := ACCESS.match(clean, start, index):
                start = access.end()
            head = blank_templates(clean[start:index]).strip()
            end = closing(clean, index)
            if IN_INITIALISERS.search(clean[start:index]):
                index = end  # a member initialised with braces: the body comes later
            elif CONTAINER.match(head):
                start = index + 1
            else:
                if "(" in head and not re.search(r"(?<!operator)[^=!<>]=[^=]", head.split("(")[0]):
                    first = start + len(clean[start:index]) - len(clean[start:index].lstrip())
                    yield clean.count("\n", 0, first) + 1, clean.count("\n", first, end) + 1
                index, start = end, end + 1
        index += 1


def length_complaints(path, text):
    return [f"{path}:{line}: a function of {lines} lines" for line, lines in functions(text)
            if lines > MAX_FUNCTION_LINES]


def form_complaints(path, text):
    complaints = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_COLUMNS and not re.search(r"https?://\S{40}", line):
            complaints.append(f"{path}:{number}: {len(line)} columns")
        if line.rstrip() != line or "\t" in line:
            complaints.append(f"{path}:{number}: trailing blanks or a tab")
    if not text.endswith("\n") or text.endswith("\n\n"):
        complaints.append(f"{path}: must end with one newline")
    return complaints


def header_complaints(path, text):
    complaints = []
    if "#pragma once" not in text:
        complaints.append(f"{path}: no #pragma once")
    if text.count("\n") > MAX_HEADER_LINES and path not in HEADERS_WITHOUT_LIMIT:
        complaints.append(f"{path}: a header of more than {MAX_HEADER_LINES} lines")
    return complaints


def text_complaints(path, text):
    complaints = []
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            complaints.append(f"{path}:{number}: unfinished: {line.strip()}")
        if MACHINE_PATH.search(line) and not (path.startswith("tests/") and "/tmp/" in line):
            complaints.append(f"{path}:{number}: a path of one machine: {line.strip()}")
    return complaints


def own_header_first(source, text):
    """Of a source that begins with its own header, that header: the build has compiled it alone."""
    header = source.removesuffix(".cpp") + ".hpp"
    return header if includes(text)[:1] == [('"', header)] else None


def compiles_alone(header):
    run = subprocess.run(
        ["g++", "-std=c++20", "-fsyntax-only", "-I", ROOT, "-include", ROOT / header,
         "-x", "c++", os.devnull], capture_output=True, text=True, check=False)
    return header, run.stderr if run.returncode else ""


class Rules(unittest.TestCase):
    maxDiff = None

    def hold(self, rule, files):
        self.assertEqual([c for path in files for c in rule(path, read(path))], [])

    def test_includes_point_down(self):
        self.hold(include_complaints, code())

    def test_nothing_banned(self):
        self.hold(banned_complaints, code())

    def test_coroutines_are_safe(self):
        self.hold(coroutine_complaints, code())

    def test_functions_fit_a_screen(self):
        self.hold(length_complaints, code())

    def test_form(self):
        self.hold(form_complaints, code() + tree(".py", "CMakeLists.txt", ".cmake", ".sh"))

    def test_what_says_how_it_is_run_can_be_run(self):
        self.assertEqual([path for path in tree(".py", ".sh")
                          if read(path).startswith("#!") and not os.access(ROOT / path, os.X_OK)],
                         [])

    def test_headers(self):
        self.hold(header_complaints, code(".hpp"))

    def test_nothing_unfinished_and_no_machine_path(self):
        scripts = [p for p in ("quickstart", "check", ".ci/run") if (ROOT / p).is_file()]
        self.hold(text_complaints, scripts + tree(
            ".cpp", ".hpp", ".py", ".sh", ".md", ".txt", ".json"))

    def test_headers_compile_alone(self):
        # Not of the tests: theirs stand behind a precompiled header.
        built = {own_header_first(path, read(path)) for path in code(".cpp")
                 if not path.startswith("tests/")}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for header, errors in pool.map(compiles_alone, sorted(set(code(".hpp")) - built)):
                with self.subTest(header=header):
                    self.assertEqual(errors, "")

    def test_every_header_is_included(self):
        included = {target for path in code() for kind, target in includes(read(path))}
        self.assertEqual([p for p in code(".hpp") if p not in included], [])

    def test_every_source_is_built(self):
        named = set()
        for path in tree("CMakeLists.txt", ".cmake"):
            folder = (ROOT / path).parent
            for word in re.findall(r"[^\s()\"]+\.cpp", re.sub(r"#.*", "", read(path))):
                word = re.sub(r"\$\{(PROJECT|CMAKE)_SOURCE_DIR\}", str(ROOT), word)
                word = re.sub(r"\$\{CMAKE_CURRENT_(SOURCE|LIST)_DIR\}", str(folder), word)
                named.add(os.path.relpath(folder / word, ROOT))
        self.assertEqual([p for p in code(".cpp") if p not in named], [])

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_clang_format_has_nothing_to_say(self):
        run = subprocess.run(["clang-format", "--dry-run", "--Werror", *code()], cwd=ROOT,
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, "run clang-format -i on:\n" + "\n".join(
            sorted({line.split(":")[0] for line in run.stderr.split("\n") if ": error:" in line})))


class RulesBite(unittest.TestCase):
    def includes_from(self, path, line):
        return include_complaints(path, line, exists=lambda target: True)

    def test_includes(self):
        def fine(path, target):
            self.assertEqual(self.includes_from(path, f"#include {target}\n"), [])

        def wrong(path, target):
            self.assertEqual(len(self.includes_from(path, f"#include {target}\n")), 1)

        fine("models/fs/a.cpp", '"models/mm/b.hpp"')
        fine("models/fs/a.cpp", '"models/fs/b.hpp"')
        fine("models/device/a.cpp", '"models/trace.hpp"')
        fine("models/summary.hpp", '"models/scenario.hpp"')
        fine("models/kernel.cpp", '"models/writeback/b.hpp"')
        fine("app/a.cpp", "<nlohmann/json.hpp>")
        wrong("sim/a.cpp", '"models/mm/b.hpp"')
        wrong("models/mm/a.cpp", '"models/fs/b.hpp"')
        wrong("models/mm/a.cpp", '"models/machine.hpp"')
        wrong("models/workload/a.cpp", '"models/kernel.hpp"')
        wrong("models/trace.hpp", '"models/mm/b.hpp"')
        wrong("models/mm/a.cpp", '"models/newfloor/b.hpp"')
        wrong("models/machine.cpp", '"app/b.hpp"')
        wrong("models/machine.cpp", "<nlohmann/json.hpp>")
        self.assertEqual(len(include_complaints("sim/a.cpp", '#include "nowhere.hpp"\n')), 1)
        fine("sim/a.cpp", '<vector>  // #include "app/b.hpp"')

    def test_own_header_first(self):
        def first(text):
            return own_header_first("models/fs/file.cpp", text)
        self.assertEqual(first('#include "models/fs/file.hpp"\n#include <map>\n'),
                         "models/fs/file.hpp")
        self.assertIsNone(first('#include <map>\n#include "models/fs/file.hpp"\n'))
        self.assertIsNone(first('#include "models/fs/file_write.hpp"\n'))
        self.assertIsNone(first("int main() {}\n"))

    def test_banned(self):
        for line in ("std::rand();", "srand(3);", "std::random_device d;", "std::mt19937 g;",
                     "std::uniform_int_distribution<int> d;", "std::unordered_map<int, int> m;",
                     "std::function<void()> f;", "std::chrono::steady_clock::now();",
                     'std::getenv("A");', "std::locale l;", "double end_time_s = 0;",
                     "std::thread t;"):
            self.assertGreaterEqual(len(banned_complaints("models/mm/a.cpp", line)), 1, line)
        for line in ("operand(3);", "// std::rand();", 'f("steady_clock");', "int mistime;"):
            self.assertEqual(banned_complaints("models/mm/a.cpp", line), [], line)
        self.assertEqual(banned_complaints("app/progress.cpp", "std::chrono::steady_clock c;"), [])

    def test_coroutines(self):
        for line in ("co_await f(Work{1, 2});", "co_await Sleep{3};", "co_await g([&] { h(); });",
                     "auto t = [this](int n) -> Task<> { co_await wait(n); };"):
            self.assertEqual(len(coroutine_complaints("sim/a.cpp", line)), 1, line)
        for line in ("if (co_await f()) { g(); }", "while (!co_await f(a, b(c))) {}",
                     "auto t = [](int n) -> Task<> { co_await wait(n); };", "slots_[i] = {};",
                     "if (b[i]) { co_await f(); }", "Task<> f() { co_return; }"):
            self.assertEqual(coroutine_complaints("sim/a.cpp", line), [], line)

    def test_function_lengths(self):
        body = "  f();\n" * 69
        for head in ("void g() {\n", "A::A(int b) : b_{b} {\n", "bool operator==(A a) {\n",
                     'TEST_CASE("a sentence") {\n', "template <class T>\nT g(T t) {\n"):
            for wrap in ("%s", "namespace n {\n%s}\n", "struct S {\n public:\n%s};\n"):
                text = wrap % (head + body + "}\n")
                self.assertEqual(len(length_complaints("sim/a.cpp", text)), 1, text[:60])
                text = wrap % (head + body.replace("  f();\n", "", head.count("\n")) + "}\n")
                self.assertEqual(length_complaints("sim/a.cpp", text), [], text[:60])
        table = "const Row kRows[] = {\n" + '    {"a", f(1)},\n' * 90 + "};\n"
        self.assertEqual(length_complaints("models/kernel.cpp", table), [])

    def test_form(self):
        self.assertEqual(len(form_complaints("a.cpp", "x" * 101 + "\n")), 1)
        self.assertEqual(len(form_complaints("a.cpp", "x \n")), 1)
        self.assertEqual(len(form_complaints("a.cpp", "\tx\n")), 1)
        self.assertEqual(len(form_complaints("a.cpp", "x")), 1)
        self.assertEqual(form_complaints("a.cpp", "x" * 100 + "\n"), [])
        self.assertEqual(len(header_complaints("sim/a.hpp", "int a;\n")), 1)

    def test_text(self):
        for line in ("// TO" "DO: this", "out = '/wo" "rk/main'", "cd /tm" "p/x"):
            self.assertEqual(len(text_complaints("app/a.cpp", line)), 1, line)
        for line in ("framework/main", "autodone", "/proc/sys/vm/", "models/work/x"):
            self.assertEqual(text_complaints("app/a.cpp", line), [], line)


if __name__ == "__main__":
    unittest.main()
