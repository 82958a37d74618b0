// A stand-in for Pulumi's language host for Node (pulumi-language-nodejs), used where the CLI was built from its
// Go modules: the engine starts it, reads a port from its stdout, and asks it to run the program.
import { createRequire } from "node:module";
import { answerWith } from "./answers.mjs";
import { ProgramRun } from "./program-run.mjs";

const clone = createRequire(import.meta.url);
const pulumi = createRequire(clone.resolve("@pulumi/pulumi/package.json"));
/** @type {typeof import("@grpc/grpc-js")} */
const grpc = pulumi("@grpc/grpc-js");

// The engine's address is the last argument; flags such as -tracing come before it.
const engineAddress =
  process.argv
    .slice(2)
    .filter((argument) => !argument.startsWith("-"))
    .at(-1) ?? "";
const run = new ProgramRun(engineAddress);
const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
server.addService(pulumi("@pulumi/pulumi/proto/language_grpc_pb").LanguageRuntimeService, answerWith({ pulumi, run }));
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});

let isEnding = false;
async function end() {
  if (isEnding) return;
  isEnding = true;
  await run.stop();
  process.exit(0);
}
process.on("SIGINT", () => void end());
process.on("SIGTERM", () => void end());
// The engine holds the other end of our stdin: when it is gone, however it went, nobody needs us or the program.
process.stdin.on("close", () => void end());
process.stdin.resume();
