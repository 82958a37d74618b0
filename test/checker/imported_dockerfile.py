"""What of an imported Dockerfile is hashed, written from docs/hash.md and the rules of BuildKit's parser."""

import csv
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
STAGE_NUMBER = re.compile(r"[+-]?[0-9]+")
BUILDER_ARGUMENTS = {"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT"}
ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm/v7", "arm": "arm/v7"}

# Mistakes to make on purpose; slipway_hash.py fills it.
broken = set()


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
class Stage:
    lines: list
    name: str = ""
    base: int = None
    image: str = None
    platform: str = None


@dataclass
class Source:
    """What a flag takes files from: a stage, by its name or number, or an image."""

    stage: int = None
    image: str = None
    is_number: bool = False


@dataclass
class Value:
    """The text of a variable, and whether it is one that the builder decides."""

    text: str
    is_builders: bool = False


class ImportedDockerfile:
    def __init__(self, spec):
        self.given = spec["base"]
        self.own_platform = spec["platform"]
        self.images = spec.get("images", {})
        self.escape, lines = read_lines(self.given["text"])
        first = next((index for index, line in enumerate(lines) if line.keyword == "FROM"), None)
        if first is None:
            raise Unreadable("there is no FROM")
        self.globals, self.stages = lines[:first], []
        for line in lines[first:]:
            if line.keyword == "FROM":
                self.stages.append(Stage([]))
            self.stages[-1].lines.append(line)
        self.name_stages()
        self.target = self.find_target()
        self.find_bases()
        self.needed = self.find_needed()

    def form(self):
        lines = [[line.text, *line.bodies] for line in self.globals]
        for number in self.needed:
            for line in self.stages[number].lines:
                lines.append([self.rewritten(line.text, number), *line.bodies])
        target = self.given.get("target") or self.stages[-1].name or "default"
        return ["dockerfile", self.escape, lines, self.pairs(), target, self.given["tree"]]

    # ---- stages ----

    def name_stages(self):
        for stage in self.stages:
            words = GAP.split(rest_of(stage.lines[0].text, self.escape))
            if len(words) == 3 and words[1].lower() == "as":
                stage.name = words[2].lower()
            elif len(words) != 1:
                raise Unreadable("FROM takes one or three words")

    def find_target(self):
        wanted = self.given.get("target")
        if not wanted:
            return len(self.stages) - 1
        found = self.stage_named(wanted)
        if found is None:
            raise Unreadable(f"there is no stage {wanted}")
        return found

    def stage_named(self, name, above=None):
        numbers = range(len(self.stages) if above is None else above)
        return next((n for n in reversed(numbers) if self.stages[n].name and self.stages[n].name == name.lower()), None)

    def find_bases(self):
        variables = self.global_variables()
        for number, stage in enumerate(self.stages):
            text = stage.lines[0].text
            name = expand(GAP.split(rest_of(text, self.escape))[0], variables, self.escape).text
            above = self.stage_named(name, number) if name == name.lower() else None
            if above is not None:
                stage.base = above
            elif name != "scratch":
                stage.image = name
                stage.platform = self.platform_of(text, variables)

    def platform_of(self, text, variables):
        for _, _, word in flags_of(text, self.escape):
            if word.startswith("--platform="):
                value = expand(word[len("--platform=") :], variables, self.escape)
                return "builder" if value.is_builders else full_platform(value.text)
        return self.own_platform

    def global_variables(self):
        variables = {name: Value("", True) for name in BUILDER_ARGUMENTS}
        system, architecture, *variant = self.own_platform.split("/")
        variables["TARGETPLATFORM"] = Value(self.own_platform)
        variables["TARGETOS"], variables["TARGETARCH"] = Value(system), Value(architecture)
        variables["TARGETVARIANT"] = Value("".join(variant))
        variables["TARGETSTAGE"] = Value(self.given.get("target") or self.stages[-1].name or "default")
        for line in self.globals:
            for word in split_words(rest_of(line.text, self.escape), self.escape):
                name, equals, default = word.partition("=")
                if name in self.given["buildArgs"]:
                    variables[name] = Value(self.given["buildArgs"][name])
                elif equals:
                    variables[name] = expand(default, variables, self.escape)
        return variables

    def find_needed(self):
        needed, ahead = set(), [self.target]
        while ahead:
            number = ahead.pop()
            if number in needed:
                continue
            needed.add(number)
            stage = self.stages[number]
            ahead += [] if stage.base is None else [stage.base]
            for text in [line.text for line in stage.lines] + self.triggers_in(number):
                ahead += [source.stage for _, source, _ in self.sources(text) if source.stage is not None]
        return sorted(needed)

    def triggers_in(self, number):
        """The ONBUILDs that run in a stage, each without that word."""
        base, image = self.stages[number].base, self.stages[number].image
        if image is not None:
            triggers = self.given.get("onbuild", {}).get(self.key(image, self.stages[number].platform), [])
            return [line.text for trigger in triggers for line in read_lines(trigger)[1]]
        if base is None:
            return []
        return [line.text[trigger_at(line.text) :] for line in self.stages[base].lines if line.keyword == "ONBUILD"]

    # ---- what lines name ----

    def sources(self, text, in_step=False):
        """Of a COPY or RUN each flag with a source: its place, the source, and how the flag is written with another."""
        keyword = keyword_of(text)
        for start, end, word in flags_of(text, self.escape) if keyword in ("COPY", "RUN") else []:
            if keyword == "COPY" and word.startswith("--from="):
                value = word[len("--from=") :]
                if value and value != "scratch":
                    is_number = not in_step and STAGE_NUMBER.fullmatch(value) is not None
                    source = self.numbered(value) if is_number else self.named(value, in_step)
                    yield (start, end), source, lambda name: f"--from={name}"
            if keyword == "RUN" and word.startswith("--mount="):
                fields = next(csv.reader([word[len("--mount=") :]], strict=True), [])
                values = [one[len("from=") :] for one in fields if one.lower().startswith("from=")]
                if values and values[-1] not in ("", "scratch"):
                    source = self.named(values[-1], in_step)
                    yield (start, end), source, lambda name, fields=fields: self.mount_flag(fields, name)

    def named(self, value, in_step):
        # A step stands outside of the file, and may name none of its stages.
        found = None if in_step else self.stage_named(value)
        return Source(image=value) if found is None else Source(stage=found)

    def numbered(self, value):
        if not 0 <= int(value) < len(self.stages):
            raise Unreadable(f"there is no stage {value}")
        return Source(stage=int(value), is_number=True)

    def mount_flag(self, fields, name):
        changed = [f"from={name}" if one.lower().startswith("from=") else one for one in fields]
        marked = SPACES + "'\"" + self.escape
        return "--mount=" + "".join(self.escape + ch if ch in marked else ch for ch in ",".join(map(csv_field, changed)))

    def rewritten(self, text, number):
        """The line of a needed stage with digests in the place of images."""
        keyword = keyword_of(text)
        if keyword == "FROM":
            stage = self.stages[number]
            if stage.image is None:
                return text
            at = len(text) - len(rest_of(text, self.escape))
            name = GAP.split(text[at:])[0]
            return text[:at] + self.digest(stage.image, stage.platform) + text[at + len(name) :]
        if keyword == "ONBUILD":
            if not any(self.stages[other].base == number for other in self.needed):
                return text
            at = trigger_at(text)
            return text[:at] + self.with_sources(text[at:])
        return self.with_sources(text)

    def with_sources(self, text, in_step=False):
        for (start, end), source, flag in reversed(list(self.sources(text, in_step))):
            if source.image is not None:
                text = text[:start] + flag(self.digest(source.image, self.own_platform)) + text[end:]
            elif source.is_number and "stage_numbers" not in broken:
                # A stage that does not count must not move the others' numbers.
                text = text[:start] + flag(self.needed.index(source.stage)) + text[end:]
        return text

    def key(self, name, platform):
        return full_reference(name) + ("" if platform == self.own_platform else f" {platform}")

    def digest(self, name, platform):
        key = self.key(name, platform)
        if key not in self.images:
            raise Unreadable(f"no digest is given for {key}")
        return self.images[key]

    def step_command(self, text):
        """A command of a dockerfile step: one in which no image is named stays as it was given."""
        try:
            _, lines = read_lines(text, self.escape, may_be_directive=False)
        except Unreadable:
            return text
        physical = text.split("\n")
        for line in lines:
            changed = self.with_sources(line.text, in_step=True)
            if changed != line.text:
                whole = line.joined.replace(line.text, changed)
                physical[line.first : line.end] = [whole] + [""] * (line.end - line.first - 1)
        return "\n".join(physical)

    # ---- build arguments ----

    def pairs(self):
        texts = [line.text for line in self.globals]
        for number in self.needed:
            texts += [line.text for line in self.stages[number].lines] + self.triggers_in(number)
        declared = set()
        for text in texts:
            if keyword_of(text) == "ARG":
                words = split_words(rest_of(text, self.escape), self.escape)
                declared |= {word.partition("=")[0] for word in words}
        pairs = [[name, value] for name, value in self.given["buildArgs"].items() if name in declared]
        return sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))


# ---- names of images and platforms ----


def full_reference(name):
    """A reference in full: with the registry, and with a tag where there is neither tag nor digest."""
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def full_platform(text):
    parts = text.lower().split("/")
    if len(parts) == 1:
        parts = ["linux", *parts]
    system, architecture, *variant = parts
    if not variant:
        architecture = ARCHITECTURES.get(architecture, architecture)
    if (architecture, *variant) == ("arm64", "v8"):
        variant = []
    return "/".join([system, architecture, *variant])


# ---- the parser ----


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


def csv_field(text):
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
