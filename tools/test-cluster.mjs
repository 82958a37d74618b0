// npm run test:cluster: the tests that need a Kubernetes, in the local one. Arguments go to vitest.
import { startCluster } from "./environment.mjs";
import { runTests } from "./local/run-tests.mjs";

await runTests({
  args: ["--project", "cluster", ...process.argv.slice(2)],
  env: { CLUSTER: "1" },
  prepare: async (log) => {
    const { took, started } = await startCluster({ log });
    log(`cluster   ${took}${started.length === 0 ? "; running already" : ""}`);
  },
});
