import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";
import { startBuildkit } from "../../tools/environment.mjs";
import { expectCode } from "../fakes/registry-contract";
import { buildBoth, pushStandIns, type StandIns } from "./dockerfiles/compare";
import { corpus } from "./dockerfiles/corpus";
import { environmentBuilder, makeBuilder, newFolder, publish, readImage, requestFor } from "./real-parts";
import { runIn } from "./run-image";

const copy = { strategy: "copy" } as const;

let folder = "";
beforeEach(() => {
  folder = newFolder();
  process.chdir(folder);
});

function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  chmodSync(join(folder, path), mode);
}

const BASE = "python:3.11-slim-bookworm";

test("an imported Dockerfile is built from its stages and files, and steps stand on its target", async () => {
  write(
    "app/Dockerfile",
    `# syntax=docker/dockerfile:1
ARG TAG=3.11-slim-bookworm
FROM python:\${TAG} AS build
WORKDIR /src
COPY . .
RUN cat hello.txt > /out && ls -A >> /out

FROM no.example/not/there AS unused
COPY nothing /nothing

FROM ${BASE} AS runtime
COPY --from=build /out /out
COPY --from=build --chmod=755 /src/run.sh /usr/local/bin/run
ENV GREETING="hi there"
CMD ["python3"]

FROM scratch
`,
  );
  write("app/hello.txt", "hello\n");
  write("app/run.sh", "#!/bin/sh\necho ran\n");
  write("app/.dockerignore", "Dockerfile\n*.log\n");
  write("app/x.log", "no");
  symlinkSync("hello.txt", join(folder, "app/link"));
  write("model.json", "{}");
  const image = Image.fromDockerfile("app/Dockerfile", { target: "runtime" })
    .env({ PRICE: "5 $" })
    .addLocalFile("model.json", "/model.json", copy)
    .cmd(["sh", "-c", "true"]);
  const { ref } = await publish(image);
  const script = 'cat /out; run; echo "$GREETING, $PRICE"; cat /model.json';
  expect(await runIn(ref, ["/bin/sh", "-ec", script])).toBe(
    "hello\n.dockerignore\nhello.txt\nlink\nrun.sh\nran\nhi there, 5 $\n{}",
  );
  const { config } = await readImage(ref);
  expect(config.config.Cmd).toEqual(["sh", "-c", "true"]);
});

test("a line that fails is told by file, line and call, and a step on it by its own", async () => {
  write("Dockerfile", `FROM ${BASE}\nRUN true\nRUN echo said; \\\n  exit 3\n`);
  const image = Image.fromDockerfile("Dockerfile");
  const error = await expectCode(publish(image.user("root")), "BUILD_FAILED");
  expect(error.text).toMatch(/^building: Dockerfile:3 failed: .*exit code 3\n {2}\| said\n$/);
  expect(error.callSite).toBe(image.baseCallSite);

  write("Dockerfile", `FROM ${BASE} AS one\nRUN true\nFROM ${BASE}\nRUN false\n`);
  const step = Image.fromDockerfile("Dockerfile", { target: "one" }).runCommands("true", "exit 4");
  const other = await expectCode(publish(step), "BUILD_FAILED");
  expect(other.text).toContain("step 2 of 2 failed: runCommands exit 4: exit code 4");
  expect(other.callSite).toBe(step.callSites[1]);
});

test("a file that changes after it was hashed is told, nothing is built and nothing is left", async () => {
  write("Dockerfile", `FROM ${BASE}\nCOPY src /src\n`);
  write("src/a", "1");
  write("src/b", "2");
  const request = await requestFor(Image.fromDockerfile("Dockerfile"));
  write("src/b", "3");
  const { builder, folder: leftovers } = makeBuilder({ builder: environmentBuilder });
  const error = await expectCode(builder.build(request), "CONTEXT_CHANGED");
  expect(error.text).toBe("context of Dockerfile: src/b changed after it was hashed, so nothing was built.");
  const left = readdirSync(leftovers, { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => /build-|context-|files-/.test(path))).toEqual([]);

  write("src/b", "2");
  await new Promise((resolve) => setTimeout(resolve, 15)); // What was not edited must be older.
  mkdirSync(join(folder, "src/added"));
  const { text } = await expectCode(builder.build(request), "CONTEXT_CHANGED");
  expect(text).toBe("context of Dockerfile: src/added changed after it was hashed, so nothing was built.");
});

test("where the checkout is, its umask, its times and the builder change neither hash nor digest", async () => {
  const mirrors = Object.fromEntries(readSettings(process.env).mirrors.map(({ registry, place }) => [registry, place]));
  const empty = await startBuildkit({ root: newFolder(), mirrors });
  onTestFinished(() => empty.stop());
  const build = async (mode: number, folderMode: number, builder?: string) => {
    folder = newFolder();
    process.chdir(folder);
    write("Dockerfile", "FROM scratch\nCOPY --chown=1 . /src/\nCOPY --link a /a\n", mode);
    write("a/b.txt", "b", mode);
    write("m", "m", mode);
    chmodSync(join(folder, "a"), folderMode);
    const image = Image.fromDockerfile("Dockerfile").addLocalFile("m", "/srv/m", copy).workdir("/w");
    const { hash, digest } = await publish(image, { builder });
    return { hash, digest };
  };
  expect(await build(0o600, 0o700, empty.endpoint)).toEqual(await build(0o664, 0o775));
});

test("a secret that the file mounts is there while its RUN is, and nowhere else", async () => {
  write(
    "Dockerfile",
    `FROM ${BASE}\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size; ls /run/secrets\n`,
  );
  const image = Image.fromDockerfile("Dockerfile", { secrets: [Secret.fromEnv("TOKEN", { id: "token" })] });
  const { ref } = await publish(image, { env: { ...process.env, TOKEN: "canary-of-the-import" } });
  expect(await runIn(ref, ["/bin/sh", "-c", "cat /size; ls /run/secrets 2>/dev/null | wc -l"])).toBe("20\n0\n");
  expect(JSON.stringify(await readImage(ref))).not.toContain("canary-of-the-import");
});

test("a Dockerfile instruction may copy from another image", async () => {
  const { ref } = await publish(Image.base(BASE).dockerfileCommands([`COPY --from=${BASE} /etc/passwd /other`]));
  expect(await runIn(ref, ["/bin/sh", "-c", "cmp /etc/passwd /other && echo same"])).toBe("same\n");
});

describe("an import gives the layers and the config that buildx build gives:", () => {
  // The whole corpus is in npm run test:deep dockerfiles.
  const sample = ["ONBUILD", "a target in the middle", "the escape directive", "COPY with every flag", "links"];
  const cases = corpus.filter(({ name }) => sample.some((start) => name.startsWith(start)));
  let standIns: StandIns | undefined;

  test.each(cases.map((one) => [one.name, one] as const))("%s", async (_, one) => {
    const mirrors = process.env["SLIPWAY_MIRRORS"];
    onTestFinished(() => void (process.env["SLIPWAY_MIRRORS"] = mirrors));
    standIns ??= await pushStandIns();
    const { plain, imported } = await buildBoth(one, standIns);
    expect(imported).toEqual(plain);
  });
});
