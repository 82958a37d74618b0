import { expect, test } from "vitest";
import { pushBase } from "../integration/platform-base";
import { newName, newRepository, registry } from "../integration/real-parts";
import { parseRepository } from "../../sdk/reference";
import { IMPORTS, makeStack, pulumi, writeFiles } from "./stack";

test("an image for two platforms has each one's digest, and stays as it is whatever is said of its builder", async () => {
  const base = await pushBase(["amd64", "arm64"]);
  const repository = newRepository();
  const program = (builder: string) => `${IMPORTS}
const image = Image.base("${base}").addLocalFile("file", "/srv/file", { strategy: "copy" });
const platforms = ["linux/arm64", "linux/amd64"];
const built = new BuiltImage("both", { image, repository: "${repository}", platforms, builder: ${builder} });
export const { digest, platformDigests, handle } = built;
`;
  const stack = await makeStack({ "index.ts": program("{}"), file: newName() });
  const up = await pulumi(stack, "up");
  expect(up.exitCode, up.text).toBe(0);
  const { digest, platformDigests, handle } = up.outputs;
  const index = await registry.fetchManifest(parseRepository(repository), String(digest));
  const { manifests }: Index = JSON.parse(index?.bytes.toString("utf8") ?? "{}");
  const listed = manifests.map(({ digest: own, platform }) => [`linux/${platform.architecture}`, own]);
  expect(listed).toHaveLength(2);
  expect(platformDigests).toEqual(Object.fromEntries(listed));
  expect(handle).toMatchObject({ platforms: ["linux/amd64", "linux/arm64"], platformDigests });

  const other = `{ name: "nobody", compression: "zstd", cache: { to: "main" }, maxConcurrency: 9, timeoutSeconds: 60 }`;
  writeFiles(stack.folder, { "index.ts": program(other) });
  const again = await pulumi(stack, "up");
  expect(again.exitCode, again.text).toBe(0);
  expect(Object.keys(again.changes)).toEqual(["same"]);
  expect(again.outputs).toEqual(up.outputs);
});

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}
