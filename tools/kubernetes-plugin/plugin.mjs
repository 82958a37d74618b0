// A stand-in for Pulumi's Kubernetes plugin (pulumi-resource-kubernetes), used where the CLI was built from its Go
// modules: objects are created and changed by server-side apply on a real cluster, and previewed by a dry run of it.
import { createRequire } from "node:module";
import { ObjectStore } from "./object-store.mjs";
import { answerWith } from "./answers.mjs";

const clone = createRequire(import.meta.url);
const pulumi = createRequire(clone.resolve("@pulumi/pulumi/package.json"));
/** @type {typeof import("@grpc/grpc-js")} */
const grpc = pulumi("@grpc/grpc-js");
/** @type {{ version: string }} */
const sdk = clone("@pulumi/kubernetes/package.json");

const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
server.addService(
  pulumi("@pulumi/pulumi/proto/provider_grpc_pb").ResourceProviderService,
  answerWith({ pulumi, version: sdk.version, makeStore: (config) => new ObjectStore(config) }),
);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.on("SIGINT", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
