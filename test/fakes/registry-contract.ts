import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import type { Manifest, Registry, RepositoryAddress } from "../../provider/registry";
import { SlipwayError, type ErrorCode } from "../../sdk/error";
import { digestOf, toManifest } from "./memory-registry";

/** A registry under test, and what only its own side can do. */
export interface RegistryUnderTest {
  readonly registry: Registry;
  /** A host that answers; each test has a repository of its own there. */
  readonly host: string;
  readonly unreachableHost: string;
  /** A host that knows us not; `undefined` where there is none. */
  readonly deniedHost: string | undefined;
  /** What comes before the paths of the tests' repositories. Default none. */
  readonly prefix?: string;
  /** Where repositories do not come into being by a push. */
  readonly createRepository?: (repository: RepositoryAddress) => Promise<void>;
  readonly pushBlob: (repository: RepositoryAddress, bytes: Buffer) => Promise<string>;
}

/** What every Registry does. */
export function describeRegistry(name: string, make: () => Promise<RegistryUnderTest>): void {
  describe(name, () => {
    let its: RegistryUnderTest;
    beforeAll(async () => {
      its = await make();
    });
    const nameRepository = (): RepositoryAddress => ({
      host: its.host,
      path: `${its.prefix ?? ""}contract/${randomBytes(6).toString("hex")}`,
    });
    const newRepository = async (): Promise<RepositoryAddress> => {
      const repository = nameRepository();
      await its.createRepository?.(repository);
      return repository;
    };

    /** A manifest of a config and a layer, both stored. */
    async function pushParts(repository: RepositoryAddress, text: string): Promise<Manifest> {
      const config = Buffer.from(
        JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }),
      );
      const layer = Buffer.from(text);
      await its.pushBlob(repository, config);
      await its.pushBlob(repository, layer);
      return manifestOf(config, layer);
    }

    test("a repository that was never written to has nothing", async () => {
      const repository = nameRepository();
      expect(await its.registry.findDigest(repository, "latest")).toBeUndefined();
      expect(await its.registry.fetchManifest(repository, "latest")).toBeUndefined();
      expect(await its.registry.fetchManifest(repository, digestOf(Buffer.from("nothing")))).toBeUndefined();
      expect(await its.registry.hasBlob(repository, digestOf(Buffer.from("nothing")))).toBe(false);
    });

    test("a tag that nobody put is not there, though the repository is", async () => {
      const repository = await newRepository();
      await its.registry.putManifest(repository, "one", await pushParts(repository, "a"));
      expect(await its.registry.findDigest(repository, "two")).toBeUndefined();
      expect(await its.registry.fetchManifest(repository, "two")).toBeUndefined();
    });

    test("what was put under a tag is found by tag and by digest, byte for byte", async () => {
      const repository = await newRepository();
      const manifest = await pushParts(repository, "a");
      await its.registry.putManifest(repository, "one", manifest);
      expect(await its.registry.findDigest(repository, "one")).toBe(manifest.digest);
      expect(await its.registry.findDigest(repository, manifest.digest)).toBe(manifest.digest);
      expect(await its.registry.fetchManifest(repository, "one")).toEqual(manifest);
      expect(await its.registry.fetchManifest(repository, manifest.digest)).toEqual(manifest);
    });

    test("what was put under its digest has no tag", async () => {
      const repository = await newRepository();
      const manifest = await pushParts(repository, "a");
      await its.registry.putManifest(repository, manifest.digest, manifest);
      expect(await its.registry.findDigest(repository, manifest.digest)).toBe(manifest.digest);
      expect(await its.registry.findDigest(repository, "latest")).toBeUndefined();
    });

    test("a manifest under another digest than its own is refused", async () => {
      const repository = await newRepository();
      const manifest = await pushParts(repository, "a");
      const other = digestOf(Buffer.from("other"));
      await expectCode(its.registry.putManifest(repository, other, manifest), "REGISTRY_ANSWER");
      expect(await its.registry.findDigest(repository, other)).toBeUndefined();
    });

    test("a tag moves to what is put there later", async () => {
      const repository = await newRepository();
      await its.registry.putManifest(repository, "cache-one", await pushParts(repository, "a"));
      const second = await pushParts(repository, "b");
      await its.registry.putManifest(repository, "cache-one", second);
      expect(await its.registry.findDigest(repository, "cache-one")).toBe(second.digest);
    });

    test("an index is found with its own media type", async () => {
      const repository = await newRepository();
      const child = await pushParts(repository, "a");
      await its.registry.putManifest(repository, child.digest, child);
      const index = indexOf(child);
      await its.registry.putManifest(repository, "both", index);
      expect(await its.registry.fetchManifest(repository, "both")).toEqual(index);
    });

    test("a blob is there when it was pushed to that repository", async () => {
      const repository = await newRepository();
      const digest = await its.pushBlob(repository, Buffer.from("some bytes"));
      expect(await its.registry.hasBlob(repository, digest)).toBe(true);
      expect(await its.registry.hasBlob(await newRepository(), digest)).toBe(false);
    });

    test("a blob is fetched byte for byte, and one that is not there is none", async () => {
      const repository = await newRepository();
      const bytes = Buffer.from([0, 0xff, 10, 13]);
      const digest = await its.pushBlob(repository, bytes);
      expect(await its.registry.fetchBlob(repository, digest)).toEqual(bytes);
      expect(await its.registry.fetchBlob(nameRepository(), digest)).toBeUndefined();
    });

    test("a blob that was put is fetched byte for byte, and put again it is the same", async () => {
      const repository = await newRepository();
      const bytes = Buffer.from([0, 0xff, 10, 13]);
      await its.registry.putBlob(repository, digestOf(bytes), bytes);
      await its.registry.putBlob(repository, digestOf(bytes), bytes);
      expect(await its.registry.fetchBlob(repository, digestOf(bytes))).toEqual(bytes);
    });

    test("a blob under another digest than its own is refused", async () => {
      const repository = await newRepository();
      const other = digestOf(Buffer.from("other"));
      await expectCode(its.registry.putBlob(repository, other, Buffer.from("some bytes")), "REGISTRY_ANSWER");
      expect(await its.registry.hasBlob(repository, other)).toBe(false);
    });

    test("a manifest whose blobs are missing is refused", async () => {
      const repository = await newRepository();
      const config = Buffer.from("{}");
      await its.pushBlob(repository, config);
      const manifest = manifestOf(config, Buffer.from("never pushed"));
      await expectCode(its.registry.putManifest(repository, "one", manifest), "REGISTRY_ANSWER");
      expect(await its.registry.findDigest(repository, "one")).toBeUndefined();
    });

    test("an index whose children are missing is refused", async () => {
      const repository = await newRepository();
      const index = indexOf(manifestOf(Buffer.from("{}"), Buffer.from("never pushed")));
      await expectCode(its.registry.putManifest(repository, "one", index), "REGISTRY_ANSWER");
    });

    test("a registry that cannot be reached is an error that names it", async () => {
      const repository = { host: its.unreachableHost, path: "images" };
      const manifest = toManifest({ mediaType: MANIFEST_TYPE });
      for (const request of allRequests(its.registry, repository, manifest)) {
        const error = await expectCode(request, "REGISTRY_UNAVAILABLE");
        expect(error.message).toContain(`${its.unreachableHost}/images`);
      }
    });

    test("a registry that does not let us in is an error that names it", async ({ skip }) => {
      if (its.deniedHost === undefined) return skip("there is no host that denies us");
      const repository = { host: its.deniedHost, path: "images" };
      const manifest = toManifest({ mediaType: MANIFEST_TYPE });
      for (const request of allRequests(its.registry, repository, manifest)) {
        const error = await expectCode(request, "REGISTRY_DENIED");
        expect(error.message).toContain(`${its.deniedHost}/images`);
      }
    });

    test("a request that was given up is not made", async () => {
      const reason = new Error("stopped");
      await expect(its.registry.findDigest(nameRepository(), "one", AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

function manifestOf(config: Buffer, layer: Buffer): Manifest {
  return toManifest({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digestOf(layer), size: layer.length }],
  });
}

function indexOf(child: Manifest): Manifest {
  const platform = { architecture: "amd64", os: "linux" };
  const manifests = [{ mediaType: child.mediaType, digest: child.digest, size: child.bytes.length, platform }];
  return toManifest({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
}

function allRequests(
  registry: Registry,
  repository: RepositoryAddress,
  manifest: Manifest,
): readonly Promise<unknown>[] {
  const requests = [
    registry.findDigest(repository, "one"),
    registry.fetchManifest(repository, "one"),
    registry.hasBlob(repository, manifest.digest),
    registry.fetchBlob(repository, manifest.digest),
    registry.putManifest(repository, "one", manifest),
  ];
  // Each is looked at in its turn; until then its failure is not an unhandled one.
  for (const request of requests) request.catch(() => undefined);
  return requests;
}

/** The SlipwayError with this code that the work is to end with. */
export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<SlipwayError> {
  const error: unknown = await work.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof SlipwayError)) throw new Error(`${code} was expected`, { cause: error });
  expect(error.code, error.message).toBe(code);
  return error;
}
