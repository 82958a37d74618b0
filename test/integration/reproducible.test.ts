import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startBuildkit } from "../../tools/environment.mjs";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { newFolder, newRepository, publish, type Published } from "./real-parts";

const copy = { strategy: "copy" } as const;

interface Machine {
  readonly umask: number;
  readonly timeZone: string;
  readonly language: string;
  /** Of all files, in seconds. */
  readonly mtime: number;
}

/** Checks the same sources out, as one machine does. */
function checkOut({ umask, mtime }: Machine): string {
  const before = process.umask(umask);
  try {
    const folder = join(newFolder(), `checkout-${umask}`);
    mkdirSync(join(folder, "app/lib"), { recursive: true });
    writeFileSync(join(folder, "app/main.py"), "import lib.names\n");
    writeFileSync(join(folder, "app/lib/names.py"), "NAMES = ['ä', 'z', 'Z']\n");
    writeFileSync(join(folder, "app/run.sh"), "#!/bin/sh\n");
    chmodSync(join(folder, "app/run.sh"), 0o755 & ~umask);
    symlinkSync("lib", join(folder, "app/link"));
    for (const path of ["app/main.py", "app/lib/names.py", "app/run.sh", "app/lib", "app"]) {
      utimesSync(join(folder, path), mtime, mtime);
    }
    return folder;
  } finally {
    process.umask(before);
  }
}

const makeImage = () =>
  Image.debianSlim("3.11")
    .pipInstall(["requests==2.32.3"])
    .addLocalDir("app", "/srv/app", copy)
    .workdir("/srv/app")
    .env({ B: "2", A: "1 ü" })
    .user("1000")
    .cmd(["python3", "main.py"]);

/** An empty builder. */
async function startEmpty(): Promise<string> {
  const mirrors = Object.fromEntries(readSettings(process.env).mirrors.map(({ registry, place }) => [registry, place]));
  const buildkit = await startBuildkit({ root: newFolder(), mirrors });
  onTestFinished(() => buildkit.stop());
  return buildkit.endpoint;
}

/** Begins to publish what the machine checked out, in its environment. */
function publishOn(machine: Machine, builder: string): Promise<Published> {
  process.chdir(checkOut(machine));
  process.env["TZ"] = machine.timeZone;
  const env = { ...process.env, LANG: machine.language, LC_ALL: machine.language };
  return publish(makeImage(), { builder, env });
}

test("two machines that have the same sources get one hash and one digest, each on an empty builder", async () => {
  const builders = [await startEmpty(), await startEmpty()] as const;
  const [one, other] = await Promise.all([
    publishOn({ umask: 0o022, timeZone: "UTC", language: "C", mtime: 1_000_000_000 }, builders[0]),
    publishOn({ umask: 0o077, timeZone: "Asia/Kolkata", language: "tr_TR.UTF-8", mtime: 1_700_000_000 }, builders[1]),
  ]);
  expect(one.reused || other.reused).toBe(false);
  expect(other.hash).toBe(one.hash);
  expect(other.digest).toBe(one.digest);

  // And a builder that has all of it in its cache.
  process.chdir(checkOut({ umask: 0o027, timeZone: "", language: "", mtime: 1 }));
  const [first, cached] = [await publish(makeImage()), await publish(makeImage())];
  expect([first.digest, cached.digest]).toEqual([one.digest, one.digest]);
  expect(cached.reused).toBe(false);
});

test("a file under another name is the same image, when it arrives under the same", async () => {
  const repository = newRepository;
  process.chdir(newFolder());
  writeFileSync("one.json", "{}");
  writeFileSync("other.json", "{}", { mode: 0o600 });
  const base = Image.debianSlim("3.11");
  const one = await publish(base.addLocalFile("one.json", "/srv/model.json", copy), { repository: repository() });
  const other = await publish(base.addLocalFile("other.json", "/srv/model.json", copy), { repository: repository() });
  expect([other.hash, other.digest, other.reused]).toEqual([one.hash, one.digest, false]);
  const third = await publish(base.addLocalFile("one.json", "/srv/other.json", copy), { repository: repository() });
  expect(third.hash).not.toBe(one.hash);
  expect(third.digest).not.toBe(one.digest);
});
