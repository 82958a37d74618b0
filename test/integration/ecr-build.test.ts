import { afterEach, expect, test } from "vitest";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/buildx";
import { adoptImage } from "../../provider/commit";
import { dockerCredentials } from "../../provider/credentials";
import { Leftovers } from "../../provider/leftovers";
import { locateRepository } from "../../provider/locate";
import { placeImage, type BuildChoice } from "../../provider/place-image";
import { ecrRepository, type EcrByName } from "../../provider/ecr-repository";
import { ImageProgram } from "../../provider/program";
import { Registries } from "../../provider/registries";
import { readSettings } from "../../provider/settings";
import { Image } from "../../sdk/image";
import { noSecrets } from "../fakes/secret-places";
import { expectCode } from "../fakes/registry-contract";
import { hostOf, PLACE, REGION, useEcr } from "./ecr-parts";
import { environmentBuilder, newFolder, newName } from "./real-parts";

const OTHER = { account: "210987654321", region: REGION };
const ecr = useEcr([PLACE, OTHER]);
afterEach(() => {
  ecr().setOnCall(() => undefined);
  ecr().tokens.lifeSeconds = 43_200;
});

const nothing = { region: undefined, profile: undefined, assumeRoles: [] };
const hosts = () => ({ registryHost: hostOf(ecr()) });

interface Options {
  readonly build?: BuildChoice;
  readonly onProgress?: (text: string) => void;
}

/** What `pulumi up` does with an image. */
async function place(image: Image, args: EcrByName, { build = "auto", onProgress = () => undefined }: Options = {}) {
  const registries = new Registries(dockerCredentials({ DOCKER_CONFIG: "/nowhere" }));
  const places = registries.placesOf(await locateRepository(ecrRepository(args), nothing));
  const { mirrors } = readSettings(process.env);
  const program = new ImageProgram({ folder: process.cwd(), registry: registries.oci(), mirrors });
  const { specs, hash } = await program.resolve(image, ["linux/amd64"]);
  const folder = newFolder();
  const choice = parseBuilderChoice(environmentBuilder);
  const { findCredentials } = registries;
  const makeBuilder = () => new BuildkitBuilder(choice, new Leftovers(folder), process.env, { findCredentials });
  const placed = await placeImage(places, makeBuilder, {
    specs,
    callSites: image.callSites,
    folder: process.cwd(),
    mirrors,
    bases: registries.oci(),
    secretPlaces: noSecrets,
    onProgress: ({ text }) => onProgress(text),
    signal: new AbortController().signal,
    build,
  });
  const stored = await adoptImage(places.home.registry, places.home.address, hash);
  return { ...placed, hash, stored };
}

test("a token that ends between a private base and the push costs a second run of the same build", async () => {
  const name = newName();
  const target = { name, region: REGION, ...hosts() };
  const base = await place(Image.debianSlim("3.11").runCommands(`echo ${newName()} > /base`), target);
  ecr().tokens.lifeSeconds = 1.5;
  const lines: string[] = [];
  const image = Image.base(`${hostOf(ecr())}/${name}@${base.digest}`).runCommands(
    `sleep 3; echo ${newName()} > /first`,
  );
  const placed = await place(image, target, { onProgress: (text) => void lines.push(text) });
  expect(placed.stored?.digest).toBe(placed.digest);
  expect(lines).toContain("the registry's login ended meanwhile; once more with a new one");
});

test("another account's image is copied by digest, without a builder", async () => {
  const name = newName();
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const dev = { name, region: REGION, account: OTHER.account, registryHost: hostOf(ecr(), OTHER) };
  const built = await place(image, dev);
  const prod = { name, region: REGION, ...hosts(), copyFrom: [ecrRepository(dev)] };
  const copied = await place(image, prod, { build: "never" });
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
  await expectCode(place(image, { name: newName(), region: REGION, ...hosts() }, { build: "never" }), "NOT_STORED");
});

test("a repository that is not there and must not be created is told before anything is built", async () => {
  const image = Image.debianSlim("3.11").runCommands(`echo ${newName()}`);
  const error = await expectCode(
    place(image, { name: newName(), region: REGION, ...hosts(), create: false }),
    "REPOSITORY_MISSING",
  );
  expect(error.hint).toContain("create: true");
});

test("four that build one image at once end with one digest", async () => {
  const name = newName();
  const image = Image.debianSlim("3.11").runCommands(`echo ${name} > /first`);
  const all = await Promise.all(Array.from({ length: 4 }, () => place(image, { name, region: REGION, ...hosts() })));
  expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
});
