"""The lines and words of a Dockerfile, by the rules of BuildKit's parser."""

import json
import re
from dataclasses import dataclass, field

# What Go calls a space; Python's own set has U+001C to U+001F besides.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
GAP = re.compile("[\t\v\f\r ]+")
DIRECTIVE = re.compile(f"#[{SPACES}]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*", re.DOTALL)
HEREDOC = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]+)")
MARK = re.compile("<<[ \t\r]*")
VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([^{}]*))?\})")


class Unreadable(Exception):
    """BuildKit would not build this, or this checker does not read it."""


@dataclass
class Line:
    """One instruction, as the parser joins it, and its here-documents."""

    text: str
    # With the spaces at both of its ends.
    joined: str
    # Those of its own lines in the file, from 0, without its here-documents.
    first: int
    end: int
    bodies: list = field(default_factory=list)

    @property
    def keyword(self):
        return keyword_of(self.text)


@dataclass
class Value:
    """The text of a variable, and whether it is one that the builder decides."""

    text: str
    is_builders: bool = False


def read_lines(text, escape="\\", may_be_directive=True):
    """The escape character and the instructions of a Dockerfile."""
    physical = re.findall("[^\n]*\n|[^\n]+", text[1:] if text.startswith("\ufeff") else text)
    lines, at = [], 0
    while at < len(physical):
        start = physical[at].rstrip("\r\n").lstrip(SPACES)
        first = at
        at += 1
        directive = DIRECTIVE.fullmatch(start) if may_be_directive else None
        may_be_directive = directive is not None and directive[1].lower() in ("syntax", "escape", "check")
        if may_be_directive and directive[1].lower() == "escape":
            escape = directive[2]
        joined, goes_on = without_mark("" if start.startswith("#") else start, escape)
        if joined == "" and not goes_on:
            continue
        while goes_on and at < len(physical):
            following = physical[at].rstrip("\r\n")
            at += 1
            if following.lstrip(SPACES)[:1] in ("", "#"):
                continue
            part, goes_on = without_mark(following, escape)
            joined += part
        line = Line(joined.strip(SPACES), joined, first, at)
        for is_chomped, name in heredocs_of(line.text, escape):
            body, at = read_body(physical, at, is_chomped, name)
            line.bodies.append(body[:-1] if body else None)
        lines.append(line)
    return escape, lines


def without_mark(text, escape):
    mark = re.escape(escape)
    found = re.search(f"(^|[^{mark}]){mark}[ \t]*\\Z", text)
    return (text[: found.end(1)], True) if found else (text, False)


def read_body(physical, at, is_chomped, name):
    start = at
    while at < len(physical):
        candidate = physical[at].rstrip("\r\n")
        at += 1
        if (candidate.lstrip("\t") if is_chomped else candidate) == name:
            return "".join(physical[start : at - 1]), at
    raise Unreadable(f"here-document {name} has no end")


def heredocs_of(text, escape):
    command = text[trigger_at(text) :] if keyword_of(text) == "ONBUILD" else text
    if keyword_of(command) not in ("ADD", "COPY", "RUN") or is_json_list(rest_of(command, escape)):
        return
    for word in split_words(text, "\\", joins_marks=True):
        found = HEREDOC.fullmatch(word)
        if found:
            yield found[2] == "-", expand(found[3], {}, "\\").text


def is_json_list(text):
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def keyword_of(text):
    return GAP.split(text, maxsplit=1)[0].upper()


def trigger_at(text):
    """Where the instruction of an ONBUILD begins."""
    found = GAP.search(text)
    return found.end() if found else len(text)


def rest_of(text, escape):
    flags = flags_of(text, escape)
    return text[flags[-1][1] if flags else trigger_at(text) :].lstrip(SPACES)


def flags_of(text, escape):
    """The flags behind the keyword: where each begins and ends, and its word without quotes and escapes."""
    flags, at = [], trigger_at(text)
    while text[at : at + 2] == "--":
        start, word, quote = at, "", None
        while at < len(text) and (quote or text[at] not in SPACES):
            ch = text[at]
            if quote is None and ch in "'\"":
                quote = ch
            elif ch == quote:
                quote = None
            elif ch == escape:
                at += 1
                word += text[at : at + 1]
            else:
                word += ch
            at += 1
        if word == "--":
            break
        flags.append((start, min(at, len(text)), word))
        while at < len(text) and text[at] in SPACES:
            at += 1
    return flags


def split_words(text, escape, joins_marks=False):
    """Words between spaces that stand in no quotes; quotes and escapes stay in them, and what follows a `<<`."""
    words, word, quote, at = [], "", None, 0
    while at < len(text):
        ch = text[at]
        if ch == escape and quote != "'":
            word += text[at : at + 2]
            at += 2
            continue
        mark = MARK.match(text, at) if joins_marks and quote is None else None
        if mark:
            word += mark[0]
            at = mark.end()
            continue
        if quote is None and ch in SPACES:
            words, word = words + [word] if word else words, ""
        else:
            if ch in "'\"":
                quote = ch if quote is None else None if quote == ch else quote
            word += ch
        at += 1
    return words + [word] if word else words


def expand(text, variables, escape):
    """A word without its quotes, with its variables' values."""
    out, quote, at, is_builders = "", None, 0, False
    while at < len(text):
        ch = text[at]
        variable = VARIABLE.match(text, at) if ch == "$" and quote != "'" else None
        if variable:
            value = value_of(variable, variables, escape)
            out, is_builders, at = out + value.text, is_builders or value.is_builders, variable.end()
            continue
        if ch == escape and quote != "'":
            at += 1
            following = text[at : at + 1]
            out += following if quote is None or following in ('"', "$", escape) else ch + following
        elif ch in "'\"" and quote in (None, ch):
            quote = None if quote else ch
        else:
            out += ch
        at += 1
    return Value(out, is_builders)


def value_of(variable, variables, escape):
    name, operator = variable[1] or variable[2], variable[3]
    value = variables.get(name)
    if operator is None:
        return value or Value("")
    is_set = value is not None and (value.text != "" or value.is_builders or ":" not in operator)
    if operator[-1] == "-":
        return value if is_set else expand(variable[4], variables, escape)
    if operator[-1] == "+":
        other = expand(variable[4], variables, escape) if is_set else Value("")
        return Value(other.text, other.is_builders or (value is not None and value.is_builders))
    if not is_set:
        raise Unreadable(f"{name} has to be set")
    return value
