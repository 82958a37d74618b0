import { describe, expect, test } from "vitest";
import { nodeToPrefer, parseNodes, platformsOf } from "../../provider/builder-nodes";

/** As buildx 0.29 prints it. */
const inspected = (nodes: readonly string[]) =>
  `Name:          farm
Driver:        docker-container
Last Activity: 2026-11-26 07:16:52 +0000 UTC

Nodes:
${nodes.join("\n")}`;

const nodeOf = (name: string, platforms: string) => `Name:                  ${name}
Endpoint:              ssh://me@${name}
Status:                running
BuildKit daemon flags: --allow-insecure-entitlement=network.host
BuildKit version:      v0.26.3
${platforms === "" ? "" : `Platforms:             ${platforms}\n`}Labels:
 org.mobyproject.buildkit.worker.executor:         oci
GC Policy rule#0:
 All:            true
`;

const amd64 = nodeOf("one", "linux/amd64, linux/amd64/v2, linux/386, linux/arm64");
const arm64 = nodeOf("other", "linux/arm64, linux/arm/v7");

test("nodes are read with their platforms, the native one first", () => {
  const { nodes, ...builder } = parseNodes(inspected([amd64, arm64]));
  expect(builder).toEqual({ name: "farm", driver: "docker-container" });
  expect(nodes).toEqual([
    {
      name: "one",
      endpoint: "ssh://me@one",
      platforms: ["linux/amd64", "linux/amd64/v2", "linux/386", "linux/arm64"],
      own: ["linux/amd64"],
    },
    { name: "other", endpoint: "ssh://me@other", platforms: ["linux/arm64", "linux/arm/v7"], own: ["linux/arm64"] },
  ]);
});

test.each<[string, readonly string[], readonly string[] | undefined]>([
  [
    "of all nodes, each once",
    [amd64, arm64],
    ["linux/amd64", "linux/amd64/v2", "linux/386", "linux/arm64", "linux/arm/v7"],
  ],
  ["unknown when a node does not answer", [amd64, nodeOf("asleep", "")], undefined],
  ["unknown without nodes", [], undefined],
])("a builder's platforms are %s", (_what, nodes, platforms) => {
  expect(platformsOf(parseNodes(inspected(nodes)))).toEqual(platforms);
});

describe("the node to prefer", () => {
  const prefer = (platform: string, ...nodes: string[]) => nodeToPrefer(parseNodes(inspected(nodes)), platform)?.name;

  test("is the native one, where buildx would take one before it that emulates", () => {
    expect(prefer("linux/arm64", amd64, arm64)).toBe("other");
  });

  test.each<[string, string, readonly string[]]>([
    ["buildx takes the native one by itself", "linux/amd64", [amd64, arm64]],
    ["nobody is native", "linux/arm/v7", [amd64, arm64]],
    ["nobody can", "linux/s390x", [amd64, arm64]],
    ["the first was given the platform", "linux/arm64", [nodeOf("one", "linux/arm64*, linux/amd64"), arm64]],
  ])("is none where %s", (_what, platform, nodes) => {
    expect(prefer(platform, ...nodes)).toBeUndefined();
  });

  test("is the one that was given the platform by hand", () => {
    expect(
      prefer("linux/s390x", nodeOf("one", "linux/amd64, linux/s390x"), nodeOf("z", "linux/s390x*, linux/amd64")),
    ).toBe("z");
  });
});
