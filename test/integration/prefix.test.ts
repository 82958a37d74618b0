import { mkdirSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { hashImagePrefixes } from "../../sdk/hash";
import { Image } from "../../sdk/image";
import { cutsOf } from "../../sdk/prefix";
import { parseRepository } from "../../sdk/reference";
import { startBuildkit } from "../../tools/environment.mjs";
import { startCountingProxy } from "./counting-proxy";
import { newFolder, newName, newRepository, publish, readImage, registry, resolveImage } from "./real-parts";

const copy = { strategy: "copy" } as const;
const base = Image.debianSlim("3.11");

beforeEach(() => {
  process.chdir(newFolder());
  mkdirSync("app");
  writeFileSync("app/main.py", "print('hello')\n");
  writeFileSync("conf.json", "{}\n");
});

/** Cuts an image wherever that may be done, so that each of its steps is built FROM the one before. */
async function publishInParts(image: Image) {
  const { specs } = await resolveImage(image);
  const all = specs[0] === undefined ? [] : cutsOf(specs[0]).all;
  const repository = newRepository();
  const published = await publish(image, { repository, prefixes: { kept: all, stored: 0 } });
  const hashes = hashImagePrefixes(specs);
  const found = await Promise.all(
    all.map((count) => registry.findDigest(parseRepository(repository), hashes[count] ?? "")),
  );
  return { ...published, cuts: all, isEachStored: found.every((digest) => digest !== undefined) };
}

const publishWhole = (image: Image) => publish(image, { prefixes: { kept: [], stored: 0 } });

describe("one hash is one digest, built whole or each step from the one before", () => {
  test.each<[string, () => Image, readonly number[]]>([
    [
      "files, settings and copies",
      () =>
        base
          .runCommands("echo one > /one")
          .env({ A: "1", B: "two words" })
          .workdir("/srv/app")
          .user("1000")
          .entrypoint(["python3"])
          .cmd(["main.py"])
          .addLocalDir("app", "/srv/app", copy)
          .addLocalFile("conf.json", "/home/conf.json", copy),
      [1, 2, 3, 4, 5, 6, 7],
    ],
    [
      "a shell, labels, ports, volumes, a health check and a user",
      () =>
        base
          .dockerfileCommands(['SHELL ["/bin/bash", "-c"]', "EXPOSE 8080", "LABEL a=b"])
          .runCommands("[[ -n $BASH_VERSION ]] && echo $0 > /shell")
          .dockerfileCommands(["VOLUME /data", "HEALTHCHECK --retries=2 CMD true", "STOPSIGNAL SIGINT", "EXPOSE 9090"])
          .dockerfileCommands(["RUN <<EOF\necho here > /here\nEOF", "USER 1000", "WORKDIR relative"])
          .runCommands("id -u > /tmp/user && pwd > /tmp/where"),
      [1, 2, 3, 4],
    ],
    [
      "variables that are made of others",
      () =>
        base
          .dockerfileCommands(["ENV PATH=/opt/bin:$PATH X=1"])
          .dockerfileCommands(["ENV PATH=$PATH:/late Y=${X}2"])
          .runCommands("echo $PATH $Y > /variables"),
      [1, 2],
    ],
    [
      "copies below a run, in folders that are links",
      () =>
        base
          .addLocalDir("app", "/src", copy)
          .runCommands("mkdir -p /real && ln -s /real /link && cp /src/main.py /link/")
          .addLocalFile("conf.json", "/link/conf.json", copy)
          .workdir("/link"),
      [1, 2, 3],
    ],
    ["packages of Python", () => base.pipInstall(["idna==3.10"]).pipInstall(["six==1.17.0"], { installer: "uv" }), [1]],
    [
      "an entrypoint behind a cmd: not cut between them",
      () => base.cmd(["a"]).runCommands("true").entrypoint(["/bin/echo"]).env({ A: "1" }),
      [3],
    ],
    [
      "an ARG: not cut behind it",
      () => base.runCommands("true").dockerfileCommands(["ARG X=1"]).runCommands("echo $X > /x"),
      [1],
    ],
  ])("%s", async (_what, makeImage, cuts) => {
    const whole = await publishWhole(makeImage());
    const inParts = await publishInParts(makeImage());
    expect(inParts.cuts).toEqual(cuts);
    expect(inParts.isEachStored).toBe(true);
    const images = await Promise.all([whole, inParts].map(({ ref }) => readImage(ref)));
    expect(images[1]).toEqual(images[0]);
    expect(inParts.digest).toBe(whole.digest);
  });
});

test("a change of code on an empty builder moves the files, whatever the size of the base", async () => {
  const { mirrors } = readSettings(process.env);
  const repositoryHost = newRepository().split("/")[0] ?? "";
  const proxy = await startCountingProxy(repositoryHost);
  const repository = newRepository().replace(repositoryHost, proxy.host);
  const through = mirrors.map(({ registry: name, place }) => ({
    registry: name,
    place: place.replace(repositoryHost, proxy.host),
  }));
  const name = newName();
  const image = () =>
    base
      .runCommands(`head -c 30000000 /dev/urandom > /big-${name}`)
      .workdir("/srv/app")
      .env({ A: "1" })
      .cmd(["python3", "main.py"])
      .addLocalDir("app", "/srv/app", copy);
  await publish(image(), { repository, mirrors: through });
  expect(proxy.bytes.pushed).toBeGreaterThan(30_000_000);

  const code = Buffer.from(Array.from({ length: 50_000 }, (_, index) => 33 + ((index * 7919) % 90)));
  writeFileSync("app/main.py", code);
  const buildkit = await startBuildkit({ root: newFolder(), mirrors: {} });
  onTestFinished(() => buildkit.stop());
  proxy.reset();
  const changed = await publish(image(), { repository, mirrors: through, builder: buildkit.endpoint });
  const { pulled, pushed } = proxy.bytes;
  expect(changed.reused).toBe(false);
  expect(pulled + pushed).toBeLessThan(code.length + 100_000);
});

test("one more step on an empty builder pushes its layer alone, and another builder's digest is the same", async () => {
  const repository = newRepository();
  const image = base.runCommands("echo one > /one");
  await publish(image.workdir("/srv").addLocalDir("app", "/srv/app", copy), { repository });
  const buildkit = await startBuildkit({ root: newFolder(), mirrors: mirrorRecord() });
  onTestFinished(() => buildkit.stop());
  const more = () => image.runCommands("echo two > /two").workdir("/srv").addLocalDir("app", "/srv/app", copy);
  const texts: string[] = [];
  const onProgress = (text: string): void => void texts.push(text);
  const inPart = await publish(more(), { repository, builder: buildkit.endpoint, onProgress });
  expect(texts.filter((text) => text.includes("echo one"))).toEqual([]);
  const whole = await publishWhole(more());
  expect(inPart.digest).toBe(whole.digest);
});

function mirrorRecord(): Record<string, string> {
  return Object.fromEntries(readSettings(process.env).mirrors.map(({ registry: name, place }) => [name, place]));
}
