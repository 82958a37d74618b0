"""What of an imported Dockerfile is hashed, written from docs/hash.md and the rules of BuildKit's parser."""

import csv
import re
from dataclasses import dataclass

from dockerfile_parser import GAP, SPACES, Unreadable, Value, expand, flags_of, keyword_of, read_lines, rest_of
from dockerfile_parser import split_words, trigger_at

STAGE_NUMBER = re.compile(r"[+-]?[0-9]+")
BUILDER_ARGUMENTS = {"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT"}
ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm/v7", "arm": "arm/v7"}

# Mistakes to make on purpose; slipway_hash.py fills it.
broken = set()


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


def csv_field(text):
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
