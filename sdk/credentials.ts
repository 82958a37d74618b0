/** Which shell variables may stand for credentials in a URL: those of a step's secrets, or whatever the shell has. */
export type AllowedVariables = readonly string[] | "any";

export const CREDENTIALS_HINT =
  'Remove them. runCommands and pipInstall take { secrets: [Secret.fromEnv("TOKEN")] } and $TOKEN in their place.';

/**
 * Whether a text has a URL with credentials in it. What is in a step is in the image's history, for everyone who can
 * pull it. A user alone is no secret, but where a token may stand in its place.
 */
export function hasCredentials(text: string, allowed: AllowedVariables): boolean {
  // The search below takes seconds for a word of 65 kB, and a text without this has no URL.
  if (!text.includes("://")) return false;
  return [...text.matchAll(/(\w[\w+.-]*):\/\/([^/\s@?#<>|]*)@/g)].some(([, scheme = "", userInfo = ""]) => {
    const [user = "", ...rest] = userInfo.replace(/["'\\]/g, "").split(":");
    const password = rest.join(":");
    if (password !== "") return !isVariable(password, allowed);
    const isToken = /https?$/i.test(scheme) && user !== "" && user !== "git";
    return isToken && !isVariable(user, allowed);
  });
}

/** `{…}` is a place in a template, in a program that a command writes or runs. */
function isVariable(text: string, allowed: AllowedVariables): boolean {
  if (allowed === "any") return /^\$|^\{.*\}$/.test(text);
  const name = /^\$(?:(\w+)|\{(\w+)\})$/.exec(text);
  return name !== null && allowed.includes(name[1] ?? name[2] ?? "");
}
