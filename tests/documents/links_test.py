#!/usr/bin/env python3
"""Fails where a relative link, an image or a file named in backticks in a document leads nowhere."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# Paths in backticks: below a known folder, and with a suffix or a trailing slash, so that commands are left alone.
NAMED = re.compile(r"`((?:common|identity|bpf|exporter|analyzer|inject|demo|rules|dashboards|docs|tests|cmake)/[\w./-]+)`")


def main() -> int:
    documents = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    broken, seen = [], 0
    for document in documents.stdout.split():
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            text = file.read()
        for target in LINK.findall(text):
            if "://" in target or target.startswith("mailto:"):
                continue
            seen += 1
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(document), target)):
                broken.append(f"{document}: link to {target}")
        for target in NAMED.findall(text):
            if re.search(r"(^|/)x(_|\.|/|$)", target):  # the recipes' placeholder x.cpp
                continue
            seen += 1
            path = os.path.join(ROOT, target)
            if not (os.path.exists(path) or os.path.exists(path + ".h") or os.path.exists(path + ".cpp")):
                broken.append(f"{document}: names {target}")
    print(*broken, sep="\n")
    print(f"{seen} references, {len(broken)} lead nowhere")
    return 1 if broken or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
