#!/usr/bin/env python3
"""Fails where a source file includes a folder that its layer may not see (docs/architecture.md, "Layers").

usage: layers.py [ROOT]      exit 1 with a line for each forbidden include
       layers.py --self-test  proves that the rules catch what they should
"""
import os
import re
import sys
import tempfile

# folder (longest match wins) → project folders it may include besides itself; None: anything of its own program.
LAYERS: dict[str, list[str]] = {
    "common": [],
    "identity": ["common"],
    "bpf": [],
    "exporter": ["common", "identity", "bpf"],
    "inject": ["common", "identity", "bpf"],
    "demo": ["common"],
    "analyzer/series": ["common"],
    "analyzer/config": ["common"],
    "analyzer/report": ["common"],
    "analyzer/algorithms": ["common/result.h"],
    "analyzer/models": ["analyzer/algorithms", "common"],
    "analyzer/source": ["analyzer/series", "analyzer/proto", "common"],
    "analyzer/query": ["analyzer/source", "analyzer/series", "common"],
    "analyzer/evaluation": ["analyzer/algorithms", "analyzer/models", "analyzer/query", "common"],
    "analyzer/detectors": ["analyzer/algorithms", "analyzer/models", "analyzer/series", "analyzer/report", "common"],
    "analyzer/diagnosis": ["analyzer/detectors", "analyzer/algorithms", "analyzer/series", "analyzer/report", "common"],
    "analyzer/pipeline": ["analyzer/source", "analyzer/series", "analyzer/detectors", "analyzer/diagnosis",
                          "analyzer/config", "analyzer/models", "analyzer/report", "common"],
    "analyzer/training": ["analyzer/pipeline", "analyzer/evaluation", "analyzer/query", "analyzer/source", "analyzer/series",
                          "analyzer/detectors", "analyzer/models", "analyzer/algorithms", "analyzer/config", "common"],
    "analyzer/http_api": ["analyzer/report", "common"],
    "analyzer/web": ["analyzer/report", "common"],
    # main.cpp and what it wires together.
    "analyzer": ["analyzer", "common"],
}
PROJECT_FOLDERS = ("common/", "identity/", "bpf/", "exporter/", "inject/", "analyzer/", "demo/", "observatory/", "tests/")
SUFFIXES = (".h", ".cpp", ".c", ".cc")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]')
# What pure code may not reach for: clocks, threads, files, logs.
IMPURE = {"chrono", "ctime", "thread", "mutex", "atomic", "condition_variable", "fstream", "iostream", "filesystem",
          "cstdio", "random_device", "spdlog/spdlog.h", "httplib.h", "unistd.h"}


def layer_of(path: str) -> str | None:
    """The layer that a file belongs to: the longest folder of LAYERS that contains it."""
    candidates = [folder for folder in LAYERS if path.startswith(folder + "/")]
    return max(candidates, key=len) if candidates else None


def violations(root: str) -> list[str]:
    """One line for each include that its layer forbids."""
    found = []
    for folder in sorted({folder.split("/")[0] for folder in LAYERS}):
        for directory, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                if not name.endswith(SUFFIXES):
                    continue
                path = os.path.relpath(os.path.join(directory, name), root)
                with open(os.path.join(root, path), encoding="utf-8", errors="replace") as lines:
                    for number, line in enumerate(lines, 1):
                        match = INCLUDE.match(line)
                        if match and (why := forbidden(path, match.group(1))):
                            found.append(f"{path}:{number}: includes {match.group(1)}: {why}")
    return found


def forbidden(path: str, included: str) -> str | None:
    """Why the file may not include this, or None."""
    layer = layer_of(path)
    if layer is None:
        return None
    if layer == "analyzer/algorithms" and included in IMPURE:
        return "algorithms are pure: no clock, I/O, thread or log"
    if layer == "bpf" and path.endswith(".h") and not path.endswith(".bpf.h"):
        # Shared by kernel and user space: kernel integer types and each other only.
        ok = included in ("linux/types.h", "asm/types.h") or included.startswith("bpf/")
        return None if ok or "kernel_types.h" in path else "headers shared with the kernel side use <linux/types.h> only"
    if not included.startswith(PROJECT_FOLDERS):
        return None
    if included.startswith(layer + "/") or any(
            included == allowed or included.startswith(allowed + "/") for allowed in LAYERS[layer]):
        return None
    return f"{layer} may include only: {', '.join(LAYERS[layer]) or 'itself'}"


def self_test() -> int:
    """Plants violations and counts that each one, and nothing else, is found."""
    planted = {
        "common/a.cpp": '#include "exporter/collector.h"\n',
        "analyzer/algorithms/b.cpp": '#include <thread>\n#include "common/log.h"\n',
        "exporter/c.cpp": '#include "analyzer/report/report.h"\n#include "common/result.h"\n',
        "bpf/d.h": "#include <stdint.h>\n#include <linux/types.h>\n",
        "analyzer/http_api/e.cpp": '#include "analyzer/detectors/detector.h"\n#include "analyzer/report/report.h"\n',
        "analyzer/detectors/f.cpp": '#include "analyzer/source/source.h"\n#include "analyzer/series/frame.h"\n',
    }
    with tempfile.TemporaryDirectory() as root:
        for path, text in planted.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        found = violations(root)
    expected = 7
    if len(found) != expected:
        print(f"expected {expected} violations, found {len(found)}:", *found, sep="\n")
        return 1
    print(f"all {expected} planted violations found")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    lines = violations(sys.argv[1] if len(sys.argv) > 1 else os.getcwd())
    print(*lines, sep="\n")
    print(f"{len(lines)} forbidden includes")
    sys.exit(1 if lines else 0)
