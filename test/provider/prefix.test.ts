import { beforeEach, describe, expect, test } from "vitest";
import { PrefixPlans } from "../../provider/prefix-plans";
import type { PrefixPlan } from "../../provider/prefix";
import { publishImage, type PublishedImage } from "../../provider/publish";
import { SharedBuilds } from "../../provider/shared-builds";
import { hashImage } from "../../sdk/hash";
import { orderSteps, type ResolvedStep } from "../../sdk/spec";
import { FakeBuilder } from "../fakes/fake-builder";
import { MemoryRegistry } from "../fakes/memory-registry";
import { noSecrets } from "../fakes/secret-places";
import { specOf, treeOf } from "../sdk/specs";

const repository = { host: "registry.example", path: "images" };
const run = (command: string): ResolvedStep => ({ kind: "run", command });
const label = (name: string): ResolvedStep => ({ kind: "env", variables: { NAME: name } });

let registry: MemoryRegistry;
let builder: FakeBuilder;
let shared: SharedBuilds<PublishedImage>;
let plans: PrefixPlans;
let asked: string[];
beforeEach(() => {
  registry = new MemoryRegistry();
  builder = new FakeBuilder(registry);
  shared = new SharedBuilds();
  plans = new PrefixPlans();
  asked = [];
});

/** As a program plans them, all together. */
function planAll(images: readonly (readonly ResolvedStep[])[]): Promise<readonly PrefixPlan[]> {
  const find = (hash: string): Promise<string | undefined> => {
    asked.push(hash);
    return registry.findDigest(repository, hash);
  };
  return Promise.all(images.map((steps) => plans.plan({ specs: [specOf(steps)], place: "here", find })));
}

function publish(steps: readonly ResolvedStep[], prefixes: PrefixPlan | undefined, owner = "api") {
  return publishImage(registry, () => builder, {
    specs: [specOf(steps)],
    callSites: steps.map((_, index) => `program.ts:${index + 1}:1`),
    folder: "/nowhere",
    mirrors: [],
    repository,
    secretPlaces: noSecrets,
    prefixes,
    shared,
    owner,
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
}

async function upAll(images: readonly (readonly ResolvedStep[])[]) {
  const planned = await planAll(images);
  return Promise.allSettled(images.map((steps, index) => publish(steps, planned[index], `image-${index}`)));
}

const built = () =>
  builder.requests.map(({ spec, prefixSteps = 0 }) => `${prefixSteps}-${orderSteps(spec.steps).length}`);

describe("images of a program", () => {
  test("that share steps build them once, and then only what is theirs", async () => {
    const images = ["a", "b", "c"].flatMap((name) => [
      [run("one"), run(name)],
      [run("two"), run(name)],
    ]);
    const results = await upAll(images);
    expect(results.every(({ status }) => status === "fulfilled")).toBe(true);
    expect(built().toSorted()).toEqual(["0-1", "0-1", ...images.map(() => "1-2")]);
  });

  test("share where they part, and nowhere else", async () => {
    const [first] = await planAll([
      [run("a"), run("b"), run("c"), run("1")],
      [run("a"), run("b"), run("c"), run("2")],
      [run("a"), run("x"), run("y")],
    ]);
    expect(first).toEqual({ kept: [1, 3], stored: 0, shared: { steps: 3, images: 2 } });
  });

  test("of which one is the beginning of others build it once", async () => {
    const results = await upAll([
      [run("a"), run("b")],
      [run("a"), run("b"), run("c")],
      [run("a"), run("b"), run("d")],
    ]);
    expect(results.every(({ status }) => status === "fulfilled")).toBe(true);
    expect(built().toSorted()).toEqual(["0-2", "2-3", "2-3"]);
  });

  test("keep nothing of steps that cost nothing", async () => {
    expect(
      await planAll([
        [label("x"), run("1")],
        [label("x"), run("2")],
      ]),
    ).toEqual([
      { kept: [], stored: 0 },
      { kept: [], stored: 0 },
    ]);
  });

  test("whose shared steps fail have one error with the cause, and a line each that names the other", async () => {
    const results = await upAll(["a", "b", "c"].map((name) => [run("exit 1"), run(name)]));
    const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(errors.map(({ code }) => code)).toEqual(["BUILD_FAILED", "PREFIX_FAILED", "PREFIX_FAILED"]);
    expect(errors[0].callSite).toBe("program.ts:1:1");
    expect(errors[1].text).toBe("building: step 1, built with image-0, failed there.");
    expect(builder.requests).toHaveLength(1);
    expect(registry.tags).toEqual([]);
  });

  test("wait for those that are still resolved, and ask for each prefix once", async () => {
    let done: () => void = () => undefined;
    const late = plans.watch(new Promise<void>((resolve) => (done = resolve)));
    const early = planAll([[run("a"), run("1")]]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    done();
    await late;
    const [plan] = await planAll([[run("a"), run("2")]]);
    expect([(await early)[0]?.shared, plan?.shared]).toEqual([
      { steps: 1, images: 2 },
      { steps: 1, images: 2 },
    ]);
  });
});

describe("an image", () => {
  const copied: ResolvedStep = { kind: "workdir", path: "/app" };

  test("is built from the longest list of its steps that is stored", async () => {
    await publish([run("a")], undefined);
    await publish([run("a"), run("b")], undefined);
    builder.requests.length = 0;
    const [plan] = await planAll([[run("a"), run("b"), run("c"), run("d")]]);
    expect(plan?.stored).toBe(2);
    await publish([run("a"), run("b"), run("c"), run("d")], plan);
    expect(built()).toEqual(["2-4"]);
    const digest = await registry.findDigest(repository, hashImage([specOf([run("a"), run("b")])]));
    expect(builder.requests[0]?.from).toBe(`registry.example/images@${digest}`);
  });

  test("whose stored steps vanished meanwhile is built without them", async () => {
    await publish([run("a"), run("b")], { kept: [], stored: 1 });
    expect(built()).toEqual(["0-2"]);
  });

  test("that is stored costs one request, as ever", async () => {
    const steps = [run("a"), copied];
    await publish(steps, undefined);
    registry.requests.length = 0;
    await publish(steps, undefined);
    expect(registry.requests).toEqual([`GET registry.example/images manifests/${hashImage([specOf(steps)])}`]);
  });

  test("on a base whose triggers declare an ARG is built whole", async () => {
    builder.history = [{ created_by: "/bin/sh -c #(nop)  ONBUILD ARG X=1" }];
    await publish([run("a"), run("b")], { kept: [1], stored: 0 });
    expect(built()).toEqual(["0-1", "0-2"]);
  });

  test("is built whole where the builder cannot pull what is stored", async () => {
    builder.cannotPull = true;
    await publish([run("a"), run("b")], { kept: [1], stored: 0 });
    expect(built()).toEqual(["0-1", "1-2", "0-2"]);
    expect(registry.tags).toHaveLength(2);
  });

  test("has its part's failed step at its line and under its number", async () => {
    const copy: ResolvedStep = { kind: "copyFile", source: "a", destination: "/app/a", tree: treeOf("1") };
    await publish([run("exit 1"), copied, copy], undefined).catch(() => undefined);
    expect(builder.requests[0]).toMatchObject({ stepCount: 3, callSites: ["program.ts:1:1"] });
  });
});
