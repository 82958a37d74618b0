import { checkList, checkNonEmpty, checkOptions, fail, type Call } from "./arguments";
import { hasReference } from "./quote";
import { checkSecrets, variablesOf, type Secret } from "./secret";
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
  const variables = call.allowed === "any" ? [] : (call.allowed ?? []);
  if (hasReference(text, variables) && /(^|@\s*)git\+/.test(text)) {
    throw fail(
      call,
      `${name} names a secret, and pip would give it to git as an argument, which every process there can read.`,
      "Name a wheel or an archive of the project, or clone it in runCommands with a credential helper of git.",
    );
  }
  // A package's direct_url.json keeps its URL without user and password (PEP 610), and nothing else of it is left out.
  if (hasReference(text.replace(/:\/\/[^/\s@]*@/g, "://"), variables)) {
    throw fail(
      call,
      `${name} names a secret elsewhere than as a URL's user or password, and pip would write it into the image.`,
      "Use it before the @ of the host, or in indexUrl.",
    );
  }
  return text;
}

/** The call with its secrets' variables, which the URLs of pip may name. */
export function withSecrets(call: Call, secrets: readonly Secret[] = []): Call {
  return { ...call, allowed: variablesOf(secrets) };
}

/** Checks the options of a pip method; what was left out, or is the default, is left out. */
export function checkPipOptions(call: Call, options: unknown): PipSettings {
  const known = ["indexUrl", "extraIndexUrls", "findLinks", "pre", "extraOptions", "installer", "secrets"];
  const given = checkOptions(call, options, known);
  const { indexUrl, extraIndexUrls, findLinks, pre, extraOptions, installer } = given;
  const secrets = checkSecrets(call, given["secrets"]);
  const variables = variablesOf(secrets);
  const expanding = withSecrets(call, secrets);
  const checkUrl = (name: string, value: unknown): string => {
    const text = checkNonEmpty(expanding, name, value);
    // What names a secret reaches pip and uv by variables, where these divide.
    if (!hasReference(text, variables) || !/[\s,]/.test(text)) return text;
    throw fail(call, `${name} names a secret and has a space or a comma.`, "Write them as %20 and %2C.");
  };
  const checkOption = (name: string, value: unknown): string => {
    const text = checkNonEmpty(call, name, value);
    if (!hasReference(text, variables)) return text;
    throw fail(
      call,
      `${name} names a secret, and every process of the builder's machine could read it there.`,
      "Use it in indexUrl, extraIndexUrls, findLinks or a package's URL.",
    );
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
    ...optionalList(call, "extraOptions", extraOptions, checkOption),
    ...(secrets.length === 0 ? {} : { secrets }),
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
