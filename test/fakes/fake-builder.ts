import type { Builder, BuildRequest } from "../../provider/builder";
import { SlipwayError } from "../../sdk/error";
import { hashSpec } from "../../sdk/hash";
import { hashSource } from "../../sdk/sources";
import { isSourceStep } from "../../sdk/step";
import { toManifest, type MemoryRegistry } from "./memory-registry";

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

/** Builds nothing: stores a manifest that the spec alone decides. A step that runs `exit 1` fails. */
export class FakeBuilder implements Builder {
  /** What was asked for. */
  readonly requests: BuildRequest[] = [];
  /** Of every image that it builds. */
  history: readonly { readonly created_by: string }[] = [];
  /** Whether it may push to the repository and not pull. */
  cannotPull = false;
  /** Of which it runs steps; `undefined` where it does not tell. */
  platforms: readonly string[] | undefined = ["linux/amd64", "linux/arm64"];
  readonly #registry: MemoryRegistry;

  constructor(registry: MemoryRegistry) {
    this.#registry = registry;
  }

  async build(request: BuildRequest): Promise<string> {
    this.requests.push(request);
    if (request.signal.aborted) throw new SlipwayError({ code: "BUILD_CANCELLED", text: "building: it was stopped." });
    if (this.cannotPull && (request.prefixSteps ?? 0) > 0) {
      throw new SlipwayError({ code: "BUILD_FAILED", text: `building: failed to copy ${request.from}: 403.` });
    }
    for (const [index, step] of request.spec.steps.entries()) {
      const callSite = request.callSites[index];
      request.onProgress({ text: `building ${index + 1}/${request.spec.steps.length}: ${step.kind}` });
      if (step.kind === "run" && step.command === "exit 1") {
        throw new SlipwayError({ code: "BUILD_FAILED", text: "building: exit code 1", callSite });
      }
      if (isSourceStep(step) && (await hashSource(step, request.folder, callSite)).tree !== step.tree) {
        throw new SlipwayError({ code: "CONTEXT_CHANGED", text: `${step.source}: it changed after it was hashed.` });
      }
    }
    const manifest = this.#push(request);
    await this.#registry.putManifest(request.repository, manifest.digest, manifest, request.signal);
    return manifest.digest;
  }

  readPlatforms(): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.platforms);
  }

  #push({ spec, repository }: BuildRequest) {
    const config = Buffer.from(
      JSON.stringify({ architecture: spec.platform, made: hashSpec(spec), history: this.history }),
    );
    const layer = Buffer.from(`layer of ${hashSpec(spec)}`);
    const rewritten = { "buildkit/rewritten-timestamp": "0" };
    return toManifest({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: this.#registry.addBlob(repository, config), size: config.length },
      layers: [
        {
          mediaType: LAYER_TYPE,
          digest: this.#registry.addBlob(repository, layer),
          size: layer.length,
          annotations: rewritten,
        },
      ],
    });
  }
}
