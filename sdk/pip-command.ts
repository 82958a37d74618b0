import { quoteExec, quoteShell } from "./quote";
import type { PipSettings } from "./step";

const PIP_CACHE = "/tmp/slipway-pip";
/** Part of what the uv installer emits, so part of identity: another version is a new format. */
const UV_VERSION = "0.9.13";
const UV_FOLDER = "/tmp/slipway-uv";

/**
 * The mounts of a RUN that calls pip. Between builds pip keeps what it fetched, by URL (`http` before pip 23.3,
 * `http-v2` since), and nothing else: wheels that it built itself are in its cache by name and Python version only, so
 * one built on musl or against another image's libraries would be installed here. Those end with the step.
 */
const mounts = [
  `--mount=type=tmpfs,target=${PIP_CACHE}`,
  ...["http", "http-v2"].map((folder) => `--mount=type=cache,id=slipway-pip-${folder},target=${PIP_CACHE}/${folder}`),
];

/**
 * What makes the installed bytes the same in every build. SOURCE_DATE_EPOCH: `.pyc` files are checked by hash, not by
 * time (py_compile.PycInvalidationMode). PYTHONHASHSEED: before Python 3.11 the order of a set in a `.pyc` depends on
 * it. PYTHONDONTWRITEBYTECODE: else the layer gets a `.pyc` of each module that pip itself happens to import, where
 * the base has none (python:*-slim deletes them); pip still compiles what it installs.
 */
const environment = ["SOURCE_DATE_EPOCH=0", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"];
const pipInstall = [
  ...[`PIP_CACHE_DIR=${PIP_CACHE}`, "PIP_ROOT_USER_ACTION=ignore"],
  ...["python3", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"],
];

/**
 * The arguments of the RUN that installs Python packages. The exec form needs no shell's quoting and no SHELL of the
 * image.
 *
 * @param operands what to install: specifiers, or `-r` and a file.
 */
export function renderPipRun(pip: PipSettings, operands: readonly string[]): string {
  return [...mounts, quoteExec(["env", ...environment, ...command(pip, operands)])].join(" ");
}

function command(pip: PipSettings, operands: readonly string[]): readonly string[] {
  const sources = [
    ...(pip.indexUrl === undefined ? [] : ["--index-url", pip.indexUrl]),
    ...(pip.extraIndexUrls ?? []).flatMap((url) => ["--extra-index-url", url]),
    ...(pip.findLinks ?? []).flatMap((place) => ["--find-links", place]),
  ];
  const extra = pip.extraOptions ?? [];
  switch (pip.installer) {
    case "pip":
      return [...pipInstall, ...sources, ...(pip.pre === true ? ["--pre"] : []), ...extra, ...operands];
    case "uv": {
      const fetch = [...pipInstall, "--no-compile", "--quiet", ...sources, "--target", UV_FOLDER, `uv==${UV_VERSION}`];
      const install = [
        ...["uv", "pip", "install", "--system", "--python", "python3", "--no-cache", "--compile-bytecode"],
        ...sources,
        ...(pip.pre === true ? ["--prerelease", "allow"] : []),
        ...extra,
        ...operands,
      ];
      return ["/bin/sh", "-ec", uvScript(fetch, install)];
    }
  }
}

/**
 * uv is there only while it installs, and so are its temporary files. Its own cache holds wheels that it built, and can
 * not be split over mounts: it renames between its folders.
 */
function uvScript(fetch: readonly string[], install: readonly string[]): string {
  const variables = `TMPDIR=${UV_FOLDER} PYC_INVALIDATION_MODE=CHECKED_HASH PATH=${UV_FOLDER}/bin:"$PATH"`;
  const lines = [`env ${fetch.map(quoteShell).join(" ")}`, `env ${variables} ${install.map(quoteShell).join(" ")}`];
  return [...lines, `rm -rf ${UV_FOLDER}`].join("; ");
}
