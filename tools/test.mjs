// npm test: all tests, in the local environment. Arguments go to vitest: npm test -- test/sdk -t "hash"
import { runTests } from "./local/run-tests.mjs";

await runTests({ args: process.argv.slice(2) });
