import { afterEach, describe, expect, test } from "vitest";
import { parseEcrHost } from "../../provider/ecr-address";
import { EcrRegistry } from "../../provider/ecr-registry";
import { OciRegistry } from "../../provider/oci-registry";
import type { Manifest } from "../../provider/registry";
import { parseRepository } from "../../sdk/reference";
import { anyFreePort } from "../../tools/local/registry.mjs";
import { HttpServer } from "../fakes/http-server";
import { digestOf, toManifest } from "../fakes/memory-registry";
import { describeRegistry, expectCode } from "../fakes/registry-contract";
import { byHost, hostOf, PLACE, pushBlob, REGION, useEcr } from "./ecr-parts";

const ecr = useEcr();
const closed = new HttpServer();
afterEach(() => ecr().setOnCall(() => undefined));

describeRegistry("ECR, played by moto", async () => {
  const host = hostOf(ecr());
  const registry = new EcrRegistry({ ...PLACE, endpoint: ecr().endpoint });
  const unreachableHost = `127.0.0.1:${await anyFreePort()}`;
  const gone = { ...PLACE, endpoint: `http://${unreachableHost}` };
  closed.reset(({ method }, response) => {
    if (method === "POST") response.writeHead(400, { "x-amzn-errortype": DENIAL.__type }).end(JSON.stringify(DENIAL));
    else response.writeHead(403).end();
  });
  return {
    registry: byHost({
      [host]: registry,
      [unreachableHost]: new EcrRegistry(gone, { attempts: 2 }),
      [closed.host]: new EcrRegistry({ ...PLACE, endpoint: `http://${closed.host}` }),
    }),
    host,
    unreachableHost,
    deniedHost: closed.host,
    createRepository: (repository) => registry.createRepository(repository, { scanOnPush: false }),
    pushBlob: async (repository, bytes) => {
      await pushBlob(registry, repository, bytes);
      return digestOf(bytes);
    },
  };
});

describe("ECR", () => {
  const repositoryOf = (path: string) => ({ host: hostOf(ecr()), path });
  const connect = () => new EcrRegistry({ ...PLACE, endpoint: ecr().endpoint });

  /** A manifest of an empty config and one layer, whose blobs are stored. */
  async function pushParts(registry: EcrRegistry, path: string, text: string): Promise<Manifest> {
    const [config, layer] = [Buffer.from("{}"), Buffer.from(text)];
    for (const blob of [config, layer]) await pushBlob(registry, repositoryOf(path), blob);
    const part = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
    return toManifest({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: part("application/vnd.oci.image.config.v1+json", config),
      layers: [part("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    });
  }

  test("is asked for 500 images in five calls", async () => {
    const registry = connect();
    const hashes = Array.from({ length: 500 }, (_, index) => String(index).padStart(64, "0"));
    const before = ecr().calls.length;
    const found = await Promise.all(hashes.map((hash) => registry.findDigest(repositoryOf("many"), hash)));
    expect(new Set(found)).toEqual(new Set([undefined]));
    expect(ecr().calls.slice(before)).toEqual(Array(5).fill(`BatchGetImage ${REGION}`));
  });

  test("gets a repository whose tags are immutable but for the cache's, with rules for what may go", async () => {
    await connect().createRepository(repositoryOf("made"), { scanOnPush: true });
    const { body } = await ecr().ask(PLACE, "DescribeRepositories", { repositoryNames: ["made"] });
    expect(body.repositories).toMatchObject([
      {
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters: [{ filterType: "WILDCARD", filter: "cache-*" }],
        imageScanningConfiguration: { scanOnPush: true },
      },
    ]);
    const rules = await ecr().ask(PLACE, "GetLifecyclePolicy", { repositoryName: "made" });
    expect(JSON.parse(rules.body.lifecyclePolicyText).rules).toMatchObject([
      { selection: { tagStatus: "tagged", tagPatternList: ["cache-*"], countNumber: 14 } },
      { selection: { tagStatus: "untagged", countNumber: 7 } },
    ]);
  });

  const readRules = async (name: string) =>
    (await ecr().ask(PLACE, "GetLifecyclePolicy", { repositoryName: name })).body.lifecyclePolicyText;

  test("gets the rules from the next run where the one that created the repository ended before them", async () => {
    const repository = repositoryOf("half-made");
    ecr().setOnCall((call) =>
      call.startsWith("PutLifecyclePolicy") ? { status: 400, type: "AccessDeniedException" } : undefined,
    );
    const error = await expectCode(connect().createRepository(repository, { scanOnPush: false }), "REGISTRY_DENIED");
    expect(error.message).toContain('"Action":"ecr:PutLifecyclePolicy"');
    ecr().setOnCall(() => undefined);
    expect(await readRules("half-made")).toBeUndefined();
    const next = connect();
    await next.findDigest(repository, "one");
    await next.createRepository(repository, { scanOnPush: false });
    expect(JSON.parse(await readRules("half-made")).rules).toHaveLength(2);
  });

  test("gets no rules where somebody else made the repository, or chose others", async () => {
    await ecr().ask(PLACE, "CreateRepository", { repositoryName: "theirs" });
    await connect().createRepository(repositoryOf("theirs"), { scanOnPush: false });
    expect(await readRules("theirs")).toBeUndefined();
    await connect().createRepository(repositoryOf("changed"), { scanOnPush: false });
    const before = JSON.stringify({ rules: [JSON.parse(await readRules("changed")).rules[1]] });
    await ecr().ask(PLACE, "PutLifecyclePolicy", { repositoryName: "changed", lifecyclePolicyText: before });
    await connect().createRepository(repositoryOf("changed"), { scanOnPush: false });
    expect(await readRules("changed")).toBe(before);
  });

  test("is not asked for rules twice by one process, and a run that may not see them goes on", async () => {
    const registry = connect();
    await registry.createRepository(repositoryOf("kept"), { scanOnPush: false });
    ecr().setOnCall((call) =>
      call.startsWith("GetLifecyclePolicy") ? { status: 400, type: "AccessDeniedException" } : undefined,
    );
    const before = ecr().calls.length;
    await registry.createRepository(repositoryOf("kept"), { scanOnPush: false });
    expect(ecr().calls.length).toBe(before);
    await connect().createRepository(repositoryOf("kept"), { scanOnPush: false });
  });

  test("is given the same repository twice without harm", async () => {
    const create = () => connect().createRepository(repositoryOf("twice"), { scanOnPush: false });
    await Promise.all([create(), create(), create()]);
    await create();
    const { body } = await ecr().ask(PLACE, "DescribeRepositories", { repositoryNames: ["twice"] });
    expect(body.repositories).toHaveLength(1);
  });

  test("takes the same manifest under an immutable tag again, and no other one", async () => {
    const registry = connect();
    const repository = repositoryOf("immutable");
    await registry.createRepository(repository, { scanOnPush: false });
    const first = await pushParts(registry, "immutable", "a");
    await registry.putManifest(repository, "one", first);
    await registry.putManifest(repository, "one", first);
    const second = await pushParts(registry, "immutable", "b");
    await expectCode(registry.putManifest(repository, "one", second), "TAG_TAKEN");
    expect(await registry.findDigest(repository, "one")).toBe(first.digest);
  });

  test("keeps its immutable tags also from a registry client that knows nothing of ECR", async () => {
    const registry = connect();
    const repository = repositoryOf("immutable-oci");
    await registry.createRepository(repository, { scanOnPush: false });
    const plain = new OciRegistry({ findCredentials: () => registry.fetchCredentials() });
    const first = await pushParts(registry, "immutable-oci", "a");
    await plain.putManifest(repository, "one", first);
    await plain.putManifest(repository, "one", first);
    await expectCode(
      plain.putManifest(repository, "one", await pushParts(registry, "immutable-oci", "b")),
      "TAG_TAKEN",
    );
    expect(await plain.findDigest(repository, "one")).toBe(first.digest);
  });

  test("is asked again with a new token when one has expired", async () => {
    const registry = connect();
    const repository = repositoryOf("expiring");
    await registry.createRepository(repository, { scanOnPush: false });
    ecr().tokens.lifeSeconds = 0.5;
    const { layers } = JSON.parse((await pushParts(registry, "expiring", "a")).bytes.toString("utf8"));
    expect(await registry.hasBlob(repository, layers[0].digest)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await registry.hasBlob(repository, layers[0].digest)).toBe(true);
    ecr().tokens.lifeSeconds = 43_200;
  });

  test("says which action is missing and which statement allows it", async () => {
    ecr().setOnCall(() => ({ status: 400, type: DENIAL.__type, message: DENIAL.message }));
    const error = await expectCode(connect().findDigest(repositoryOf("images"), "one"), "REGISTRY_DENIED");
    expect(error.text).toContain("arn:aws:iam::123456789012:user/ci may not ecr:BatchGetImage.");
    expect(error.hint).toContain(
      `{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"arn:aws:ecr:eu-west-1:123456789012:repository/images"}`,
    );
  });

  test("is tried again when it fails", async () => {
    let count = 0;
    ecr().setOnCall(() => ((count += 1) === 1 ? { status: 500, type: "ServerException" } : undefined));
    expect(await connect().findDigest(repositoryOf("images"), "one")).toBeUndefined();
    expect(count).toBe(2);
  });
});

const DENIAL = {
  __type: "AccessDeniedException",
  message:
    "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/images because no identity-based policy allows the ecr:BatchGetImage action",
};

/** `SLIPWAY_TEST_ECR=<account>.dkr.ecr.<region>.amazonaws.com/<prefix>` runs the same on a real account. */
const real = process.env["SLIPWAY_TEST_ECR"];
if (real === undefined) test.skip("a real account: SLIPWAY_TEST_ECR names none", () => undefined);
else {
  describeRegistry("ECR", async () => {
    const { host, path } = parseRepository(real);
    const place = parseEcrHost(host) ?? PLACE;
    const unreachableHost = `127.0.0.1:${await anyFreePort()}`;
    const registry = new EcrRegistry({ ...place, endpoint: `https://api.ecr.${place.region}.amazonaws.com` });
    const gone = new EcrRegistry({ ...place, endpoint: `http://${unreachableHost}` }, { attempts: 2 });
    return {
      registry: byHost({ [host]: registry, [unreachableHost]: gone }),
      host,
      unreachableHost,
      deniedHost: undefined,
      prefix: `${path}/`,
      createRepository: (repository) => registry.createRepository(repository, { scanOnPush: false }),
      pushBlob: async (repository, bytes) => {
        await pushBlob(registry, repository, bytes);
        return digestOf(bytes);
      },
    };
  });
}
