import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ECR_ACCOUNT, startEcr } from "../../tools/environment.mjs";
import { newWord, startTestRegistry } from "./registry";
import {
  cloneFolder,
  endWithFile,
  makeStack,
  makeTemporaryFolder,
  pulumi,
  readState,
  startPulumi,
  UNKNOWN,
  type Stack,
} from "./stack";
import { withNotedBuildx, withoutBuildkit } from "./trap";

// One image's life in ECR, in the order of the tests.
const european = { account: ECR_ACCOUNT, region: "eu-west-1" };
const american = { account: ECR_ACCOUNT, region: "us-west-2" };
const places = [european, american];
const word = newWord();
const digestForm = /^sha256:[0-9a-f]{64}$/;
let ecr: Awaited<ReturnType<typeof startEcr>>;
const buildx = withNotedBuildx();
const temporary = makeTemporaryFolder();
const docker = makeTemporaryFolder();
let stack: Stack;
let hash = "";
/** What the up printed, and what lay in the temporary folder while it ran. */
let printed = "";
let seenFiles: ReadonlyMap<string, string> = new Map();

beforeAll(async () => {
  const root = makeTemporaryFolder();
  const [registry, started] = await Promise.all([startTestRegistry(), startEcr({ root, places })]);
  ecr = started;
  endWithFile(ecr.stop);
  stack = await makeStack(
    { "index.ts": program() },
    {
      ...registry.env,
      ...ecr.env,
      ...buildx.env,
      TMPDIR: temporary,
      DOCKER_CONFIG: docker,
    },
  );
});

const hosts = () =>
  Object.fromEntries(places.map(({ account, region }) => [region, ecr.hosts[`${account}/${region}`]]));

/** `api` is in two regions; `made` in a repository whose address is not known before the program has run once. */
function program(): string {
  return `import * as pulumi from "@pulumi/pulumi"; import { Image } from "slipway"; import { BuiltImage, ecrRepository } from "slipway/pulumi";
const registryHost = ${JSON.stringify(hosts())};
const image = Image.debianSlim("3.11").runCommands("echo ${word} > /first");
const repository = ecrRepository({ name: "images", regions: ["eu-west-1", "us-west-2"], registryHost });
const api = new BuiltImage("api", { image, repository });
const other = new pulumi.Stash("other", { input: 1 });
const url = other.urn.apply(() => (pulumi.runtime.isDryRun() ? (pulumi.unknown as never) : "${ECR_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/made"));
const made = new BuiltImage("made", { image, repository: ecrRepository({ url, registryHost, create: true }) });
export const uri = api.uri;
export const ref = api.ref;
export const american = api.in("us-west-2").ref;
export const madeUri = made.uri;
`;
}

async function digestIn(place: typeof european): Promise<string | undefined> {
  const { body } = await ecr.ask(place, "BatchGetImage", { repositoryName: "images", imageIds: [{ imageTag: hash }] });
  return body.images?.[0]?.imageId.imageDigest;
}

/** Each file that a folder has or had while it was watched, by its path. */
function watchFiles(folder: string): { readonly stop: () => ReadonlyMap<string, string> } {
  const seen = new Map<string, string>();
  const look = () => readFiles(folder).forEach((text, path) => seen.set(path, `${seen.get(path) ?? ""}${text}`));
  const timer = setInterval(look, 100);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return seen;
    },
  };
}

function readFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isFile()) files.set(path, readFileSync(path, "utf8"));
      if (entry.isDirectory() && entry.name !== "node_modules")
        readFiles(path).forEach((text, at) => files.set(at, text));
    }
  } catch {
    // It went meanwhile.
  }
  return files;
}

/** The actions of the policy in docs/iam.md under a heading. */
function policy(heading: string): readonly string[] {
  const [, section = ""] = readFileSync(join(cloneFolder, "docs", "iam.md"), "utf8").split(heading);
  return [...(section.split("## ")[0] ?? "").matchAll(/"ecr:(\w+)"/g)].map(([, action = ""]) => action);
}

/** What ECR was asked since the last call of this. */
function takeCalls(): readonly string[] {
  return ecr.calls.splice(0);
}

test("a preview knows the uri of an image whose repository does not exist yet, and creates nothing", async () => {
  const run = await pulumi(stack, "preview", { env: withoutBuildkit().env });
  expect(run.exitCode, run.text).toBe(0);
  expect(run.outputs["uri"]).toMatch(new RegExp(`^${hosts()["eu-west-1"]}/images:[0-9a-f]{64}$`));
  expect(run.lines["api"]).toEqual(["info: builds from the base, 1 step: new image"]);
  expect(policy("## `pulumi preview`")).toEqual(expect.arrayContaining(takeCalls().map((call) => call.split(" ")[0])));
  expect((await ecr.ask(european, "DescribeRepositories", {})).body.repositories).toEqual([]);
  // Where an address is not known, the hash is, and the line says so.
  expect(run.inputs["made"]).toMatchObject({ hash: run.inputs["api"]?.["hash"], uri: UNKNOWN });
  expect(run.lines["made"]).toEqual(["info: the repository is not known yet, so neither is whether the image exists"]);
});

test("an up creates the repository in each region, builds, and the other region has the same bytes", async () => {
  ecr.tokens.lifeSeconds = 3;
  const going = startPulumi(stack, "up");
  const watched = watchFiles(temporary);
  const run = await going.ended;
  seenFiles = watched.stop();
  printed = run.text + JSON.stringify(run.lines);
  ecr.tokens.lifeSeconds = 43_200;
  expect(run.exitCode, run.text).toBe(0);
  hash = String(run.outputs["uri"]).split(":").at(-1) ?? "";
  const digest = await digestIn(european);
  expect(digest).toMatch(digestForm);
  expect(await digestIn(american)).toBe(digest);
  expect(run.outputs["ref"]).toBe(`${hosts()["eu-west-1"]}/images@${digest}`);
  expect(run.outputs["american"]).toBe(`${hosts()["us-west-2"]}/images@${digest}`);
  expect(run.outputs["madeUri"]).toBe(`${hosts()["eu-west-1"]}/made:${hash}`);
  expect(policy("## `pulumi up`")).toEqual(expect.arrayContaining(takeCalls().map((call) => call.split(" ")[0])));
});

test("no credential is in the state, a log, an argument, Docker's configuration or a temporary file", () => {
  const secrets = [...ecr.tokens.expiry.keys(), ecr.env["AWS_SECRET_ACCESS_KEY"] ?? ""];
  const places = new Map([
    ["the state", readFileSync(join(stack.folder, "state", ".pulumi", "stacks", "app", "dev.json"), "utf8")],
    ["what was printed", printed],
    ["the arguments of buildx", buildx.args()],
    ...seenFiles,
    ...readFiles(docker),
    ...readFiles(stack.folder),
  ]);
  expect(secrets.length).toBeGreaterThan(1);
  expect(buildx.args()).toContain("push-by-digest");
  expect([...seenFiles.keys()].some((name) => name.endsWith("docker-credential-slipway"))).toBe(true);
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(`AWS:${secret}`).toString("base64")]);
  const found = [...places].filter(([, text]) => forms.some((form) => text.includes(form))).map(([name]) => name);
  expect(found).toEqual([]);
});

test("a region that lost the image gets a copy, without a builder; what is there is no update", async () => {
  const digest = await digestIn(european);
  const imageIds = [{ imageDigest: digest }];
  await ecr.ask(american, "BatchDeleteImage", { repositoryName: "images", imageIds });
  const run = await pulumi(stack, "up", { env: withoutBuildkit().env });
  expect(run.exitCode, run.text).toBe(0);
  expect(run.changes).toEqual({ same: 3, update: 1 });
  expect(run.lines["api"]?.[0]).toBe("info: exists in eu-west-1, will be copied to us-west-2");
  expect(await digestIn(american)).toBe(digest);
});

test("a refresh that may not ask keeps the state and says which action is missing", async () => {
  const before = readState(stack)["api"];
  const message = "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:BatchGetImage";
  ecr.setOnCall(() => ({ status: 400, type: "AccessDeniedException", message }));
  const run = await pulumi(stack, "refresh");
  ecr.setOnCall(() => undefined);
  expect(run.exitCode, run.text).toBe(0);
  expect(run.lines["api"]?.[0]).toMatch(/^warning: kept as it is, .*may not ecr:BatchGetImage.*"Effect":"Allow"/);
  expect(readState(stack)["api"]?.outputs).toEqual(before?.outputs);
});

test("a preview that may ask ECR nothing goes on, and says on the image's line why it does not know", async () => {
  const message = "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:BatchGetImage";
  ecr.setOnCall((call) =>
    call.startsWith("BatchGetImage") ? { status: 400, type: "AccessDeniedException", message } : undefined,
  );
  const run = await pulumi(stack, "preview", { env: withoutBuildkit().env });
  ecr.setOnCall(() => undefined);
  expect(run.exitCode, run.text).toBe(0);
  expect(run.lines["api"]?.join("\n")).toMatch(/unknown.*may not ecr:BatchGetImage/);
});

test("an image that somebody deleted is seen by a plain up, built again, and told so", async () => {
  for (const place of places) {
    const imageIds = [{ imageDigest: await digestIn(place) }];
    await ecr.ask(place, "BatchDeleteImage", { repositoryName: "images", imageIds });
  }
  const run = await pulumi(stack, "up");
  expect(run.exitCode, run.text).toBe(0);
  expect(run.changes).toEqual({ same: 3, update: 1 });
  expect(await digestIn(european)).toMatch(digestForm);
  expect(await digestIn(american)).toBe(await digestIn(european));
});
