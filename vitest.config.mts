import { defineConfig } from "vitest/config";

const needsRealParts = ["integration", "e2e", "cluster", "deep"];

/** Tests that use the local environment: slow, and each may keep a core busy, but waits for others a third of its time. */
function realParts(name: string, { timeoutMs = 120_000, maxWorkers = 3 } = {}) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      maxWorkers,
      sequence: { groupOrder: 1 }, // after the unit tests: what is broken there shows at once
    },
  };
}

/** Its nodes are everybody's: a test that breaks one must be alone. */
const clusterOptions = { timeoutMs: 300_000, maxWorkers: 1 };

export default defineConfig({
  test: {
    pool: "forks", // Pulumi cannot serialise the closures of a worker thread.
    passWithNoTests: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: needsRealParts.map((folder) => `test/${folder}/**`),
          testTimeout: 10_000,
        },
      },
      { extends: true, ...realParts("integration") },
      { extends: true, ...realParts("e2e") },
      ...(process.env["CLUSTER"] === "1" ? [{ extends: true as const, ...realParts("cluster", clusterOptions) }] : []), // npm run test:cluster
      ...(process.env["DEEP"] === "1" ? [{ extends: true as const, ...realParts("deep") }] : []), // npm run test:deep
    ],
  },
});
