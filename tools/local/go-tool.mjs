import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand, tryCommand } from "./command.mjs";
import { withElapsed } from "./elapsed.mjs";
import { cacheFolder, cloneFolder, makeFolder } from "./folders.mjs";
import { Problem } from "./problem.mjs";
import { identify } from "./process-identity.mjs";

/** @typedef {import("./elapsed.mjs").Log} Log */

/**
 * The tools that we can build: the module that carries each version, and why the environment needs it.
 * Versions stand in tools/go/<name>/go.mod and nowhere else.
 */
const tools = Object.freeze({
  pulumi: {
    module: "github.com/pulumi/pulumi/pkg/v3",
    why: "the Pulumi CLI that runs the programs",
    tags: ["osusergo", "grpcnotrace"],
    versionVariable: "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
  },
  buildkitd: {
    module: "github.com/moby/buildkit",
    why: "BuildKit, which builds the images where no Docker engine runs",
  },
  buildx: { module: "github.com/docker/buildx", why: "buildx, the client of BuildKit" },
  registry: { module: "github.com/distribution/distribution/v3", why: "the local registry that stores the images" },
  "dockerfile-reader": {
    module: "github.com/moby/buildkit",
    why: "BuildKit's own Dockerfile parser, which tests read Dockerfiles with",
  },
});

/**
 * @typedef {keyof typeof tools} GoToolName
 *
 * @typedef {object} GoTool
 * @property {string} path the executable
 * @property {string} took where it was taken from, for the user
 */

/**
 * An executable built from the Go modules pinned in tools/go/<name>, from the cache when it was built before.
 * @param {GoToolName} name
 * @param {Log} log
 * @returns {Promise<GoTool>}
 */
export async function buildGoTool(name, log) {
  const folder = join(cloneFolder, "tools", "go", name);
  const modFile = readFileSync(join(folder, "go.mod"), "utf8");
  const pins = createHash("sha256")
    .update(modFile)
    .update(readFileSync(join(folder, "go.sum")));
  for (const file of ownFiles(folder)) pins.update(readFileSync(join(folder, file)));
  const version = pinnedVersion(modFile, tools[name].module);
  const target = join(cacheFolder(), "bin", `${name}-${version}-${pins.digest("hex").slice(0, 12)}`);
  const path = join(target, name);
  if (existsSync(path)) return { path, took: `built from Go modules (${version}) earlier` };

  await requireGo(name);
  makeFolder(target);
  removeAbandoned(target);
  // Built beside its place and renamed: two builds at once, or one that is interrupted, leave no half a file there.
  const partial = `${path}.${process.pid}.partial`;
  try {
    const { seconds } = await withElapsed(log, `building ${name} ${version} from Go modules`, () =>
      runCommand("go", buildArgs(name, version, partial, modFile), {
        cwd: folder,
        env: { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" },
        todo: `${name} is ${tools[name].why}. Its pinned modules are in tools/go/${name}; the Go module proxy must be reachable.`,
      }),
    );
    renameSync(partial, path);
    return { path, took: `built from Go modules (${version}) in ${seconds} s` };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** A tool of our own brings its source; the others are in modules. @param {string} folder */
function ownFiles(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".go"))
    .sort();
}

/** What a build left that was killed: it is as large as the tool. @param {string} target */
function removeAbandoned(target) {
  for (const name of readdirSync(target)) {
    const builder = /\.(\d+)\.partial$/.exec(name)?.[1];
    if (builder !== undefined && !identify(Number(builder))) rmSync(join(target, name), { force: true });
  }
}

/** The version that is pinned for a tool, like v3.259.0. @param {GoToolName} name @returns {string} */
export function readPinnedVersion(name) {
  return pinnedVersion(readFileSync(join(cloneFolder, "tools", "go", name, "go.mod"), "utf8"), tools[name].module);
}

/** @param {string} modFile @param {string} module @returns {string} */
function pinnedVersion(modFile, module) {
  const requirements = modFile.split("\n").map((line) => line.replace(/^require /, "").trim());
  const version = requirements.find((line) => line.startsWith(`${module} v`))?.split(" ")[1];
  if (!version) throw new Error(`tools/go: go.mod does not require ${module}`);
  return version;
}

/** @param {GoToolName} name @param {string} version @param {string} output @param {string} modFile @returns {string[]} */
function buildArgs(name, version, output, modFile) {
  const tool = tools[name];
  const command = /^tool (\S+)$/m.exec(modFile)?.[1] ?? tool.module;
  const stamp = "versionVariable" in tool ? ` -X ${tool.versionVariable}=${version}` : "";
  const tags = "tags" in tool ? ["-tags", tool.tags.join(",")] : [];
  return ["build", "-buildvcs=false", "-trimpath", ...tags, "-ldflags", `-s -w${stamp}`, "-o", output, command];
}

/** @param {GoToolName} name */
async function requireGo(name) {
  const { code, stdout } = await tryCommand("go", ["env", "GOVERSION"]);
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout.trim()) ?? [];
  // 1.24 reads `tool` lines; a newer Go that a module asks for, it fetches by itself.
  if (code === 0 && (Number(major) > 1 || Number(minor) >= 24)) return;
  throw new Problem({
    doing: `Building ${name} (${tools[name].why})`,
    found:
      code === 0
        ? `Go is too old: ${stdout.trim()}, 1.24 or newer is needed`
        : "it is not installed and there is no Go to build it",
    todo: installHint(name),
  });
}

/** @param {GoToolName} name @returns {string} */
function installHint(name) {
  const go = "Or install Go 1.24 or newer (https://go.dev/doc/install) and start again.";
  return name === "pulumi"
    ? `Install the Pulumi CLI (https://www.pulumi.com/docs/install/), so that \`pulumi version\` works. ${go}`
    : `Start a Docker engine with buildx (\`docker version\` and \`docker buildx version\` must answer). ${go}`;
}
