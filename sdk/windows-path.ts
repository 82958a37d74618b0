/** A path of Windows without its verbatim prefix: `\\?\C:\work` is `C:\work`, `\\?\UNC\host\share` is `\\host\share`. */
export function plainWindowsPath(path: string): string {
  const slashes = path.replaceAll("/", "\\");
  const verbatim = /^\\\\[?.]\\(?:(UNC)\\|(?=[a-z]:))/i.exec(slashes);
  if (verbatim === null) return path;
  const rest = slashes.slice(verbatim[0].length);
  return verbatim[1] === undefined ? rest : `\\\\${rest}`;
}

/** The path that a `file:` URL names on Windows: `file:///C:/a%20b` is `C:\a b`, `file://host/share/x` is `\\host\share\x`. */
export function windowsPathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname).replaceAll("/", "\\");
  return url.hostname === "" ? path.replace(/^\\(?=[a-z]:)/i, "") : `\\\\${url.hostname}${path}`;
}
