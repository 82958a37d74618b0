import { beforeEach, describe, expect, test } from "vitest";
import type { Existence } from "../../provider/existence";
import { checkImage, diffImage, type PreviewContext } from "../../provider/preview";
import { RunMemory, type RunFacts } from "../../provider/run";
import { repositoryOf, type ImageProps } from "../../provider/state";
import { FORMAT } from "../../sdk/spec";
import { makeInputs, toEarlierProps, toProps, UNKNOWN } from "../fakes/image-inputs";

const urn = "urn:pulumi:dev::app::pulumi-nodejs:dynamic/slipway:BuiltImage::api";
const digest = `sha256:${"d".repeat(64)}`;
const image = toProps(makeInputs());
const other = toProps(makeInputs({ steps: [] }));
const newerSpec = JSON.stringify({ ...makeInputs(), format: "image/v99", steps: [{ kind: "teleport" }] });
const outputs = { __urn: urn, digest, sizeBytes: 5, reused: false };
const state = (props: ImageProps) => ({ ...props, ...outputs });

let lines: string[];
let context: PreviewContext;
beforeEach(() => {
  lines = [];
  const note = (kind: string, of: string) => (text: string) => {
    expect(of).toBe(urn);
    lines.push(`${kind}: ${text}`);
  };
  context = {
    memory: new RunMemory(),
    logFor: (of) => ({
      info: note("info", of),
      warn: note("warn", of),
      error: note("error", of),
      status: note("status", of),
    }),
  };
});

function facts(existence: Existence, repository = "localhost:5000/images"): RunFacts {
  return {
    folder: "/home/me/program",
    callSites: ["", ""],
    existence,
    repository,
    isLocked: false,
    mirrors: [],
    builder: { kind: "current" },
    build: "auto",
  };
}

/** The inputs as the program sends them, with what this run knows: of the repository that they name, or of another. */
function sent(
  inputs: Readonly<Record<string, unknown>>,
  existence?: Existence,
  repository = repositoryOf(inputs["uri"]),
): Record<string, unknown> {
  const run = existence && facts(existence, repository);
  return { ...inputs, __urn: urn, ...(run && { __run: run }) };
}

describe("check", () => {
  test("lets a right image through, without what is of this run, and says what will happen", () => {
    const answer = checkImage(context, {}, sent({ ...image }, { kind: "missing" }));
    expect(answer).toEqual({ inputs: { ...image, __urn: urn }, failures: [] });
    expect(lines).toEqual(["info: builds from the base, 2 steps: new image"]);
  });

  test("says nothing of an image that the stack knows: diff does", () => {
    checkImage(context, state(image), sent({ ...image }, { kind: "missing" }));
    expect(lines).toEqual([]);
  });

  test("says nothing twice, when a replacement is checked again without its state", () => {
    const inputs = sent({ ...image }, { kind: "missing" });
    const answer = checkImage(context, state(other), inputs);
    diffImage(context, state(other), answer.inputs);
    lines.length = 0;
    expect(checkImage(context, {}, inputs).failures).toEqual([]);
    expect(lines).toEqual([]);
  });

  test("fails where hash and spec do not belong together", () => {
    const { failures } = checkImage(context, {}, sent({ ...image, hash: other.hash }));
    expect(failures).toEqual([
      { property: "hash", reason: expect.stringContaining(`the hash ${other.hash} is not that of the spec beside it`) },
    ]);
    expect(lines).toEqual([]);
  });

  test.each([
    ["the hash", { hash: image.hash, uri: image.uri }],
    ["the spec", { spec: image.spec }],
    ["the uri", { uri: image.uri }],
    ["the hash without the uri", { hash: image.hash, spec: image.spec }],
    ["the uri and the spec", { uri: image.uri, spec: image.spec }],
  ])("fails where ignoreChanges keeps %s of the state alone", (_what, kept) => {
    const { failures } = checkImage(context, image, sent({ ...other, ...kept }, { kind: "stored", digest }));
    expect(failures).toEqual([
      { property: "hash", reason: expect.stringContaining("is not that of the spec beside it") },
    ]);
  });

  test("fails where ignoreChanges keeps the uri of a repository that the image has left", () => {
    const inputs = sent({ ...image }, { kind: "stored", digest }, "localhost:5000/other");
    const reason = "the uri is one of localhost:5000/images, and the program's repository is localhost:5000/other";
    expect(checkImage(context, image, inputs).failures).toEqual([
      { property: "uri", reason: expect.stringContaining(reason) },
    ]);
  });

  test("fails where there is no image's spec", () => {
    const spec = JSON.stringify({ ...makeInputs(), steps: [{ kind: "teleport" }] });
    const { failures } = checkImage(context, {}, sent({ ...image, spec }));
    expect(failures).toEqual([{ property: "spec", reason: "this is not an image's spec" }]);
  });

  test("fails where the image is stored nowhere and must not be built", () => {
    const inputs = { ...image, __urn: urn, __run: { ...facts({ kind: "missing" }), build: "never" } };
    expect(checkImage(context, {}, inputs).failures).toEqual([
      {
        property: "hash",
        reason: expect.stringMatching(/stored nowhere, and build is "never" \(looked in localhost:5000\/images\)/),
      },
    ]);
    expect(checkImage(context, image, inputs).failures).toHaveLength(1); // vanished
    const stored = { ...inputs, __run: { ...facts({ kind: "stored", digest }), build: "never" } };
    expect(checkImage(context, {}, stored).failures).toEqual([]);
  });

  test("says where an image will be copied from", () => {
    const existence = { kind: "elsewhere", digest, from: "us-west-2", lacking: ["eu-west-1"] } as const;
    checkImage(context, {}, sent({ ...image }, existence));
    expect(lines).toEqual(["info: new image; exists in us-west-2, will be copied to eu-west-1, nothing to build"]);
  });

  test("lets what is not known yet through", () => {
    const answer = checkImage(context, {}, sent({ ...image, hash: UNKNOWN, uri: UNKNOWN, spec: UNKNOWN }));
    expect(answer.failures).toEqual([]);
    expect(lines).toEqual([]);
  });

  test("says that the repository is not known yet", () => {
    const answer = checkImage(context, {}, sent({ ...image, uri: UNKNOWN }));
    expect(answer.failures).toEqual([]);
    expect(lines).toEqual(["info: the repository is not known yet, so neither is whether the image exists"]);
  });
});

describe("diff", () => {
  const nothing = { changes: false, replaces: [], deleteBeforeReplace: false };
  const update = { changes: true, replaces: [], deleteBeforeReplace: false };

  /** What check and then diff answer in one run. */
  function diff(
    olds: Readonly<Record<string, unknown>>,
    news: Readonly<Record<string, unknown>>,
    existence?: Existence,
  ) {
    const { inputs } = checkImage(context, olds, sent(news, existence));
    lines.length = 0;
    return diffImage(context, olds, inputs);
  }

  test("finds no change in an image that is stored as it was", () => {
    expect(diff(state(image), { ...image }, { kind: "stored", digest })).toEqual(nothing);
    expect(lines).toEqual([]);
  });

  test("finds no change where nobody asked the repository", () => {
    expect(diff(state(image), { ...image })).toEqual(nothing);
    expect(lines).toEqual([]);
  });

  test("replaces an image with another hash, the new one first, and says why", () => {
    expect(diff(state(image), { ...other }, { kind: "missing" })).toEqual({
      changes: true,
      replaces: ["hash"],
      deleteBeforeReplace: false,
    });
    expect(lines).toEqual(["info: builds without new steps: - workdir /app"]);
  });

  test("replaces an image in another repository", () => {
    const moved = toProps(makeInputs({ repository: "localhost:5000/other" }));
    expect(diff(state(image), { ...moved }, { kind: "stored", digest })).toEqual({
      ...update,
      replaces: ["uri"],
    });
    expect(lines).toEqual(["info: repository localhost:5000/images → localhost:5000/other; exists, nothing to build"]);
  });

  test("names both where both are another", () => {
    const moved = toProps(makeInputs({ repository: "localhost:5000/other", steps: [] }));
    expect(diff(state(image), { ...moved }, { kind: "missing" }).replaces).toEqual(["hash", "uri"]);
  });

  test("updates an image that has vanished", () => {
    expect(diff(state(image), { ...image }, { kind: "missing" })).toEqual(update);
    expect(lines).toEqual(["info: the repository does not have it any more; builds it again"]);
  });

  test("updates an image whose tag names another digest", () => {
    const moved = `sha256:${"e".repeat(64)}`;
    expect(diff(state(image), { ...image }, { kind: "stored", digest: moved })).toEqual(update);
    expect(lines).toEqual([`info: the tag names ${moved} now, not ${digest}; takes that`]);
  });

  test("updates an image whose digest the state does not know", () => {
    expect(diff({ ...image, __urn: urn }, { ...image }, { kind: "stored", digest })).toEqual(update);
    expect(lines).toEqual([`info: the tag names ${digest} now, not nothing; takes that`]);
  });

  test("updates an image that a region lacks, by a copy", () => {
    const existence = { kind: "elsewhere", digest, from: "us-west-2", lacking: ["eu-west-1"] } as const;
    expect(diff(state(image), { ...image }, existence)).toEqual(update);
    expect(lines).toEqual(["info: exists in us-west-2, will be copied to eu-west-1"]);
  });

  test("updates an image whose regions are others, or have another digest", () => {
    const before = { ...state(image), regions: { "us-west-2": digest } };
    const both = { "us-west-2": digest, "eu-west-1": digest };
    expect(diff(before, { ...image }, { kind: "stored", digest, regions: both })).toEqual(update);
    expect(lines).toEqual(["info: in eu-west-1 the tag names another digest now; takes that"]);
    expect(diff({ ...before, regions: both }, { ...image }, { kind: "stored", digest, regions: both })).toEqual(
      nothing,
    );
  });

  test("keeps an image where the repository could not tell, and warns", () => {
    expect(diff(state(image), { ...image }, { kind: "unknown", cause: "no route" })).toEqual(nothing);
    expect(lines).toEqual(["warn: whether it still exists is unknown: no route"]);
  });

  test.each([
    ["hash", { hash: UNKNOWN, uri: UNKNOWN, spec: UNKNOWN }, ["hash", "uri"]],
    ["repository", { uri: UNKNOWN }, ["uri"]],
  ])("may replace an image whose %s is not known yet", (_what, unknown, replaces) => {
    expect(diff(state(image), { ...image, ...unknown })).toEqual({ ...update, replaces });
  });

  test("replaces an image that another version of Slipway wrote, when its hash is another", () => {
    const newer = { ...state(image), hash: "f".repeat(64), spec: newerSpec };
    expect(diff(newer, { ...image }, { kind: "missing" })).toEqual({ ...update, replaces: ["hash"] });
    const reason = `format image/v99 → ${FORMAT}, with another version of Slipway`;
    expect(lines).toEqual([`info: builds from the base, 2 steps: ${reason}`]);
  });

  test("does not mind another source path or order of the state's keys", () => {
    const olds = Object.fromEntries(Object.entries(state(image)).reverse());
    expect(diff(olds, { ...image }, { kind: "stored", digest })).toEqual(nothing);
  });

  test("reads states that have platforms and repository beside the spec", () => {
    const before = { ...toEarlierProps(makeInputs()), ...outputs };
    expect(diff(before, { ...image }, { kind: "stored", digest })).toEqual(nothing);
    expect(diff(before, { ...other }, { kind: "missing" })).toEqual({ ...update, replaces: ["hash"] });
    expect(lines).toEqual(["info: builds without new steps: - workdir /app"]);
  });

  test("reads states that have the spec's parts as properties", () => {
    const before = { ...makeInputs(), ...outputs };
    expect(diff(before, { ...image }, { kind: "stored", digest })).toEqual(nothing);
    expect(lines).toEqual([]);
    expect(diff(before, { ...other }, { kind: "missing" })).toEqual({ ...update, replaces: ["hash"] });
    expect(lines).toEqual(["info: builds without new steps: - workdir /app"]);
  });
});
