#!/usr/bin/env python3
"""What an image in a registry holds, read without a line of the TypeScript. Standard library only.

One JSON request a line in, one answer a line out:

    {"registry": "localhost:5000", "repository": "test/a", "reference": "<tag or digest>", "folder": "srv/app"}

answers {"digest", "config", "entries", "tree", "odd"}: `entries` are what the folder holds in the end, with the bytes
of each file in hex; `tree` is their tree hash by slipway_hash.py; `odd` are entries that are not root's, of 1970 and
with the modes that a copy has. An image that is not there answers {"missing": true}.
"""

import hashlib
import io
import json
import posixpath
import sys
import tarfile
import urllib.error
import urllib.request

import slipway_hash

TYPES = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"

# Layers and folders that they have nothing of: a base's layers take seconds to read, and every image has them.
UNRELATED = set()


def fetch(request, kind, reference):
    url = f"http://{request['registry']}/v2/{request['repository']}/{kind}/{reference}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"accept": TYPES})) as response:
        data = response.read()
    if reference.startswith("sha256:") and reference != "sha256:" + hashlib.sha256(data).hexdigest():
        raise ValueError(f"{url} is not what its digest says")
    return data


def read_image(request):
    try:
        raw = fetch(request, "manifests", request["reference"])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {"missing": True}
        raise
    manifest = json.loads(raw)
    folder = request["folder"].strip("/")
    files = {}
    for layer in manifest["layers"]:
        known = (layer["digest"], folder)
        if known in UNRELATED:
            continue
        if not apply_layer(files, fetch(request, "blobs", layer["digest"]), folder):
            UNRELATED.add(known)
    entries = [entry for _, (entry, _) in sorted(files.items())]
    return {
        "digest": "sha256:" + hashlib.sha256(raw).hexdigest(),
        "annotations": manifest.get("annotations", {}),
        "config": json.loads(fetch(request, "blobs", manifest["config"]["digest"])),
        "entries": entries,
        "tree": slipway_hash.hash_entries(entries),
        "odd": [path for path, (_, is_odd) in sorted(files.items()) if is_odd],
    }


def apply_layer(files, blob, folder):
    """Whether there is anything in the layer that can change the folder."""
    is_related = False
    with tarfile.open(fileobj=io.BytesIO(blob), mode="r:*", encoding="utf-8", errors="strict") as tar:
        for member in tar:
            name = member.name.strip("/")
            parent, base = posixpath.split(name)
            is_related = is_related or base.startswith(".wh.") or name.startswith(folder + "/")
            if base == ".wh..wh..opq":
                remove(files, parent, folder, keep_itself=True)
            elif base.startswith(".wh."):
                remove(files, posixpath.join(parent, base[4:]), folder)
            elif name.startswith(folder + "/"):
                path = name[len(folder) + 1 :]
                files[path] = (entry_of(tar, member, path), is_odd(member))
    return is_related


def remove(files, name, folder, keep_itself=False):
    for path in list(files):
        full = f"{folder}/{path}"
        if full.startswith(name + "/") or (full == name and not keep_itself):
            del files[path]


def entry_of(tar, member, path):
    if member.isdir():
        return {"type": "dir", "path": path}
    if member.issym():
        return {"type": "link", "path": path, "target": member.linkname}
    content = tar.extractfile(member)
    data = b"" if content is None else content.read()  # A pipe or a device, which is_odd tells.
    digest = hashlib.sha256(data).hexdigest()
    entry = {"type": "file", "path": path, "executable": bool(member.mode & 0o100), "sha256": digest}
    return {**entry, "hex": data.hex()} if len(data) < 1 << 20 else entry


def is_odd(member):
    modes = (0o755,) if member.isdir() else (0o777,) if member.issym() else (0o644, 0o755)
    is_known = member.isdir() or member.issym() or member.isfile() or member.islnk()
    return not is_known or member.uid != 0 or member.gid != 0 or member.mtime != 0 or member.mode not in modes


for line in sys.stdin.buffer:
    print(json.dumps(read_image(json.loads(line))), flush=True)
