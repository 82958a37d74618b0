/**
 * `python3 -m pip`, with valid bytecode for what it imports: where a base has none (python:*-slim deletes it), pip and
 * the modules of Python's own that it needs would be compiled in each step, and by each container that imports them.
 *
 * What a plain pip leaves behind differs from build to build: which modules it imports depends on its cache, and their
 * `.pyc` are checked by time, which images with rewritten times have lost. Here it is one list, imported in one order
 * before pip does anything, and checked by hash (PEP 552). A `.pyc` that is checked by time is replaced whether it is
 * valid or not, since on a stored prefix it is not: that is why a source's time is one that none has. Where nothing may
 * be written, or Python is older than 3.7, nothing is. `get_code` compiles, and runs nothing. What is marshalled tells
 * which of its parts something else in the process refers to (marshal.c, w_ref); read back and written again it does not.
 */
export const pipProgram = `
import importlib.machinery, importlib.util, marshal, runpy, sys
if sys.path[0] == "": del sys.path[0]
loader = importlib.machinery.SourceFileLoader
write, stats = loader.set_data, loader.path_stats
def write_checked(self, path, data, **options):
    with open(importlib.util.source_from_cache(path), "rb") as source:
        checked = importlib.util.source_hash(source.read())
    code = marshal.dumps(marshal.loads(data[16:]))
    write(self, path, data[:4] + bytes([3, 0, 0, 0]) + checked + code, **options)
def attempt(work, name):
    try: work(name)
    except Exception: pass
def compile_module(name):
    found = sys.modules[name].__spec__ if name in sys.modules else importlib.util.find_spec(name)
    if isinstance(found.loader, loader): found.loader.get_code(name)
loader.set_data, loader.path_stats = write_checked, lambda self, path: {"mtime": 2**32 - 1, "size": 0}
sys.dont_write_bytecode = False
for name in sorted(sys.modules): attempt(compile_module, name)
for name in "cli.main commands.install metadata.importlib resolution.resolvelib.resolver".split():
    attempt(importlib.import_module, "pip._internal." + name)
for name in "argparse encodings.ascii encodings.cp437 netrc plistlib".split():
    attempt(compile_module, name)
for name in "__main__ _internal.metadata.pkg_resources _vendor.distro.distro _vendor.pkg_resources".split():
    attempt(compile_module, "pip." + name)
loader.set_data, loader.path_stats = write, stats
sys.dont_write_bytecode = True
runpy.run_module("pip", run_name="__main__", alter_sys=True)
`.trim();
