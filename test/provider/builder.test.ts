import { describeBuilder } from "../fakes/builder-contract";
import { FakeBuilder } from "../fakes/fake-builder";
import { digestOf, MemoryRegistry } from "../fakes/memory-registry";

describeBuilder("the fake builder", () => {
  const registry = new MemoryRegistry();
  return Promise.resolve({
    builder: new FakeBuilder(registry),
    registry,
    repository: { host: "registry.example", path: "images" },
    base: { reference: "registry.example/base", digest: digestOf(Buffer.from("base")) },
  });
});
