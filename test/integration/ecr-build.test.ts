import { writeFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { ecrRepository } from "../../provider/ecr-repository";
import { locateRepository } from "../../provider/locate";
import { Image } from "../../sdk/image";
import { expectCode } from "../fakes/registry-contract";
import { hostOf, PLACE, REGION, useEcr } from "./ecr-parts";
import { noAwsSettings as nothing, placeInEcr } from "./ecr-place";
import { pushBase } from "./platform-base";
import { newFolder, newName } from "./real-parts";

const OTHER = { account: "210987654321", region: REGION };
const ecr = useEcr([PLACE, OTHER]);
afterEach(() => {
  ecr().setOnCall(() => undefined);
  ecr().setOnRequest(() => undefined);
  ecr().tokens.lifeSeconds = 43_200;
});

const hosts = () => ({ registryHost: hostOf(ecr()) });

test("a token that ends between a private base and the push costs a second run of the same build", async () => {
  const name = newName();
  const target = { name, region: REGION, ...hosts() };
  const base = await placeInEcr(Image.debianSlim("3.11").runCommands(`echo ${newName()} > /base`), target);
  ecr().tokens.lifeSeconds = 1.5;
  const lines: string[] = [];
  const image = Image.base(`${hostOf(ecr())}/${name}@${base.digest}`).runCommands(
    `sleep 3; echo ${newName()} > /first`,
  );
  const placed = await placeInEcr(image, target, { onProgress: (text) => void lines.push(text) });
  expect(placed.stored?.digest).toBe(placed.digest);
  expect(lines).toContain("the registry's login ended meanwhile; once more with a new one");
});

test("build cache is written beside the images, under a tag that moves though hash tags do not", async () => {
  const target = { name: newName(), region: REGION, ...hosts() };
  process.chdir(newFolder());
  const settings = { cache: { to: "main", from: ["main"] } };
  const base = await pushBase(["amd64"]);
  const digests: unknown[] = [];
  for (const content of ["one", "two"]) {
    writeFileSync("file", content);
    await placeInEcr(Image.base(base).addLocalFile("file", "/srv/file", { strategy: "copy" }), target, { settings });
    const imageIds = [{ imageTag: "cache-main-amd64" }];
    const { body } = await ecr().ask(PLACE, "BatchGetImage", { repositoryName: target.name, imageIds });
    digests.push(body.images?.[0]?.imageId?.imageDigest);
  }
  expect(digests).toEqual([expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)]);
  expect(digests[1]).not.toBe(digests[0]);
});

test("another account's image is copied by digest, without a builder", async () => {
  const name = newName();
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const dev = { name, region: REGION, account: OTHER.account, registryHost: hostOf(ecr(), OTHER) };
  const built = await placeInEcr(image, dev);
  const prod = { name, region: REGION, ...hosts(), copyFrom: [ecrRepository(dev)] };
  const copied = await placeInEcr(image, prod, { build: "never" });
  expect(copied).toMatchObject({ digest: built.digest, reused: true });
  expect(copied.stored?.digest).toBe(built.digest);
});

test("a role of another account is assumed, and its account is the repository's", async () => {
  const name = newName();
  const assumeRole = { roleArn: `arn:aws:iam::${OTHER.account}:role/deploy` };
  const located = await locateRepository(
    ecrRepository({ name, region: REGION, assumeRole, endpoint: ecr().endpoint }),
    nothing,
  );
  expect(located.repository).toBe(`${OTHER.account}.dkr.ecr.${REGION}.amazonaws.com/${name}`);
  expect(located.ecr).toMatchObject({ account: OTHER.account, assumeRoles: [assumeRole] });
});

test("an image that must not be built and is stored nowhere is an error", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()}`);
  await expectCode(
    placeInEcr(image, { name: newName(), region: REGION, ...hosts() }, { build: "never" }),
    "NOT_STORED",
  );
});

test("a repository that is not there and must not be created is told before anything is built", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()}`);
  const error = await expectCode(
    placeInEcr(image, { name: newName(), region: REGION, ...hosts(), create: false }),
    "REPOSITORY_MISSING",
  );
  expect(error.hint).toContain("create: true");
});

test("four that build one image at once end with one digest", async () => {
  const name = newName();
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const all = await Promise.all(
    Array.from({ length: 4 }, () => placeInEcr(image, { name, region: REGION, ...hosts() })),
  );
  expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
});

test("a layer that the registry does not know for a moment costs a second run of the same build", async () => {
  const name = newName();
  let unknown = 1;
  ecr().setOnRequest((method, pathname) =>
    method === "PUT" && pathname.includes("/manifests/") && (unknown -= 1) === 0
      ? { status: 400, code: "BLOB_UNKNOWN", message: `blob sha256:${"a".repeat(64)} unknown to registry` }
      : undefined,
  );
  const lines: string[] = [];
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const target = { name, region: REGION, ...hosts() };
  const placed = await placeInEcr(image, target, { onProgress: (text) => void lines.push(text) });
  expect(placed.stored?.digest).toBe(placed.digest);
  expect(lines).toContain("the registry failed; once more with what is in the builder's cache");
});

const USER = "arn:aws:sts::123456789012:assumed-role/ci/1";

test.each([
  ["POST", "/blobs/uploads/", "InitiateLayerUpload"],
  ["PUT", "/blobs/uploads/", "CompleteLayerUpload"],
  ["PUT", "/manifests/", "PutImage"],
])("a push whose %s %s is denied names ecr:%s and the statement to add", async (method, part, action) => {
  const name = newName();
  const arn = `arn:aws:ecr:${REGION}:${PLACE.account}:repository/${name}`;
  const message = `User: ${USER} is not authorized to perform: ecr:${action} on resource: ${arn} because no identity-based policy allows the ecr:${action} action`;
  ecr().setOnRequest((asked, pathname) =>
    asked === method && pathname.includes(part) ? { status: 403, code: "DENIED", message } : undefined,
  );
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const error = await expectCode(placeInEcr(image, { name, region: REGION, ...hosts() }), "REGISTRY_DENIED");
  expect(error.text).toContain(`may not ecr:${action}.`);
  expect(error.hint).toContain(JSON.stringify({ Effect: "Allow", Action: `ecr:${action}`, Resource: arn }));
  expect((await ecr().ask(PLACE, "ListImages", { repositoryName: name })).body.imageIds).toEqual([]);
});
