"""Prints what a tar holds, as JSON: [[path, link target or null], ...]. Standard library only."""

import json
import sys
import tarfile

with tarfile.open(sys.argv[1], encoding="utf-8", errors="strict") as tar:
    print(json.dumps([[member.name, member.linkname if member.issym() else None] for member in tar]))
