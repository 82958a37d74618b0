import { describeRegistry } from "../fakes/registry-contract";
import { MemoryRegistry } from "../fakes/memory-registry";

describeRegistry("the registry in memory", () => {
  const registry = new MemoryRegistry();
  registry.unreachableHosts.add("gone.example");
  registry.deniedHosts.add("closed.example");
  return Promise.resolve({
    registry,
    host: "registry.example",
    unreachableHost: "gone.example",
    deniedHost: "closed.example",
    pushBlob: (repository, bytes) => Promise.resolve(registry.addBlob(repository, bytes)),
  });
});
