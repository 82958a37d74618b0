import type { ResolvedStep } from "./spec";
import type { CopyDirStep, CopyFileStep } from "./step";

/** The system's own folders: links in many images (`/bin`), or not root's with mode 0755 (`/tmp`, `/root`, `/etc/ssl/private`). */
const SYSTEM_FOLDER =
  /^\/(bin|boot|dev|etc|home|lib[^/]*|media|mnt|proc|root|run|sbin|sys|tmp|usr(?!\/(src|share)\/)|var)(\/|$)/;
/** What makes a folder somebody else's, gives it another mode or puts a link in its place. */
const CHANGES_OWNER = /\b(chown|chgrp|chmod|ln|mv)\b/;
const MAY_CHANGE_OWNER = /\b(chown|chgrp|chmod|ln|mv|install|useradd|adduser|su|sudo|gosu|runuser|rsync|tar|cp)\b/;

/**
 * Whether a copy may be a linked one: a layer of its own, with every folder above the files as root's and 0755. It
 * would replace a link, or take a folder away from its owner; a plain copy leaves them as they are, but needs the root
 * file system. Of a base nothing is known but its digest, so of its folders only the system's are spared.
 *
 * @param before the steps that are emitted before it.
 */
export function isLinkSafe(copy: CopyFileStep | CopyDirStep, before: readonly ResolvedStep[]): boolean {
  const [, first = "", ...below] = copy.destination.split("/");
  if (first === "" || SYSTEM_FOLDER.test(copy.destination)) return false;
  const isFileInRoot = copy.kind === "copyFile" && below.length === 0;
  return isFileInRoot || !mayBeOwned(first, before);
}

/** What the walk over earlier steps knows so far. */
interface Surroundings {
  /** Unknown until a step sets it: the base has its own. */
  readonly workdir: string | undefined;
  readonly hasUser: boolean;
  /** Variables whose values name the folder. */
  readonly variables: readonly string[];
}

/** Whether an earlier step may have made the folder `/<name>` as somebody else's, with another mode or as a link. */
function mayBeOwned(name: string, before: readonly ResolvedStep[]): boolean {
  let around: Surroundings = { workdir: undefined, hasUser: false, variables: [] };
  for (const step of before) {
    switch (step.kind) {
      case "run":
        if (mayChange(name, step.command, around)) return true;
        break;
      case "dockerfile": {
        const text = step.commands.join("\n");
        around = { ...around, hasUser: around.hasUser || /^\s*USER\s/im.test(text) };
        if (mayChange(name, text, around)) return true;
        // Where a WORKDIR of variables leads is not known.
        if (/^\s*WORKDIR\s/im.test(text)) around = { ...around, workdir: undefined };
        break;
      }
      case "pip":
      case "pipRequirements":
        if ((step.extraOptions ?? []).some((option) => option.includes(`/${name}`))) return true;
        break;
      case "user":
        around = { ...around, hasUser: true };
        break;
      case "workdir":
        around = { ...around, workdir: step.path };
        // BuildKit makes a missing folder as the user's (dockerfile2llb, dispatchWorkdir).
        if (around.hasUser && isIn(name, step.path)) return true;
        break;
      case "env": {
        const naming = Object.entries(step.variables).filter(([, value]) => value.includes(`/${name}`));
        around = { ...around, variables: [...around.variables, ...naming.map(([variable]) => variable)] };
        break;
      }
      case "apt":
      case "entrypoint":
      case "cmd":
      case "copyFile":
      case "copyDir":
        break;
    }
  }
  return false;
}

function mayChange(name: string, text: string, around: Surroundings): boolean {
  if (text.includes(`/${name}`)) return true;
  if (around.variables.some((variable) => text.includes(`$${variable}`) || text.includes(`\${${variable}`)))
    return true;
  // By a relative path: from the folder itself, from / by name, or from wherever the base's workdir is.
  if (around.workdir === undefined) return CHANGES_OWNER.test(text);
  if (isIn(name, around.workdir)) return around.hasUser || MAY_CHANGE_OWNER.test(text);
  return MAY_CHANGE_OWNER.test(text) && text.includes(name);
}

function isIn(name: string, path: string): boolean {
  return `${path}/`.startsWith(`/${name}/`);
}
