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
 * @typedef {object} GoToolPlan
 * @property {string} module carries the version
 * @property {string} why the environment needs the tool
 * @property {string} [folder] of its pins in tools/go, where that is not its name
 * @property {string} [command] the package to build, where its folder has several tools
 * @property {readonly string[]} [tags]
 * @property {(version: string) => readonly string[]} [stamps] variables that carry the version in the executable
 */

/** @template {Record<string, GoToolPlan>} T @param {T} plans @returns {{ readonly [K in keyof T]: GoToolPlan }} */
const planned = (plans) => Object.freeze(plans);

/** The tools that we can build. Versions stand in tools/go/<folder>/go.mod and nowhere else. */
const tools = planned({
  pulumi: {
    module: "github.com/pulumi/pulumi/pkg/v3",
    why: "the Pulumi CLI that runs the programs",
    tags: ["osusergo", "grpcnotrace"],
    stamps: (version) => [`github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`],
  },
  buildkitd: {
    module: "github.com/moby/buildkit",
    why: "BuildKit, which builds the images where no Docker engine runs",
  },
  buildctl: {
    module: "github.com/moby/buildkit",
    why: "BuildKit's own client, which buildx runs in the pods of its Kubernetes driver",
  },
  buildx: { module: "github.com/docker/buildx", why: "buildx, the client of BuildKit" },
  registry: { module: "github.com/distribution/distribution/v3", why: "the local registry that stores the images" },
  "dockerfile-reader": {
    module: "github.com/moby/buildkit",
    why: "BuildKit's own Dockerfile parser, which tests read Dockerfiles with",
  },
  "pulumi-resource-docker-build": {
    module: "github.com/pulumi/pulumi-docker-build",
    why: "the plugin of @pulumi/docker-build, which a test builds an Image with",
    folder: "docker-build",
    stamps: (version) => [`github.com/pulumi/pulumi-docker-build/provider.Version=${version.slice(1)}`],
  },
  etcd: { module: "go.etcd.io/etcd/server/v3", why: "the store of the local Kubernetes" },
  "kube-apiserver": kubernetesTool("kube-apiserver"),
  "kube-controller-manager": kubernetesTool("kube-controller-manager"),
  "kube-scheduler": kubernetesTool("kube-scheduler"),
  kubelet: kubernetesTool("kubelet"),
  kubectl: kubernetesTool("kubectl"),
  containerd: containerdTool("containerd"),
  "containerd-shim-runc-v2": containerdTool("containerd-shim-runc-v2"),
  ctr: containerdTool("ctr"),
});

/** @param {string} name @returns {GoToolPlan} */
function kubernetesTool(name) {
  return {
    module: "k8s.io/kubernetes",
    why: "a part of the local Kubernetes",
    folder: "kubernetes",
    command: `k8s.io/kubernetes/cmd/${name}`,
    stamps: (version) => {
      const [major, minor] = version.slice(1).split(".");
      const place = "k8s.io/component-base/version";
      // Without these a node reports v0.0.0-master, and /version no minor version.
      return [
        `${place}.gitVersion=${version}`,
        `${place}.gitMajor=${major}`,
        `${place}.gitMinor=${minor}`,
        `k8s.io/client-go/pkg/version.gitVersion=${version}`,
      ];
    },
  };
}

/** @param {string} name @returns {GoToolPlan} */
function containerdTool(name) {
  return {
    module: "github.com/containerd/containerd/v2",
    why: "what pulls images and runs containers on the nodes of the local Kubernetes",
    folder: "containerd",
    command: `github.com/containerd/containerd/v2/cmd/${name}`,
    tags: ["no_btrfs", "no_devmapper", "no_zfs", "no_aufs"], // snapshotters that are not used
    stamps: (version) => [`github.com/containerd/containerd/v2/version.Version=${version.slice(1)}`],
  };
}

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
  const folder = pinsFolder(name);
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
        todo: `${name} is ${tools[name].why}. Its pinned modules are in tools/go/${tools[name].folder ?? name}; the Go module proxy must be reachable.`,
      }),
    );
    renameSync(partial, path);
    return { path, took: `built from Go modules (${version}) in ${seconds} s` };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** A tool of our own brings its source, another one what stands for a module that is not served. @param {string} folder */
function ownFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".go"))
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
  return pinnedVersion(readFileSync(join(pinsFolder(name), "go.mod"), "utf8"), tools[name].module);
}

/** @param {GoToolName} name */
const pinsFolder = (name) => join(cloneFolder, "tools", "go", tools[name].folder ?? name);

/** @param {string} modFile @param {string} module @returns {string} */
function pinnedVersion(modFile, module) {
  const requirements = modFile.split("\n").map((line) => line.replace(/^require /, "").trim());
  const version = requirements.find((line) => line.startsWith(`${module} v`))?.split(" ")[1];
  if (!version) throw new Error(`tools/go: go.mod does not require ${module}`);
  return version;
}

/** @param {GoToolName} name @param {string} version @param {string} output @param {string} modFile @returns {string[]} */
function buildArgs(name, version, output, modFile) {
  const { module, command, tags = [], stamps } = tools[name];
  const target = command ?? /^tool (\S+)$/m.exec(modFile)?.[1] ?? module;
  const flags = ["-s", "-w", ...(stamps?.(version) ?? []).map((stamp) => `-X ${stamp}`)].join(" ");
  const tagArgs = tags.length === 0 ? [] : ["-tags", tags.join(",")];
  return ["build", "-buildvcs=false", "-trimpath", ...tagArgs, "-ldflags", flags, "-o", output, target];
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
  const go = "Install Go 1.24 or newer (https://go.dev/doc/install) and start again.";
  if (name === "pulumi") {
    return `Install the Pulumi CLI (https://www.pulumi.com/docs/install/), so that \`pulumi version\` works. Or: ${go}`;
  }
  const isOnlyBuilt = ["etcd", "kubernetes", "containerd", "docker-build"].includes(tools[name].folder ?? name);
  if (isOnlyBuilt) return go;
  return `Start a Docker engine with buildx (\`docker version\` and \`docker buildx version\` must answer). Or: ${go}`;
}
