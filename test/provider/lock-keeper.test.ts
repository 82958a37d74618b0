import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findLockFile } from "../../provider/lock-file";
import { LockKeeper } from "../../provider/lock-keeper";
import { ImageProgram, type ResolvedImage } from "../../provider/program";
import type { LockMode } from "../../provider/settings";
import { EMPTY_LOCK, formatLock, parseLock } from "../../sdk/lock";
import { FORMAT } from "../../sdk/spec";
import { MemoryRegistry, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const manifest = toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", text: "base" });
const one = "docker.io/library/python:3.11";
const two = "docker.io/library/python:3.12";

let folder = "";
let registry: MemoryRegistry;
let lines: string[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-keeper-"));
  registry = new MemoryRegistry();
  for (const tag of ["3.11", "3.12"])
    await registry.putManifest({ host: "docker.io", path: "library/python" }, tag, manifest);
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, "images.lock.json");
const readLock = () => parseLock(readFileSync(path(), "utf8"), "images.lock.json");

/** A run of a program; what it returns resolves an Image on a base. */
function run(mode: LockMode): (base: string) => Promise<ResolvedImage> {
  const file = findLockFile(folder);
  const program = new ImageProgram({ folder, registry, mirrors: [], lock: file.lock });
  const note = (kind: string) => (text: string) => void lines.push(`${kind}: ${text}`);
  const keeper = new LockKeeper(file, program, { mode, warn: note("warn"), info: note("info") });
  return (base) =>
    keeper.watch(
      program.resolve({ spec: { format: FORMAT, base, steps: [], mounts: [] }, callSites: [], mountCallSites: [] }, [
        "linux/amd64",
      ]),
    );
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a run that reads the lock", () => {
  test("warns once of all that is missing, and writes nothing", async () => {
    writeFileSync(path(), formatLock(EMPTY_LOCK));
    const resolve = run("read");
    await Promise.all([resolve(two), resolve(one), resolve(one)]);
    await settled();
    expect(lines).toEqual([
      `warn: images.lock.json does not have ${one} for linux/amd64, ${two} for linux/amd64: ` +
        "a registry was asked. Add them with slipway lock.",
    ]);
    await resolve(one);
    await settled();
    expect(lines).toHaveLength(1);
    expect(readLock()).toEqual(EMPTY_LOCK);
  });

  test("says nothing where there is no lock, or nothing is missing", async () => {
    await run("read")(one);
    await settled();
    expect(lines).toEqual([]);
    await run("write")(one);
    lines = [];
    await run("read")(one);
    await settled();
    expect(lines).toEqual([]);
  });

  test("says nothing of a base by its digest, which cannot move", async () => {
    writeFileSync(path(), formatLock(EMPTY_LOCK));
    await run("read")(`docker.io/library/python@${manifest.digest}`);
    await settled();
    expect(lines).toEqual([]);
  });
});

describe("a run that writes the lock", () => {
  test("has written all that it resolved when its images are there, and says what is new", async () => {
    const resolve = run("write");
    await Promise.all([resolve(one), resolve(two)]);
    const base = { digest: manifest.digest, platforms: { "linux/amd64": { digest: manifest.digest } } };
    expect(readLock()).toEqual({ bases: { [one]: base, [two]: base } });
    expect(lines).toEqual([`info: images.lock.json has now ${one} for linux/amd64, ${two} for linux/amd64`]);
  });

  test("writes what comes later, too, and keeps what others wrote meanwhile", async () => {
    const [first, second] = [run("write"), run("write")];
    await first(one);
    await second(two);
    await first(two);
    expect(Object.keys(readLock().bases)).toEqual([one, two]);
    expect(lines).toHaveLength(2);
  });

  test("of which one image is wrong writes nothing", async () => {
    const resolve = run("write");
    const wrong = expectCode(resolve("docker.io/library/gone:1"), "BASE_UNAVAILABLE");
    await Promise.all([wrong, resolve(one)]);
    expect(existsSync(path())).toBe(false);
  });

  test("that cannot write fails with one error for all images", async () => {
    const resolve = run("write");
    rmSync(folder, { recursive: true });
    const errors = await Promise.all([
      expectCode(resolve(one), "LOCK_INVALID"),
      expectCode(resolve(two), "LOCK_INVALID"),
    ]);
    expect(errors[1]).toBe(errors[0]);
  });
});
