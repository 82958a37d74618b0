"""The words of POSIX shell lines, one a line as JSON: {"words": [...]}, or {"error": why}. Standard library only."""

import json
import shlex
import sys


def words(text):
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        return {"words": list(lexer)}
    except ValueError as error:
        return {"error": str(error)}


for line in sys.stdin.buffer:
    print(json.dumps(words(json.loads(line))))
