import { checkList, checkNonEmpty, checkOptions, fail, type Call } from "./arguments";
import type { PipSettings } from "./step";

/** A requirement specifier that pip finds by itself. */
export function checkPackage(call: Call, name: string, value: unknown): string {
  const text = checkNonEmpty(call, name, value);
  if (text.startsWith("-")) {
    throw fail(call, `${name} ${JSON.stringify(text)} is an option.`, "Give options in { extraOptions: […] }.");
  }
  if (/^(\.{1,2}(\/|$)|\/|file:)|@\s*file:/.test(text)) {
    throw fail(
      call,
      `${name} ${JSON.stringify(text)} is a local path, which the build does not see.`,
      'Copy it with addLocalDir(…, { strategy: "copy" }) and install it with runCommands("pip install …").',
    );
  }
  refuseCredentials(call, name, text);
  return text;
}

/** Checks the options of a pip method; what was left out, or is the default, is left out. */
export function checkPipOptions(call: Call, options: unknown): PipSettings {
  const known = ["indexUrl", "extraIndexUrls", "findLinks", "pre", "extraOptions", "installer"];
  const { indexUrl, extraIndexUrls, findLinks, pre, extraOptions, installer } = checkOptions(call, options, known);
  const checkUrl = (name: string, value: unknown): string => {
    const text = checkNonEmpty(call, name, value);
    refuseCredentials(call, name, text);
    return text;
  };
  if (installer !== undefined && installer !== "pip" && installer !== "uv") {
    throw fail(call, "the installer is not one that is known.", 'Write "pip" or "uv".');
  }
  if (pre !== undefined && typeof pre !== "boolean") throw fail(call, "pre is not a boolean.", "Write true or false.");
  return {
    installer: installer ?? "pip",
    ...(indexUrl === undefined ? {} : { indexUrl: checkUrl("indexUrl", indexUrl) }),
    ...optionalList(call, "extraIndexUrls", extraIndexUrls, checkUrl),
    ...optionalList(call, "findLinks", findLinks, checkUrl),
    ...(pre === true ? { pre } : {}),
    ...optionalList(call, "extraOptions", extraOptions, checkUrl),
  };
}

function optionalList<K extends string>(
  call: Call,
  name: K,
  value: unknown,
  check: (name: string, element: unknown) => string,
): { readonly [name in K]?: readonly string[] } {
  const list = value === undefined ? [] : checkList(call, name, value, check);
  const result: { [name in K]?: readonly string[] } = {};
  if (list.length > 0) result[name] = list;
  return result;
}

/** What is in a step is in the image's history, for everyone who can pull it. A user of ssh alone is no secret. */
function refuseCredentials(call: Call, name: string, text: string): void {
  for (const [, scheme = "", userInfo = ""] of text.matchAll(/(\w+):\/\/([^/\s@]*)@/g)) {
    if (userInfo === "git" || (scheme === "ssh" && !userInfo.includes(":"))) continue;
    throw fail(
      call,
      `${name} is a URL with credentials, which the image would show to everyone.`,
      "Remove them from the URL.",
    );
  }
}
