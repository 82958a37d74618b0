import type { ImageFiles, ImageReader } from "./image-files";

/** One run of the program below. */
export interface Dump {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** The file that it was to run, when it stands after `#!`. */
  readonly script?: string;
  /** What is in /run/secrets, by name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Notes in /out with what it was run. A shell finds Python for it, wherever the base has it, and hands on all as it is. */
export const dumpProgram = `#!/bin/sh
"true" '''\\'
for python in /usr/local/bin/python3 /usr/bin/python3; do test -x "$python" && exec "$python" -I "$0" "$@"; done
exit 127
'''
import json, os, sys
args = [os.fsencode(sys.argv[0])] + [os.fsencode(arg) for arg in sys.argv[1:]]
dump = {"args": [arg.hex() for arg in args], "folder": os.getcwdb().hex()}
dump["env"] = {name.hex(): value.hex() for name, value in os.environb.items()}
if len(args) == 2 and args[1].startswith(b"/dev/pipes/"):
    dump["script"] = open(args[1], "rb").read().hex()
names = os.listdir(b"/run/secrets") if os.path.isdir("/run/secrets") else []
dump["secrets"] = {name.hex(): open(b"/run/secrets/" + name, "rb").read().hex() for name in names}
os.makedirs("/out", exist_ok=True)
with open("/out/%04d" % len(os.listdir("/out")), "w") as file:
    json.dump(dump, file)
`;

/** What the program noted while an image was built, in order, and the image's config. */
export async function readDumps(
  reader: ImageReader,
  repository: string,
  reference: string,
): Promise<{ readonly dumps: readonly Dump[]; readonly config: ImageFiles["config"] }> {
  const { entries, config } = await reader.read(repository, reference, "out");
  const dumps = entries.map(({ hex = "" }) => {
    const dump: {
      args: string[];
      env: Record<string, string>;
      folder: string;
      script?: string;
      secrets: Record<string, string>;
    } = JSON.parse(fromHex(hex));
    return {
      args: dump.args.map(fromHex),
      env: Object.fromEntries(Object.entries(dump.env).map((pair) => pair.map(fromHex))),
      secrets: Object.fromEntries(Object.entries(dump.secrets).map((pair) => pair.map(fromHex))),
      folder: fromHex(dump.folder),
      ...(dump.script === undefined ? {} : { script: fromHex(dump.script) }),
    };
  });
  return { dumps, config };
}

function fromHex(hex: string): string {
  return Buffer.from(hex, "hex").toString("utf8");
}
