#!/usr/bin/env python3
"""The hash of Slipway images, written a second time, from docs/hash.md alone
(with imported_dockerfile.py and, by the rules of BuildKit's parser, dockerfile_parser.py).

It shares no line with the TypeScript, so that a mistake has to be made twice to stay unseen. Standard library only,
Python 3.9 or newer.

    slipway_hash.py vectors DIR        checks every vector of test/golden; exit code 1 if one differs
    slipway_hash.py stream             one JSON request a line in, one answer a line out
    slipway_hash.py tree PATH [NAME]   the tree hash of a folder, or of one file that is called NAME in the image

A request of `stream` is a spec, or an object with one of these keys:

    {"specs": [spec, ...]}    the hash of an image for several platforms
    {"formOf": spec}          what of its imported Dockerfile is hashed, as JSON
    {"prefixesOf": spec}      its prefix hashes, separated by spaces
    {"mounts": [mount, ...]}  the hash of what containers get when they start
    {"entries": [entry, ...]} a tree hash
    {"folder": path}          the tree hash of a folder on disk

What cannot be hashed is answered by `refused: <why>`; the stream goes on.
"""

import hashlib
import json
import os
import stat
import sys
import unicodedata
from pathlib import Path

from dockerfile_parser import Unreadable
from imported_dockerfile import ImportedDockerfile, broken

MAX_LINKS = 40
BUILD_KINDS = {"pip", "pipRequirements", "apt", "run", "dockerfile"}
COPY_KINDS = {"copyFile", "copyDir"}

# Mistakes to make on purpose: they prove that the tests which compare both implementations notice one.
BREAKS = {"ensure_ascii", "env_order", "exec_bit", "stage_numbers", "step_order"}


class Refused(Exception):
    """The input has no hash."""


# ---- images ----


def hash_spec(spec):
    if spec["format"] != "image/v2":
        raise Refused(f"this computes image/v2, not {spec['format']}")
    # A base that is an image is to commands as a Dockerfile of one stage that names no image.
    is_import = spec["base"].get("kind") == "dockerfile"
    no_image = {"text": "FROM scratch", "buildArgs": {}}
    dockerfile = ImportedDockerfile(spec if is_import else {**spec, "base": no_image})
    steps = [step_array(step, dockerfile) for step in emitted_order(spec["steps"])]
    base = dockerfile.form() if is_import else spec["base"]["digest"]
    return hash_json(["image/v2", base, spec["platform"], steps])


def hash_prefixes(spec):
    emitted = emitted_order(spec["steps"])
    # An image that is given just the first steps puts them in order itself: its tag is the one to look for.
    return [hash_spec({**spec, "steps": emitted[:count]}) for count in range(len(emitted) + 1)]


def hash_image(specs):
    hashes = sorted({hash_spec(spec) for spec in specs})
    if not hashes:
        raise Refused("an image has at least one platform")
    return hashes[0] if len(hashes) == 1 else hash_json(["index/v1", *hashes])


def hash_mounts(mounts):
    return hash_json(["mounts/v1", *(step_array(mount, None) for mount in mounts)])


def emitted_order(steps):
    if "step_order" in broken:
        return list(steps)
    # With no such step, all of them come after the last one.
    after_build = max((index + 1 for index, step in enumerate(steps) if step["kind"] in BUILD_KINDS), default=0)
    fixed, free = steps[:after_build], steps[after_build:]
    copies = [step for step in free if step["kind"] in COPY_KINDS]
    others = [step for step in free if step["kind"] not in COPY_KINDS]
    return [*fixed, *others, *copies]


def step_array(step, dockerfile):
    kind = step["kind"]
    if kind == "pip":
        return [kind, step["packages"], *pip_options(step)]
    if kind == "pipRequirements":
        return [kind, step["tree"], step["entry"], *pip_options(step)]
    if kind == "apt":
        return [kind, step["packages"]]
    if kind == "run":
        return [kind, step["command"], *secrets_item(step)]
    if kind == "dockerfile":
        return [kind, [dockerfile.step_command(command) for command in step["commands"]]]
    if kind == "workdir":
        return [kind, step["path"]]
    if kind == "env":
        return [kind, env_pairs(step["variables"])]
    if kind == "user":
        return [kind, step["user"]]
    if kind in ("entrypoint", "cmd"):
        return [kind, step["args"]]
    if kind in COPY_KINDS:
        return [kind, step["destination"], step["tree"]]
    raise Refused(f"image/v2 has no step {kind}")


def pip_options(step):
    return [
        step["installer"],
        step.get("indexUrl"),
        step.get("extraIndexUrls", []),
        step.get("findLinks", []),
        step.get("pre", False),
        step.get("extraOptions", []),
        *secrets_item(step),
    ]


def secrets_item(step):
    # A step without secrets has no such item at all.
    secrets = step.get("secrets", [])
    return [[[secret["id"], secret.get("env"), secret.get("version")] for secret in secrets]] if secrets else []


def env_pairs(variables):
    pairs = [[name, value] for name, value in variables.items()]
    return pairs if "env_order" in broken else sorted(pairs, key=lambda pair: utf16(pair[0]))


def utf16(text):
    # RFC 8785 sorts by UTF-16 code units; it matters only for names beyond ASCII.
    return text.encode("utf-16-be", "surrogatepass")


def hash_json(value):
    return hashlib.sha256(utf8(canonical(value))).hexdigest()


def canonical(value):
    # With ensure_ascii off, Python escapes exactly what RFC 8785 does, in the same form.
    return json.dumps(value, ensure_ascii="ensure_ascii" in broken, separators=(",", ":"))


def utf8(text):
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("an unpaired surrogate has no UTF-8") from error


# ---- trees ----


def hash_entries(entries):
    refuse_bad_paths(entries)
    tree = hashlib.sha256(b"tree/v1\n")
    for entry in sorted(entries, key=lambda entry: utf8(entry["path"])):
        letter, rest = letter_and_rest(entry)
        # No byte between the parts: each length says where its text ends, and a digest is always 64 bytes long.
        tree.update(letter + framed(entry["path"]) + rest)
    return tree.hexdigest()


def letter_and_rest(entry):
    if entry["type"] == "dir":
        return b"d", b""
    if entry["type"] == "link":
        return b"l", framed(entry["target"])
    if entry["type"] == "file":
        is_executable = entry["executable"] and "exec_bit" not in broken
        return b"x" if is_executable else b"f", entry["sha256"].encode("ascii")
    raise Refused(f"a tree has no {entry['type']}")


def framed(text):
    encoded = utf8(text)
    return str(len(encoded)).encode("ascii") + b":" + encoded


def refuse_bad_paths(entries):
    seen = {}
    links = {entry["path"]: entry["target"] for entry in entries if entry["type"] == "link"}
    for entry in entries:
        path = entry["path"]
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise Refused(f"{path!r} is no path in a tree")
        # Two such names are one file on the disks of macOS and Windows.
        alike = unicodedata.normalize("NFC", path).lower()
        if alike in seen:
            raise Refused(f"{seen[alike]!r} and {path!r} are alike")
        seen[alike] = path
        if entry["type"] == "link" and leads_out(path, links):
            raise Refused(f"the link {path!r} leads out of the tree")


def leads_out(path, links):
    reached = []
    followed = 0
    ahead = path.split("/")
    while ahead:
        part = ahead.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not reached:
                return True
            reached.pop()
            continue
        reached.append(part)
        target = links.get("/".join(reached))
        if target is None:
            continue
        if target.startswith("/"):
            return True
        followed += 1
        if followed > MAX_LINKS:
            return False
        reached.pop()
        ahead = target.split("/") + ahead
    return False


def read_folder(folder):
    """The entries of a folder on disk."""
    # Bytes, because Python else invents characters for names that are not UTF-8.
    return list(walk(os.fsencode(folder), b""))


def walk(folder, prefix):
    with os.scandir(folder) as items:
        for item in items:
            path = prefix + item.name
            if item.is_symlink():
                yield {"type": "link", "path": text_of(path), "target": text_of(os.readlink(item.path))}
            elif item.is_dir(follow_symlinks=False):
                yield {"type": "dir", "path": text_of(path)}
                yield from walk(item.path, path + b"/")
            else:
                yield read_file(item.path, text_of(path))


def read_file(file, path):
    """The entry of one file, which is called `path` in its tree. A link is followed, as for a copyFile."""
    mode = os.stat(file).st_mode
    if not stat.S_ISREG(mode):
        raise Refused(f"{path!r} is neither file, folder nor link")
    content = hashlib.sha256()
    with open(file, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            content.update(chunk)
    return {"type": "file", "path": path, "executable": bool(mode & stat.S_IXUSR), "sha256": content.hexdigest()}


def text_of(name):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"the name {name!r} is not UTF-8") from error


# ---- command line ----


def main(args):
    args = list(args)
    while "--break" in args:
        at = args.index("--break")
        if args[at + 1 : at + 2] == [] or args[at + 1] not in BREAKS:
            sys.exit(f"--break takes one of {', '.join(sorted(BREAKS))}")
        broken.add(args[at + 1])
        del args[at : at + 2]
    if len(args) == 2 and args[0] == "vectors":
        return check_vectors(Path(args[1]))
    if args == ["stream"]:
        return answer_stream()
    if len(args) in (2, 3) and args[0] == "tree":
        print(hash_entries(read_folder(args[1]) if len(args) == 2 else [read_file(args[1], args[2])]))
        return 0
    sys.exit(__doc__)


def check_vectors(folder):
    agreeing = differing = 0
    for file in sorted(folder.glob("*.json")):
        for name, expected, computed in vectors(json.loads(file.read_text("utf-8")), file.name):
            if expected == computed:
                agreeing += 1
            else:
                differing += 1
                print(f"{name}: the vector says {expected}, computed {computed}", file=sys.stderr)
    print(f"{agreeing} vectors agree, {differing} differ")
    return 0 if agreeing and not differing else 1


def vectors(content, name):
    if isinstance(content, list):
        for tree in content:
            yield f"{name} {tree['name']}", tree["hash"], hash_entries(tree["entries"])
    elif "mounts" in content:
        yield name, content["hash"], hash_mounts(content["mounts"])
    elif "specs" in content:
        yield name, content["hash"], hash_image(content["specs"])
    else:
        if "form" in content:
            yield f"{name} form", content["form"], ImportedDockerfile(content["spec"]).form()
        yield name, content["hash"], hash_spec(content["spec"])
        computed = hash_prefixes(content["spec"])
        expected = content["prefixes"]
        yield f"{name} number of prefixes", len(expected), len(computed)
        for index, pair in enumerate(zip(expected, computed)):
            yield f"{name} prefix {index}", *pair


def answer_stream():
    for line in sys.stdin.buffer:
        try:
            answer = answer_request(json.loads(line))
        except (Refused, Unreadable) as why:
            answer = f"refused: {why}".encode("ascii", "backslashreplace").decode("ascii")
        print(answer)
    return 0


def answer_request(request):
    if "specs" in request:
        return hash_image(request["specs"])
    if "formOf" in request:
        return canonical(ImportedDockerfile(request["formOf"]).form())
    if "prefixesOf" in request:
        return " ".join(hash_prefixes(request["prefixesOf"]))
    if "mounts" in request:
        return hash_mounts(request["mounts"])
    if "entries" in request:
        return hash_entries(request["entries"])
    if "folder" in request:
        return hash_entries(read_folder(request["folder"]))
    return hash_spec(request)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Refused, Unreadable) as why:
        sys.exit(f"refused: {why}")
