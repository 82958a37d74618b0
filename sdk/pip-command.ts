import { pipProgram } from "./pip-program";
import { hasReference, quoteExec, quoteExpanding, quoteShell } from "./quote";
import { variablesOf } from "./secret";
import { renderSecretMount, secretFile } from "./secret-mount";
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
 * it. PYTHONDONTWRITEBYTECODE: of what pip imports only `pipProgram` writes the `.pyc`; pip compiles what it installs.
 */
const environment = ["SOURCE_DATE_EPOCH=0", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"];
const pipInstall = [
  ...[`PIP_CACHE_DIR=${PIP_CACHE}`, "PIP_ROOT_USER_ACTION=ignore"],
  ...["python3", "-c", pipProgram, "install", "--disable-pip-version-check", "--no-input"],
];

/**
 * Files that pip reads where these variables say: a secret of that id is such a file. What pip's own `~/.netrc` would
 * hold is the login of any index.
 */
const secretFiles: Readonly<Record<string, string>> = { netrc: "NETRC", "pip.conf": "PIP_CONFIG_FILE" };

/**
 * The arguments of the RUN that installs Python packages. The exec form needs no shell's quoting and no SHELL of the
 * image.
 *
 * @param operands what to install: specifiers, or `-r` and a file.
 */
export function renderPipRun(pip: PipSettings, operands: readonly string[]): string {
  const secrets = pip.secrets ?? [];
  const files = secrets.flatMap((secret) => {
    const variable = secret.env === undefined ? secretFiles[secret.id] : undefined;
    return variable === undefined ? [] : [`${variable}=${secretFile(secret)}`];
  });
  const run = ["env", ...files, ...environment, ...command(pip, operands, variablesOf(secrets))];
  return [...mounts, ...secrets.map(renderSecretMount), quoteExec(run)].join(" ");
}

function command(pip: PipSettings, operands: readonly string[], variables: readonly string[]): readonly string[] {
  const names = (text: string): boolean => hasReference(text, variables);
  const options = sourceOptions(pip, (values) => !values.some(names));
  // A file's name is never looked at.
  const hidden = operands[0] === "-r" ? [] : operands.filter(names);
  const shown = operands.filter((operand) => !hidden.includes(operand));
  const rest = [...(pip.extraOptions ?? []), ...shown, ...(hidden.length === 0 ? [] : ["-r", "/dev/stdin"])];
  const lines = [...exportSources(pip, variables)];
  const feed =
    hidden.length === 0 ? "" : `printf '%s\\n' ${hidden.map((text) => quoteExpanding(text, variables)).join(" ")} | `;
  switch (pip.installer) {
    case "pip": {
      const install = [...pipInstall, ...options, ...(pip.pre === true ? ["--pre"] : []), ...rest];
      if (lines.length === 0 && feed === "") return install;
      return ["/bin/sh", "-ec", [...lines, `${feed}env ${install.map(quoteShell).join(" ")}`].join("; ")];
    }
    case "uv": {
      const fetch = [...pipInstall, "--no-compile", "--quiet", ...options, "--target", UV_FOLDER, `uv==${UV_VERSION}`];
      const install = [
        ...["uv", "pip", "install", "--system", "--python", "python3", "--no-cache", "--compile-bytecode"],
        ...options,
        ...(pip.pre === true ? ["--prerelease", "allow"] : []),
        ...rest,
      ];
      return ["/bin/sh", "-ec", [...lines, uvScript(fetch, install, feed)].join("; ")];
    }
  }
}

/** Where packages come from, as options; those lists alone that pass. */
function sourceOptions(pip: PipSettings, isShown: (values: readonly string[]) => boolean): readonly string[] {
  return sourceLists(pip).flatMap(({ option, values }) =>
    isShown(values) ? values.flatMap((value) => [option, value]) : [],
  );
}

/**
 * Lines of a shell that give pip and uv what names a secret. As arguments of theirs the values would be readable for
 * every process of the machine that builds; `export` and `printf` are the shell's own.
 */
function exportSources(pip: PipSettings, variables: readonly string[]): readonly string[] {
  return sourceLists(pip).flatMap(({ values, pipVariable, uvVariable, uvSeparator }) => {
    if (!values.some((value) => hasReference(value, variables))) return [];
    const joined = (separator: string): string => quoteExpanding(values.join(separator), variables);
    const forUv = pip.installer === "uv" ? [`export ${uvVariable}=${joined(uvSeparator)}`] : [];
    return [`export ${pipVariable}=${joined(" ")}`, ...forUv];
  });
}

function sourceLists(pip: PipSettings) {
  return [
    {
      option: "--index-url",
      values: pip.indexUrl === undefined ? [] : [pip.indexUrl],
      pipVariable: "PIP_INDEX_URL",
      uvVariable: "UV_INDEX_URL",
      uvSeparator: " ",
    },
    {
      option: "--extra-index-url",
      values: pip.extraIndexUrls ?? [],
      pipVariable: "PIP_EXTRA_INDEX_URL",
      uvVariable: "UV_EXTRA_INDEX_URL",
      uvSeparator: " ",
    },
    {
      option: "--find-links",
      values: pip.findLinks ?? [],
      pipVariable: "PIP_FIND_LINKS",
      uvVariable: "UV_FIND_LINKS",
      uvSeparator: ",",
    },
  ];
}

/**
 * uv is there only while it installs, and so are its temporary files. Its own cache holds wheels that it built, and can
 * not be split over mounts: it renames between its folders.
 */
function uvScript(fetch: readonly string[], install: readonly string[], feed: string): string {
  const variables = `TMPDIR=${UV_FOLDER} PYC_INVALIDATION_MODE=CHECKED_HASH PATH=${UV_FOLDER}/bin:"$PATH"`;
  const lines = [
    `env ${fetch.map(quoteShell).join(" ")}`,
    `${feed}env ${variables} ${install.map(quoteShell).join(" ")}`,
  ];
  return [...lines, `rm -rf ${UV_FOLDER}`].join("; ");
}
