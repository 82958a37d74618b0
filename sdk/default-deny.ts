/**
 * Whether `addLocalDir` leaves a file or folder out by its name alone, at any depth: credentials, and what tools leave
 * behind that no program needs. In any case of letters: the answer is the same on every file system.
 */
export function isDeniedByDefault(name: string): boolean {
  const lower = name.toLowerCase();
  const ending = lower.slice(lower.lastIndexOf(".") + 1);
  return names.has(lower) || ((endings.has(ending) || shapes.test(lower)) && !harmless.test(lower));
}

const credentials = [
  ".aws",
  ".azure",
  ".boto",
  ".databrickscfg",
  ".docker",
  ".dockercfg",
  ".git-credentials",
  ".gnupg",
  ".kube",
  ".my.cnf",
  ".mylogin.cnf",
  ".netrc",
  "_netrc",
  ".npmrc",
  ".pgpass",
  ".pulumi",
  ".pypirc",
  ".s3cfg",
  ".ssh",
  ".terraformrc",
  ".vault-token",
  "credentials.tfrc.json",
];

/** Histories of version control, caches, settings of editors and systems; installed packages belong to their machine. */
const rubbish = [
  ".bzr",
  ".coverage",
  ".direnv",
  ".ds_store",
  ".eslintcache",
  ".git",
  ".gradle",
  ".hg",
  ".hypothesis",
  ".idea",
  ".ipynb_checkpoints",
  ".jj",
  ".mypy_cache",
  ".nox",
  ".nyc_output",
  ".parcel-cache",
  ".pytest_cache",
  ".ruff_cache",
  ".svn",
  ".terraform",
  ".tox",
  ".turbo",
  ".venv",
  ".vscode",
  "__pycache__",
  "desktop.ini",
  "node_modules",
  "thumbs.db",
];

const names: ReadonlySet<string> = new Set([...credentials, ...rubbish]);

/** What stands after the last dot: keys and certificates, Terraform's state, Python's compiled files. */
const endings: ReadonlySet<string> = new Set(["kdbx", "key", "p12", "pem", "pfx", "ppk", "pyc", "pyo", "tfstate"]);

/** Other forms of a name; each begins at its begin, so that most names are done with at once. */
const shapes = new RegExp(
  [
    String.raw`^\.env(?:rc$|[^a-z]|$)`,
    String.raw`^id_(?:rsa|dsa|ecdsa|ed25519)[^.]*(?:\.(?:bak|old|pub))?$`,
    String.raw`^pulumi\..+\.ya?ml$`,
    String.raw`^.*\.tfstate\.backup$`,
    String.raw`^\.\w+_history$`,
    String.raw`^\._`,
    String.raw`^\..+\.sw[op]$`,
  ].join("|"),
);

/** Examples of settings, and the public certificates that HTTP libraries bring along. */
const harmless = /^\.env\.(?:dist|example|sample|template)$|^cacert\.pem$/;
