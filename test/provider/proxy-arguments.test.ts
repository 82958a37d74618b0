import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { refuseProxyArgs } from "../../provider/proxy-arguments";
import { SlipwayError } from "../../sdk/error";
import type { ResolvedSpec } from "../../sdk/spec";
import { makeFolder } from "../sdk/folder";

const proxies = { proxies: { default: { httpProxy: "http://user:hidden@proxy.example:3128" } } };

function specOf(text: string, buildArgs: Readonly<Record<string, string>> = {}): ResolvedSpec {
  const base = {
    kind: "dockerfile",
    source: "app/Dockerfile",
    context: "app",
    text,
    buildArgs,
    reads: [],
    tree: "",
  } as const;
  return { format: "image/v2", platform: "linux/amd64", base, steps: [] };
}

function commandsSpec(...commands: readonly string[]): ResolvedSpec {
  const base = { reference: "docker.io/acme/a:1", digest: "sha256:0" };
  return { format: "image/v2", platform: "linux/amd64", base, steps: [{ kind: "dockerfile", commands }] };
}

async function refusalOf(spec: ResolvedSpec, config: unknown = proxies): Promise<string | undefined> {
  const folder = makeFolder({ "config.json": JSON.stringify(config) });
  try {
    await refuseProxyArgs(spec, { DOCKER_CONFIG: folder }, undefined);
    return undefined;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    expect(error.code).toBe("INVALID_DOCKERFILE");
    return error.text.replace(join(folder, "config.json"), "config.json");
  }
}

const REFUSED = "ARG HTTP_PROXY would put the proxy of config.json into the image, where no hash sees it.";

describe("a proxy of the Docker configuration that an ARG would take up", () => {
  test.each([
    ["in an imported Dockerfile", specOf("FROM scratch\nARG HTTP_PROXY"), `app/Dockerfile: ${REFUSED}`],
    ["before the first FROM", specOf("ARG A HTTP_PROXY=x\nFROM scratch"), `app/Dockerfile: ${REFUSED}`],
    ["in dockerfileCommands", commandsSpec("USER a", "ARG HTTP_PROXY"), `dockerfileCommands: ${REFUSED}`],
  ])("is refused %s", async (_, spec, message) => {
    expect(await refusalOf(spec)).toBe(message);
  });

  test.each([
    ["the ARG is given", specOf("FROM scratch\nARG HTTP_PROXY", { HTTP_PROXY: "" })],
    ["the ARG is of a stage that is not needed", specOf("FROM scratch AS a\nARG HTTP_PROXY\nFROM scratch")],
    [
      "the ARG is of another proxy, or has a name that buildx does not give",
      specOf("FROM scratch\nARG FTP_PROXY http_proxy"),
    ],
    ["there is no ARG", commandsSpec("USER HTTP_PROXY")],
  ])("is nobody's business where %s", async (_, spec) => {
    expect(await refusalOf(spec)).toBeUndefined();
  });

  test("is not there without a configuration, or with one that has none", async () => {
    const spec = specOf("FROM scratch\nARG HTTP_PROXY");
    expect(await refusalOf(spec, { auths: {} })).toBeUndefined();
    await expect(refuseProxyArgs(spec, { DOCKER_CONFIG: "/gone" }, undefined)).resolves.toBeUndefined();
  });
});
