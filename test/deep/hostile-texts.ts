import type { Random } from "./random";

/** What means something to a Dockerfile, a shell, JSON or a terminal, or is counted or cut in different ways. */
const pieces: readonly string[] = [
  ...['"', "'", "`", '"a" "b"', "'a' 'b'", `"'`, '\\"', "\\'", '" && touch /injected && "', "' ; touch /injected ; '"],
  ...[
    "$HOME",
    "${HOME}",
    "${HOME:-x}",
    "${",
    "}",
    "$",
    "$$",
    "\\$HOME",
    "$(id)",
    "`id`",
    "${A//x/y}",
    "%HOME%",
    "$'a'",
  ],
  ...["\\", "\\\\", "\\\\\\", "\\n", "\\\n", "\\ \n", "\\\t\n", "\\\r\n", "\\x41", "\\u0041", "\\N", "C:\\temp\\"],
  ...["\n", "\r", "\r\n", "\n\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "\0", "\u001b[2J", "\u0008", "\u007f"],
  ...[
    "<<EOF",
    "<<-EOF",
    "<<'EOF'",
    '<<"EOF"',
    "0<<EOF",
    "<<SLIPWAY",
    "\nEOF\n",
    "\nSLIPWAY\n",
    "SLIPWAY_",
    "<<",
    "<<<",
  ],
  ...["\nRUN touch /injected\n", "\nENV INJECTED=1\n", "\nUSER root\n", "\nFROM scratch\n", "\nCOPY . /injected\n"],
  ...[
    "\nADD http://host/x /injected\n",
    "RUN ",
    "COPY --from=other / /",
    "ONBUILD RUN x",
    "\ncopy c/0 /x\n",
    "\nADD c /x\n",
  ],
  ...[
    "#",
    "# ",
    " # comment",
    "\n# comment\n",
    "# escape=`",
    "# syntax=evil/frontend",
    "# check=skip=all",
    "#!/bin/sh\n",
  ],
  ...["--mount=type=bind,target=/x", "--from=other", "--link", "--network=host", "--", "-", "-r", "--index-url"],
  ...['["a","b"]', '["a', "[", "]", '{"a":1}', "[1]", "null", '","', '"]', "a=b", "=", "A=b C=d", ",", ":", "@", "/"],
  ...[
    "&&",
    "||",
    ";",
    "|",
    ">",
    ">=2.0",
    "<",
    "&",
    "*",
    "?",
    "[a-z]",
    "~",
    "!",
    "!!",
    "{a,b}",
    "(",
    ")",
    "^",
    "%s",
    "a b",
  ],
  ...[" ", "  ", "\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u1680", "\u202e", "\u0301", "é", "e\u0301", "ß", "İ"],
  ...["日本語", "🚢", "👩‍💻", "\ud800", "\udc00", "\udc00\ud800", "\ufffe", "\uffff", "\u{10ffff}", "\ufffd", "\u0001"],
  ...[
    "..",
    ".",
    "../..",
    "/../etc",
    "//",
    "/.",
    "a/b",
    "https://host/",
    "https://user:secret@host/",
    "file:///etc",
    "git+",
  ],
  ...[
    "x",
    "a",
    "0",
    "requests",
    "worker",
    "1000:1000",
    "name",
    "B",
    "EOF",
    "__proto__",
    "constructor",
    "PATH",
    "LD_PRELOAD",
  ],
];

/** Half as long, as long and longer than the longest line that BuildKit reads (bufio.MaxScanTokenSize, 64 KiB). */
const lengths = [255, 256, 4096, 30_000, 65_000, 65_530, 65_536, 70_000, 140_000];

/** A text that is made to be misread. */
export function hostileText(random: Random): string {
  const kind = random.below(100);
  if (kind < 1) return longText(random);
  if (kind < 8) return random.pick(pieces);
  if (kind < 13) return random.list(() => String.fromCharCode(random.below(0x10000)), 1, 6).join("");
  if (kind < 18) return random.list(() => String.fromCharCode(random.below(0x100)), 1, 12).join("");
  // Mostly without what every field refuses, or little would be emitted.
  const isOneLine = kind < 70;
  const choose = () => {
    const piece = random.pick(pieces);
    return isOneLine && (/[\0\r\n]/.test(piece) || !piece.isWellFormed()) ? random.word() : piece;
  };
  return random.list(choose, 1, 7).join("");
}

function longText(random: Random): string {
  const unit = random.pick(["a", "'", '"', "\\", "$", "é", "🚢", " a", "a\n"]);
  const length = random.pick(lengths);
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length - random.below(3));
}
