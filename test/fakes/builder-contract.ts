import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Builder, BuildRequest } from "../../provider/builder";
import type { Registry, RepositoryAddress } from "../../provider/registry";
import { FORMAT, type ImageSpec, type ResolvedSpec, type ResolvedStep } from "../../sdk/spec";
import { resolveSteps, TreeHashes } from "../../sdk/resolve";
import type { Step } from "../../sdk/step";
import { expectCode } from "./registry-contract";

/** A builder under test, with the registry that it pushes to. */
export interface BuilderUnderTest {
  readonly builder: Builder;
  readonly registry: Registry;
  readonly repository: RepositoryAddress;
  /** A base that the builder can get. */
  readonly base: { readonly reference: string; readonly digest: string };
}

/** What every Builder does. */
export function describeBuilder(name: string, make: () => Promise<BuilderUnderTest>): void {
  describe(name, () => {
    let its: BuilderUnderTest;
    let folder = "";
    beforeAll(async () => {
      its = await make();
    });
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "slipway-builder-"));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    function requestFor(steps: readonly ResolvedStep[], more: Partial<BuildRequest> = {}): BuildRequest {
      const spec: ResolvedSpec = { format: FORMAT, platform: "linux/amd64", base: its.base, steps };
      const from = `${its.base.reference}@${its.base.digest}`;
      const callSites = steps.map((_, index) => `program.ts:${index + 1}:1`);
      const { signal } = new AbortController();
      return {
        spec,
        callSites,
        folder,
        from,
        repository: its.repository,
        secrets: [],
        onProgress: () => undefined,
        signal,
        ...more,
      };
    }

    function resolve(steps: readonly Step[]): Promise<readonly ResolvedStep[]> {
      const spec: ImageSpec = { format: FORMAT, base: its.base.reference, steps, mounts: [] };
      return resolveSteps(spec, [], new TreeHashes(folder));
    }

    function copyOf(content: string): Promise<readonly ResolvedStep[]> {
      mkdirSync(join(folder, "app"), { recursive: true });
      writeFileSync(join(folder, "app", "main.py"), content);
      return resolve([{ kind: "copyDir", source: "app", destination: "/app" }]);
    }

    test("it pushes an image by digest and puts no tag", async () => {
      const steps = await copyOf("print(1)");
      const progress: string[] = [];
      const digest = await its.builder.build(requestFor(steps, { onProgress: ({ text }) => progress.push(text) }));
      const manifest = await its.registry.fetchManifest(its.repository, digest);
      expect(manifest?.digest).toBe(digest);
      expect(await its.registry.findDigest(its.repository, "latest")).toBeUndefined();
      expect(progress.length).toBeGreaterThan(0);
    });

    test("one spec gives one digest, another spec another", async () => {
      const first = await its.builder.build(requestFor(await copyOf("print(1)")));
      const again = await its.builder.build(requestFor(await copyOf("print(1)")));
      const other = await its.builder.build(requestFor(await copyOf("print(2)")));
      expect(again).toBe(first);
      expect(other).not.toBe(first);
    });

    test("a step that fails is an error with the user's line", async () => {
      const steps: readonly ResolvedStep[] = [
        { kind: "env", variables: { A: "1" } },
        { kind: "run", command: "exit 1" },
      ];
      const error = await expectCode(its.builder.build(requestFor(steps)), "BUILD_FAILED");
      expect(error.callSite).toBe("program.ts:2:1");
      expect(error.message).toContain("exit code 1");
    });

    test("files that are not those that were hashed are an error, and nothing is pushed", async () => {
      const steps = await copyOf("before");
      writeFileSync(join(folder, "app", "main.py"), "after");
      const error = await expectCode(its.builder.build(requestFor(steps)), "CONTEXT_CHANGED");
      expect(error.message).toContain("app");
    });

    test("files that are gone are an error that names them", async () => {
      const steps = await copyOf("before");
      rmSync(join(folder, "app"), { recursive: true });
      const error = await expectCode(its.builder.build(requestFor(steps)), "LOCAL_PATH");
      expect(error.message).toContain("app");
      expect(error.callSite).toBe("program.ts:1:1");
    });

    test("a build that was stopped before it began ends as cancelled", async () => {
      const request = requestFor(await copyOf("x"), { signal: AbortSignal.abort() });
      await expectCode(its.builder.build(request), "BUILD_CANCELLED");
    });
  });
}
