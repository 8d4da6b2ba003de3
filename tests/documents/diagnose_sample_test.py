#!/usr/bin/env python3
"""The README's sample of /diagnose is JSON, and the analyzer writes every key that it shows."""
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def keys(value: Any) -> set[str]:
    """All keys at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def main() -> int:
    """Exit code 1 with a line for each key that is not written."""
    block = re.search(r"^```json\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block, "README.md has no sample"
    shown = keys(json.loads(block.group(1)))
    source = (ROOT / "analyzer" / "http_api" / "diagnosis_json.cpp").read_text(encoding="utf-8")
    written = set(re.findall(r'\["(\w+)"\] =', source)) | set(re.findall(r'\{"(\w+)", ', source))
    written |= set(re.findall(r'\["(\w+)"\]\.push_back', source))
    print("\n".join(f"README.md shows {key}" for key in sorted(shown - written)) or f"{len(shown)} keys are written")
    return 1 if shown - written else 0


if __name__ == "__main__":
    sys.exit(main())
